// The heaviest keys of a month, by a metric that is picked by its heading.

import { make, setAttribute, setOptionalText, setText, syncRows } from "./dom.js";
import { keyHref } from "./finder.js";
import { bytes, count, metricName, monthName, share, UNKNOWN } from "./format.js";

/** Those with a metric can be sorted by, which the API does. */
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

/** The cells of the table's head; `onPick(metric)` is called when one is picked. */
export function topHead(onPick) {
  return COLUMNS.map(({ title, metric, isNumber }) => {
    const head = make("th", { scope: "col", className: isNumber ? "number" : "" });
    if (metric) {
      const button = make("button", { type: "button", className: "sort" }, metricName(metric));
      button.addEventListener("click", () => onPick(metric));
      head.append(button);
    } else {
      head.append(title);
    }
    return head;
  });
}

/** Show an answer; links lead to the same month, `current` needs none. */
export function showTop({ topHead: heads, noTop, topTable, topCaption, topRows }, top, current) {
  COLUMNS.forEach(({ metric }, place) => {
    if (metric) {
      setAttribute(heads.children[place], "aria-sort", metric === top.metric ? "descending" : "none");
    }
  });
  const isEmpty = top.keys.length === 0;
  setOptionalText(noTop, isEmpty ? `No calls of any key are counted in ${monthName(top.period)}.` : null);
  topTable.hidden = isEmpty;
  setText(topCaption, `By ${metricName(top.metric).toLowerCase()} in ${monthName(top.period)}, the most first`);
  const month = top.period === current ? null : top.period;
  const rows = top.keys.map((entry) => ({ ...entry, month }));
  syncRows(topRows, rows, { keyOf: ({ key }) => key, columns: COLUMNS });
}

const shareOfErrors = ({ errors, requests }) => share(errors, requests, { inColumn: true });

const meanTime = (totals) =>
  totals.requests ? `${count(Math.round(totals.latency_ms / totals.requests))} ms` : UNKNOWN;
