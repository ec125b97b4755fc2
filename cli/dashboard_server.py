"""The page and the look-up API of a deployment on 127.0.0.1, for one operator.

Requests become the events of a REST API, as :mod:`local_cloud.lookup_server` makes them, for the handler of
the look-ups in this process. Whoever reaches the address is the operator: so it is bound to the loopback,
and a request is refused whose header `Host` names another machine. Otherwise a page of somebody else's, whose
name leads to 127.0.0.1 a moment later (DNS rebinding), could read all of it in the operator's browser.
"""

from __future__ import annotations

import base64
import re
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, Self

from werkzeug.serving import make_server

from local_cloud.http_handler import KeepAliveHandler
from local_cloud.lambda_function import FunctionError, LambdaFunction
from local_cloud.lookup_server import API, KEY_HEADER, Request, Resource, event_of
from local_cloud.template import Stack
from usage_api.handler import Handler
from usage_api.problems import MEDIA_TYPE, document

OPERATOR_ARN: Final = "arn:aws:iam::000000000000:user/operator-on-this-machine"
"""AWS checks who the operator is, by the credentials with which the counters are read."""

_FUNCTION_ARN: Final = "arn:aws:lambda:local:000000000000:function:look-ups"
_OWN_NAMES: Final = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?", re.IGNORECASE | re.ASCII)

Environ = Mapping[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], Any]
Answer = tuple[int, list[tuple[str, str]], bytes]
"""Status, headers and body."""


class DashboardServer:
    """Serves the look-ups on 127.0.0.1, from :meth:`start` to :meth:`stop`."""

    def __init__(self, handler: Handler, port: int = 0) -> None:
        """Listen on `port`, or on a free one.

        Raises:
            OSError: the port is taken, or may not be used.
        """
        self._function = LambdaFunction("look-ups", handler, arn=_FUNCTION_ARN, timeout_seconds=20)
        paths: dict[str, Any] = Stack().resource(API)["Body"]["paths"]
        found = [Resource.from_body(*entry) for entry in paths.items()]
        self._resources = sorted(found, key=lambda one: one.path.count("{"))
        with socket.create_server(("127.0.0.1", port)) as listening:
            self._port: int = listening.getsockname()[1]
            self._http = make_server(
                "127.0.0.1",
                self._port,
                self._serve,
                threaded=True,
                request_handler=KeepAliveHandler,
                fd=listening.fileno(),
            )
        self._http.connections = set()  # type: ignore[attr-defined]  # read by KeepAliveHandler
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self._port}/"

    def start(self) -> None:
        """Begin to answer; does nothing if it has begun."""
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._http.serve_forever, args=(0.05,), name="dashboard", daemon=True
            )
            self._thread.start()

    def stop(self) -> None:
        """Stop, and drop open connections; does nothing if it has stopped."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._http.shutdown()
            thread.join()
        self._http.server_close()
        for connection in list(self._http.connections):  # type: ignore[attr-defined]  # as above
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        status, headers, body = self._answer(_request(environ), environ.get("HTTP_HOST", ""))
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [body]

    def _answer(self, request: Request, host: str) -> Answer:
        if not is_own(host):
            return _problem(
                HTTPStatus.MISDIRECTED_REQUEST, f"This is {self.url}, and nothing else: use that address."
            )
        for resource in self._resources:
            if match := resource.pattern.fullmatch(request.path):
                return self._answer_of(resource, match.groupdict(), request)
        return _problem(HTTPStatus.NOT_FOUND, "There is nothing here: /openapi.json lists what there is.")

    def _answer_of(self, resource: Resource, parameters: Mapping[str, str], request: Request) -> Answer:
        method = "GET" if request.method == "HEAD" else request.method
        if method not in resource.methods:
            return _problem(
                HTTPStatus.METHOD_NOT_ALLOWED, "Only GET and HEAD are possible.", Allow="GET, HEAD"
            )
        key = request.header(KEY_HEADER)
        if resource.needs_key and not key:
            return _problem(HTTPStatus.UNAUTHORIZED, f"Give the id of a key in the header {KEY_HEADER}.")
        identity = {
            "apiKeyId": key if resource.needs_key else None,
            "userArn": OPERATOR_ARN if resource.needs_iam else None,
        }
        try:
            answer = self._function.invoke(event_of(request, resource.path, parameters, identity))
        except FunctionError as error:
            return _problem(HTTPStatus.BAD_GATEWAY, f"The look-up failed: {error}")
        return _answer(answer)


def is_own(host: str) -> bool:
    """Whether a header `Host` names this machine's loopback."""
    return _OWN_NAMES.fullmatch(host) is not None


def _request(environ: Environ) -> Request:
    path, _, query = str(environ["RAW_URI"]).partition("?")
    headers = tuple(
        (name.removeprefix("HTTP_").replace("_", "-").lower(), str(value))
        for name, value in environ.items()
        if name.startswith("HTTP_")
    )
    return Request(
        str(environ["REQUEST_METHOD"]), path, query, headers, b"", str(environ.get("REMOTE_ADDR", ""))
    )


def _answer(answer: Mapping[str, Any]) -> Answer:
    headers = [(name, str(value)) for name, value in (answer.get("headers") or {}).items()]
    headers += [
        (name, str(value))
        for name, values in (answer.get("multiValueHeaders") or {}).items()
        for value in values
    ]
    body = answer.get("body") or ""
    content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return int(answer["statusCode"]), headers, content


def _problem(status: HTTPStatus, detail: str, **headers: str) -> Answer:
    told = [("Content-Type", MEDIA_TYPE), ("Cache-Control", "no-store"), *headers.items()]
    return int(status), told, document(status, detail).encode()
