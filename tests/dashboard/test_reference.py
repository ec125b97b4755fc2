"""The API reference, which the page links to."""

from __future__ import annotations

import pytest

from tests.dashboard.page import Page
from tests.dashboard.test_accessibility import PHONE, axe, brightness, faults
from tests.examples import sampled

__all__ = ["axe"]

ADDRESS = "assets/reference.html"


class TestReference:
    def test_there_and_back(self, page: Page) -> None:
        """A link at the foot of the page leads to it; from a request one gets to its content, and back."""
        page.open()
        page.one("footer a").click()
        page.wait(lambda: page.text("main h1") == "API reference: Usage look-ups", "the reference")
        page.one("a[href='#me_usage']").click()
        assert "GET /me/usage" == page.text(":target h3")
        page.one(":target a[href='#schema-PeriodUsage']").click()
        assert "PeriodUsage" == page.text(":target h3")
        page.chrome.back()
        assert "GET /me/usage" == page.text(":target h3")
        page.one(".brand").click()
        page.one("#views")

    # the other page has its quick test in the light theme
    @pytest.mark.parametrize("theme", sampled(["dark", "light"], 1))
    def test_accessible(self, page: Page, axe: str, theme: str) -> None:
        """axe-core finds no fault in either theme, which is the system's or the one that was chosen."""
        page.prefer(color_scheme=theme, reduced_motion="reduce")
        page.open(ADDRESS)
        assert (theme == "dark") == (brightness(page) < 128)
        assert [] == faults(page, axe)

    def test_chosen_theme(self, page: Page) -> None:
        """The theme that was chosen on the page holds here as well."""
        page.open()
        page.one("#theme").click()
        page.open(ADDRESS)
        assert brightness(page) < 128

    def test_phone(self, page: Page) -> None:
        """At 320 pixels nothing is wider than the screen; tables scroll in themselves."""
        page.open(ADDRESS, width=PHONE, height=640)
        assert PHONE == page.run("return document.documentElement.scrollWidth")
