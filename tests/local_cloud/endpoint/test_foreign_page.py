"""A page of somebody else's in Chromium, against every port on which this project listens."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

import pytest
from selenium.webdriver import Chrome
from selenium.webdriver.support.ui import WebDriverWait

from local_cloud.api_gateway.http_front import Access
from local_cloud.api_gateway.lookup_server import LookUpServer
from local_cloud.endpoint import http_handler
from local_cloud.stack import LocalCloud
from tests.dashboard import chromium

REBOUND = "rebound.example"
"""A name that leads to 127.0.0.1."""


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Nothing."""


class Ports(NamedTuple):
    """Where the project listens."""

    aws: str
    dashboard: str
    dashboard_with_token: str


@pytest.fixture(scope="module")
def ports() -> Iterator[Ports]:
    """The AWS endpoint of a local cloud, its dashboard, and one as `usage-meter dashboard` serves it."""
    chromium.require()
    with (
        LocalCloud() as cloud,
        LookUpServer(cloud) as plain,
        LookUpServer(cloud, access=Access(token="t" * 22)) as other,
    ):
        yield Ports(f"{cloud.endpoint.endpoint_url}/", plain.url, other.url)


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    """A browser to which a foreign name is 127.0.0.1."""
    chromium.require()
    with chromium.running(flags=[f"--host-resolver-rules=MAP {REBOUND} 127.0.0.1"]) as running:
        yield running


@pytest.fixture(scope="module")
def evil() -> Iterator[str]:
    """The address of the page."""
    handler = partial(Quiet, directory=str(Path(__file__).resolve().parents[0]))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/evil.html"
        server.shutdown()


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch, ports: Ports) -> list[str]:
    """The requests that get through to what is behind these ports. Other tests of the process have others."""
    found: list[str] = []
    ours = {str(urlsplit(address).port) for address in ports}
    call = http_handler.KeepAliveHandler._call_application  # noqa: SLF001 - where all of them pass

    def noted(self: http_handler.KeepAliveHandler, environ: dict[str, Any]) -> Any:
        if environ["SERVER_PORT"] in ours:
            found.append(f"{environ['REQUEST_METHOD']} {environ[http_handler.TARGET]}")
        return call(self, environ)

    monkeypatch.setattr(http_handler.KeepAliveHandler, "_call_application", noted)
    return found


@pytest.mark.parametrize("port", Ports._fields)
def test_reaches_nothing(browser: Chrome, ports: Ports, evil: str, reached: list[str], port: str) -> None:
    """Of reads, writes, forms, images and beacons none gets through, and none is answered readably."""
    browser.get(f"{evil}?base={quote(getattr(ports, port), safe='')}")
    WebDriverWait(browser, 60).until(lambda chrome: chrome.title.startswith("done"))
    assert ("done []", []) == (browser.title, reached)


@pytest.mark.parametrize("port", Ports._fields)
def test_rebound_name(browser: Chrome, ports: Ports, reached: list[str], port: str) -> None:
    """A name that leads here is of the same origin to the browser; it is refused all the same."""
    address = urlsplit(getattr(ports, port))
    browser.get(f"http://{REBOUND}:{address.port}{address.path}")
    assert ("This is http://127.0.0.1:" in browser.page_source, []) == (True, reached)


def test_own_page(browser: Chrome, ports: Ports, reached: list[str]) -> None:
    """The dashboard itself works, with a token in its address as without."""
    for address in (ports.dashboard, ports.dashboard_with_token):
        browser.get(address)
        WebDriverWait(browser, 60).until(lambda chrome: chrome.find_elements("css selector", "main h1"))
        assert reached
        reached.clear()


def test_token(browser: Chrome, ports: Ports) -> None:
    """Without the token an address shows nothing, and does not say what it is."""
    address = urlsplit(ports.dashboard_with_token)
    for path in ("/", "/top", "/health", f"/{'t' * 21}u/", f"/{'t' * 21}/top"):
        browser.get(f"http://{address.netloc}{path}")
        assert "it holds a token" in browser.page_source
