// The page: which view is shown, how it is kept fresh, and who is looking.

import { ask, forget, NoAnswer } from "./api.js";
import { completenessOf, updatedAt } from "./completeness.js";
import { copyOf, fieldsOf, setAttribute, setText, visible } from "./dom.js";
import { duration } from "./format.js";
import { KeysView } from "./keys_view.js";
import { link } from "./link.js";
import { OverviewView } from "./overview_view.js";
import { Refresher } from "./refresher.js";
import { parseRoute, routeHash } from "./routes.js";
import { session, SignInView } from "./sign_in_view.js";
import { themeToggle } from "./theme_toggle.js";
import { zonePicker } from "./time_zone.js";
import { UsageView } from "./usage_view.js";

const NAME = document.title;
const TITLES = { me: "Your usage", overview: "Overview", keys: "Keys with a plan" };
const KEY_REFUSED =
  "The key was not accepted. Check that you copied the whole key, and that it belongs to an API that is metered here.";

const byId = (id) => document.getElementById(id);
const main = byId("content");

const page = {
  route: { view: null },
  view: null,
  refresher: null,
  isPaused: false,
  access: "unknown",
  completeness: null,
};

async function begin() {
  themeToggle(byId("theme"), () => page.view?.redraw());
  zonePicker(byId("zone-label"), byId("zone"), showZone);
  byId("skip").addEventListener("click", skip);
  byId("pause").addEventListener("click", togglePause);
  byId("try-now").addEventListener("click", () => page.refresher?.now());
  show(copyOf("loading-view"));
  setAccess(link.take() ? "denied" : await findAccess());
  globalThis.addEventListener("hashchange", followAddress);
  follow(parseRoute(location.hash), { isFirst: true });
}

/** Show all times again, in the zone that was chosen. */
function showZone() {
  page.view?.redraw();
  page.refresher?.now();
}

/** Show what the address names. Another link takes the place of the one before, as when a frame gets a new one. */
function followAddress() {
  if (link.take()) {
    forget();
    setAccess("denied");
    close();
  }
  follow(parseRoute(location.hash));
}

/** Whether the caller may see all keys: granted, denied or unknown. */
async function findAccess() {
  try {
    await ask("health");
    return "granted";
  } catch (error) {
    return error.isDenied ? "denied" : "unknown";
  }
}

function setAccess(access) {
  page.access = access;
  for (const link of byId("views").children) {
    link.hidden = link.dataset.view !== "me" && access === "denied";
  }
}

/** Show what a route names. A view that is shown already only changes its periods, and the focus stays. */
function follow(route, { isFirst = false } = {}) {
  const wanted = { ...route, view: link.token ? "me" : (route.view ?? firstView()) };
  if (wanted.view === "key" && !wanted.key) {
    wanted.view = "overview";
  }
  const isSame = page.view && page.route.view === wanted.view && page.route.key === wanted.key;
  page.route = wanted;
  if (isSame && page.refresher) {
    setAsked(page.view, wanted);
    page.refresher.now();
  } else {
    open(wanted, { isFirst });
  }
}

const firstView = () => (page.access === "granted" && session.key === null ? "overview" : "me");

/** Change periods or order within the view. */
function navigate(change) {
  location.hash = routeHash({ ...page.route, ...change });
}

function open(route, { isFirst = false, problem = null } = {}) {
  close();
  markCurrent(route.view);
  document.title = `${route.view === "key" ? `Usage of ${visible(route.key)}` : TITLES[route.view]} · ${NAME}`;
  if (route.view === "me" && link.token === null && session.key === null) {
    openSignIn({ isFirst, problem });
    return;
  }
  const view = viewOf(route);
  setAsked(view, route);
  page.view = view;
  refresh(view, { isFirst });
}

function viewOf(route) {
  switch (route.view) {
    case "me":
      if (link.token) {
        const subject = { path: "link", apiKey: link.token, title: "Your usage", eyebrow: "By a link" };
        return new UsageView(subject, { navigate });
      }
      return new UsageView(
        { path: "me", apiKey: session.key, title: "Your usage", eyebrow: "By your API key" },
        { navigate, onSignOut: signOut },
      );
    case "key":
      return new UsageView(
        { path: `keys/${encodeURIComponent(route.key)}`, apiKey: null, title: route.key, eyebrow: "Usage of the key" },
        { navigate },
      );
    case "keys":
      return new KeysView({ lookAgain: () => page.refresher.now(), navigate });
    default:
      return new OverviewView({ navigate, announce });
  }
}

function setAsked(view, { month, day, metric, limit, find }) {
  if (view instanceof UsageView) {
    view.setPeriods({ month: month ?? day?.slice(0, 7) ?? null, day });
  } else if (view instanceof OverviewView) {
    view.setAsked({ month, day, metric: metric ?? undefined, limit: limit ?? undefined });
  } else if (view instanceof KeysView) {
    view.setAsked({ find });
  }
}

function openSignIn({ isFirst, problem }) {
  page.view = new SignInView({ onKey: signIn, problem });
  page.view.setOperator(page.access);
  showView(page.view.root, { isFirst: isFirst && !problem });
  if (problem) {
    announce(problem);
    byId("api-key").focus();
  }
}

