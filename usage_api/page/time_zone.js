// In which zone times are shown: UTC, or the browser's own. Days and months are UTC's either way, as they are counted.

const STORED = "usage-meter.zone";
const LOCAL = "local";
const UTC = "UTC";

export const ownZone = new Intl.DateTimeFormat().resolvedOptions().timeZone ?? UTC;

let shown = kept() === LOCAL ? ownZone : UTC;

/** The zone of all times on the page, as Intl names it. */
export const shownZone = () => shown;
export const isUtc = () => shown === UTC;

/** Let a select choose the zone; `onChange()` is called when another one is chosen. Without a choice it is hidden. */
export function zonePicker(label, select, onChange) {
  label.hidden = ownZone === UTC;
  select.options[1].textContent = ownZone.replaceAll("_", " ");
  select.value = isUtc() ? "utc" : LOCAL;
  select.addEventListener("change", () => {
    shown = select.value === LOCAL ? ownZone : UTC;
    keep(select.value);
    onChange();
  });
}

function kept() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

function keep(zone) {
  try {
    localStorage.setItem(STORED, zone);
  } catch {
    // Storage is switched off: the choice lasts as long as the page.
  }
}
