"""Kept-alive connections, against a server that behaves and one that does not."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from adapters.dynamodb.hot_path.http_pool import NO_ANSWER, Connections


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was sent, or as the body says."""

    protocol_version = "HTTP/1.1"
    peers: list[Any]

    def do_POST(self) -> None:
        """Echo."""
        self.peers.append(self.client_address)
        if self.headers["Expect"] == "silence":
            self.rfile.read(1)
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if body == b"hang up":
            self.close_connection = True
            return
        self.send_response(400 if body == b"refuse" else 200)
        self.send_header("Content-Length", str(len(body)))
        if body == b"close":
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        if body == b"leave":
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """One that many may call at once."""

    request_queue_size = 64


@contextmanager
def server() -> Iterator[tuple[str, list[Any]]]:
    """Its address, and the peers of the requests that came."""
    peers: list[Any] = []
    handler = type("Handler", (Echo,), {"peers": peers})
    with Server(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.01,)).start()
        try:
            yield f"http://127.0.0.1:{running.server_port}", peers
        finally:
            running.shutdown()


def connections(url: str, read_timeout: float = 30) -> Connections:
    """Connections that wait for a busy machine."""
    return Connections(url, connect_timeout=30, read_timeout=read_timeout)


def test_kept_alive() -> None:
    """One connection serves one request after the other, whatever their status."""
    with server() as (url, peers):
        ours = connections(url)
        answers = [ours.post(body, {}) for body in (b"one", b"refuse", b"three")]
    assert [(200, b"one"), (400, b"refuse"), (200, b"three")] == answers
    assert 1 == len(set(peers))


@pytest.mark.parametrize("goodbye", [b"close", b"leave"])
def test_closed_by_the_server(goodbye: bytes) -> None:
    """A connection that the server closes is replaced: at once if it said so, else after one failure."""
    with server() as (url, peers):
        ours = connections(url)
        ours.post(goodbye, {})
        while peers[-1] == peers[0]:
            try:
                answer = ours.post(b"again", {})
            except NO_ANSWER:
                continue
    assert (200, b"again") == answer
    assert 2 == len(set(peers))


def test_no_answer() -> None:
    """A connection that breaks before the answer is one of the failures that may be repeated."""
    with server() as (url, _), pytest.raises(NO_ANSWER):
        connections(url).post(b"hang up", {})


def test_nobody_there() -> None:
    """So is an address at which nobody listens."""
    with pytest.raises(NO_ANSWER):
        connections("http://127.0.0.1:1").post(b"", {})


def test_silence() -> None:
    """So is an answer that does not come in time."""
    with server() as (url, _), pytest.raises(NO_ANSWER):
        connections(url, read_timeout=0.05).post(b"", {"Expect": "silence"})


def test_threads() -> None:
    """Threads that ask at once get their own answers."""
    with server() as (url, _):
        ours = connections(url)
        wrong: list[int] = []

        def ask(number: int) -> None:
            body = str(number).encode()
            if [ours.post(body, {}) for _ in range(20)] != [(200, body)] * 20:
                wrong.append(number)

        threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [] == wrong


def test_certificate() -> None:
    """TLS is spoken with servers that show a certificate for their name."""
    ours = connections("https://dynamodb.us-east-1.amazonaws.com")
    context = ours._tls  # noqa: SLF001 - no server with a certificate of the world is at hand
    assert context is not None
    assert (ssl.CERT_REQUIRED, True) == (context.verify_mode, context.check_hostname)
    assert "dynamodb.us-east-1.amazonaws.com" == ours.host
