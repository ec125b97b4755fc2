// The usage of one key: what a customer sees of their own, and an operator of any.

import { ask } from "./api.js";
import { showBreakdown } from "./breakdown.js";
import { summary } from "./chart.js";
import { daysToCompare, showComparison } from "./comparison.js";
import { copyOf, fieldsOf, isDisabled, make, setDisabled, setText } from "./dom.js";
import { setOptionalText, setOptions, syncRows } from "./dom.js";
import { onSave } from "./downloads.js";
import { bytes, count, counted, dayDate, dayName, hourStart, monthName } from "./format.js";
import { reset, share, UNKNOWN, zoneAt } from "./format.js";
import { showCost } from "./cost.js";
import { Invoices } from "./invoices.js";
import { showLimits } from "./limits.js";
import { MonthCharts } from "./month_charts.js";
import { dayOf, daysOf, monthAfter, monthOf, monthsBack } from "./periods.js";
import { DAYS_OF_PACE, project } from "./projection.js";
import { SlowAnswers } from "./slow_answers.js";
import { isUtc } from "./time_zone.js";

const HOURS = Array.from({ length: 24 }, (_, hour) => hour);

/**
 * `subject`: `path` is the API's address of the key (`me`, `keys/k1`), `apiKey` a customer's key or null, `title` and
 * `eyebrow` head the view. `navigate({month, day})` is called when a period is picked.
 */
export class UsageView {
  #subject;
  #navigate;
  #fields;
  #asked = {};
  #shown = null;
  #slow;
  #invoices;
  #charts;

  constructor(subject, { navigate, onSignOut = null }) {
    this.#subject = subject;
    this.#navigate = navigate;
    this.root = copyOf("usage-view");
    this.#fields = fieldsOf(this.root);
    setText(this.#fields.title, subject.title);
    setText(this.#fields.eyebrow, subject.eyebrow);
    this.#invoices = new Invoices(this.#fields, subject);
    this.#slow = new SlowAnswers((path, signal) => this.#look(path, signal));
    this.#charts = new MonthCharts(this.#fields, {
      hourLabel: (hour) => (this.#shown ? hourStart(this.#shown.day, hour).slice(0, 2) : ""),
      onDay: (place) => this.#pickDay(daysOf(this.#shown.usage.period)[place]),
      onHover: (place) => this.#readOut(place),
    });
    this.#listen(onSignOut);
  }

  /** Choose the periods that the next look-up is for; without them the current month and a day of it. */
  setPeriods({ month = null, day = null }) {
    this.#asked = { month, day };
  }

  /** Look up and show. Returns the answer that tells how complete the numbers are. */
  async load(signal) {
    const asked = this.#asked;
    const look = (rest) => this.#look(rest, signal);
    const dayAnswer = asked.day ? look(`usage/${asked.day}`) : null;
    dayAnswer?.catch(() => {}); // it is awaited below, unless the others fail first
    const [usage, quota, cost] = await Promise.all([
      look(asked.month ? `usage/${asked.month}` : "usage"),
      look("quota"),
      asked.month ? null : look("cost"),
    ]);
    const day = asked.day ?? dayToShow(usage);
    const [hours, breakdown, compared, invoices] = await Promise.all([
      dayAnswer ?? look(`usage/${day}`),
      this.#slow.ask(`breakdown?period=${usage.period}`, signal),
      this.#compared(usage, signal),
      this.#slow.ask("invoices", signal),
    ]);
    if (this.#asked === asked) {
      this.#show({ usage, quota, cost, hours, day, breakdown, compared, invoices });
    }
    return usage;
  }

  #look(rest, signal) {
    const { path, apiKey } = this.#subject;
    return ask(`${path}/${rest}`, { apiKey, signal });
  }

