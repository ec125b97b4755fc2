// The line above every view: until when calls are counted, and how fresh what is shown is.

import { clockTime, duration, moment } from "./format.js";

const BEHIND_SECONDS = 180;
const STOPPED_SECONDS = 300;

/** How complete an answer is: `state` is ok, behind, stopped or unknown, as in the health answer. */
export function completenessOf({ as_of: asOf, complete_through: through }) {
  if (through === null) {
    return {
      state: "unknown",
      text: "How complete the figures are is not known yet: the newest calls may be missing.",
    };
  }
  const now = new Date(asOf);
  const time = new Date(through);
  const lag = (now - time) / 1000;
  const sentence = `Up to date as of ${moment(time, now)}.`;
  if (lag >= STOPPED_SECONDS) {
    return { state: "stopped", text: `${sentence} Since then, for ${duration(lag)}, no call is confirmed as counted.` };
  }
  return lag > BEHIND_SECONDS
    ? { state: "behind", text: `${sentence} Counting is ${duration(lag)} behind.` }
    : { state: "ok", text: sentence };
}

/** When an answer was made, by the server's clock. */
export const updatedAt = (answer) => `Updated ${clockTime(new Date(answer.as_of))}`;
