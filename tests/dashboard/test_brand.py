"""The page with the owner's name, colour and logo."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from selenium.webdriver import Chrome

from adapters.dynamodb.table import quick_client
from adapters.settings.functions import UsageApiSettings
from local_cloud.api_gateway.http_front import LookUpFront
from local_cloud.api_gateway.lookup_server import FUNCTION
from local_cloud.telemetry import quiet_telemetry
from tests.dashboard.conftest import BUSY
from tests.dashboard.page import Page
from tests.dashboard.test_accessibility import PHONE, axe, faults, unfold
from tests.dashboard.world import World
from tests.examples import sampled
from tests.usage_api.test_brand import LOGO
from usage_api.handler import Clocks, make_handler

__all__ = ["axe"]

PALE = "#ffe600"
"""It cannot be read on white."""


@pytest.fixture(scope="module")
def address(world: World) -> Iterator[str]:
    """Where the page of the world is with a name, a colour and a logo."""
    cloud = world.cloud
    settings = replace(
        UsageApiSettings.from_environment(cloud.environment(FUNCTION)),
        page_name="Acme & <b>Sons</b>",
        page_colour=PALE,
        page_logo=LOGO,
    )
    dynamodb = quick_client(**cloud.endpoint.access("dynamodb"))
    tools, clocks = quiet_telemetry("usage_api"), Clocks(cloud.clock.now)
    handler = make_handler(settings, dynamodb, tools, clocks, lambda: cloud.client("s3"))
    with LookUpFront(cloud.function(FUNCTION, handler), cloud.stack, 0) as server:
        yield server.url


@pytest.fixture
def branded(chrome: Chrome, address: str) -> Iterator[Page]:
    """That page; the test fails if the browser complained of anything, or asked another host."""
    page = Page(chrome, address)
    page.complaints()
    page.requests()
    yield page
    page.close()
    assert [] == page.complaints()
    assert [] == [url for url in page.requests() if not url.startswith((page.url, "data:", "about:blank"))]


class TestBrand:
    def test_shown(self, branded: Page) -> None:
        """The name is text wherever the page says it, and the logo is a picture that the policy allows."""
        branded.open(f"#/key/{BUSY}")
        assert f"Usage of {BUSY} · Acme & <b>Sons</b>" == branded.chrome.title
        assert "Acme & <b>Sons</b>" == branded.text(".brand")
        width = "const i = document.querySelector('.brand img'); return i.complete ? i.naturalWidth : 0"
        branded.wait(lambda: branded.run(width) > 0, "the logo")
        assert 26 == branded.run("return document.querySelector('.brand img').clientHeight")
        branded.open("assets/reference.html")
        assert "API reference · Acme & <b>Sons</b>" == branded.chrome.title

    # the colour has to be changed in the light theme only
    @pytest.mark.parametrize("theme", sampled(["light", "dark"], 1))
    def test_readable(self, branded: Page, axe: str, theme: str) -> None:
        """axe-core finds no fault in either theme with a colour that cannot be read on white."""
        branded.prefer(color_scheme=theme, reduced_motion="reduce")
        for view in ("#/me", f"#/key/{BUSY}", "assets/reference.html"):
            branded.open(view)
            unfold(branded)
            assert [] == faults(branded, axe), view

    def test_colour(self, branded: Page) -> None:
        """In the dark theme it is as it was set, and in the light one another."""
        branded.open("assets/reference.html")
        colour = "return getComputedStyle(document.querySelector('main a')).color"
        shown = []
        for theme in ("light", "dark"):
            branded.prefer(color_scheme=theme, reduced_motion="reduce")
            shown.append(branded.run(colour) == "rgb(255, 230, 0)")
        assert [False, True] == shown

    def test_phone(self, branded: Page) -> None:
        """Name and logo fit on a phone."""
        branded.open("#/me", width=PHONE, height=640)
        assert PHONE == branded.run("return document.documentElement.scrollWidth")
