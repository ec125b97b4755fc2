"""HTTP/1.1 for the local endpoint: one connection carries many requests, one write carries an answer.

werkzeug's own handler closes every connection after its answer, which costs a boto3 client a new one each
time.
"""

import io
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler

logger = logging.getLogger(__name__)

_WITHOUT_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class KeepAliveHandler(MotoRequestHandler):
    """Runs the WSGI application with the request's whole body read and its whole answer sent at once."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Note the connection, so that the endpoint can close it when it stops."""
        super().setup()
        self._connections.add(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self._connections.discard(self.connection)
        super().finish()

    @property
    def _connections(self) -> set[Any]:
        connections: set[Any] = self.server.connections  # type: ignore[attr-defined]  # set by LocalEndpoint
        return connections

    def handle_expect_100(self) -> bool:
        """Leave ``100 Continue`` to :meth:`run_wsgi`, which is called for every request."""
        return True

    def run_wsgi(self) -> None:
        """Answer one request."""
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        status, headers, body = self._call_application(self._environ_with_body())
        self._send(status, headers, body)

    def _environ_with_body(self) -> dict[str, Any]:
        environ = self.make_environ()
        chunked = environ.pop("wsgi.input_terminated", False)
        length = -1 if chunked else int(environ.get("CONTENT_LENGTH") or 0)
        body: bytes = environ["wsgi.input"].read(length)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        return environ

    def _call_application(self, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
        answer: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(
            status: str, headers: list[tuple[str, str]], _exc_info: Any = None
        ) -> Callable[..., Any]:
            answer.append((status, headers))
            return lambda _data: None

        try:
            body = b"".join(self.server.app(environ, start_response))
        except Exception:
            logger.exception("the local cloud failed on %s %s", self.command, self.path)
            return "500 Internal Server Error", [], b'{"__type":"InternalFailure"}'
        status, headers = answer[-1]
        return status, headers, body

    def _send(self, status: str, headers: list[tuple[str, str]], body: bytes) -> None:
        code = int(status.split(None, 1)[0])
        lengthless = self.command == "HEAD" or code in _WITHOUT_BODY
        lines = [f"HTTP/1.1 {status}"]
        lines += [
            f"{name}: {value}" for name, value in headers if lengthless or name.lower() != "content-length"
        ]
        if not lengthless:
            lines.append(f"Content-Length: {len(body)}")
        head = "\r\n".join([*lines, "", ""]).encode("latin-1")
        self.wfile.write(head if lengthless else head + body)

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        """Requests are not logged: they hold customer data."""
