"""The access-log line: the one place that knows what it means.

The stage's format (an output of the template) quotes every value; API Gateway writes `-` for one that is
absent. A number may be quoted or not, and is an integer within bounds.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-variables-for-access-logging.html

What a caller writes decides nothing. The exported formats begin with the callers' own texts, go on with what
an authorizer gave, and end with what the gateway itself knows. So of a field that comes twice, the last is
the gateway's; and where a text has broken the JSON, all from the last `,"requestId":"` on is still whole. In
any other format a counted field that comes twice is looked at more closely: see :mod:`metering.calls.doubts`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta

from metering.billing_rule import DENIALS, HIGHEST_STATUS, LOWEST_STATUS, BillingRule
from metering.calls.call import Call, malformed
from metering.calls.delivery import LogEvent
from metering.calls.doubts import Fields, is_denied, read_fields
from metering.calls.event_id import event_hash
from metering.calls.notes import Doubt, Note, Reason
from metering.calls.placement import REACH_MS
from metering.errors import Malformed
from metering.key_id import counted_key
from metering.line_format.absent_number import Absent
from metering.line_format.field_map import DEFAULT_FIELDS, FieldMap
from metering.line_format.json_text import JsonText, is_absent
from metering.outcome import UNATTRIBUTED_KEY
from metering.period import LATEST_MS

MAX_BYTES: Final = 2**40
"""A payload above 1 TiB is absurd: API Gateway's own limit is 10 MB (and streams are bounded by time)."""
MAX_LATENCY_MS: Final = 86_400_000
MAX_CLOCK_DIFFERENCE_MS: Final = REACH_MS
"""A call's own time lies within 24 hours of the time at which its line was logged."""

FIRST_ERROR_STATUS: Final = 400

_Status = Annotated[int, Meta(ge=LOWEST_STATUS, le=HIGHEST_STATUS)]
_Time = Annotated[int, Meta(ge=0, le=LATEST_MS)]

_decode_status: Final = msgspec.json.Decoder(_Status, strict=False).decode
_decode_time: Final = msgspec.json.Decoder(_Time, strict=False).decode
_decode_integer: Final = msgspec.json.Decoder(int, strict=False).decode
_CLOCK_FORMAT: Final = "%d/%b/%Y:%H:%M:%S %z"
_DISCONNECT: Final = "DISCONNECT"
_LEADING_ZEROS: Final = re.compile(rb'\A("?)0+(?=[0-9]+"?\Z)')
_HIGHEST: Final = {"responseLength": MAX_BYTES, "requestLength": MAX_BYTES, "responseLatency": MAX_LATENCY_MS}
_SECOND_MS: Final = 1000
_SHOWN: Final = 40
_EVENT_TYPES: Final = frozenset({"CONNECT", "MESSAGE", _DISCONNECT})
"""Of a WebSocket API."""


@dataclass(frozen=True, slots=True)
class AccessLogLine:
    """What a line says, as far as it decides what is counted. None: absent."""

    extended_request_id: str | None
    api_key_id: str | None
    authorizer_key_id: str | None
    time: int | None
    """In milliseconds, as REST APIs write it, or in seconds, as HTTP APIs do."""
    status: int | None
    """Only a line of a WebSocket API may have none."""
    event_type: str | None
    """`CONNECT`, `MESSAGE` or `DISCONNECT`: of a WebSocket API."""
    is_denied: bool
    """The quota authorizer has denied the call."""
    response_length: int | None
    request_length: int | None
    response_latency: int | None
    fields: Fields
    """All fields, for those that describe the call."""
    doubts: frozenset[Doubt]


class Reading(NamedTuple):
    """What became of a log event."""

    call: Call
    line: AccessLogLine | None
    """None: it is malformed."""
    notes: tuple[Note, ...] = ()
    """Why it is malformed; or what of it could not be taken as it is."""
    explanation: str = ""
    """The reason in words, with the value that is wrong."""


def read_event(event: LogEvent, rule: BillingRule) -> Reading:
    """Read a log event; the call is a malformed one if its message is no access-log line."""
    try:
        line = read_line(event.message, rule.fields)
        call = call_of(event, line, rule)
    except Malformed as error:
        return Reading(malformed(event.id, event.timestamp), None, (Reason(error.reason),), str(error))
    return Reading(call, line, tuple(sorted(line.doubts)))


def read_call(event: LogEvent, rule: BillingRule) -> Call:
    """The call of a log event; a malformed one if its message is no access-log line."""
    return read_event(event, rule).call


