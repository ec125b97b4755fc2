"""Kept-alive HTTP connections to one address, for small requests with small answers."""

from __future__ import annotations

import socket
import ssl
import weakref
from collections import deque
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from typing import Final
from urllib.parse import urlsplit

from botocore.exceptions import ConnectionError, HTTPClientError  # noqa: A004 - botocore's name for it
from botocore.httpsession import get_cert_path

NO_ANSWER: Final = (OSError, HTTPException, HTTPClientError, ConnectionError)
"""What a request raises that got no answer. The request may have been carried out or not.

Time-outs and TLS errors are `OSError`. Those of botocore are what a `before-send` hook raises.
"""

_PORTS: Final = {"http": 80, "https": 443}


class Connections:
    """Connections that are opened when needed and kept open. Threads may share them.

    One that fails is closed. That the other side has closed one in the meantime shows at the next request on
    it. The connection that was used last is used first.
    """

    def __init__(self, url: str, *, connect_timeout: float, read_timeout: float) -> None:
        """Time-outs are in seconds."""
        address = urlsplit(url)
        self.host = address.netloc
        """As the header of that name says it."""
        self._place = (address.hostname or "", address.port or _PORTS[address.scheme])
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._tls = _tls() if address.scheme == "https" else None
        self._idle: deque[socket.socket] = deque()
        weakref.finalize(self, _close_all, self._idle)

    def post(self, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """The status and the content of the answer to a request; `Host` must be among its headers.

        Raises:
            one of NO_ANSWER
        """
        connection = self._taken()
        try:
            connection.sendall(_request(body, headers))
            with HTTPResponse(connection, method="POST") as response:
                response.begin()
                content = response.read()
        except BaseException:
            connection.close()
            raise
        if response.will_close:
            connection.close()
        else:
            self._idle.append(connection)
        return response.status, content

    def _taken(self) -> socket.socket:
        try:
            return self._idle.pop()
        except IndexError:
            return self._opened()

    def _opened(self) -> socket.socket:
        connection = socket.create_connection(self._place, self._connect_timeout)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_hostname=self._place[0])
            connection.settimeout(self._read_timeout)
        except BaseException:
            connection.close()
            raise
        return connection


def _request(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Head and body in one piece, so that they travel together."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode("latin-1") + body


def _close_all(connections: deque[socket.socket]) -> None:
    for connection in connections:
        connection.close()


def _tls() -> ssl.SSLContext:
    """The server must show a certificate for its name, from an authority that botocore trusts."""
    return ssl.create_default_context(cafile=get_cert_path(verify=True))
