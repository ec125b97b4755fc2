"""The access-log line: the one place that knows its fields.

The stage's format (an output of the template) quotes every value; API Gateway writes `-` for one that is
absent. A number may be quoted or not, and is an integer within bounds. Fields that are not listed here are
ignored; of a field that comes twice, the last counts.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from metering.billing_rule import HIGHEST_STATUS, LOWEST_STATUS, BillingRule
from metering.calls.call import Call, malformed
from metering.calls.delivery import LogEvent
from metering.calls.event_id import event_hash
from metering.errors import Malformed
from metering.key_id import is_key_id
from metering.outcome import UNATTRIBUTED_KEY
from metering.period import LATEST_MS

MAX_BYTES: Final = 2**40
"""A payload above 1 TiB is absurd: API Gateway's own limit is 10 MB (and streams are bounded by time)."""
MAX_LATENCY_MS: Final = 86_400_000
MAX_CLOCK_DIFFERENCE_MS: Final = 86_400_000
"""A call's own time lies within 24 hours of the time at which its line was logged."""

FIRST_ERROR_STATUS: Final = 400

_Absent = Literal["-", ""] | None
_Status = Annotated[int, Meta(ge=LOWEST_STATUS, le=HIGHEST_STATUS)]
_Time = Annotated[int, Meta(ge=0, le=LATEST_MS)] | _Absent
_Bytes = Annotated[int, Meta(ge=0, le=MAX_BYTES)] | _Absent
_Latency = Annotated[int, Meta(ge=0, le=MAX_LATENCY_MS)] | _Absent


class AccessLogLine(msgspec.Struct, gc=False, kw_only=True, rename="camel"):
    """The fields of a line that decide what is counted, in the order of the template's format, which is the
    fastest. A text is as it was sent; for the numbers but the status, see :func:`number`.
    """

    extended_request_id: str | None = None
    api_key_id: str | None = None
    authorizer_key_id: str | None = None
    request_time_epoch: _Time = None
    status: _Status
    response_length: _Bytes = None
    request_length: _Bytes = None
    response_latency: _Latency = None


class DescribedLine(AccessLogLine, gc=False, kw_only=True, rename="camel"):
    """A line with the fields that describe the call, of any type: nothing that is counted hangs on them.

    Whatever this reads, :class:`AccessLogLine` reads alike. Only that one reads a line in which a describing
    field holds a number out of a double's range.
    """

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

_decoders: Final[dict[type, msgspec.json.Decoder[Any]]] = {
    shape: msgspec.json.Decoder(shape, strict=False) for shape in (AccessLogLine, DescribedLine)
}


def read_line(text: str, shape: type[Line]) -> Line:
    """Read a line.

    Raises:
        Malformed: it is no JSON object, has no status, or a number in it is none, negative or absurd.
    """
    try:
        line: Line = _decoders[shape].decode(text)
    except (ValueError, RecursionError) as error:
        raise Malformed(str(error)) from error
    return line


def number(field: int | str | None) -> int | None:
    """A number of a line; None for an absent one, whether it is left out, null, empty or `-`."""
    return field if isinstance(field, int) else None


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
    if not event_id or event_id == "-":
        event_id = event.id
    key = _key(line)
    return Call(
        event_id=event_id,
        event_hash=event_hash(event_id),
        time_ms=_time(event, line),
        key=key,
        billable=key != UNATTRIBUTED_KEY and line.status not in rule.exempt,
        is_error=line.status >= FIRST_ERROR_STATUS,
        response_bytes=number(line.response_length) or 0,
        request_bytes=number(line.request_length) or 0,
        latency_ms=number(line.response_latency) or 0,
    )


def _key(line: AccessLogLine) -> str:
    """The key that a call is counted under. API Gateway runs an authorizer before it looks at the key, so
    that a denied call may have no `apiKeyId`: the authorizer's own word for it counts then.
    """
    key = line.api_key_id
    if not key or key == "-":
        key = line.authorizer_key_id
        if not key or key == "-":
            return UNATTRIBUTED_KEY
    if not is_key_id(key):
        raise Malformed(f"the key id {key[:40]!r} is too long, has control characters or is reserved")
    return key


def _time(event: LogEvent, line: AccessLogLine) -> int:
    time_ms = number(line.request_time_epoch)
    if time_ms is None:
        return event.timestamp
    if not -MAX_CLOCK_DIFFERENCE_MS <= time_ms - event.timestamp <= MAX_CLOCK_DIFFERENCE_MS:
        raise Malformed(f"the call's time {time_ms} is more than 24 h from its log event's {event.timestamp}")
    return time_ms