def read_line(text: str, names: FieldMap = DEFAULT_FIELDS) -> AccessLogLine:
    """Read a line.

    Raises:
        Malformed: it is no JSON object from which the counted fields can be taken, or its status or time is
            none.
    """
    fields = read_fields(text, names)
    amounts = {name: fields.value(name) for name in _HIGHEST}
    numbers = {name: _amount(value, _HIGHEST[name]) for name, value in amounts.items()}
    doubts = set(fields.doubts)
    if any(numbers[name] is None and _is_number(value) for name, value in amounts.items()):
        doubts.add(Doubt.UNREADABLE_VALUE)
    event_type = fields.text("eventType")
    extended_request_id, status = fields.text("extendedRequestId"), _status(fields, event_type)
    return AccessLogLine(
        extended_request_id=extended_request_id,
        api_key_id=fields.text("apiKeyId"),
        authorizer_key_id=fields.text("authorizerKeyId"),
        time=time_of(fields),
        status=status,
        event_type=event_type if event_type in _EVENT_TYPES else None,
        is_denied=status in DENIALS and is_denied(text, extended_request_id or ""),
        response_length=numbers["responseLength"],
        request_length=numbers["requestLength"],
        response_latency=numbers["responseLatency"],
        fields=fields,
        doubts=frozenset(doubts),
    )


def call_of(event: LogEvent, line: AccessLogLine, rule: BillingRule) -> Call:
    """The call that a line of a log event describes.

    Raises:
        Malformed: its time is more than 24 h from the log event's own.
    """
    event_id = line.extended_request_id or event.id
    key = _key(line)
    return Call(
        event_id=event_id,
        event_hash=event_hash(event_id),
        time_ms=_time_ms(event, line),
        key=key,
        billable=key != UNATTRIBUTED_KEY and _is_billed(line, rule),
        is_error=line.status is not None and line.status >= FIRST_ERROR_STATUS,
        response_bytes=Absent.DASH if line.response_length is None else line.response_length,
        request_bytes=Absent.DASH if line.request_length is None else line.request_length,
        latency_ms=line.response_latency or 0,
    )


def _is_billed(line: AccessLogLine, rule: BillingRule) -> bool:
    """By its status; without one, by what it is of a WebSocket API: a connection that ends is no call."""
    if line.status is None:
        return line.event_type != _DISCONNECT
    return not rule.exempts(line.status, denied=line.is_denied)


def _key(line: AccessLogLine) -> str:
    """The key that a call is counted under. API Gateway runs an authorizer before it looks at the key, so
    that a denied call may have no `apiKeyId`: the authorizer's own word for it counts then.
    """
    key = line.api_key_id or line.authorizer_key_id
    return UNATTRIBUTED_KEY if key is None else counted_key(key)


def _time_ms(event: LogEvent, line: AccessLogLine) -> int:
    """The call's own time in milliseconds. Which unit a line has is seen by the log event's time."""
    if line.time is None:
        return event.timestamp
    for time_ms in (line.time, line.time * _SECOND_MS):
        if abs(time_ms - event.timestamp) <= MAX_CLOCK_DIFFERENCE_MS and time_ms <= LATEST_MS:
            return time_ms
    raise Malformed(
        f"the call's time {line.time} is more than 24 h from its log event's {event.timestamp}",
        Reason.FAR_TIME,
    )


def time_of(fields: Fields) -> int | None:
    """The time of a line, in milliseconds or seconds; that in words where there is no other.

    Raises:
        Malformed: it is no time.
    """
    value = fields.value("requestTimeEpoch")
    if value is not None and _is_number(value):
        try:
            return _decode_time(value)
        except ValueError as error:
            raise Malformed(f"requestTimeEpoch is {_shown(value)}, no time", Reason.BAD_TIME) from error
    written = fields.text("requestTime")
    if written is None:
        return None
    try:
        return int(datetime.strptime(written, _CLOCK_FORMAT).astimezone(UTC).timestamp())
    except ValueError as error:
        raise Malformed(f"requestTime is {written[:_SHOWN]!r}, no time", Reason.BAD_TIME) from error


def _status(fields: Fields, event_type: str | None) -> int | None:
    value = fields.value("status")
    if value is None or is_absent(value):
        if event_type in _EVENT_TYPES:
            return None
        raise Malformed("it has no status", Reason.NO_STATUS)
    try:
        return _decode_status(value)
    except ValueError as error:
        raise Malformed(f"status is {_shown(value)}, none from 100 to 599", Reason.BAD_STATUS) from error


def _amount(value: JsonText | None, highest: int) -> int | None:
    """A length or a latency; None for one that is absent or cannot be read. A header may have zeros before
    its number.
    """
    if value is None or is_absent(value):
        return None
    try:
        number = _decode_integer(_LEADING_ZEROS.sub(rb"\1", value))
    except ValueError:
        return None
    return number if 0 <= number <= highest else None


def _is_number(value: JsonText | None) -> bool:
    """Whether a value stands for a number at all, which may be a wrong one."""
    return value is not None and not is_absent(value) and value.lower() != b'"null"'


def _shown(value: JsonText) -> str:
    return value[:_SHOWN].decode("utf-8", "replace")
