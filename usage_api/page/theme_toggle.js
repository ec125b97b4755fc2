// The button that turns the dark theme on and off. theme.js applies the choice before the first paint.

import { setAttribute } from "./dom.js";

const STORED = "usage-meter.theme";
const systemIsDark = matchMedia("(prefers-color-scheme: dark)");

/** `onChange()` is called when the colours have changed, by the button or by the system. */
export function themeToggle(button, onChange) {
  const apply = () => {
    setAttribute(button, "aria-pressed", isDark());
    onChange();
  };
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    keep(theme);
    apply();
  });
  systemIsDark.addEventListener("change", apply);
  apply();
}

function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : systemIsDark.matches;
}

function keep(theme) {
  try {
    localStorage.setItem(STORED, theme);
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
}
