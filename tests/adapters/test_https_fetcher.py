"""Documents over HTTPS: nothing else, not too long, and in time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from adapters.https_fetcher import MAX_BYTES, HttpsFetcher
from tests.adapters.issuers import Authority, HttpsServer, Reply, authority, https_server


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for the loopback."""
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(trust: Authority) -> Iterator[HttpsServer]:
    """A server of HTTPS."""
    with https_server(trust.server) as running:
        yield running


def downloads() -> list[threading.Thread]:
    """The downloads that are still running."""
    return [thread for thread in threading.enumerate() if thread.name == "https-download"]


def wait_until_none() -> None:
    """Until every download has ended."""
    for thread in downloads():
        thread.join(10)


def drip_headers(handler: BaseHTTPRequestHandler) -> None:
    """Headers that never end."""
    for number in range(600):
        handler.wfile.write(b"X" if number else b"HTTP/1.1 200 OK\r\nX: ")
        handler.wfile.flush()
        time.sleep(0.02)


class TestContent:
    def test_whole(self, server: HttpsServer, trust: Authority) -> None:
        """What an address holds, its query included."""
        server.replies["/a?b=c"] = Reply(b"content")
        assert b"content" == HttpsFetcher(trust.client)(f"{server.address}/a?b=c#d")

    def test_longest(self, server: HttpsServer, trust: Authority) -> None:
        """Up to 1 MB."""
        server.replies["/most"] = Reply(b"x" * MAX_BYTES)
        server.replies["/more"] = Reply(b"x" * (MAX_BYTES + 1))
        fetch = HttpsFetcher(trust.client, seconds=20)
        assert MAX_BYTES == len(fetch(f"{server.address}/most"))
        with pytest.raises(ValueError, match="more than 1,048,576 bytes"):
            fetch(f"{server.address}/more")

    def test_cut_short(self, server: HttpsServer, trust: Authority) -> None:
        """An answer that ends before its end is none."""
        server.replies["/cut"] = Reply(b"half", headers={"Content-Length": "8"})
        with pytest.raises(OSError, match="ends 4 bytes too early"):
            HttpsFetcher(trust.client, seconds=20)(f"{server.address}/cut")


class TestTime:
    @pytest.mark.parametrize(
        "reply",
        [Reply(b"x" * 1000, pause=0.02), Reply(before=drip_headers), Reply(before=lambda _: time.sleep(5))],
        ids=["a slow body", "slow headers", "nothing"],
    )
    def test_slow(self, server: HttpsServer, trust: Authority, reply: Reply) -> None:
        """An answer that comes byte by byte is given up when its time is over, and its thread ends."""
        server.replies["/slow"] = reply
        with pytest.raises(TimeoutError):
            HttpsFetcher(trust.client, seconds=0.5)(f"{server.address}/slow")
        wait_until_none()
        assert [] == downloads()


class TestWhere:
    @pytest.mark.parametrize(
        "address", ["http://localhost/", "file:///etc/passwd", "https://", "ftp://x/", "", "//x"]
    )
    def test_other_schemes(self, trust: Authority, address: str) -> None:
        """Only HTTPS."""
        with pytest.raises(ValueError, match="is not an HTTPS address"):
            HttpsFetcher(trust.client)(address)

    def test_redirects(self, server: HttpsServer, trust: Authority) -> None:
        """A redirect within HTTPS is followed, three times at most."""
        server.replies |= {
            f"/{hop}": Reply(status=301, headers={"Location": f"{hop + 1}"}) for hop in range(5)
        }
        server.replies["/5"] = Reply(b"content")
        fetch = HttpsFetcher(trust.client)
        assert b"content" == fetch(f"{server.address}/2")
        with pytest.raises(OSError, match="status 301"):
            fetch(f"{server.address}/1")

    @pytest.mark.parametrize("target", ["http://localhost:1/", "file:///etc/passwd"])
    def test_redirects_off(self, server: HttpsServer, trust: Authority, target: str) -> None:
        """One that leaves HTTPS is not."""
        server.replies["/off"] = Reply(status=302, headers={"Location": target})
        with pytest.raises(ValueError, match="is not an HTTPS address"):
            HttpsFetcher(trust.client)(f"{server.address}/off")

    def test_stranger(self, server: HttpsServer) -> None:
        """A server whom no authority vouches for is not believed."""
        server.replies["/a"] = Reply(b"content")
        with pytest.raises(OSError, match="certificate verify failed"):
            HttpsFetcher(seconds=20)(f"{server.address}/a")

    def test_other_name(self, trust: Authority, tmp_path: Path) -> None:
        """Nor one that has another's certificate."""
        del tmp_path
        with https_server(trust.server, "127.0.0.2") as other, pytest.raises(OSError):  # noqa: PT011 - the system's words differ
            HttpsFetcher(trust.client)(f"{other.address}/a")
