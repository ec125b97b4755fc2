// All keys that have a plan, page by page.

import { ask } from "./api.js";
import { copyOf, fieldsOf, isDisabled, setDisabled, setOptionalText, setText, syncRows } from "./dom.js";
import { finder, keyHref } from "./finder.js";
import { UNKNOWN } from "./format.js";

const KEYS_OF_A_PAGE = "50";

const COLUMNS = [
  { isHeader: true, text: ({ key }) => key, href: ({ key }) => keyHref(key) },
  { text: ({ plan }) => plan },
  { text: ({ account }) => account || UNKNOWN },
  { text: ({ status }) => status },
];

/** `lookAgain()` is called when another page is picked. */
export class KeysView {
  #fields;
  #tokens = [null];
  #next = null;

  constructor({ lookAgain }) {
    this.root = copyOf("keys-view");
    this.#fields = fieldsOf(this.root);
    this.#fields.finder.append(finder());
    const { before, after } = this.#fields;
    before.addEventListener("click", () => isDisabled(before) || this.#turn(this.#tokens.slice(0, -1), lookAgain));
    after.addEventListener("click", () => isDisabled(after) || this.#turn([...this.#tokens, this.#next], lookAgain));
  }

  /** Look up and show the page of keys. */
  async load(signal) {
    const tokens = this.#tokens;
    const token = tokens.at(-1);
    const query = new URLSearchParams({ limit: KEYS_OF_A_PAGE, ...(token === null ? {} : { next: token }) });
    const [answer, health] = await Promise.all([ask(`keys?${query}`, { signal }), ask("health", { signal })]);
    if (this.#tokens === tokens) {
      this.#show(answer);
    }
    return health;
  }

  redraw() {}

  destroy() {}

  #turn(tokens, lookAgain) {
    this.#tokens = tokens;
    lookAgain();
  }

  #show({ keys, next }) {
    const fields = this.#fields;
    this.#next = next;
    const isEmpty = keys.length === 0 && this.#tokens.length === 1;
    setOptionalText(fields.noKeys, isEmpty ? NONE : null);
    fields.table.hidden = isEmpty;
    setText(fields.caption, "In the order of their ids. A key without a plan is opened by its id.");
    setText(fields.page, `Page ${this.#tokens.length}`);
    setDisabled(fields.before, this.#tokens.length === 1);
    setDisabled(fields.after, next === null);
    syncRows(fields.rows, keys, { keyOf: ({ key }) => key, columns: COLUMNS });
  }
}

const NONE =
  "No key has a plan yet. Give one with: usage-meter quota assign KEY PLAN. Keys are counted without a plan, too.";
