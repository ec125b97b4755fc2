"""Debian's Chromium, driven by its own driver: nothing is downloaded, and nothing of a user's is touched."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest
from selenium.webdriver import Chrome, ChromeOptions, ChromeService

BROWSER: Final = "chromium"
DRIVER: Final = "chromedriver"

FLAGS: Final = (
    "--headless=new",
    "--no-sandbox",  # CI runs as root, in a container that is one already
    "--disable-gpu",
    "--in-process-gpu",  # one process less; a tenth of the processor time
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en-GB",
)


def reason_missing() -> str | None:
    """Why no browser can run on this machine; None if one can."""
    missing = [name for name in (BROWSER, DRIVER) if shutil.which(name) is None]
    return f"{' and '.join(missing)} not found (Debian: chromium and chromium-driver)" if missing else None


def require() -> None:
    """Skip the test where there is no browser; in CI that is a failure."""
    if reason := reason_missing():
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)


@contextmanager
def running(width: int = 1280, height: int = 900, *, flags: Iterable[str] = ()) -> Iterator[Chrome]:
    """A browser with a new profile, which reports its requests and its console."""
    browser, driver = shutil.which(BROWSER), shutil.which(DRIVER)
    if browser is None or driver is None:
        raise FileNotFoundError(reason_missing())
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        options.binary_location = browser
        for flag in (*FLAGS, *flags, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
        options.set_capability("unhandledPromptBehavior", "ignore")
        environment = {**os.environ, "HOME": profile, "XDG_CONFIG_HOME": profile, "XDG_CACHE_HOME": profile}
        service = ChromeService(
            executable_path=driver, log_output=str(Path(profile) / "driver.log"), env=environment
        )
        chrome = Chrome(options=options, service=service)
        try:
            yield chrome
        finally:
            chrome.quit()
