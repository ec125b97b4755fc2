// Runs before the first paint, so that a chosen theme does not flash. Without a choice the system's theme holds.
"use strict";

(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("usage-meter.theme");
  } catch {
    // Storage is switched off: the system's theme it is.
  }
  if (chosen === "light" || chosen === "dark") {
    document.documentElement.dataset.theme = chosen;
  }
})();
