"""The page in a frame of somebody else's page, in Chromium: shown for a stated origin, and for no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from selenium.webdriver import Chrome

from local_cloud.api_gateway.http_front import KEY_HEADER
from metering.counters.counter import Counter
from metering.period import Period
from metering.usage import Usage
from tests.dashboard.page import Page
from tests.usage_api.events import event, of_customer
from tests.usage_api.sources import Memory
from usage_api import static_files
from usage_api.app import LookUpApi

NOVEMBER = Period("2026-11")

Answer = tuple[int, list[tuple[str, str]], bytes]


class Site:
    """A site on a port of its own, which makes another origin of it."""

    def __init__(self, ends: ExitStack) -> None:
        self.answer: Callable[[str, str | None], Answer] = lambda _path, _key: (404, [], b"")
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, headers, body = site.answer(self.path, self.headers.get(KEY_HEADER))
                self.send_response(status)
                for name, value in [*headers, ("Content-Length", str(len(body)))]:
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                """Nothing."""

        server = ends.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ends.callback(server.shutdown)
        self.origin = f"http://127.0.0.1:{server.server_port}"

    def hold(self, address: str) -> None:
        """Be a page that has an address in a frame."""
        page = f"<!doctype html><title>Portal</title><iframe src='{address}' width=1000 height=800></iframe>"
        self.answer = lambda _path, _key: (200, [("Content-Type", "text/html")], page.encode())


class Sites(NamedTuple):
    """Where the page is, and who holds it in a frame."""

    meter: Site
    stated: Site
    other: Site


@pytest.fixture(scope="module")
def sites() -> Iterator[Sites]:
    """The look-up function behind HTTP without the guard of a local server, and two sites with the page in a
    frame, of which it states one.
    """
    with ExitStack() as ends:
        meter, stated, other = Site(ends), Site(ends), Site(ends)
        counters = {("k1", NOVEMBER): Counter("k1", NOVEMBER, Usage(4321))}
        failures: list[Exception] = []
        page = static_files.load()
        look_ups = Memory(counters=counters).look_ups()
        meter.answer = served(LookUpApi(look_ups, page, failures.append, [stated.origin]))
        stated.hold(f"{meter.origin}/")
        other.hold(f"{meter.origin}/")
        yield Sites(meter, stated, other)
    assert [] == failures


def served(api: LookUpApi) -> Callable[[str, str | None], Answer]:
    """The answers of the function as HTTP."""

    def answer(target: str, key: str | None) -> Answer:
        parts = urlsplit(target)
        path, name = parts.path, parts.path.removeprefix("/assets/")
        if name != path:
            asked = event("/assets/{name}", name=name)
        elif path.startswith("/me/") and key is not None:
            asked = of_customer(key, path, query=parse_qs(parts.query))
        else:
            asked = event(path)
        found = api.answer(asked, None)
        headers = [(header, one) for header, values in found["multiValueHeaders"].items() for one in values]
        return int(found["statusCode"]), headers, (found["body"] or "").encode()

    return answer


@pytest.fixture
def framed(chrome: Chrome, sites: Sites) -> Iterator[Page]:
    """A browser that leaves nothing behind of this module."""
    page = Page(chrome, sites.meter.origin)
    yield page
    chrome.switch_to.default_content()
    chrome.get("about:blank")
    page.complaints()
    page.requests()


def into_frame(page: Page, address: str, depth: int = 1) -> None:
    """Open a page, and go into its frame."""
    page.chrome.get(address)
    for _ in range(depth):
        page.chrome.switch_to.frame(page.one("iframe"))


def test_stated_origin(framed: Page, sites: Sites) -> None:
    """In a frame of a stated origin a customer signs in and sees their usage."""
    into_frame(framed, sites.stated.origin)
    framed.sign_in("k1")
    framed.await_field("requests", "4,321")
    assert f"{sites.meter.origin}/" == framed.run("return location.origin + location.pathname")


def test_other_origin(framed: Page, sites: Sites) -> None:
    """In a frame of any other origin the browser shows nothing of the page, and says why."""
    into_frame(framed, sites.other.origin)
    refused(framed)


def test_every_ancestor(framed: Page, sites: Sites) -> None:
    """A stated origin that is itself in a frame of another one does not pass the page on."""
    sites.other.hold(f"{sites.stated.origin}/")
    try:
        into_frame(framed, sites.other.origin, depth=2)
        refused(framed)
    finally:
        sites.other.hold(f"{sites.meter.origin}/")


def refused(page: Page) -> None:
    """Nothing of the page is in the frame, by its policy."""
    complaints: list[str] = []

    def named() -> bool:
        complaints.extend(page.complaints())
        return any("frame-ancestors" in complaint for complaint in complaints)

    page.wait(named, "a complaint about frame-ancestors")
    assert page.find("main h1") is None
    assert "Usage meter" not in page.chrome.page_source
