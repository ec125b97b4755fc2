// How numbers, times and periods are written. Periods are in UTC, times in the zone that is chosen on the page.

import { isUtc, shownZone } from "./time_zone.js";

const LOCALE = "en-GB";
export const UNKNOWN = "–";

const counts = new Intl.NumberFormat(LOCALE);
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 }); // "1.2M"
const threeDigits = new Intl.NumberFormat(LOCALE, { maximumSignificantDigits: 3 });
const inUtc = (options) => new Intl.DateTimeFormat(LOCALE, { timeZone: "UTC", ...options });
/** As inUtc, in the zone that is shown at the time. */
function inZone(options) {
  const formats = new Map();
  const formatOf = (timeZone) => {
    if (!formats.has(timeZone)) {
      formats.set(timeZone, new Intl.DateTimeFormat(LOCALE, { timeZone, ...options }));
    }
    return formats.get(timeZone);
  };
  return { format: (date) => formatOf(shownZone()).format(date), parts: (date) => formatOf(shownZone()).formatToParts(date) };
}

const monthNames = inUtc({ month: "long", year: "numeric" });
const dates = inUtc({ day: "numeric", month: "long", year: "numeric" });
const monthDays = inUtc({ day: "numeric", month: "short" });
const shortDates = inUtc({ weekday: "short", day: "numeric", month: "short" });
const zonedDates = inZone({ day: "numeric", month: "long", year: "numeric" });
const clock = inZone({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const minutes = inZone({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const zoneNames = inZone({ hour: "2-digit", timeZoneName: "short" });

export const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export const count = (number) => counts.format(number);
export const shortCount = (number) => (number < 10_000 ? counts.format(number) : compact.format(number));

/** "1 call", "1,234 calls". */
export const counted = (number, noun) => `${count(number)} ${noun}${number === 1 ? "" : "s"}`;

const UNITS = ["bytes", "kB", "MB", "GB", "TB", "PB", "EB"];

/** Bytes in decimal units, as AWS bills them: 1 kB is 1,000 bytes. */
export function bytes(number) {
  let size = number;
  let unit = 0;
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return number === 1 ? "1 byte" : `${threeDigits.format(size)} ${UNITS[unit]}`;
}

/**
 * A share in percent; nothing of nothing is unknown, and what is not nothing is never shown as 0. In a column all are
 * `inColumn`, so that their points stand below one another.
 */
export function share(part, whole, { inColumn = false } = {}) {
  if (!whole) {
    return UNKNOWN;
  }
  const percent = (100 * part) / whole;
  if (part > 0 && percent < 0.01) {
    return "< 0.01 %";
  }
  const digits = percent < 1 ? 2 : percent < 99.95 ? 1 : 0;
  const options = { maximumFractionDigits: digits, minimumFractionDigits: inColumn ? digits : 0 };
  return `${new Intl.NumberFormat(LOCALE, options).format(percent)} %`;
}

/** Seconds as the one or two units that matter: "45 s", "4 min", "2 h 5 min", "6 days 4 h". */
export function duration(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 120) {
    return `${whole} s`;
  }
  const minute = Math.floor(whole / 60);
  if (minute < 120) {
    return `${minute} min`;
  }
  const hour = Math.floor(minute / 60);
  return hour < 48 ? withRest(hour, "h", minute % 60, "min") : withRest(Math.floor(hour / 24), "days", hour % 24, "h");
}

const withRest = (main, unit, rest, restUnit) => (rest ? `${main} ${unit} ${rest} ${restUnit}` : `${main} ${unit}`);

/** "UTC", "CET", "GMT+5:30": the zone that is shown, at a time. */
export const zoneAt = (moment) => zoneNames.parts(moment).find(({ type }) => type === "timeZoneName").value;

export const clockTime = (date) => `${clock.format(date)} ${zoneAt(date)}`;
export const date = (moment) => zonedDates.format(moment);

/** A time of the same day as `reference` by its clock alone, any other with its date. */
export function moment(time, reference) {
  return date(time) === date(reference) ? clockTime(time) : `${date(time)}, ${clockTime(time)}`;
}

/** "1 December 2026, 00:00 UTC". */
export const reset = (time) => `${date(time)}, ${minutes.format(time)} ${zoneAt(time)}`;

export const monthName = (month) => monthNames.format(new Date(`${month}-01T00:00:00Z`));
export const dayName = (day) => shortDates.format(new Date(`${day}T00:00:00Z`));
export const dayDate = (day) => dates.format(new Date(`${day}T00:00:00Z`));
/** Days of one month: "1–23 Nov", "1 Nov". */
export const daySpan = (from, to) => (from === to ? "" : `${Number(from.slice(8))}–`) + dayOfMonth(to);
const dayOfMonth = (day) => monthDays.format(new Date(`${day}T00:00:00Z`));
export const hourName = (hour) => `${String(hour).padStart(2, "0")}:00`;

/** "07:00": when an hour of a UTC day begins, in the zone that is shown. */
export function hourStart(day, hour) {
  return isUtc() ? hourName(hour) : minutes.format(Date.parse(`${day}T00:00:00Z`) + hour * HOUR_MS);
}

const SPANS = { hour: "an hour", day: "a day", week: "a week", month: "a month" };
const METRICS = {
  requests: "Calls",
  billable: "Billable calls",
  errors: "Errors",
  response_bytes: "Bytes sent",
  request_bytes: "Bytes received",
};

export const metricName = (metric) => METRICS[metric] ?? metric;
export const limitName = (limit) => `${metricName(limit.metric)} ${SPANS[limit.span] ?? limit.span}`;
export const isBytes = (metric) => metric.endsWith("_bytes");
export const amount = (number, metric) => (isBytes(metric) ? bytes(number) : count(number));
