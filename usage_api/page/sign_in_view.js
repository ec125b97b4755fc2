// Where a customer puts in their API key.

import { copyOf, fieldsOf, setOptionalText, setText } from "./dom.js";

const STORED = "usage-meter.key";
const USED = "usage-meter.key-used";
const FORGOTTEN_AFTER_MS = 3_600_000;

/** The key of this tab's session. It is not kept beyond it, nor beyond an hour in which nobody uses the page. */
export const session = {
  get key() {
    if (this.isForgotten) {
      this.key = null;
    }
    return storage()?.getItem(STORED) ?? this.fallback;
  },
  set key(key) {
    this.fallback = key;
    if (key === null) {
      this.usedAt = 0;
      storage()?.removeItem(STORED);
      storage()?.removeItem(USED);
    } else {
      storage()?.setItem(STORED, key);
      this.note();
    }
  },
  /** Somebody uses the page now. */
  use() {
    if (!this.isForgotten) {
      this.note();
    }
  },
  note() {
    this.usedAt = Date.now();
    storage()?.setItem(USED, String(this.usedAt));
  },
  get isForgotten() {
    return Date.now() - Number(storage()?.getItem(USED) ?? this.usedAt) >= FORGOTTEN_AFTER_MS;
  },
  usedAt: 0,
  fallback: null,
};

/** The tab's storage; null where the browser forbids it: then the key lives as long as the page. */
function storage() {
  try {
    return globalThis.sessionStorage;
  } catch {
    return null;
  }
}

const OPERATOR_DENIED =
  "Operators: this address shows all keys only to requests that are signed, which a browser's are not. Run " +
  "`usage-meter dashboard`: it serves this page on your machine, with your AWS credentials.";
const OPERATOR_ALLOWED = "You are seen as an operator: Overview and Keys, above, show all keys.";
const OPERATOR_UNKNOWN = "Whether you may see all keys is not known: the meter's health cannot be read just now.";

/** What a header can carry, and a key consists of: letters, digits and signs of ASCII. */
const KEY = /^[!-~]+$/;
const NO_KEY = "This is not an API key: it has characters that no key has. Check that you copied the whole key.";

const ON_THIS_MACHINE = ["127.0.0.1", "localhost", "[::1]"];

export class SignInView {
  #fields;

  /** `onKey(key)` gets what is put in; `problem` says why the last key was sent back. */
  constructor({ onKey, problem }) {
    this.root = copyOf("sign-in-view");
    this.#fields = fieldsOf(this.root);
    const { form, key, local } = this.#fields;
    local.hidden = !ON_THIS_MACHINE.includes(location.hostname);
    this.#tell(problem);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const given = key.value.trim();
      if (KEY.test(given)) {
        onKey(given);
      } else {
        this.#tell(NO_KEY);
        key.focus();
      }
    });
  }

  #tell(problem) {
    const { key, problem: place } = this.#fields;
    setOptionalText(place, problem);
    if (problem) {
      key.setAttribute("aria-invalid", "true");
      key.setAttribute("aria-describedby", "key-problem key-use");
    }
  }

  /** `access`: granted, denied or unknown. */
  setOperator(access) {
    const texts = { granted: OPERATOR_ALLOWED, denied: OPERATOR_DENIED, unknown: OPERATOR_UNKNOWN };
    setText(this.#fields.operator, texts[access]);
  }

  redraw() {}

  destroy() {}
}
