// The calls of all keys together in a month: by day and hour with their errors, against the month before, by route, and
// the lines that could not be read. It is added up once an hour.

import { nameOf } from "./breakdown.js";
import { summary } from "./chart.js";
import { change } from "./comparison.js";
import { isDisabled, setDisabled, setOptionalText, setOptions, setText, syncRows } from "./dom.js";
import { count, counted, dayDate, dayName, hourName, moment, monthName, reset, share, UNKNOWN } from "./format.js";
import { MonthCharts } from "./month_charts.js";
import { dayOf, daysOf } from "./periods.js";

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);
const NOT_YET = "Not added up yet: this comes from the full call log, once an hour.";
const NO_ROUTES = "Not counted by route yet: this comes from the full call log, once a day.";

/** `onDay(day)` is called when a day is picked. */
export class TrafficCard {
  #fields;
  #onDay;
  #shown = null;

  constructor(fields, { onDay }) {
    this.#fields = fields;
    this.#onDay = onDay;
    this.charts = new MonthCharts(fields, {
      hourLabel: (hour) => hourName(hour).slice(0, 2),
      onDay: (place) => onDay(daysOf(this.#shown.traffic.period)[place]),
    });
    fields.day.addEventListener("change", () => onDay(fields.day.value));
    fields.dayBefore.addEventListener("click", () => this.#step(fields.dayBefore, -1));
    fields.dayAfter.addEventListener("click", () => this.#step(fields.dayAfter, 1));
  }

  /** Show an answer, and a day of it; without one today, or the month's last day with calls. */
  show(traffic, asked, asOf) {
    const day = asked?.startsWith(traffic.period) ? asked : dayToShow(traffic, asOf);
    this.#shown = { traffic, day };
    this.#showTotals(traffic, asOf);
    this.#showDays(traffic, day, asOf);
    this.#showHours(traffic, day, asOf);
    showRoutes(this.#fields, traffic);
    showUnreadable(this.#fields, traffic);
  }

  #step(button, days) {
    const all = daysOf(this.#shown.traffic.period);
    if (!isDisabled(button)) {
      this.#onDay(all[all.indexOf(this.#shown.day) + days]);
    }
  }

  #showTotals(traffic, asOf) {
    const { allCalls, errorShare, growthTitle, growth, withoutKey, growthNote, trafficUntil } = this.#fields;
    const isKnown = traffic.made_at !== null;
    const compared = traffic.comparison;
    setText(allCalls, isKnown ? count(traffic.calls) : UNKNOWN);
    setText(errorShare, share(traffic.errors, traffic.calls));
    setText(withoutKey, isKnown ? count(traffic.without_key) : UNKNOWN);
    setText(growthTitle, compared ? `Against ${monthName(compared.period)}` : "Against the month before");
    setText(growth, compared ? change(compared.calls, compared.calls_before) : UNKNOWN);
    setOptionalText(growthNote, compared && growthText(compared, traffic));
    setText(trafficUntil, isKnown ? untilText(traffic, asOf) : NOT_YET);
  }

  #showDays(traffic, day, asOf) {
    const { daySummary, dayCaption, dayRows } = this.#fields;
    const days = daysOf(traffic.period);
    const { values, errors } = valuesOf(days, traffic.days);
    const today = days.indexOf(dayOf(asOf));
    this.charts.showDays({ values, part: errors, chosen: days.indexOf(day), unfinished: today });
    setText(daySummary, summary(values, (place) => `on ${dayName(days[place])}`, "day"));
    setText(dayCaption, `Calls of all keys by day in ${monthName(traffic.period)}`);
    const rows = days.map((name, place) => ({ name: dayDate(name), calls: values[place], errors: errors[place] }));
    syncRows(dayRows, today < 0 ? rows : rows.slice(0, today + 1), TABLE);
  }

  #showHours(traffic, day, asOf) {
    const { day: picker, dayBefore, dayAfter, hourSummary, hourCaption, hourRows } = this.#fields;
    const days = daysOf(traffic.period);
    setOptions(picker, days.map((name) => [name, dayName(name)]), day);
    setDisabled(dayBefore, day === days[0]);
    setDisabled(dayAfter, day === days.at(-1) || day >= dayOf(asOf));
    const names = HOURS.map((hour) => `${day}T${hourName(hour).slice(0, 2)}`);
    const { values, errors } = valuesOf(names, traffic.hours);
    this.charts.showHours({ values, part: errors, chosen: null, unfinished: unfinishedHour(traffic, day) });
    const text = summary(values, (hour) => `from ${hourName(hour)} to ${hourName(hour + 1)}`, "hour");
    setText(hourSummary, `${dayDate(day)}: ${text}`);
    setText(hourCaption, `Calls of all keys by hour on ${dayDate(day)}, in UTC`);
    const rows = HOURS.map((hour) => ({
      name: `${hourName(hour)}–${hourName(hour + 1)}`,
      calls: values[hour],
      errors: errors[hour],
    }));
    syncRows(hourRows, rows, TABLE);
  }
}

function showRoutes({ noRoutes, routeTable, routeRows, routeCaption }, traffic) {
  const until = traffic.routes_until;
  routeTable.hidden = traffic.routes.length === 0;
  setOptionalText(noRoutes, traffic.routes.length ? null : until === null ? NO_ROUTES : "No calls in that time.");
  setText(routeCaption, until === null ? "" : `Up to ${reset(new Date(until))}, the most called first`);
  const rows = traffic.routes.map((one) => ({ ...one, name: nameOf(one.method, one.route) }));
  syncRows(routeRows, rows, TABLE);
}

function showUnreadable({ unreadable, unreadableRows, unreadableCaption }, { unreadable: reasons, period }) {
  unreadable.hidden = reasons.length === 0;
  const lines = reasons.reduce((sum, one) => sum + one.lines, 0);
  setText(unreadableCaption, `${counted(lines, "log line")} of ${monthName(period)}; the lake keeps each of them`);
  syncRows(unreadableRows, reasons, {
    keyOf: ({ reason }) => reason,
    columns: [
      { isHeader: true, text: ({ meaning }) => meaning },
      { isNumber: true, text: (one) => count(one.lines) },
      { isProse: true, text: ({ advice }) => advice },
    ],
  });
}

const TABLE = {
  keyOf: (row) => row.name,
  columns: [
    { isHeader: true, text: (row) => row.name },
    { isNumber: true, text: (row) => count(row.calls) },
    { isNumber: true, text: (row) => count(row.errors) },
    { isNumber: true, text: (row) => share(row.errors, row.calls, { inColumn: true }) },
  ],
};

function valuesOf(names, parts) {
  const found = new Map(parts.map((part) => [part.period, part]));
  return {
    values: names.map((name) => found.get(name)?.calls ?? 0),
    errors: names.map((name) => found.get(name)?.errors ?? 0),
  };
}

function dayToShow(traffic, asOf) {
  const today = dayOf(asOf);
  return today.startsWith(traffic.period) ? today : (traffic.days.at(-1)?.period ?? `${traffic.period}-01`);
}

/** The hour of a day that calls are still on their way to, or null. */
function unfinishedHour({ counted_until: until }, day) {
  return until !== null && until.startsWith(day) ? new Date(until).getUTCHours() : null;
}

function untilText({ counted_until: until, made_at: made }, asOf) {
  const [complete, looked] = [until, made].map((time) => moment(new Date(time), asOf));
  return `Complete up to ${complete}; added up from the full call log once an hour, last ${looked}.`;
}

function growthText({ calls, calls_before: before, period, until }, traffic) {
  const isOver = until.slice(0, 7) > traffic.period;
  const when = isOver ? "" : "the same days and hours of ";
  return `${counted(calls, "call")} up to ${reset(new Date(until))}; ${count(before)} in ${when}${monthName(period)}.`;
}
