// The part of the address after `#` names the view and its periods, so that views can be linked and gone back to.
//
//     #/me?month=2026-10&day=2026-10-31    #/key/k1?day=2026-11-05    #/overview?metric=errors    #/keys?find=acme

import { isDay, isMonth } from "./periods.js";

const METRICS = ["requests", "billable", "errors", "response_bytes", "request_bytes"];
const LIMITS = ["10", "20", "50", "100"];
const LONGEST_SEARCH = 256;

/** `{view, key, month, day, metric, limit, find}`; what is absent or makes no sense is null. `view` null: none is named. */
export function parseRoute(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [view, ...rest] = path.split("/");
  const values = new URLSearchParams(query);
  const among = (name, allowed) => (allowed.includes(values.get(name)) ? values.get(name) : null);
  const month = isMonth(values.get("month")) ? values.get("month") : null;
  const day = isDay(values.get("day")) ? values.get("day") : null;
  return {
    view: ["me", "overview", "keys", "key"].includes(view) ? view : null,
    key: view === "key" ? decoded(rest.join("/")) : null,
    month,
    day: month && day && !day.startsWith(month) ? null : day,
    metric: among("metric", METRICS),
    limit: among("limit", LIMITS),
    find: values.get("find")?.trim().slice(0, LONGEST_SEARCH) || null,
  };
}

/** The address of a route; null values and defaults are left out. */
export function routeHash({ view, key, month, day, metric, limit, find }) {
  const path = key ? `${view}/${encodeURIComponent(key)}` : view;
  const shown = Object.entries({ month, day, metric, limit, find }).filter(([, value]) => value);
  return `#/${path}${shown.length ? `?${new URLSearchParams(shown)}` : ""}`;
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