  /** The same days of the month and the one before, as `{now, before}`; null: no day is over yet; undefined: no answer. */
  async #compared(usage, signal) {
    const spans = daysToCompare(usage.period, completeNow(usage));
    if (spans === null) {
      return null;
    }
    const look = ({ from, to }) => this.#slow.ask(`usage?from=${from}&to=${to}`, signal);
    const [now, before] = await Promise.all([look(spans.of), look(spans.with)]);
    return now && before ? { now, before } : undefined;
  }

  redraw() {
    this.#charts.redraw();
  }

  destroy() {
    this.#charts.destroy();
  }

  #listen(onSignOut) {
    const fields = this.#fields;
    fields.month.addEventListener("change", () => this.#pickMonth(fields.month.value));
    fields.day.addEventListener("change", () => this.#pickDay(fields.day.value));
    onStep(fields.monthBefore, () => this.#pickMonth(monthAfter(this.#shown.usage.period, -1)));
    onStep(fields.monthAfter, () => this.#pickMonth(monthAfter(this.#shown.usage.period, 1)));
    onStep(fields.dayBefore, () => this.#pickDay(this.#dayBeside(-1)));
    onStep(fields.dayAfter, () => this.#pickDay(this.#dayBeside(1)));
    this.#listenToDownloads();
    if (onSignOut) {
      fields.signOut.hidden = false;
      fields.signOut.addEventListener("click", onSignOut);
    }
  }

  #listenToDownloads() {
    const { saveDays, saveHours, saveCost, saveBreakdown, problem } = this.#fields;
    const { path, apiKey } = this.#subject;
    const named = (rest, what, period) => ({ path: `${path}/${rest}`, name: `${what}-${period}.csv` });
    const files = [
      [saveDays, ({ usage: { period } }) => named(`usage?${rangeOf(period)}`, "calls-by-day", period)],
      [saveHours, ({ day }) => named(`usage/${day}`, "calls-by-hour", day)],
      [saveCost, ({ cost }) => named("cost", "cost", cost.period)],
      [saveBreakdown, ({ usage: { period } }) => named(`breakdown?period=${period}`, "calls-by-endpoint", period)],
    ];
    for (const [button, fileOf] of files) {
      onSave(button, () => fileOf(this.#shown), { apiKey, problem });
    }
  }

  #pickMonth(month) {
    const isCurrent = month === monthOf(new Date(this.#shown.usage.as_of));
    this.#navigate({ month: isCurrent ? null : month, day: null });
  }

  #pickDay(day) {
    this.#navigate({ month: this.#asked.month, day });
  }

  #dayBeside(days) {
    const all = daysOf(this.#shown.usage.period);
    return all[all.indexOf(this.#shown.day) + days];
  }

  #show(shown) {
    this.#shown = shown;
    const { usage, quota, day } = shown;
    const asOf = new Date(usage.as_of);
    const projection = project(usage, completeNow(usage));
    this.#showPickers(usage, day, asOf);
    this.#showTotals(usage, asOf);
    this.#showProjection(usage, projection, asOf);
    this.#showQuota(quota, usage, projection, asOf);
    showCost(this.#fields, shown.cost);
    showComparison(this.#fields, shown.compared);
    showBreakdown(this.#fields, shown.breakdown);
    this.#invoices.show(shown.invoices);
    this.#showDays(usage, day, asOf);
    this.#showHours(shown.hours, day, asOf);
  }

  #showPickers(usage, day, asOf) {
    const fields = this.#fields;
    const month = usage.period;
    const current = monthOf(asOf);
    const days = daysOf(month);
    setOptions(fields.month, monthsBack(current, month).map((name) => [name, monthName(name)]), month);
    setOptions(fields.day, days.map((name) => [name, dayName(name)]), day);
    setDisabled(fields.monthAfter, month >= current);
    setDisabled(fields.dayBefore, day === days[0]);
    setDisabled(fields.dayAfter, day === days.at(-1) || day >= dayOf(asOf));
  }

  #showTotals({ totals, period }, asOf) {
    const fields = this.#fields;
    const isCurrent = period === monthOf(asOf);
    setText(fields.callsTitle, isCurrent ? "Calls, month to date" : `Calls in ${monthName(period)}`);
    setText(fields.requests, count(totals.requests));
    setText(fields.billable, `${count(totals.billable)} billable${meanTime(totals)}`);
    setText(fields.errorShare, share(totals.errors, totals.requests));
    setText(fields.errors, `${counted(totals.errors, "call")} answered with status 400 or above`);
    setText(fields.responseBytes, bytes(totals.response_bytes));
    setText(fields.requestBytes, `${bytes(totals.request_bytes)} received${unknownSizes(totals)}`);
    setOptionalText(fields.nothing, totals.requests === 0 ? nothingOf(period, isCurrent) : null);
  }

  #showProjection(usage, projection, asOf) {
    const { projected, pace } = this.#fields;
    setText(projected, projection ? count(projection.total) : UNKNOWN);
    setText(pace, projection ? paceOf(projection) : whyNoProjection(usage, asOf));
  }

  #showQuota(quota, usage, projection, asOf) {
    const { plan, limits, noLimits, denial } = this.#fields;
    const isCurrent = usage.period === monthOf(asOf);
    setText(plan, quota.plan === null ? "No plan" : `Plan ${quota.plan}${isCurrent ? "" : `: limits of today, not of ${monthName(usage.period)}`}`);
    limits.classList.toggle("past", !isCurrent);
    showLimits(limits, quota, usage, isCurrent ? projection : null);
    setOptionalText(noLimits, quota.limits.length || quota.account?.limits.length ? null : `No limit holds. ${counterResets(asOf)}`);
    setOptionalText(denial, denialOf(quota));
  }

  #showDays(usage, day, asOf) {
    const { daySummary, dayCaption, dayRows } = this.#fields;
    const days = daysOf(usage.period);
    const values = valuesOf(days, usage.parts);
    const today = days.indexOf(dayOf(asOf));
    this.#charts.showDays({ values, chosen: days.indexOf(day), unfinished: today });
    this.#readOut(null);
    const isOpen = today >= 0 ? " Today is not over." : "";
    setText(daySummary, `${summary(values, (place) => `on ${dayName(days[place])}`, "day")}${isOpen}`);
    setText(dayCaption, `Calls by day in ${monthName(usage.period)}`);
    const rows = days.map((name, place) => ({ name: dayDate(name), calls: values[place] }));
    syncRows(dayRows, today < 0 ? rows : rows.slice(0, today + 1), TABLE);
  }

  #showHours(hours, day, asOf) {
    const { hourSummary, hourCaption, hourRows } = this.#fields;
    const isToday = day === dayOf(asOf);
    const names = HOURS.map((hour) => `${day}T${String(hour).padStart(2, "0")}`);
    const values = valuesOf(names, hours.parts);
    this.#charts.showHours({ values, chosen: null, unfinished: isToday ? asOf.getUTCHours() : null });
    setText(hourSummary, `${dayDate(day)}: ${count(hours.totals.requests)} in all. ${hoursText(day, values)}`);
    setText(hourCaption, `Calls by hour on ${dayDate(day)} of UTC${isUtc() ? "" : `, times in ${zoneAt(new Date(`${day}T00:00:00Z`))}`}`);
    const rows = HOURS.map((hour) => ({ name: `${hourStart(day, hour)}–${hourStart(day, hour + 1)}`, calls: values[hour] }));
    syncRows(hourRows, rows, TABLE);
  }

  /** Beside the chart of days: the bar below the pointer, or the chosen one. */
  #readOut(place) {
    if (!this.#shown) {
      return;
    }
    const days = daysOf(this.#shown.usage.period);
    const at = place ?? days.indexOf(this.#shown.day);
    const calls = valuesOf(days, this.#shown.usage.parts)[at] ?? 0;
    this.#fields.dayReadout.replaceChildren(`${dayName(days[at])} `, make("strong", {}, count(calls)));
  }
}

/** The days of a month as parameters. */
function rangeOf(month) {
  const days = daysOf(month);
  return `from=${days[0]}&to=${days.at(-1)}`;
}

const TABLE = {
  keyOf: (row) => row.name,
  columns: [
    { isHeader: true, text: (row) => row.name },
    { isNumber: true, text: (row) => count(row.calls) },
  ],
};

/** Let a button step, unless there is nothing there to step to. */
function onStep(button, step) {
  button.addEventListener("click", () => isDisabled(button) || step());
}

/** The time until which the numbers are known to be complete; the answer's own while nothing is known. */
function completeNow(usage) {
  const asOf = new Date(usage.as_of);
  const through = usage.complete_through === null ? asOf : new Date(usage.complete_through);
  return through < asOf ? through : asOf;
}

/** Today in the current month; in another one its last day with calls, or its first. */
function dayToShow(usage) {
  const today = dayOf(new Date(usage.as_of));
  if (today.startsWith(usage.period)) {
    return today;
  }
  return usage.parts.at(-1)?.period ?? `${usage.period}-01`;
}

function valuesOf(names, parts) {
  const requests = new Map(parts.map((part) => [part.period, part.requests]));
  return names.map((name) => requests.get(name) ?? 0);
}

const hoursText = (day, values) =>
  summary(values, (hour) => `from ${hourStart(day, hour)} to ${hourStart(day, hour + 1)}`, "hour");

function meanTime({ requests, latency_ms: latency }) {
  return requests === 0 ? "" : ` · answered in ${count(Math.round(latency / requests))} ms on average`;
}

function nothingOf(period, isCurrent) {
  const when = isCurrent ? "yet this month" : `in ${monthName(period)}`;
  return `No calls are counted ${when}. A call appears here within seconds.`;
}

function paceOf({ perDay, hasDays }) {
  const day = perDay < 10 ? perDay.toFixed(1) : count(Math.round(perDay));
  return hasDays
    ? `at ${day} calls a day, the mean of the last ${DAYS_OF_PACE} complete days`
    : `at ${day} calls a day, the mean of the month so far`;
}

function whyNoProjection(usage, asOf) {
  if (Date.parse(usage.ends_at) <= asOf.getTime()) {
    return "the month is over";
  }
  return usage.totals.requests === 0 ? "no calls yet" : "too early in the month to project";
}

function counterResets(asOf) {
  return `Counters reset ${reset(new Date(`${monthAfter(monthOf(asOf), 1)}-01T00:00:00Z`))}.`;
}

function denialOf(quota) {
  if (quota.status !== "active") {
    return `This key is ${quota.status}: its calls are refused.`;
  }
  return quota.allowed ? null : "This key's calls are denied now: a hard limit is used up.";
}

/** Of how many calls the bytes are not known, or nothing. */
function unknownSizes({ unknown_response_sizes: responses, unknown_request_sizes: requests }) {
  const found = [[responses, "response"], [requests, "request"]].filter(([number]) => number > 0);
  return found.length ? `; size unknown of ${found.map(([number, noun]) => counted(number, noun)).join(" and ")}` : "";
}
