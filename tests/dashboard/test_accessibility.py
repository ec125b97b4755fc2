"""Everybody can use the page: by keyboard, with a screen reader, on a phone, in either theme."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from selenium.webdriver import Keys

from tests.dashboard.conftest import BUSY, IDLE
from tests.dashboard.page import Page

AXE = Path(__file__).resolve().parents[2] / "tools" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
VIEWS = {
    "overview": "",
    "keys": "#/keys",
    "usage": f"#/key/{BUSY}",
    "empty": f"#/key/{IDLE}",
    "sign-in": "#/me",
}
PHONE = 320
"""CSS pixels: what a wide page at 400 % has, too (https://www.w3.org/TR/WCAG22/#reflow)."""

_FAULTS = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(
  (result) => done(result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" | ")}`)),
  (error) => done([String(error)]));
"""


@pytest.fixture
def axe() -> str:
    """axe-core's source."""
    if not AXE.exists():
        reason = "axe-core is not installed: run `make axe` (Debian: nodejs and npm)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return AXE.read_text()


def faults(page: Page, axe: str) -> list[str]:
    """What axe-core finds wrong with the page as it is shown."""
    page.run(axe)
    found: list[str] = page.chrome.execute_async_script(_FAULTS)
    return found


def unfold(page: Page) -> None:
    """Open all that can be unfolded."""
    page.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")


class TestAxe:
    @pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.exhaustive)])
    def test_no_fault(self, page: Page, axe: str, theme: str) -> None:
        """axe-core finds no fault in any view, contrast included; with everything unfolded."""
        page.prefer(color_scheme=theme, reduced_motion="reduce")
        for view in VIEWS.values():
            page.open(view)
            unfold(page)
            assert [] == faults(page, axe), view

    def test_no_fault_in_trouble(self, page: Page, axe: str) -> None:
        """Nor where the page reports trouble."""
        page.answer(
            {
                "health": {"status": 200, "body": {"status": "stopped", "problems": ["Look."]}},
                f"keys/{BUSY}/quota": {"status": 200, "body": {"status": "suspended", "allowed": False}},
            }
        )
        for view in ("", f"#/key/{BUSY}"):
            page.open(view)
            page.run("document.getElementById('trouble').hidden = false")
            assert [] == faults(page, axe), view


class TestKeyboard:
    def test_order(self, page: Page) -> None:
        """Tab goes through the page in reading order, from the skip link on."""
        page.open()
        stops = []
        for _ in range(8):
            page.press(Keys.TAB)
            stops.append(page.focused())
        assert [
            "Skip to the content",
            "Usage meter",
            "My usage",
            "Overview",
            "Keys",
            "Dark theme",
            "Pause updates",
            "Key id",
        ] == stops

    def test_skip(self, page: Page) -> None:
        """The skip link leads past the navigation, and leaves the view."""
        page.open("#/keys")
        page.run("document.activeElement.blur()")
        page.press(Keys.TAB, Keys.ENTER, Keys.TAB)
        assert "Key, account or name" == page.focused()
        assert "#/keys" == page.run("return location.hash")

    def test_visible_focus(self, page: Page) -> None:
        """Every stop shows that it has the focus."""
        page.open(f"#/key/{BUSY}")
        for _ in range(14):
            page.press(Keys.TAB)
            outline = page.run(
                "const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]"
            )
            assert outline == ["solid", "2px"], page.focused()

    def test_everything(self, page: Page) -> None:
        """A customer signs in, picks a month and a day, unfolds a table and signs out, by keyboard alone."""
        page.open("#/me")
        page.run("document.querySelector('h1').focus()")
        page.press(Keys.TAB, BUSY, Keys.ENTER)
        page.await_field("eyebrow", "By your API key")
        page.wait(lambda: page.focused() == "Your usage", "the focus on the heading")
        page.press(Keys.TAB, Keys.ENTER)
        page.await_field("callsTitle", "Calls in October 2026")
        assert "Month before" == page.focused()
        page.press(Keys.TAB, Keys.TAB, Keys.ENTER)
        page.await_field("callsTitle", "Calls, month to date")
        assert "Month after" == page.focused()
        page.press(Keys.TAB)
        assert "Sign out" == page.focused()
        page.press(Keys.TAB)
        assert "CSV: cost so far" == page.focused()
        page.press(Keys.TAB)
        assert "Cost so far as a table" == page.focused()
        page.press(Keys.TAB)
        assert "CSV: calls by day" == page.focused()
        page.press(Keys.TAB)
        assert "Days as a table" == page.focused()
        page.press(Keys.ENTER)
        assert page.run("return document.querySelector('details').open")
        for _ in range(4):
            page.press_back()
        assert "Sign out" == page.focused()
        page.press(Keys.ENTER)
        page.one("#api-key")

    def test_focus_after_a_view_opens(self, page: Page) -> None:
        """It goes to the heading, so that a screen reader begins there."""
        page.open()
        page.one("[data-view=keys]").click()
        page.wait(lambda: page.focused() == "Keys with a plan", "the heading")


class TestStructure:
    @pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
    def test_landmarks_and_names(self, page: Page, view: str) -> None:
        """One main part, one first heading, captions on tables, and a title for each view."""
        page.open(view)
        for selector in ("main", "main h1", "header", "nav[aria-label]", "footer"):
            assert 1 == page.run("return document.querySelectorAll(arguments[0]).length", selector), selector
        assert page.run("return [...document.querySelectorAll('table')].every(t => t.caption.textContent)")
        assert page.chrome.title.endswith(" · Usage meter")

    def test_charts_in_words(self, page: Page) -> None:
        """A chart is an image whose name says what it shows; a table has all of it."""
        page.open(f"#/key/{BUSY}")
        charts = page.chrome.find_elements("css selector", ".chart")
        assert ["image", "image"] == [chart.aria_role for chart in charts]
        names = [chart.accessible_name for chart in charts]
        assert names[0].startswith("Calls by day Calls in 24 days, most of them on ")
        assert names[1].startswith("Calls by hour 24 November 2026: 5 in all.")

    def test_announcements(self, page: Page) -> None:
        """A refresh says nothing; only what matters is announced."""
        page.open(f"#/key/{BUSY}")
        assert "polite" == page.run("return document.getElementById('announcer').ariaLive")
        assert 1 == page.run("return document.querySelectorAll('[aria-live]').length")
        assert "" == page.text("#announcer")


class TestThemes:
    @pytest.mark.parametrize(("theme", "is_dark"), [("light", False), ("dark", True)])
    def test_system(self, page: Page, theme: str, is_dark: bool) -> None:
        """Without a choice the page has the system's theme."""
        page.prefer(color_scheme=theme, reduced_motion="reduce")
        page.open()
        assert is_dark == (brightness(page) < 128)
        assert str(is_dark).lower() == page.one("#theme").get_attribute("aria-pressed")

    def test_choice(self, page: Page) -> None:
        """The button chooses, the choice stays, and the chart follows."""
        page.open(f"#/key/{BUSY}")
        light = colour_of_bars(page)
        page.one("#theme").click()
        assert brightness(page) < 128
        page.wait(lambda: colour_of_bars(page) != light, "bars in the dark theme's colour")
        page.chrome.refresh()
        page.one("#theme")
        assert brightness(page) < 128


class TestPhone:
    @pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
    def test_no_sideways_scroll(self, page: Page, view: str) -> None:
        """At 320 pixels nothing is wider than the screen, with everything unfolded; tables scroll in
        themselves.
        """
        page.open(view, width=PHONE, height=640)
        unfold(page)
        assert PHONE == page.run("return document.documentElement.scrollWidth")
        outside = page.run(
            "return [...document.querySelectorAll('button, input, select, h1, .tile, .card')].filter(e => "
            "!e.closest('.scroll') && e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML)"
        )
        assert [] == outside

    def test_chart_fits(self, page: Page) -> None:
        """The chart follows when a phone is turned."""
        page.open(f"#/key/{BUSY}", width=PHONE, height=640)
        assert canvas_width(page) < PHONE
        page.resize(640, PHONE)
        page.wait(lambda: canvas_width(page) > PHONE, "a wider chart")


def brightness(page: Page) -> float:
    """Of the page's ground, from 0 to 255."""
    red, green, blue = page.run(
        "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    )
    return float(0.299 * red + 0.587 * green + 0.114 * blue)


def colour_of_bars(page: Page) -> list[int]:
    """The most frequent opaque colour in the chart of days: that of its bars."""
    colour: list[int] = page.run(
        "const c = document.querySelector('.chart canvas'); const seen = new Map();"
        "const copy = new OffscreenCanvas(c.width, c.height).getContext('2d', {willReadFrequently: true});"
        "copy.drawImage(c, 0, 0); const d = copy.getImageData(0, 0, c.width, c.height).data;"
        "for (let i = 0; i < d.length; i += 4) if (d[i + 3] === 255) {"
        " const k = `${d[i]},${d[i + 1]},${d[i + 2]}`; seen.set(k, (seen.get(k) ?? 0) + 1); }"
        "return [...seen].sort((a, b) => b[1] - a[1])[0][0].split(',').map(Number)"
    )
    return colour


def canvas_width(page: Page) -> int:
    """Of the chart of days, in CSS pixels."""
    return int(page.run("return document.querySelector('.chart canvas').clientWidth"))
