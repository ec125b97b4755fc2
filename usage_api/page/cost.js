// What the running month costs so far, by line.

import { setText, syncRows } from "./dom.js";
import { count, counted } from "./format.js";

/** Show a cost answer; null, or one without an amount, hides the card. */
export function showCost({ cost, costTitle, costCaption, costRows, costNote }, answer) {
  cost.hidden = !answer || answer.currency === null;
  if (cost.hidden) {
    return;
  }
  setText(costTitle, `Cost so far: ${answer.to_date} ${answer.currency}`);
  setText(costCaption, `Account ${answer.account}, in ${answer.currency}`);
  const total = { line: "Together", quantity: null, to_date: answer.to_date, projected: answer.projected };
  syncRows(costRows, [...answer.lines, total], TABLE);
  setText(costNote, noteOf(answer));
}

const TABLE = {
  keyOf: (row) => row.line,
  columns: [
    { isHeader: true, text: (row) => row.line.replaceAll("_", " ").replace("plan:", "plan's ") },
    { isNumber: true, text: (row) => (row.quantity === null ? "" : count(row.quantity)) },
    { isNumber: true, text: (row) => row.to_date },
    { isNumber: true, text: (row) => row.projected },
  ],
};

function noteOf({ not_included: others, lines }) {
  const missing = others.length ? ` Calls counted by ${others.join(", ")} are not included.` : "";
  const unknown = lines.filter((line) => line.unknown_sizes > 0).map(unweighed).join("");
  return `Not final: the invoice is made from the full call log, with taxes and corrections.${missing}${unknown}`;
}

/** What a price on bytes charges nothing for. */
const unweighed = ({ line, unknown_sizes: calls }) =>
  ` Of ${line.replaceAll("_", " ")}, ${counted(calls, "call")} had no known size and ${calls === 1 ? "is" : "are"} charged as 0 bytes.`;
