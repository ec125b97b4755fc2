"""The servers of this machine: nothing of a page is let through, and nothing listens but by them."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloud.endpoint.http_server import HttpServer, Rules

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = (
    "adapters",
    "cli",
    "local_cloud",
    "reconciliation",
    "simulation",
    "usage_api",
    "watch",
)
LISTENS = re.compile(
    r"http\.server|\bmake_server|\bcreate_server\b|\.listen\(|socketserver|WSGIServer\b|asyncio\.start_server"
)


class Served:
    """A server that notes what reaches its application."""

    def __init__(self, rules: Rules) -> None:
        self.reached: list[str] = []

        def application(environ: dict[str, object], start_response: object) -> list[bytes]:
            self.reached.append(f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}")
            start_response("200 OK", [("Content-Type", "text/plain")])  # type: ignore[operator]  # WSGI's
            return [b"taken"]

        self.server = HttpServer(application, name="served", rules=rules)

    def raw(self, request: str) -> str:
        """The answer to bytes as they go over the wire."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=10) as connection:
            connection.sendall(request.replace("\n", "\r\n").encode())
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65536), b"")).decode()


@pytest.fixture(params=[Rules(), Rules(longest_body=100)], ids=["any body", "short bodies"])
def served(request: pytest.FixtureRequest) -> Iterator[Served]:
    """A server for programs."""
    found = Served(request.param)
    found.server.start()
    yield found
    found.server.stop()


class TestGuard:
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "OPTIONS", "HEAD", "DELETE", "ANY"])
    @pytest.mark.parametrize(
        "headers",
        [
            "Host: 127.0.0.1\nOrigin: https://evil.example\n",
            "Host: 127.0.0.1\nSec-Fetch-Site: cross-site\n",
            "Host: evil.example\n",
            "",
        ],
    )
    def test_refused(self, served: Served, method: str, headers: str) -> None:
        """Before the application sees any of it; nothing in the answer lets a page read it."""
        answer = served.raw(f"{method} /a HTTP/1.1\n{headers}\n")
        assert answer.startswith(("HTTP/1.1 403 ", "HTTP/1.1 421 "))
        assert "Connection: close" in answer
        assert "access-control" not in answer.lower()
        assert [] == served.reached

    def test_absolute_target(self, served: Served) -> None:
        """A foreign name in the first line does not help, and neither does a good one."""
        answer = served.raw("GET http://127.0.0.1/a HTTP/1.1\nHost: evil.example\n\n")
        assert answer.startswith("HTTP/1.1 421 ")

    def test_taken(self, served: Served) -> None:
        """A program is answered, again and again on one connection."""
        answer = served.raw(2 * "POST /a HTTP/1.1\nHost: localhost\nContent-Length: 2\n\nhi")
        assert 2 == answer.count("HTTP/1.1 200 OK")
        assert ["POST /a"] * 2 == served.reached


class TestRequests:
    @pytest.mark.parametrize("length", ["many", "-1", "+5", "1_0", "٣"])
    def test_unfit_length(self, served: Served, length: str) -> None:
        """A length that is none ends the connection, and is no call that waits for ever."""
        answer = served.raw(f"POST /a HTTP/1.1\nHost: localhost\nContent-Length: {length}\n\nhello")
        assert answer.startswith("HTTP/1.1 400 ")
        assert [] == served.reached

    def test_no_request(self, served: Served) -> None:
        """What is no HTTP is answered in the same form."""
        answer = served.raw("what is this\n\n")
        assert ("HTTP/1.1 400 ", True) == (answer[:13], "application/problem+json" in answer)


def test_port_that_is_taken() -> None:
    """The caller hears of it: the process goes on."""
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="in use"):
        HttpServer(lambda _environ, _start: [], other.getsockname()[1], name="second")


def test_nothing_else_listens() -> None:
    """Every listener of the project is this server, and so behind the guard."""
    found = {
        path.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for path in (ROOT / package).rglob("*.py")
        if LISTENS.search(path.read_text(encoding="utf-8"))
    }
    assert {"local_cloud/endpoint/http_server.py"} == found
