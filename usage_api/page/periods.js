// Months and days as the API names them, `2026-11` and `2026-11-05`, in UTC.

import { DAY_MS } from "./format.js";

const MONTH = /^\d{4}-(0[1-9]|1[0-2])$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;
export const MONTHS_OF_HISTORY = 25;

export const isMonth = (text) => MONTH.test(text ?? "");
export const isDay = (text) => DAY.test(text ?? "") && !Number.isNaN(Date.parse(text));

export const monthOf = (moment) => moment.toISOString().slice(0, 7);
export const dayOf = (moment) => moment.toISOString().slice(0, 10);
const startOf = (month) => new Date(`${month}-01T00:00:00Z`);

/** The month that begins so many months later. */
export function monthAfter(month, months) {
  const start = startOf(month);
  return monthOf(new Date(Date.UTC(start.getUTCFullYear(), start.getUTCMonth() + months, 1)));
}

/** The current month and those before it, the latest first, with `chosen` in its place even if it is older. */
export function monthsBack(current, chosen) {
  const months = Array.from({ length: MONTHS_OF_HISTORY }, (_, back) => monthAfter(current, -back));
  return months.includes(chosen) ? months : [...months, chosen].sort().reverse();
}

/** The days of a month, in order. */
export function daysOf(month) {
  const start = startOf(month).getTime();
  const days = Math.round((startOf(monthAfter(month, 1)).getTime() - start) / DAY_MS);
  return Array.from({ length: days }, (_, day) => dayOf(new Date(start + day * DAY_MS)));
}
