// A key's limits as bars, with the forecast of those that last a month.

import { copyOf, fieldsOf, setAttribute, setOptionalText, setText, syncChildren, make } from "./dom.js";
import { amount, counted, date, DAY_MS, duration, limitName, reset, share } from "./format.js";
import { projectLimit } from "./projection.js";

const KINDS = {
  hard: "Calls over it are denied.",
  soft: "A soft limit: calls over it are allowed.",
};

/** Show all limits of a quota answer in a list. `projection` is that of the current month, or null. */
export function showLimits(list, quota, usage, projection) {
  const ofAccount = (quota.account?.limits ?? []).map((limit) => ({ ...limit, account: quota.account.name }));
  syncChildren(list, [...quota.limits, ...ofAccount], {
    keyOf: (limit) => `${limit.account ?? ""}:${limit.metric}/${limit.span}`,
    create: newLimit,
    update: (item, limit) => showLimit(item, limit, new Date(quota.as_of), forecastOf(limit)),
  });

  // The usage that is shown is that of the key: nothing can be said about the month of its account.
  function forecastOf(limit) {
    return limit.account === undefined ? projectLimit(limit, usage, projection) : null;
  }
}

function newLimit(limit) {
  const item = copyOf("limit-item");
  const { meter } = fieldsOf(item);
  meter.setAttribute("aria-valuemin", "0");
  limit.thresholds.filter((percent) => percent < 100).forEach((percent) => meter.append(newTick(percent)));
  return item;
}

function newTick(percent) {
  const tick = make("div", { className: "tick" });
  tick.style.insetInlineStart = `${percent}%`;
  return tick;
}

function showLimit(item, limit, now, forecast) {
  const { name, used, meter, fill, projected, rest, kind, forecast: forecastText } = fieldsOf(item);
  const usedText = `${amount(limit.used, limit.metric)} of ${amount(limit.amount, limit.metric)}`;
  const shareText = limit.amount > 0 ? ` (${share(limit.used, limit.amount)})` : "";
  setText(name, nameOf(limit));
  setText(used, `${usedText}${shareText}`);
  setText(rest, `${restOf(limit, now)}${unweighed(limit)}`);
  setText(kind, KINDS[limit.kind]);
  setOptionalText(forecastText, textOf(limit, forecast, now));
  item.dataset.level = levelOf(limit);
  setAttribute(meter, "aria-label", nameOf(limit));
  setAttribute(meter, "aria-valuemax", Math.max(limit.amount, limit.used, 1));
  setAttribute(meter, "aria-valuenow", limit.used);
  setAttribute(meter, "aria-valuetext", `${usedText} used${shareText}`);
  fill.style.inlineSize = lengthOf(limit.used, limit.amount);
  projected.style.inlineSize = lengthOf(forecast?.total ?? 0, limit.amount);
}

/** What a limit is called, with the account whose keys it holds together. */
const nameOf = (limit) => (limit.account === undefined ? limitName(limit) : `${limitName(limit)}, all keys of ${limit.account}`);

/** The length of a bar. A limit of nothing is full. */
const lengthOf = (part, amount) => (amount > 0 ? `${Math.min(100, (100 * part) / amount)}%` : "100%");

/** How near a limit is: `low`, `high` from its last threshold below 100 % on, `full`. */
function levelOf(limit) {
  if (limit.denies || limit.used >= limit.amount) {
    return "full";
  }
  const last = Math.max(0, ...limit.thresholds.filter((percent) => percent < 100));
  return last > 0 && limit.used * 100 >= limit.amount * last ? "high" : "low";
}

function restOf(limit, now) {
  const resetsAt = new Date(limit.resets_at);
  const left = limit.denies ? "Nothing left, calls are denied" : `${amount(limit.remaining, limit.metric)} left`;
  return `${left} · resets in ${duration((resetsAt - now) / 1000)}: ${reset(resetsAt)}`;
}

/** What a limit on bytes takes for 0 bytes, or nothing. */
function unweighed({ unknown_sizes: calls }) {
  return calls > 0 ? ` · ${counted(calls, "call")} of unknown size taken for 0 bytes` : "";
}

function textOf(limit, forecast, now) {
  if (!forecast) {
    return null;
  }
  if (forecast.reachedInDays === null) {
    const month = `At this pace ${amount(forecast.total, limit.metric)} by the end of the month`;
    return limit.remaining > 0 ? `${month}.` : null;
  }
  const reached = new Date(now.getTime() + forecast.reachedInDays * DAY_MS);
  return `At this pace the limit is reached about ${date(reached)}.`;
}
