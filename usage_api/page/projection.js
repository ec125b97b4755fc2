// Where a month ends if it goes on as it went: pure functions of an answer.

import { DAY_MS } from "./format.js";

export const DAYS_OF_PACE = 7;
const SHORTEST_MONTH_DAYS = 0.25;

/**
 * The calls that a month will have at its end: those so far, and for the rest of the month the daily mean of its last
 * 7 complete days; before there are 7, the month's own mean. `now` is the time until which the numbers are complete.
 *
 * Null for a month that is over, has not begun, is younger than a quarter of a day, or has no calls.
 */
export function project(usage, now) {
  const begins = Date.parse(usage.begins_at);
  const ends = Date.parse(usage.ends_at);
  const elapsedDays = (now.getTime() - begins) / DAY_MS;
  if (now.getTime() >= ends || elapsedDays < SHORTEST_MONTH_DAYS || usage.totals.requests === 0) {
    return null;
  }
  const completeDays = Math.floor(elapsedDays);
  const hasDays = completeDays >= DAYS_OF_PACE;
  const perDay = hasDays ? meanOfDays(usage, completeDays) : usage.totals.requests / elapsedDays;
  const restDays = (ends - now.getTime()) / DAY_MS;
  return { total: Math.round(usage.totals.requests + perDay * restDays), perDay, restDays, hasDays };
}

function meanOfDays(usage, completeDays) {
  const requests = requestsByDay(usage);
  let sum = 0;
  for (let day = completeDays - DAYS_OF_PACE + 1; day <= completeDays; day += 1) {
    sum += requests.get(day) ?? 0;
  }
  return sum / DAYS_OF_PACE;
}

const requestsByDay = (usage) =>
  new Map(usage.parts.map((part) => [Number(part.period.slice("2026-11-".length)), part.requests]));

/**
 * What a limit of the month comes to if calls go on at the projection's pace and the metric grows with them:
 * `total` at the month's end, and `reachedInDays` from now if it is reached before. Null where nothing can be said.
 */
export function projectLimit(limit, usage, projection) {
  if (limit.span !== "month" || !projection || usage.totals.requests === 0) {
    return null;
  }
  const perDay = (projection.perDay * limit.used) / usage.totals.requests;
  const total = Math.round(limit.used + perDay * projection.restDays);
  const isReached = limit.remaining > 0 && perDay > 0 && total >= limit.amount;
  return { total, reachedInDays: isReached ? limit.remaining / perDay : null };
}
