// Whether the meter is well: its status, what to do, and each hop of a call's way.

import { copyOf, fieldsOf, make, setAttribute, setOptionalText, setText, syncChildren, syncRows } from "./dom.js";
import { count, duration, moment } from "./format.js";

const STATUSES = {
  ok: ["Counting", "Every shard of the stream is counted up to the last minutes."],
  behind: ["Behind", "Counting is more than 3 minutes behind."],
  losing: ["Losing calls", "Calls are made or logged and do not reach the stream."],
  stopped: ["Stopped", "For 5 minutes or more nothing has been confirmed as counted."],
  unknown: ["Not known yet", "No heartbeat is confirmed yet: how complete the numbers are is not known."],
};

const STATES = { ok: "OK", behind: "Behind", failing: "Failing", unknown: "Not known" };

/** Show a health answer; returns the word for its status. */
export function showHealth(fields, health) {
  const [name, text] = STATUSES[health.status];
  setText(fields.status, name);
  fields.status.dataset.state = health.status;
  setText(fields.healthText, text);
  fields.problems.hidden = health.problems.length === 0;
  const problems = health.problems.map((problem, place) => ({ problem, place }));
  syncChildren(fields.problems, problems, {
    keyOf: ({ place }) => place,
    create: () => make("li", {}),
    update: (item, { problem }) => setText(item, problem),
  });
  for (const outcome of ["unattributed", "malformed", "undecodable"]) {
    setText(fields[outcome], count(health.reserved[outcome].requests));
  }
  const asOf = new Date(health.as_of);
  showHops(fields.hops, health.hops, asOf);
  showShards(fields, health.shards, asOf);
  return name;
}

function showHops(list, hops, asOf) {
  syncChildren(list, hops, {
    keyOf: ({ begin, end }) => `${begin} ${end}`,
    create: () => copyOf("hop-item"),
    update: (item, hop) => updateHop(item, hop, asOf),
  });
}

function updateHop(item, { begin, end, state, lag_seconds: lag, checked_at: checked, sentence }, asOf) {
  const fields = fieldsOf(item);
  setText(fields.name, `${begin} → ${end}`);
  setText(fields.state, STATES[state]);
  setAttribute(fields.state, "data-state", state);
  setText(fields.sentence, sentence);
  const known = [lag === null ? null : `${duration(lag)} behind`, checked && `seen ${moment(new Date(checked), asOf)}`];
  setOptionalText(fields.lag, known.filter(Boolean).join(" · "));
}

function showShards({ shards: body, shardsSummary }, shards, asOf) {
  setText(shardsSummary, shards.length === 1 ? "1 shard" : `${shards.length} shards`);
  syncRows(body, shards, {
    keyOf: ({ shard }) => shard,
    columns: [
      { isHeader: true, text: ({ shard }) => shard },
      { text: (shard) => moment(new Date(shard.counted_through), asOf) },
      { isNumber: true, text: (shard) => duration(shard.lag_seconds) },
    ],
  });
}
