// A month beside the month before, the same days of both.

import { setOptionalText, setText, syncRows } from "./dom.js";
import { bytes, count, daySpan, monthName, share, UNKNOWN } from "./format.js";
import { dayOf, daysOf, monthAfter, monthOf } from "./periods.js";

const TOO_EARLY = "From the second day of the month on, its complete days are compared with the same days of the month before.";

/**
 * The days to compare: `{of, with}`, each `{month, from, to}`. Of the current month these are the days that are over,
 * of any other all; null where none is over.
 */
export function daysToCompare(month, now) {
  const days = daysOf(month);
  const complete = month === monthOf(now) ? days.slice(0, days.indexOf(dayOf(now))) : month < monthOf(now) ? days : [];
  if (complete.length === 0) {
    return null;
  }
  const before = monthAfter(month, -1);
  const same = complete.length === days.length ? daysOf(before) : daysOf(before).slice(0, complete.length);
  return { of: spanOf(month, complete), with: spanOf(before, same) };
}

const spanOf = (month, days) => ({ month, from: days[0], to: days.at(-1) });

/** Show two answers for ranges; null: it is too early; undefined: they could not be read, and what is shown stays. */
export function showComparison(fields, compared) {
  if (compared === undefined) {
    return;
  }
  const { comparisonTable, comparisonNote, comparisonNow, comparisonBefore, comparisonRows, comparisonCaption } = fields;
  comparisonTable.hidden = compared === null;
  setOptionalText(comparisonNote, compared === null ? TOO_EARLY : null);
  if (compared === null) {
    return;
  }
  const { now, before } = compared;
  setText(comparisonNow, daySpan(now.from, now.to));
  setText(comparisonBefore, daySpan(before.from, before.to));
  setText(comparisonCaption, `${monthName(now.from.slice(0, 7))} beside ${monthName(before.from.slice(0, 7))}, complete days in UTC`);
  const rows = ROWS.map(({ name, value, show }) => {
    const [one, other] = [value(now.totals), value(before.totals)];
    return { name, now: show(one), before: show(other), change: change(one, other) };
  });
  syncRows(comparisonRows, rows, TABLE);
}

/** How much more or less, in percent; of nothing there is no percentage. */
export function change(now, before) {
  if (!before || now === null) {
    return UNKNOWN;
  }
  const sign = now > before ? "+" : now < before ? "−" : "±";
  return `${sign}${now === before ? "0 %" : share(Math.abs(now - before), before)}`;
}

const shareOf = ({ errors, requests }) => (requests ? errors / requests : null);

const ROWS = [
  { name: "Calls", value: ({ requests }) => requests, show: count },
  { name: "Billable calls", value: ({ billable }) => billable, show: count },
  { name: "Errors", value: ({ errors }) => errors, show: count },
  { name: "Share of errors", value: shareOf, show: (part) => (part === null ? UNKNOWN : share(part, 1)) },
  { name: "Bytes sent", value: ({ response_bytes: size }) => size, show: bytes },
  { name: "Bytes received", value: ({ request_bytes: size }) => size, show: bytes },
];

const TABLE = {
  keyOf: (row) => row.name,
  columns: [
    { isHeader: true, text: (row) => row.name },
    { isNumber: true, text: (row) => row.now },
    { isNumber: true, text: (row) => row.before },
    { isNumber: true, text: (row) => row.change },
  ],
};
