"""The events of API Gateway's authorizers, of every documented shape.

REST and WebSocket APIs send `TOKEN` or `REQUEST` events without a version, HTTP APIs `REQUEST` events of the
versions 1.0 and 2.0.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

MAX_BYTES: Final = 2**40
"""As :data:`metering.calls.access_log.MAX_BYTES`: a line with more would be malformed."""


class Shape(Enum):
    """What kind of API asks, and so what it takes for an answer."""

    REST = "rest"
    """A policy; the error `Unauthorized` becomes status 401. WebSocket APIs are the same."""
    HTTP_1 = "http 1.0"
    """A policy; an error would become status 500."""
    HTTP_2 = "http 2.0"
    """A policy or, by the setting of the API, a plain yes or no; an error would become status 500."""


class AuthorizerRequest(NamedTuple):
    """What the authorizer needs of an event."""

    shape: Shape
    arn: str
    """Of the method or route that is called."""
    key_id: str | None
    """The id of the API key, where API Gateway has looked at it before."""
    secret: str | None
    """The API key itself, as API Gateway or the caller shows it. It is neither stored nor logged."""
    shown: str | None
    """What the header of the key holds: API Gateway keeps answers by it."""
    bearer: str | None
    """The token of the header `Authorization`."""
    time: float | None
    """When API Gateway took the call, in epoch seconds: the time that its access log has for it."""
    request_length: str | None
    """The size of the body in bytes, by its header."""


class InvalidRequest(ValueError):
    """An event that is none of an authorizer."""


def read_request(event: Mapping[str, object], key_header: str) -> AuthorizerRequest:
    """Read an event. `key_header` is the name, in lower case, of the header that carries the key.

    Raises:
        NoRequest: it has neither a method's nor a route's ARN.
    """
    if event.get("version") == "2.0":
        return _http_2(event, key_header)
    if event.get("type") == "TOKEN":
        return _token(event)
    return _request(event, key_header)


def _token(event: Mapping[str, object]) -> AuthorizerRequest:
    token = _text(event.get("authorizationToken"))
    secret, bearer = (None, _bearer(token)) if token and _bearer(token) else (token, None)
    return AuthorizerRequest(Shape.REST, _arn(event, "methodArn"), None, secret, secret, bearer, None, None)


def _request(event: Mapping[str, Any], key_header: str) -> AuthorizerRequest:
    context = event.get("requestContext") or {}
    identity = context.get("identity") or {}
    headers = event.get("headers") or {}
    epoch_ms = context.get("requestTimeEpoch")
    shown = _text(_header(headers, key_header))
    return AuthorizerRequest(
        shape=Shape.HTTP_1 if "version" in event else Shape.REST,
        arn=_arn(event, "methodArn"),
        key_id=_text(identity.get("apiKeyId")),
        secret=_text(identity.get("apiKey")) or shown,
        shown=shown,
        bearer=_bearer(_header(headers, "authorization")),
        time=epoch_ms / 1000 if isinstance(epoch_ms, int) else None,
        request_length=_length(_header(headers, "content-length")),
    )


def _http_2(event: Mapping[str, Any], key_header: str) -> AuthorizerRequest:
    context = event.get("requestContext") or {}
    headers = event.get("headers") or {}
    epoch_ms = context.get("timeEpoch")
    shown = _text(_header(headers, key_header))
    return AuthorizerRequest(
        shape=Shape.HTTP_2,
        arn=_arn(event, "routeArn"),
        key_id=None,
        secret=shown,
        shown=shown,
        bearer=_bearer(_header(headers, "authorization")),
        time=epoch_ms / 1000 if isinstance(epoch_ms, int) else None,
        request_length=_length(_header(headers, "content-length")),
    )


def _arn(event: Mapping[str, Any], name: str) -> str:
    arn = event.get(name)
    if not isinstance(arn, str) or arn.count("/") < 1:
        raise InvalidRequest(f"the event has no {name}: it comes from no authorizer of API Gateway")
    return arn


def _header(headers: Mapping[str, Any], name: str) -> Any:
    """The value of a header; None where there are several that differ: nobody can say which one counts. REST
    APIs keep the names as the caller wrote them.
    """
    length = len(name)
    values = [
        value for written, value in headers.items() if len(written) == length and written.lower() == name
    ]
    return values[0] if len(values) == 1 or len(set(map(str, values))) == 1 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _bearer(value: Any) -> str | None:
    if isinstance(value, str) and value[:7].lower() == "bearer ":
        return value[7:].strip() or None
    return None


def _length(value: Any) -> str | None:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= len(str(MAX_BYTES)):
        return value if int(value) <= MAX_BYTES else None
    return None
