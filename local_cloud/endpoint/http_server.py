"""The one way in which this project listens: on 127.0.0.1, a thread for each connection, behind the guard."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Final, NamedTuple

from werkzeug.serving import LISTEN_QUEUE, ThreadedWSGIServer

from local_cloud.endpoint.guard import Clients
from local_cloud.endpoint.http_handler import KeepAliveHandler

LOOPBACK: Final = "127.0.0.1"
_POLL_SECONDS: Final = 0.05
"""How often a server looks whether it shall end."""

StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Application = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]


class Rules(NamedTuple):
    """What a server takes."""

    clients: Clients = Clients.PROGRAMS
    longest_body: int | None = None
    """In bytes; None: a body of any length, in chunks as well."""
    idle_seconds: float | None = None
    """So long a connection may be silent; None: for ever."""


class HttpServer(ThreadedWSGIServer):
    """Serves a WSGI application from :meth:`start` to :meth:`stop`; no connection outlives it."""

    daemon_threads = True

    def __init__(
        self,
        application: Application,
        port: int = 0,
        *,
        name: str,
        rules: Rules | None = None,
    ) -> None:
        """Listen on `port`, or on a free one; `name` is that of the thread.

        Raises:
            OSError: the port is taken, or may not be used.
        """
        self.rules = rules or Rules()
        self.connections: set[socket.socket] = set()
        self._name = name
        self._thread: threading.Thread | None = None
        # A port that is taken is the caller's to report: werkzeug would end the process.
        with socket.create_server((LOOPBACK, port), backlog=LISTEN_QUEUE) as bound:
            super().__init__(LOOPBACK, 0, application, KeepAliveHandler, fd=bound.fileno())

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return f"http://{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Begin to serve; does nothing if it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self.serve_forever, args=(_POLL_SECONDS,), name=self._name, daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Stop serving, and drop open connections; does nothing if it has stopped."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self.shutdown()
            thread.join()
        self.server_close()

    def server_close(self) -> None:
        """Close the port and all connections."""
        super().server_close()
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
