"""The front of the look-up API on one machine: HTTP requests become the events that API Gateway sends, and
the function's answers become HTTP. Resources, and what they ask of a caller, are those of the template.

Keys are no secret here: the header `x-api-key` holds the id of the key itself, and any id is taken. Whoever
can reach the address is an operator, played by an ARN of no account. Pages of other origins cannot: the
guard of all local servers refuses them. Where the answers are those of a real deployment, a token in the
address keeps other users of the machine out, too.
"""

from __future__ import annotations

import base64
import hmac
import re
import uuid
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from types import TracebackType
from typing import Any, Final, NamedTuple, Self
from urllib.parse import parse_qsl

from local_cloud.endpoint.guard import Clients
from local_cloud.endpoint.http_handler import HEADERS, TARGET
from local_cloud.endpoint.http_server import HttpServer, Rules, StartResponse
from local_cloud.lambda_.function import FunctionError, LambdaFunction
from local_cloud.template.document import Stack
from usage_api.problems import MEDIA_TYPE, document

API: Final = "LookUpApi"
STAGE: Final = "prod"
OPERATOR_ARN: Final = "arn:aws:iam::123456789012:user/operator-of-the-local-cloud"
KEY_HEADER: Final = "x-api-key"

LONGEST_BODY: Final = 10 * 1024 * 1024
"""What API Gateway takes: https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html"""

_IDLE_SECONDS: Final = 60
_NO_BODY: Final = frozenset({HTTPStatus.NOT_MODIFIED, HTTPStatus.NO_CONTENT})


@dataclass(frozen=True)
class Resource:
    """A resource of the REST API, and what it asks of a caller."""

    path: str
    methods: frozenset[str]
    needs_key: bool
    needs_iam: bool

    @classmethod
    def from_body(cls, path: str, methods: Mapping[str, Any]) -> Self:
        """The resource of a path in the API's OpenAPI body."""
        schemes = {
            scheme for method in methods.values() for one in method.get("security", ()) for scheme in one
        }
        names = frozenset(name.upper() for name in methods)
        return cls(path, names, "api_key" in schemes, "AWS_IAM" in schemes)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """What its paths look like; a parameter takes one segment."""
        return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.path)))


class HttpRequest(NamedTuple):
    """A request as it came over the wire."""

    method: str
    path: str
    """As the caller wrote it, percent-encoded."""
    query: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    source_ip: str

    @classmethod
    def of(cls, environ: Mapping[str, Any]) -> Self:
        """The request of a WSGI environment that :mod:`local_cloud.endpoint.http_handler` made."""
        path, _, query = environ[TARGET].partition("?")
        method, source = environ["REQUEST_METHOD"], environ["REMOTE_ADDR"]
        return cls(method, path, query, environ[HEADERS], environ["wsgi.input"].read(), source)

    def header(self, name: str) -> str | None:
        """The first value of a header, whatever the case of its name."""
        return next((value for known, value in self.headers if known.lower() == name), None)


