"""The page in a browser: it asks for nothing, says nothing to the console, and axe-core finds no fault."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome

from reconciliation.report.page import report_page
from tests.dashboard import chromium
from tests.dashboard.test_accessibility import axe
from tests.reconciliation.report.samples import agreeing, differing, hostile, refused, running

__all__ = ["axe"]  # a fixture

SAMPLES = {
    "agrees": agreeing,
    "differs": differing,
    "hostile": hostile,
    "refused": refused,
    "running": running,
}
FAULTS = """
const done = arguments[arguments.length - 1];
axe.run(document, {resultTypes: ["violations"]}).then(
  (found) => done(found.violations.map((one) => one.id + ": " + one.nodes[0].html)),
  (error) => done([String(error)]));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    """A browser as wide as a phone that is held across."""
    chromium.require()
    with chromium.running(width=800, height=900) as running_browser:
        yield running_browser


def opened(browser: Chrome, name: str, folder: Path, theme: str = "light") -> None:
    """Show a sample in a theme."""
    path = folder / f"{name}.html"
    path.write_bytes(report_page(SAMPLES[name]()))
    feature = {"name": "prefers-color-scheme", "value": theme}
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
    browser.get(path.as_uri())


@pytest.mark.parametrize("theme", ["light", pytest.param("dark", marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("name", list(SAMPLES))
def test_no_fault(browser: Chrome, axe: str, name: str, theme: str, tmp_path: Path) -> None:
    """For those who do not see it, or see no colours, in both themes."""
    opened(browser, name, tmp_path, theme)
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    browser.execute_script(axe)
    assert [] == browser.execute_async_script(FAULTS)


def test_alone(browser: Chrome, tmp_path: Path) -> None:
    """It asks for nothing but itself, and breaks none of the rules that it sets."""
    for kind in ("performance", "browser"):
        reported(browser, kind)  # of the tests before
    opened(browser, "hostile", tmp_path)
    assert {f"{tmp_path.as_uri()}/hostile.html"} == set(requested(browser))
    assert [] == reported(browser, "browser")


def test_no_script_runs(browser: Chrome, tmp_path: Path) -> None:
    """A key that is a script is shown, and opens no dialogue."""
    opened(browser, "hostile", tmp_path)
    assert 0 == browser.execute_script("return document.scripts.length")
    assert "<script>alert('key')</script>" in browser.execute_script("return document.body.innerText")


def reported(browser: Chrome, kind: str) -> list[Any]:
    """What the browser reports of its requests, or its console, since it was asked last."""
    return list(browser.get_log(kind))  # type: ignore[no-untyped-call]  # selenium's


def requested(browser: Chrome) -> Iterator[str]:
    """The addresses that were asked for."""
    for entry in reported(browser, "performance"):
        message: dict[str, Any] = json.loads(entry["message"])["message"]
        if message["method"] == "Network.requestWillBeSent":
            yield message["params"]["request"]["url"]
