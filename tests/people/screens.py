"""The screens on which people look: a desk, a phone, and a desk at 200 %."""

from __future__ import annotations

from typing import Final, NamedTuple

from selenium.webdriver import Chrome


class Screen(NamedTuple):
    """A screen, in CSS pixels."""

    name: str
    width: int
    height: int
    scale: int = 1


SCREENS: Final = (Screen("desk", 1280, 900), Screen("phone", 390, 844, 3), Screen("200 %", 640, 450, 2))


def show(chrome: Chrome, screen: Screen) -> None:
    """Give the browser a screen."""
    metrics = {
        "width": screen.width,
        "height": screen.height,
        "deviceScaleFactor": screen.scale,
        "mobile": screen.name == "phone",
    }
    chrome.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def fits(chrome: Chrome, address: str, screen: Screen) -> None:
    """Open a page on a screen: nothing of it lies beyond the right edge, but for what scrolls by itself."""
    show(chrome, screen)
    chrome.get(address)
    assert_fits(chrome, screen)


def assert_fits(chrome: Chrome, screen: Screen) -> None:
    """The page can be read without moving it to the side."""
    wide = chrome.execute_script("return document.documentElement.scrollWidth")
    assert wide <= screen.width, f"on {screen.name} the page is {wide} px wide"
