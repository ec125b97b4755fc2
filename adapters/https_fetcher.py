"""Documents that are fetched over HTTPS and nothing else, within bounds of size and time.

No answer can hold a caller longer than the bound, however slowly it comes: the download runs in a thread of
its own, and when its time is over its connection is shut down, which ends the thread too.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from contextlib import closing, suppress
from typing import Final
from urllib.parse import urljoin, urlsplit, urlunsplit

MAX_BYTES: Final = 1_048_576
MAX_REDIRECTS: Final = 3
SECONDS: Final = 2.0

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_HEADERS: Final = {"Accept": "application/json", "User-Agent": "usage-meter"}


class HttpsFetcher:
    """Fetches documents."""

    def __init__(self, context: ssl.SSLContext | None = None, seconds: float = SECONDS) -> None:
        """`context` has the authorities that are trusted: the system's unless it is given."""
        self._context = context or ssl.create_default_context()
        self._seconds = seconds

    def __call__(self, address: str) -> bytes:
        """The content of an address.

        Raises:
            OSError: there is no answer, or none with status 200, in time.
            ValueError: the address, or one that it redirects to, is not of HTTPS; or the answer is too long.
        """
        download = _Download(address, self._context, self._seconds)
        download.start()
        download.join(self._seconds)
        if download.is_alive():
            download.abort()
            raise TimeoutError(f"no whole answer within {self._seconds:g} s")
        if download.error is not None:
            raise download.error
        return download.content


class _Download(threading.Thread):
    """One document, with its redirects."""

    def __init__(self, address: str, context: ssl.SSLContext, seconds: float) -> None:
        super().__init__(daemon=True, name="https-download")
        self.content = b""
        self.error: OSError | ValueError | None = None
        self._address = address
        self._context = context
        self._seconds = seconds
        self._socket: socket.socket | None = None
        self._is_aborted = False

    def run(self) -> None:
        try:
            self.content = self._followed(self._address)
        except (OSError, ValueError) as error:
            self.error = error
        except http.client.HTTPException as error:
            self.error = OSError(f"no answer of HTTP: {error!r}")

    def abort(self) -> None:
        """End it: whatever it waits for on its connection ends with an error."""
        self._is_aborted = True
        if self._socket is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    def _followed(self, address: str) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            response, content = self._get(address)
            if response.status not in _REDIRECTS:
                break
            address = urljoin(address, response.headers.get("Location", ""))
        if response.status != http.HTTPStatus.OK:
            raise OSError(f"{address} responds with status {response.status}")
        return content

    def _get(self, address: str) -> tuple[http.client.HTTPResponse, bytes]:
        parts = urlsplit(address)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError(f"{address!r} is not an HTTPS address")
        if self._is_aborted:
            raise TimeoutError("the time is over")
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=self._seconds, context=self._context
        )
        with closing(connection):
            connection.connect()
            self._socket = connection.sock
            connection.request(
                "GET", urlunsplit(("", "", parts.path or "/", parts.query, "")), headers=_HEADERS
            )
            with closing(connection.getresponse()) as response:
                content = response.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f"{address} responds with more than {MAX_BYTES:,} bytes")
        if response.length:
            raise OSError(f"the answer of {address} ends {response.length:,} bytes too early")
        return response, content
