// The owner's first view: whether the meter is well, what all keys call, and who is the heaviest.

import { ask } from "./api.js";
import { copyOf, fieldsOf, isDisabled, setDisabled, setOptions } from "./dom.js";
import { onSave } from "./downloads.js";
import { finder } from "./finder.js";
import { monthName } from "./format.js";
import { showHealth } from "./owner_health.js";
import { monthAfter, monthOf, monthsBack } from "./periods.js";
import { SlowAnswers } from "./slow_answers.js";
import { showTop, topHead } from "./top_keys.js";
import { TrafficCard } from "./traffic_card.js";

/** `navigate({month, day, metric, limit})` is called when something is picked; `announce(text)` is read out. */
export class OverviewView {
  #navigate;
  #announce;
  #fields;
  #traffic;
  #slow = new SlowAnswers((path, signal) => ask(path, { signal }));
  #asked = {};
  #month = null;
  #status = null;

  constructor({ navigate, announce }) {
    this.#navigate = navigate;
    this.#announce = announce;
    this.root = copyOf("overview-view");
    this.#fields = fieldsOf(this.root);
    this.#traffic = new TrafficCard(this.#fields, { onDay: (day) => this.#pick({ month: this.#month, day }) });
    this.#fields.finder.append(finder());
    this.#fields.topHead.replaceChildren(...topHead((metric) => this.#pick({ metric })));
    this.#listen();
  }

  /** Choose what the next look-up is for. */
  setAsked({ month = null, day = null, metric = "requests", limit = "20" }) {
    this.#asked = { month, day, metric, limit };
  }

  /** Look up and show. Returns the answer that tells how complete the numbers are. */
  async load(signal) {
    const asked = this.#asked;
    const health = await ask("health", { signal });
    const current = monthOf(new Date(health.as_of));
    const period = asked.month ?? asked.day?.slice(0, 7) ?? current;
    const query = new URLSearchParams({ period, metric: asked.metric, limit: asked.limit });
    const [top, traffic] = await Promise.all([
      ask(`top?${query}`, { signal }),
      this.#slow.ask(`traffic?period=${period}`, signal),
    ]);
    if (this.#asked === asked) {
      this.#tell(health.status, showHealth(this.#fields, health));
      this.#showMonth(period, current);
      showTop(this.#fields, top, current);
      if (traffic) {
        this.#traffic.show(traffic, asked.day, new Date(health.as_of));
      }
    }
    return health;
  }

  redraw() {
    this.#traffic.charts.redraw();
  }

  destroy() {
    this.#traffic.charts.destroy();
  }

  #listen() {
    const { month, monthBefore, monthAfter: after, limit, saveHours, saveProblem } = this.#fields;
    const pickMonth = (name) => this.#pick({ month: name, day: null });
    month.addEventListener("change", () => pickMonth(month.value));
    limit.addEventListener("change", () => this.#pick({ limit: limit.value }));
    monthBefore.addEventListener("click", () => this.#month && pickMonth(monthAfter(this.#month, -1)));
    after.addEventListener("click", () => isDisabled(after) || pickMonth(monthAfter(this.#month, 1)));
    const hours = () => ({ path: `traffic?period=${this.#month}`, name: `calls-${this.#month}.csv` });
    onSave(saveHours, hours, { apiKey: null, problem: saveProblem });
  }

  #pick(change) {
    this.#navigate({ ...this.#asked, ...change });
  }

  #showMonth(month, current) {
    const fields = this.#fields;
    this.#month = month;
    setOptions(fields.month, monthsBack(current, month).map((name) => [name, monthName(name)]), month);
    setDisabled(fields.monthAfter, month >= current);
    fields.limit.value = this.#asked.limit;
  }

  /** A change of health is read out; the first look is on the page. */
  #tell(status, name) {
    if (this.#status !== null && this.#status !== status) {
      this.#announce(`The meter's health is now: ${name}.`);
    }
    this.#status = status;
  }
}