function signIn(key) {
  session.key = key;
  open({ ...page.route, view: "me" });
}

function signOut() {
  session.key = null;
  forget();
  open({ ...page.route, view: "me", month: null, day: null });
}

/** Keep a view fresh. It is put on the page with its first answer; until then it says that it asks. */
function refresh(view, { isFirst }) {
  let isShown = false;
  let latest = null;
  if (!isFirst) {
    show(copyOf("loading-view"));
  }
  page.refresher = new Refresher(
    async (signal) => {
      latest = await view.load(signal);
    },
    {
      onSuccess: () => {
        if (!isShown) {
          isShown = true;
          showView(view.root, { isFirst });
        }
        showFreshness(latest);
      },
      onFailure: (error, wait) => onFailure(error, wait, isShown),
    },
  );
  if (page.isPaused) {
    togglePause();
  } else {
    page.refresher.now();
  }
}

/** Returns whether another attempt makes sense. */
function onFailure(error, wait, isShown) {
  if (!(error instanceof NoAnswer)) {
    console.error(error);
    showMessage("The page has a fault", "What came from the look-up API could not be shown.", String(error));
    return false;
  }
  if (error.isTemporary) {
    showTrouble(error, wait, isShown);
    return true;
  }
  if (error.isDenied && link.token) {
    forget();
    showMessage("The link has ended", error.message, "A link shows the usage of a key for a short time.");
  } else if (error.isDenied && page.route.view === "me") {
    session.key = null;
    open(page.route, { problem: KEY_REFUSED });
  } else if (error.isDenied) {
    setAccess("denied");
    showMessage("Not for this browser", DENIED, error.message);
  } else {
    showMessage("This cannot be shown", error.message, "Go on with a view above.");
  }
  return false;
}

const DENIED =
  "All keys are shown only to requests that are signed with AWS credentials, which a browser's are not. Run " +
  "`usage-meter dashboard`: it serves this page on your machine, with your credentials.";

function showTrouble(error, wait, isShown) {
  const shown = isShown ? " What is shown is from before." : "";
  const text = `${error.message}${shown} Trying again in ${duration(wait / 1000)}.`;
  if (byId("trouble").hidden) {
    announce(text);
  }
  setText(byId("trouble-text"), text);
  byId("dot").dataset.state = "unknown";
  byId("trouble").hidden = false;
}

function showFreshness(answer) {
  if (!byId("trouble").hidden) {
    announce("The look-up API responds again.");
    byId("trouble").hidden = true;
  }
  const { state, text } = completenessOf(answer);
  if (page.completeness !== null && page.completeness !== state) {
    announce(text);
  }
  page.completeness = state;
  byId("dot").dataset.state = state;
  setText(byId("completeness"), text);
  setText(byId("updated"), updatedAt(answer));
  byId("status").hidden = false;
}

function showMessage(title, text, hint) {
  page.refresher?.stop();
  page.view?.destroy();
  page.view = null;
  const message = copyOf("message-view");
  const fields = fieldsOf(message);
  setText(fields.title, title);
  setText(fields.text, text);
  setText(fields.hint, hint);
  byId("status").hidden = true;
  showView(message, { isFirst: false });
}

function close() {
  page.refresher?.stop();
  page.refresher = null;
  page.view?.destroy();
  page.view = null;
  page.completeness = null;
  byId("status").hidden = true;
  byId("trouble").hidden = true;
}

const show = (element) => main.replaceChildren(element);

/** Show a view and go to its heading, as a browser does with a new page. */
function showView(root, { isFirst }) {
  show(root);
  if (!isFirst) {
    globalThis.scrollTo(0, 0);
    root.querySelector("h1").focus({ preventScroll: true });
  }
}

function markCurrent(view) {
  for (const link of byId("views").children) {
    const isCurrent = link.dataset.view === (view === "key" ? "keys" : view);
    if (isCurrent) {
      setAttribute(link, "aria-current", "page");
    } else {
      link.removeAttribute("aria-current");
    }
  }
}

function skip(event) {
  event.preventDefault();
  main.focus();
}

function togglePause() {
  page.isPaused = !page.isPaused;
  setAttribute(byId("pause"), "aria-pressed", page.isPaused);
  page.refresher?.setPaused(page.isPaused);
}

/** Let a screen reader say what has changed and matters. */
const announce = (text) => setText(byId("announcer"), text);

const KEY_FORGOTTEN = "Your key was removed after an hour without use of this page. Enter it again.";

/** Forget a key that nobody uses: whoever comes to this screen later sees nothing of it. */
function forgetUnused() {
  if (page.view instanceof UsageView && page.route.view === "me" && !link.token && session.key === null) {
    forget();
    open({ ...page.route, month: null, day: null }, { problem: KEY_FORGOTTEN });
  }
}

for (const kind of ["pointerdown", "keydown"]) {
  addEventListener(kind, () => session.use(), { capture: true, passive: true });
}
document.addEventListener("visibilitychange", forgetUnused);
setInterval(forgetUnused, 60_000);

begin();