class HttpReply(NamedTuple):
    """What goes back over the wire."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


class Access(NamedTuple):
    """Whom the server takes for whom."""

    keys: Collection[str] | None = None
    """The keys that there are; None: any."""
    signature: str | None = None
    """What an operator sends as the header `Authorization`; None: nothing is asked for."""
    token: str | None = None
    """What all addresses begin with, as a folder of its own, for everybody; None: nothing is asked for."""


class LookUpFront:
    """Serves the look-ups of a function on 127.0.0.1, from :meth:`start` to :meth:`stop`."""

    def __init__(
        self, function: LambdaFunction, stack: Stack, port: int = 0, *, access: Access | None = None
    ) -> None:
        """Listen on `port`, or on a free one. Any key is taken, and anybody is an operator, unless `access`
        says otherwise.

        Raises:
            OSError: the port is taken, or may not be used.
        """
        self._function = function
        paths: dict[str, Any] = stack.resource(API)["Body"]["paths"]
        found = [Resource.from_body(*entry) for entry in paths.items()]
        self._resources = sorted(found, key=lambda one: one.path.count("{"))
        self._access = access or Access()
        rules = Rules(Clients.OWN_PAGE, LONGEST_BODY, _IDLE_SECONDS)
        self._http = HttpServer(self._serve, port, name="look-ups", rules=rules)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The address of the page, with a slash at its end: all other addresses are relative to it."""
        return f"{self._http.url}{self._folder}/"

    @property
    def _folder(self) -> str:
        return f"/{self._access.token}" if self._access.token else ""

    def start(self) -> None:
        """Begin to answer; does nothing if it has begun."""
        self._http.start()

    def stop(self) -> None:
        """Answer what is being asked, and stop; does nothing if it has stopped."""
        self._http.stop()

    def _serve(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        reply = self.answer(HttpRequest.of(environ))
        headers = list(reply.headers)
        if reply.status not in _NO_BODY:
            headers.append(("Content-Length", str(len(reply.body))))
        start_response(f"{reply.status} {HTTPStatus(reply.status).phrase}", headers)
        return [reply.body]

    def answer(self, request: HttpRequest) -> HttpReply:
        """What API Gateway would answer, asking the function."""
        folder, path = request.path[: len(self._folder)], request.path[len(self._folder) :]
        if not hmac.compare_digest(folder.encode(), self._folder.encode()):
            return _problem(HTTPStatus.FORBIDDEN, "Use the whole address that was printed: it holds a token.")
        within = request._replace(path=path)
        for resource in self._resources:
            if match := resource.pattern.fullmatch(path):
                return self._answer_of(resource, match.groupdict(), within)
        return _problem(HTTPStatus.NOT_FOUND, "There is nothing here: /openapi.json lists what there is.")

    def _answer_of(
        self, resource: Resource, parameters: Mapping[str, str], request: HttpRequest
    ) -> HttpReply:
        method = "GET" if request.method == "HEAD" else request.method
        if method not in resource.methods:
            allowed = ", ".join(sorted(resource.methods | {"HEAD"}))
            return _problem(HTTPStatus.METHOD_NOT_ALLOWED, f"Only {allowed} is possible here.", Allow=allowed)
        key = request.header(KEY_HEADER)
        if resource.needs_key and not self._is_known(key):
            return _problem(HTTPStatus.UNAUTHORIZED, f"Show your API key in the header {KEY_HEADER}.")
        if resource.needs_iam and not self._is_operator(request.header("authorization")):
            return _problem(HTTPStatus.FORBIDDEN, "Sign the request with AWS credentials.")
        identity = {
            "apiKeyId": key if resource.needs_key else None,
            "userArn": OPERATOR_ARN if resource.needs_iam else None,
        }
        try:
            answer = self._function.invoke(event_of(request, resource.path, parameters, identity))
        except FunctionError as error:
            return _problem(HTTPStatus.BAD_GATEWAY, f"The function failed: {error}")
        return _reply(answer)

    def _is_known(self, key: str | None) -> bool:
        return bool(key) and (self._access.keys is None or key in self._access.keys)

    def _is_operator(self, signature: str | None) -> bool:
        return self._access.signature is None or signature == self._access.signature


def event_of(
    request: HttpRequest, resource: str, parameters: Mapping[str, str], identity: Mapping[str, str | None]
) -> dict[str, Any]:
    """The event that a REST API sends to a function. Path parameters are as the caller wrote them, a query is
    decoded once; of values that are given several times, the single-valued forms have the last.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
    """
    query = parse_qsl(request.query, keep_blank_values=True)
    return {
        "resource": resource,
        "path": request.path,
        "httpMethod": "GET" if request.method == "HEAD" else request.method,
        "headers": dict(request.headers) or None,
        "multiValueHeaders": _many(request.headers),
        "queryStringParameters": dict(query) or None,
        "multiValueQueryStringParameters": _many(query),
        "pathParameters": dict(parameters) or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "path": f"/{STAGE}{request.path}",
            "httpMethod": request.method,
            "stage": STAGE,
            "requestId": str(uuid.uuid4()),
            "extendedRequestId": f"{uuid.uuid4().hex[:15]}=",
            "identity": {
                "sourceIp": request.source_ip,
                "userAgent": request.header("user-agent"),
                "caller": None,
                "user": None,
                **identity,
            },
        },
        "body": request.body.decode("utf-8", "replace") or None,
        "isBase64Encoded": False,
    }


def _many(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]] | None:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found or None


def _reply(answer: Mapping[str, Any]) -> HttpReply:
    headers = [(name, value) for name, value in (answer.get("headers") or {}).items()]
    headers += [
        (name, value) for name, values in (answer.get("multiValueHeaders") or {}).items() for value in values
    ]
    body = answer.get("body") or ""
    content = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    return HttpReply(int(answer["statusCode"]), tuple(headers), content)


def _problem(status: HTTPStatus, detail: str, **headers: str) -> HttpReply:
    return HttpReply(
        status,
        (("Content-Type", MEDIA_TYPE), ("Cache-Control", "no-store"), *headers.items()),
        document(status, detail).encode(),
    )
