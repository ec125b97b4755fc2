"""HTTP/1.1 for the local servers: one connection carries many requests, one write carries an answer.

werkzeug's own handler closes every connection after its answer, which costs a boto3 client a new one each
time. It is here, too, that the guard is asked, before anything of a request is read but its headers.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from moto.moto_server.werkzeug_app import MotoRequestHandler

from local_cloud.endpoint.guard import Refusal, refusal
from usage_api.problems import MEDIA_TYPE, document

if TYPE_CHECKING:
    from local_cloud.endpoint.http_server import HttpServer

logger = logging.getLogger(__name__)

TARGET: Final = "local_cloud.target"
"""In the environment of a request: path and query as the caller wrote them."""
HEADERS: Final = "local_cloud.headers"
"""Its headers as the caller wrote them, pairs in their order."""

_WITHOUT_BODY: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class KeepAliveHandler(MotoRequestHandler):
    """Runs the WSGI application with the request's whole body read and its whole answer sent at once."""

    server: HttpServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        """Note the connection, so that the server can close it when it stops."""
        super().setup()
        self.connection.settimeout(self.server.rules.idle_seconds)
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.server.connections.discard(self.connection)
        super().finish()

    def handle_expect_100(self) -> bool:
        """Leave ``100 Continue`` to :meth:`run_wsgi`, which is called for every request."""
        return True

    def run_wsgi(self) -> None:
        """Answer one request."""
        refused = refusal(self.headers.items(), self.server.rules.clients, f"{self.server.url}/")
        if refused := refused or self._unfit_body():
            self._refuse(refused)
            return
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._send(*self._call_application(self._environ_with_body()))

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuse what cannot be read as a request."""
        status = HTTPStatus(code)
        self._refuse(Refusal(status, message or explain or status.description))

    def _unfit_body(self) -> Refusal | None:
        length, longest = self.headers.get("Content-Length") or "0", self.server.rules.longest_body
        chunked = "Transfer-Encoding" in self.headers
        if not (length.isascii() and length.isdecimal()) or (chunked and longest is not None):
            return Refusal(HTTPStatus.BAD_REQUEST, "Content-Length must say how long the body is.")
        if longest is not None and int(length) > longest:
            return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {longest:,} bytes are taken.")
        return None

    def _refuse(self, refused: Refusal) -> None:
        """Answer, and end the connection: nobody knows where the next request begins."""
        self.close_connection = True
        headers = [("Content-Type", MEDIA_TYPE), ("Cache-Control", "no-store"), ("Connection", "close")]
        status = f"{refused.status.value} {refused.status.phrase}"
        self._send(status, headers, document(refused.status, refused.detail).encode())

    def _environ_with_body(self) -> dict[str, object]:
        environ = self.make_environ()
        chunked = environ.pop("wsgi.input_terminated", False)
        length = -1 if chunked else int(environ.get("CONTENT_LENGTH") or 0)
        body: bytes = environ["wsgi.input"].read(length)
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ["wsgi.input"] = io.BytesIO(body)
        environ[TARGET] = self.path
        environ[HEADERS] = tuple(self.headers.items())
        return environ

    def _call_application(self, environ: dict[str, object]) -> tuple[str, list[tuple[str, str]], bytes]:
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
