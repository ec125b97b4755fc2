"""The access-log line: the one place that knows its fields.

The stage's format (an output of the template) quotes every value; API Gateway writes `-` for one that is
absent. A number may be quoted or not, and is an integer within bounds. Fields that are not listed here are
ignored.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, TypeVar

import msgspec
from msgspec import Meta

from metering.billing_rule import HIGHEST_STATUS, LOWEST_STATUS, BillingRule
from metering.call import Call, malformed
from metering.delivery import LogEvent
from metering.errors import Malformed
from metering.identity import event_hash
from metering.outcome import UNATTRIBUTED_KEY

MAX_BYTES: Final = 2**40
"""A payload above 1 TiB is absurd: API Gateway's own limit is 10 MB (and streams are bounded by time)."""
MAX_LATENCY_MS: Final = 86_400_000
MAX_KEY_LENGTH: Final = 256
MAX_CLOCK_DIFFERENCE_MS: Final = 86_400_000
"""A call's own time lies within 24 hours of the time at which its line was logged."""

FIRST_ERROR_STATUS: Final = 400

_Bytes = Annotated[int, Meta(ge=0, le=MAX_BYTES)]
_Latency = Annotated[int, Meta(ge=0, le=MAX_LATENCY_MS)]
_Status = Annotated[int, Meta(ge=LOWEST_STATUS, le=HIGHEST_STATUS)]

_ABSENT: Final = frozenset({"-", "", None})
_UNFIT_KEY: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]|\A!")
"""Control characters, line ends and lone surrogates; a leading `!` marks the meter's reserved keys."""


class AccessLogLine(msgspec.Struct, gc=False, rename="camel"):
    """The fields of a line that decide what is counted. None: absent."""

    status: _Status
    extended_request_id: str | None = None
    api_key_id: str | None = None
    authorizer_key_id: str | None = None
    request_time_epoch: int | None = None
    response_length: _Bytes | None = None
    request_length: _Bytes | None = None
    response_latency: _Latency | None = None


class DescribedLine(AccessLogLine, gc=False, rename="camel"):
    """A line with the fields that describe the call; of any type, since nothing that is counted hangs on them."""

    request_id: Any = None
    api_id: Any = None
    stage: Any = None
    http_method: Any = None
    resource_path: Any = None
    route_key: Any = None
    path: Any = None
    source_ip: Any = None
    user_agent: Any = None


Line = TypeVar("Line", bound=AccessLogLine)

_decoders: dict[type, msgspec.json.Decoder[Any]] = {
    shape: msgspec.json.Decoder(shape, strict=False) for shape in (AccessLogLine, DescribedLine)
}
_decode_any = msgspec.json.Decoder().decode


def read_line(text: str, shape: type[Line]) -> Line:
    """Read a line.

    Raises:
        Malformed: it is no JSON object, has no status, or a number in it is none, negative or absurd.
    """
    try:
        line: Line = _decoders[shape].decode(text)
    except (ValueError, RecursionError):
        return _read_slowly(text, shape)
    return line


def _read_slowly(text: str, shape: type[Line]) -> Line:
    """As :func:`read_line`, for lines in which a number is absent (the decoder takes `-` for no number)."""
    try:
        document = _decode_any(text)
        if not isinstance(document, dict):
            raise Malformed(f"a line is a JSON object, this is {_kind(document)}")
        present = {name: value for name, value in document.items() if not _is_absent(value)}
        return msgspec.convert(present, shape, strict=False)
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error) or type(error).__name__) from error


def _is_absent(value: Any) -> bool:
    return value is None or value in ("-", "")


def _kind(document: Any) -> str:
    return {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}.get(
        type(document), "a number"
    )


def read_call(event: LogEvent, rule: BillingRule) -> Call:
    """The call of a log event; a malformed one if its message is no access-log line."""
    try:
        return call_of(event, read_line(event.message, AccessLogLine), rule)
    except Malformed:
        return malformed(event.id, event.timestamp)


def call_of(event: LogEvent, line: AccessLogLine, rule: BillingRule) -> Call:
    """The call that a line of a log event describes.

    Raises:
        Malformed: its time is more than 24 h from the log event's own, or its key cannot be one.
    """
    event_id = line.extended_request_id
    if event_id in _ABSENT:
        event_id = event.id
    key = _key(line)
    metered = key != UNATTRIBUTED_KEY
    return Call(
        event_id=event_id,  # type: ignore[arg-type]  # absent ones were replaced above
        event_hash=event_hash(event_id),  # type: ignore[arg-type]
        time_ms=_time(event, line),
        key=key,
        billable=metered and line.status not in rule.exempt,
        is_error=line.status >= FIRST_ERROR_STATUS,
        response_bytes=line.response_length or 0,
        request_bytes=line.request_length or 0,
        latency_ms=line.response_latency or 0,
    )


def _key(line: AccessLogLine) -> str:
    """The key that a call is counted under. API Gateway runs an authorizer before it looks at the key, so that
    a denied call may have no `apiKeyId`: the authorizer's own word for it counts then.
    """
    key = line.api_key_id
    if key in _ABSENT:
        key = line.authorizer_key_id
        if key in _ABSENT:
            return UNATTRIBUTED_KEY
    if len(key) > MAX_KEY_LENGTH or _UNFIT_KEY.search(key):  # type: ignore[arg-type]
        raise Malformed(f"the key id {key[:40]!r} is too long, has control characters or is reserved")  # type: ignore[index]
    return key  # type: ignore[return-value]


def _time(event: LogEvent, line: AccessLogLine) -> int:
    time_ms = line.request_time_epoch
    if time_ms is None:
        return event.timestamp
    if abs(time_ms - event.timestamp) > MAX_CLOCK_DIFFERENCE_MS:
        raise Malformed(f"the call's time {time_ms} is more than 24 h from its log event's {event.timestamp}")
    return time_ms
