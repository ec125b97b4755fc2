// An operator's first view: whether the meter is well, and who its heaviest keys are.

import { ask } from "./api.js";
import { copyOf, fieldsOf, isDisabled, make, setAttribute, setDisabled, setText } from "./dom.js";
import { setOptionalText, setOptions, syncChildren, syncRows } from "./dom.js";
import { finder, keyHref } from "./finder.js";
import { bytes, count, duration, metricName, moment, monthName, share, UNKNOWN } from "./format.js";
import { monthAfter, monthOf, monthsBack } from "./periods.js";

const STATUSES = {
  ok: ["Counting", "Every shard of the stream is counted up to the last minutes."],
  behind: ["Behind", "Counting is more than 3 minutes behind."],
  losing: ["Losing calls", "Calls are made or logged and do not reach the stream."],
  stopped: ["Stopped", "For 5 minutes or more nothing has been confirmed as counted."],
  unknown: ["Not known yet", "No heartbeat is confirmed yet: how complete the numbers are is not known."],
};

/** The columns of the heaviest keys. Those with a metric can be sorted by, which the API does. */
const COLUMNS = [
  { title: "Key", isHeader: true, text: ({ key }) => key, href: ({ key, month }) => keyHref(key, month) },
  { metric: "requests", isNumber: true, text: ({ totals }) => count(totals.requests) },
  { metric: "billable", isNumber: true, text: ({ totals }) => count(totals.billable) },
  { metric: "errors", isNumber: true, text: ({ totals }) => count(totals.errors) },
  { title: "Share of errors", isNumber: true, text: ({ totals }) => shareOfErrors(totals) },
  { metric: "response_bytes", isNumber: true, text: ({ totals }) => bytes(totals.response_bytes) },
  { metric: "request_bytes", isNumber: true, text: ({ totals }) => bytes(totals.request_bytes) },
  { title: "Mean time", isNumber: true, text: ({ totals }) => meanTime(totals) },
];

/** `navigate({month, metric, limit})` is called when something is picked; `announce(text)` is read out. */
export class OverviewView {
  #navigate;
  #announce;
  #fields;
  #asked = {};
  #month = null;
  #status = null;

  constructor({ navigate, announce }) {
    this.#navigate = navigate;
    this.#announce = announce;
    this.root = copyOf("overview-view");
    this.#fields = fieldsOf(this.root);
    this.#fields.finder.append(finder());
    this.#fields.topHead.replaceChildren(...COLUMNS.map((column) => this.#head(column)));
    this.#listen();
  }

  /** Choose what the next look-up is for. */
  setAsked({ month = null, metric = "requests", limit = "20" }) {
    this.#asked = { month, metric, limit };
  }

  /** Look up and show. Returns the answer that tells how complete the numbers are. */
  async load(signal) {
    const asked = this.#asked;
    const health = await ask("health", { signal });
    const current = monthOf(new Date(health.as_of));
    const query = new URLSearchParams({ period: asked.month ?? current, metric: asked.metric, limit: asked.limit });
    const top = await ask(`top?${query}`, { signal });
    if (this.#asked === asked) {
      this.#showHealth(health);
      this.#showTop(top, current);
    }
    return health;
  }

  redraw() {}

  destroy() {}

  #head({ title, metric, isNumber }) {
    const head = make("th", { scope: "col", className: isNumber ? "number" : "" });
    if (metric) {
      const button = make("button", { type: "button", className: "sort" }, metricName(metric));
      button.addEventListener("click", () => this.#pick({ metric }));
      head.append(button);
    } else {
      head.append(title);
    }
    return head;
  }

  #listen() {
    const { month, monthBefore, monthAfter: after, limit } = this.#fields;
    const pickMonth = (name) => this.#pick({ month: name });
    month.addEventListener("change", () => pickMonth(month.value));
    limit.addEventListener("change", () => this.#pick({ limit: limit.value }));
    monthBefore.addEventListener("click", () => this.#month && pickMonth(monthAfter(this.#month, -1)));
    after.addEventListener("click", () => isDisabled(after) || pickMonth(monthAfter(this.#month, 1)));
  }

  #pick(change) {
    this.#navigate({ ...this.#asked, ...change });
  }

  #showHealth(health) {
    const fields = this.#fields;
    const [name, text] = STATUSES[health.status];
    const asOf = new Date(health.as_of);
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
    this.#showShards(health.shards, asOf);
    this.#tell(health.status, name);
  }

  #showShards(shards, asOf) {
    setText(this.#fields.shardsSummary, shards.length === 1 ? "1 shard" : `${shards.length} shards`);
    syncRows(this.#fields.shards, shards, {
      keyOf: ({ shard }) => shard,
      columns: [
        { isHeader: true, text: ({ shard }) => shard },
        { text: (shard) => moment(new Date(shard.counted_through), asOf) },
        { isNumber: true, text: (shard) => duration(shard.lag_seconds) },
      ],
    });
  }

  #showTop(top, current) {
    const fields = this.#fields;
    this.#month = top.period;
    setOptions(fields.month, monthsBack(current, top.period).map((name) => [name, monthName(name)]), top.period);
    setDisabled(fields.monthAfter, top.period >= current);
    fields.limit.value = this.#asked.limit;
    COLUMNS.forEach(({ metric }, place) => {
      if (metric) {
        setAttribute(fields.topHead.children[place], "aria-sort", metric === top.metric ? "descending" : "none");
      }
    });
    const isEmpty = top.keys.length === 0;
    setOptionalText(fields.noTop, isEmpty ? `No calls of any key are counted in ${monthName(top.period)}.` : null);
    fields.topTable.hidden = isEmpty;
    const metric = metricName(top.metric).toLowerCase();
    setText(fields.topCaption, `By ${metric} in ${monthName(top.period)}, the most first`);
    const month = top.period === current ? null : top.period;
    const rows = top.keys.map((entry) => ({ ...entry, month }));
    syncRows(fields.topRows, rows, { keyOf: ({ key }) => key, columns: COLUMNS });
  }

  /** A change of health is read out; the first look is on the page. */
  #tell(status, name) {
    if (this.#status !== null && this.#status !== status) {
      this.#announce(`The meter's health is now: ${name}.`);
    }
    this.#status = status;
  }
}

const shareOfErrors = ({ errors, requests }) => share(errors, requests, { inColumn: true });

const meanTime = (totals) =>
  totals.requests ? `${count(Math.round(totals.latency_ms / totals.requests))} ms` : UNKNOWN;
