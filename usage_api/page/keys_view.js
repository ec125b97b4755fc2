// The keys that have a plan, or that a search finds, page by page: never more rows than a page has.

import { ask } from "./api.js";
import { copyOf, fieldsOf, isDisabled, setAttribute, setDisabled, setOptionalText, setText, syncRows } from "./dom.js";
import { keyHref } from "./finder.js";
import { UNKNOWN } from "./format.js";

const KEYS_OF_A_PAGE = "50";

const COLUMNS = [
  { isHeader: true, text: ({ key }) => key, href: ({ key }) => keyHref(key) },
  { text: ({ plan }) => plan ?? UNKNOWN },
  { text: ({ account }) => account || UNKNOWN },
  { text: ({ name }) => name ?? UNKNOWN },
  { text: ({ status }) => status },
];

/** `lookAgain()` is called when another page is picked, `navigate({find})` when something is searched for. */
export class KeysView {
  #fields;
  #find = null;
  #tokens = [null];
  #next = null;

  constructor({ lookAgain, navigate }) {
    this.root = copyOf("keys-view");
    this.#fields = fieldsOf(this.root);
    const { before, after, search, text, all } = this.#fields;
    before.addEventListener("click", () => isDisabled(before) || this.#turn(this.#tokens.slice(0, -1), lookAgain));
    after.addEventListener("click", () => isDisabled(after) || this.#turn([...this.#tokens, this.#next], lookAgain));
    all.addEventListener("click", () => text.focus());
    search.addEventListener("submit", (event) => {
      event.preventDefault();
      navigate({ find: text.value.trim() || null });
    });
  }

  /** Choose what the next look-up is for: keys that a text finds; null: all that have a plan. */
  setAsked({ find }) {
    if (find !== this.#find) {
      this.#tokens = [null];
    }
    this.#find = find;
    this.#fields.text.value = find ?? "";
  }

  /** Look up and show the page of keys. */
  async load(signal) {
    const tokens = this.#tokens;
    const asked = { find: this.#find, next: tokens.at(-1) };
    const given = Object.entries(asked).filter(([, value]) => value !== null);
    const query = new URLSearchParams([["limit", KEYS_OF_A_PAGE], ...given]);
    const [answer, health] = await Promise.all([ask(`keys?${query}`, { signal }), ask("health", { signal })]);
    if (this.#tokens === tokens && this.#find === asked.find) {
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
    setOptionalText(fields.noKeys, isEmpty ? (this.#find === null ? NONE : NONE_FOUND) : null);
    fields.table.hidden = isEmpty;
    fields.paging.hidden = next === null && this.#tokens.length === 1;
    this.#showSearch();
    setText(fields.page, `Page ${this.#tokens.length}`);
    setDisabled(fields.before, this.#tokens.length === 1);
    setDisabled(fields.after, next === null);
    syncRows(fields.rows, keys, { keyOf: ({ key }) => key, columns: COLUMNS });
  }

  /** What the table holds, and the way to a key that no plan and no account knows. */
  #showSearch() {
    const { caption, found, open } = this.#fields;
    const find = this.#find;
    setText(caption, find === null ? ALL : `Found by “${find}”, in the order of their ids.`);
    found.hidden = find === null;
    if (find !== null) {
      setText(open, `Open “${find}” as a key’s id`);
      setAttribute(open, "href", keyHref(find));
    }
  }
}

const ALL = "In the order of their ids. A key without a plan is opened by its id: search for the whole id.";
const NONE =
  "No key has a plan yet. Give one with: usage-meter quota assign KEY PLAN. Keys are counted without a plan, too.";
const NONE_FOUND =
  "No key with a plan begins so, and no account is named so. A key without a plan is opened by its whole id.";
