"""The page in a frame of somebody else's page, in Chromium: shown for a stated origin, and for no other."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
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
from tests.usage_api.sources import NOW, Memory
from usage_api import static_files
from usage_api.app import LookUpApi
from usage_api.links import HEADER as LINK_HEADER
from usage_api.links import LinkReader, token_of

NOVEMBER = Period("2026-11")

Answer = tuple[int, list[tuple[str, str]], bytes]


class Credentials(NamedTuple):
    """What a browser sends of a customer."""

    key: str | None
    link: str | None


class SigningKey(NamedTuple):
    """What signs links here; :meth:`current` is itself."""

    id: str = "kid-1"
    secret: bytes = b"s" * 32

    def current(self) -> SigningKey:
        """The key."""
        return self


SIGNING = SigningKey()


class Site:
    """A site on a port of its own, which makes another origin of it."""

    def __init__(self, ends: ExitStack) -> None:
        self.answer: Callable[[str, Credentials], Answer] = lambda _path, _sent: (404, [], b"")
        self.asked: list[str] = []
        """The addresses, as they were asked for."""
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                credentials = Credentials(self.headers.get(KEY_HEADER), self.headers.get(LINK_HEADER))
                site.asked.append(self.path)
                status, headers, body = site.answer(self.path, credentials)
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
        self.answer = lambda _path, _sent: (200, [("Content-Type", "text/html")], page.encode())


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
        counts = {"k1": 4321, "k2": 7}
        counters = {(key, NOVEMBER): Counter(key, NOVEMBER, Usage(count)) for key, count in counts.items()}
        failures: list[Exception] = []
        page = static_files.load()
        look_ups = Memory(counters=counters).look_ups()
        links = LinkReader(SIGNING, lambda: NOW)
        meter.answer = served(LookUpApi(look_ups, page, failures.append, [stated.origin], links))
        stated.hold(f"{meter.origin}/")
        other.hold(f"{meter.origin}/")
        yield Sites(meter, stated, other)
    assert [] == failures


def served(api: LookUpApi) -> Callable[[str, Credentials], Answer]:
    """The answers of the function as HTTP."""

    def answer(target: str, sent: Credentials) -> Answer:
        parts = urlsplit(target)
        path, name = parts.path, parts.path.removeprefix("/assets/")
        if name != path:
            asked = event("/assets/{name}", name=name)
        elif path.startswith("/me/") and sent.key is not None:
            asked = of_customer(sent.key, path, query=parse_qs(parts.query))
        elif path.startswith("/link/usage/"):
            asked = event("/link/usage/{period}", headers=headers_of(sent), period=path.rpartition("/")[2])
        elif path.startswith("/link/"):
            asked = event(path, parse_qs(parts.query), headers_of(sent))
        else:
            asked = event(path)
        found = api.answer(asked, None)
        headers = [(header, one) for header, values in found["multiValueHeaders"].items() for one in values]
        return int(found["statusCode"]), headers, (found["body"] or "").encode()

    return answer


def headers_of(sent: Credentials) -> dict[str, str] | None:
    """The header of a link."""
    return None if sent.link is None else {LINK_HEADER: sent.link}


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


def link_address(meter: Site, key: str = "k1") -> str:
    """The page by a link."""
    return f"{meter.origin}/#/link/{token_of(key, SIGNING, NOW, 15)}"


@pytest.fixture
def by_link(framed: Page, sites: Sites) -> Iterator[Page]:
    """The page in a frame of the stated origin, by a link."""
    sites.stated.hold(link_address(sites.meter))
    sites.meter.asked.clear()
    into_frame(framed, sites.stated.origin)
    framed.await_field("requests", "4,321")
    yield framed
    sites.stated.hold(f"{sites.meter.origin}/")


def test_link(by_link: Page, sites: Sites) -> None:
    """By a link nobody signs in; the token is in no address that is asked for, and stays in none, nor in any
    storage. Nothing of operators is asked for or named.
    """
    assert "#/me" == by_link.run("return location.hash")
    kept = by_link.run("return JSON.stringify([sessionStorage, localStorage, history.state])")
    assert link_address(sites.meter).rpartition("/")[2] not in kept
    paths = {urlsplit(address).path for address in sites.meter.asked}
    assert {"/link/usage", "/link/quota"} <= paths
    assert not [path for path in paths if path.startswith(("/me", "/keys", "/health", "/link/ey"))]
    assert max(map(len, sites.meter.asked)) < len(link_address(sites.meter)) / 2
    views = "[...document.querySelectorAll('#views a')].filter((one) => !one.hidden)"
    assert ["me"] == by_link.run(f"return {views}.map((one) => one.dataset.view)")


def test_next_link(by_link: Page, sites: Sites) -> None:
    """A link that has ended says so; the frame's next address shows another key, and nothing of before."""
    ended = token_of("k1", SIGNING, NOW - timedelta(hours=2), 15)
    by_link.run(f"location.hash = '#/link/{ended}'")
    by_link.wait(lambda: "The link has ended" in by_link.text("main h1"), "that the link has ended")
    assert "4,321" not in by_link.chrome.page_source
    by_link.complaints()
    by_link.run(f"location.hash = new URL('{link_address(sites.meter, 'k2')}').hash")
    by_link.await_field("requests", "7")


def test_link_elsewhere(framed: Page, sites: Sites) -> None:
    """In a frame of another origin a link shows nothing either."""
    sites.other.hold(link_address(sites.meter))
    try:
        into_frame(framed, sites.other.origin)
        refused(framed)
    finally:
        sites.other.hold(f"{sites.meter.origin}/")


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
