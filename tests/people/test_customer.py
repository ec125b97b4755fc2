"""A customer of the API on the page: what they used, on each of their screens."""

from __future__ import annotations

import re
import subprocess

import pytest

from tests.dashboard import chromium
from tests.dashboard.page import Page
from tests.people.conftest import Up
from tests.people.screens import SCREENS, assert_fits, show

pytestmark = pytest.mark.exhaustive


def test_customer(demo: Up) -> None:
    """The page shows what the command says of the key, on every screen, and complains of nothing."""
    (key,) = re.findall(
        r"^([0-9a-f]{10}) ", _typed(demo, "top", "--period", "2026-11", "--limit", "1"), re.MULTILINE
    )
    (requests,) = re.findall(
        r"^requests +([\d,]+)", _typed(demo, "usage", key, "--period", "2026-11"), re.MULTILINE
    )
    chromium.require()
    with chromium.running() as chrome:
        page = Page(chrome, demo.page)
        chrome.get("about:blank")
        page.complaints()  # those of the browser's own first page
        page.open("#/me?month=2026-11")
        page.sign_in(key)
        page.await_field("requests", requests)
        page.wait(lambda: page.cells("endpoints"), "which endpoints were called")
        for screen in SCREENS:
            show(chrome, screen)
            page.await_field("requests", requests)
            assert_fits(chrome, screen)
        assert [] == page.complaints()


def _typed(demo: Up, *arguments: str) -> str:
    """What a command prints into a pipe."""
    found = subprocess.run(
        ["usage-meter", *arguments], env=dict(demo.environment), capture_output=True, text=True, check=True
    )
    return found.stdout
