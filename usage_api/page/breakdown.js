// The calls of a month by endpoint and by status: from the full call log, once a day.

import { setOptionalText, setText, syncRows } from "./dom.js";
import { count, reset, share, UNKNOWN } from "./format.js";

const NOT_COUNTED = "Not counted by endpoint yet: this comes from the full call log, once a day.";
const NO_CALLS = "No calls in that time.";
const NO_ROUTE = "Route not logged";
const CLASSES = { 1: "informational", 2: "success", 3: "redirect", 4: "error of the caller", 5: "error of the API" };

/** Show a breakdown; null: it could not be read, and what is shown stays. */
export function showBreakdown({ endpoints, statuses, breakdownTables, breakdownNote, breakdownUntil }, answer) {
  if (!answer) {
    return;
  }
  const isCounted = answer.counted_until !== null;
  const rows = endpointsOf(answer);
  setText(breakdownUntil, isCounted ? `Up to ${reset(new Date(answer.counted_until))}` : "");
  breakdownTables.hidden = rows.length === 0;
  setOptionalText(breakdownNote, rows.length ? null : isCounted ? NO_CALLS : NOT_COUNTED);
  syncRows(endpoints, rows, ENDPOINTS);
  syncRows(statuses, statusesOf(answer), STATUSES);
}

/** `{name, calls, errors}` of each endpoint, the most frequent first; of those that are not listed together. */
export function endpointsOf({ endpoints, other_requests: others }) {
  const found = new Map();
  for (const { method, route, status, requests } of endpoints) {
    const name = nameOf(method, route);
    const { calls, errors } = found.get(name) ?? { calls: 0, errors: 0 };
    found.set(name, { name, calls: calls + requests, errors: errors + (status >= 400 ? requests : 0) });
  }
  const rows = [...found.values()].sort((one, other) => other.calls - one.calls);
  return others ? [...rows, { name: "All others", calls: others, errors: null }] : rows;
}

/** `{status, calls, total}` of each status, in order. */
export function statusesOf({ endpoints }) {
  const found = new Map();
  let total = 0;
  for (const { status, requests } of endpoints) {
    found.set(status, (found.get(status) ?? 0) + requests);
    total += requests;
  }
  return [...found].sort(([one], [other]) => one - other).map(([status, calls]) => ({ status, calls, total }));
}

/** "GET /orders/{id}". HTTP APIs have the method in the route already. */
export function nameOf(method, route) {
  if (!route) {
    return NO_ROUTE;
  }
  return !method || route.startsWith(`${method} `) ? route : `${method} ${route}`;
}

const statusName = (status) => (status ? `${status}, ${CLASSES[Math.floor(status / 100)] ?? "unknown"}` : UNKNOWN);

const ENDPOINTS = {
  keyOf: (row) => row.name,
  columns: [
    { isHeader: true, text: (row) => row.name },
    { isNumber: true, text: (row) => count(row.calls) },
    { isNumber: true, text: (row) => (row.errors === null ? UNKNOWN : count(row.errors)) },
    { isNumber: true, text: (row) => (row.errors === null ? UNKNOWN : share(row.errors, row.calls, { inColumn: true })) },
  ],
};

const STATUSES = {
  keyOf: (row) => row.status,
  columns: [
    { isHeader: true, text: (row) => statusName(row.status) },
    { isNumber: true, text: (row) => count(row.calls) },
    { isNumber: true, text: (row) => share(row.calls, row.total, { inColumn: true }) },
  ],
};
