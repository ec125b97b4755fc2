// The form by which an operator opens a key, and the address of a key's view.

import { copyOf, fieldsOf } from "./dom.js";
import { routeHash } from "./routes.js";

/** The address of a key's usage in a month; null: the current one. */
export const keyHref = (key, month = null) => routeHash({ view: "key", key, month });

/** A form that opens the key whose id is put in. */
export function finder() {
  const form = copyOf("finder");
  const { key } = fieldsOf(form);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const id = key.value.trim();
    if (id) {
      location.hash = keyHref(id);
    }
  });
  return form;
}
