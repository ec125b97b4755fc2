"""The dashboard in a browser: what a user sees and does there, and what they must not have to see."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

T = TypeVar("T")

SECONDS: Final = 60
"""No wait is so long unless something is wrong: batches take 1 s here, and the page looks again after 5 s."""

_CANNED = """
const canned = %s;
const ask = window.fetch;
window.fetch = async (path, options) => {
  const found = canned[String(path).split("?")[0]];
  if (!found) return ask(path, options);
  if (found.fails) throw new TypeError("Failed to fetch");
  const body = {...(found.status === 200 ? await (await ask(path, {...options, headers: {
    ...options.headers, "If-None-Match": ""}})).json() : {}), ...found.body};
  return new Response(JSON.stringify(body), {status: found.status, headers: found.headers});
};
"""


class Page:
    """The page of one look-up server, in one browser."""

    def __init__(self, chrome: Chrome, url: str) -> None:
        self.chrome = chrome
        self.url = url
        self._script: str | None = None

    def open(self, view: str = "", *, width: int = 1280, height: int = 900) -> None:
        """Load the page anew, at a view such as `#/keys`, and wait for its heading."""
        self.resize(width, height)
        self.chrome.get("about:blank")
        self.chrome.get(self.url + view)
        self.wait(lambda: self.find("main h1"), "a heading")

    def close(self) -> None:
        """Leave nothing behind: no key, no theme, no canned answer, no preference."""
        self.run("sessionStorage.clear(); localStorage.clear()")
        self.answer(None)
        self.zone("")
        self.prefer()

    def resize(self, width: int, height: int) -> None:
        """Give the page a screen, of one device pixel a CSS pixel."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def zone(self, name: str) -> None:
        """Let the browser be in a time zone; without a name, in that of the machine."""
        self.chrome.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": name})

    def prefer(self, **features: str) -> None:
        """Set what the user prefers: `color_scheme="dark"`, `reduced_motion="reduce"`."""
        named = [
            {"name": f"prefers-{name.replace('_', '-')}", "value": value} for name, value in features.items()
        ]
        self.chrome.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": named})

    def answer(self, canned: Mapping[str, Mapping[str, Any]] | None) -> None:
        """From the next load on, answer these paths so: `{"health": {"status": 503, "body": {...}}}`.

        A body of status 200 changes fields of the real answer. None: nothing is canned any more.
        """
        if self._script is not None:
            self.chrome.execute_cdp_cmd(
                "Page.removeScriptToEvaluateOnNewDocument", {"identifier": self._script}
            )
            self._script = None
        if canned is not None:
            source = {"source": _CANNED % json.dumps(canned)}
            added = self.chrome.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", source)
            self._script = added["identifier"]

    def sign_in(self, key: str) -> None:
        """Put a key into the field, as a customer does."""
        self.one("#api-key").send_keys(key)
        self.one("form .primary").click()

    def find(self, selector: str) -> WebElement | None:
        """The first visible element."""
        found = self.chrome.find_elements(By.CSS_SELECTOR, selector)
        return next((element for element in found if element.is_displayed()), None)

    def one(self, selector: str) -> WebElement:
        """The first visible element, when it is there."""
        return self.wait(lambda: self.find(selector), f"an element {selector}")

    def field(self, name: str) -> str:
        """The text of a field of the view, as it is in the document; spaces that do not break are spaces."""
        text: str = self.run(
            "return document.querySelector(`main [data-field='${arguments[0]}']`)?.textContent ?? ''", name
        )
        return text.replace("\u00a0", " ").strip()

    def await_field(self, name: str, text: str) -> None:
        """Wait until a field has a text."""
        try:
            self.wait(lambda: self.field(name) == text, "")
        except TimeoutError:
            raise AssertionError(f"{name} is {self.field(name)!r}, not {text!r}") from None

    def text(self, selector: str) -> str:
        """What the element's text is in the document."""
        return str(
            self.run("return document.querySelector(arguments[0])?.textContent ?? ''", selector)
        ).strip()

    def cells(self, body: str) -> list[list[str]]:
        """The texts of a table's rows; `body` is the field of its body."""
        rows: list[list[str]] = self.run(
            "return [...document.querySelectorAll(`main [data-field='${arguments[0]}'] tr`)].map("
            "row => [...row.children].map(cell => cell.textContent))",
            body,
        )
        return rows

    def wait(self, found: Callable[[], T | None], what: str) -> T:
        """Wait until something is found."""
        deadline = time.monotonic() + SECONDS
        while not (result := found()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"The page does not show {what}; it shows: {self.text('body')[:2000]}")
            time.sleep(0.05)
        return result

    def run(self, script: str, *arguments: object) -> Any:
        """What a script in the page returns."""
        return self.chrome.execute_script(script, *arguments)

    def module(self, name: str, expression: str, *arguments: object) -> Any:
        """The value of an expression with the module `m` of the page and the arguments `a`."""
        script = (
            "const [name, a, done] = [arguments[0], arguments[1], arguments[arguments.length - 1]];"
            "const url = new URL(`assets/${name}`, document.baseURI);"
            f"import(url).then(async m => done({{value: await {expression}}}))"
            ".catch(error => done({error: String(error)}));"
        )
        answer = self.chrome.execute_async_script(script, name, list(arguments))
        assert "error" not in answer, answer["error"]
        return answer["value"]

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            ActionChains(self.chrome).send_keys(key).perform()

    def press_back(self) -> None:
        """Press Shift and Tab together."""
        ActionChains(self.chrome).key_down(Keys.SHIFT).send_keys(Keys.TAB).key_up(Keys.SHIFT).perform()

    def hide(self, *, is_hidden: bool) -> None:
        """Let the page believe that its tab went to the background, or came back."""
        self.run(
            "Object.defineProperty(document, 'hidden', {value: arguments[0], configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange'))",
            is_hidden,
        )

    def look_again(self) -> None:
        """Let the page refresh at once, as it does when its tab comes back."""
        self.hide(is_hidden=True)
        self.hide(is_hidden=False)

    def focused(self) -> str:
        """What a user would call the element that has the focus."""
        return str(
            self.run(
                "const e = document.activeElement;"
                "return e.getAttribute('aria-label') || e.labels?.[0]?.textContent || e.textContent.trim()"
            )
        )

    def requests(self) -> list[str]:
        """The addresses that were asked for since the last time, or the start."""
        events = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def complaints(self) -> list[str]:
        """What stood in the console since the last time, or the start: errors, breaches of the policy."""
        return [entry["message"] for entry in self._log("browser")]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.chrome.get_log(kind)  # type: ignore[no-untyped-call]  # selenium left it out
        return entries
