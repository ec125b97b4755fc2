// Small helpers for the page's elements. Text is only ever set as text: nothing here, or anywhere else on the page,
// turns a string into markup.

/** A copy of a template of index.html. */
export function copyOf(templateId) {
  return document.getElementById(templateId).content.firstElementChild.cloneNode(true);
}

/** The elements below `root` that are named by `data-field`, by name. */
export function fieldsOf(root) {
  const named = [...root.querySelectorAll("[data-field]")];
  return Object.fromEntries(named.map((element) => [element.dataset.field, element]));
}

const UNSEEN = /(?! )[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/**
 * The text with each character that cannot be seen spelled out: no name turns a line around, or looks like another.
 * It is written as `metering/visible_text.py` writes it.
 */
export const visible = (text) => String(text).replace(UNSEEN, spelledOut);

function spelledOut(character) {
  const number = character.codePointAt(0);
  const short = { 9: "\\t", 10: "\\n", 13: "\\r" }[number];
  const [letter, digits] = number < 0x100 ? ["x", 2] : number < 0x10000 ? ["u", 4] : ["U", 8];
  return short ?? `\\${letter}${number.toString(16).padStart(digits, "0")}`;
}

/** Set a text, and touch the document only when it differs: a screen reader and a selection stay undisturbed. */
export function setText(element, text) {
  const shown = visible(text);
  if (element.textContent !== shown) {
    element.textContent = shown;
  }
}

/** Set a text, and hide the element while there is none. */
export function setOptionalText(element, text) {
  setText(element, text ?? "");
  element.hidden = !text;
}

export function setAttribute(element, name, value) {
  if (element.getAttribute(name) !== String(value)) {
    element.setAttribute(name, value);
  }
}

/** An element with properties and children; strings among the children become text. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Disable a button. One that has the focus keeps it, as a disabled one would lose it. */
export function setDisabled(button, isDisabled) {
  setAttribute(button, "aria-disabled", isDisabled);
}

export const isDisabled = (button) => button.getAttribute("aria-disabled") === "true";

/**
 * Make the children of `parent` those of `items`, in order. A child stays as long as its item's key does; `create`
 * makes one, `update` shows an item in it. What has the focus keeps it, also when its row moves.
 */
export function syncChildren(parent, items, { keyOf, create, update }) {
  const focused = parent.contains(document.activeElement) ? document.activeElement : null;
  const old = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  items.forEach((item, place) => {
    const key = String(keyOf(item));
    const child = old.get(key) ?? create(item);
    old.delete(key);
    child.dataset.key = key;
    update(child, item);
    if (parent.children[place] !== child) {
      parent.insertBefore(child, parent.children[place] ?? null);
    }
  });
  old.forEach((child) => child.remove());
  if (focused && focused !== document.activeElement && focused.isConnected) {
    focused.focus({ preventScroll: true });
  }
}

/** Fill a table's body; each row's `cells` are texts or elements' makers, as `columns` names them. */
export function syncRows(body, rows, { keyOf, columns }) {
  syncChildren(body, rows, {
    keyOf,
    create: () => make("tr", {}, ...columns.map(newCell)),
    update: (row, item) => columns.forEach((column, place) => updateCell(row.children[place], column, item)),
  });
}

function newCell(column) {
  const className = column.isNumber ? "number" : column.isProse ? "prose" : "";
  const cell = make(column.isHeader ? "th" : "td", { className });
  if (column.isHeader) {
    cell.scope = "row";
  }
  if (column.href) {
    cell.append(make("a", {}));
  }
  return cell;
}

function updateCell(cell, column, item) {
  const holder = column.href ? cell.firstElementChild : cell;
  if (column.href) {
    setAttribute(holder, "href", column.href(item));
  }
  setText(holder, column.text(item));
}

/** Fill a select with `[value, label]` pairs and choose one; it is left alone while nothing differs. */
export function setOptions(select, options, chosen) {
  const isSame =
    select.options.length === options.length &&
    options.every(([value, label], place) => {
      const option = select.options[place];
      return option.value === value && option.textContent === label;
    });
  if (!isSame) {
    select.replaceChildren(...options.map(([value, label]) => make("option", { value, textContent: label })));
  }
  if (select.value !== chosen) {
    select.value = chosen;
  }
}
