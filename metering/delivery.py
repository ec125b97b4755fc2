"""Deliveries: what CloudWatch Logs puts into the stream, a gzip of JSON with many log events.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html

The decoders of the fast path take what CloudWatch sends. Whatever they refuse is read once more by a tolerant
path, so that one odd log event (a lone surrogate, a message that is no text) never costs its neighbours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
from isal import isal_zlib
from msgspec import Meta

from metering.errors import Undecodable

INFLATED_LIMIT: Final = 32 * 1024 * 1024
"""The most bytes that a record may inflate to. CloudWatch sends events of at most 1 MiB a request, gzipped; what
inflates past this is a bomb."""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31
_DATA: Final = "DATA_MESSAGE"
_CONTROL: Final = "CONTROL_MESSAGE"


_LATEST_MS: Final = 253_402_300_799_999
"""The last millisecond of the year 9999."""


class LogEvent(msgspec.Struct, frozen=True, gc=False):
    """The CloudWatch envelope of one line: `timestamp` is the time of logging in epoch milliseconds."""

    id: Annotated[str, Meta(min_length=1)]
    timestamp: Annotated[int, Meta(ge=0, le=_LATEST_MS)]
    message: str


class Delivery(msgspec.Struct, frozen=True):
    """What one delivery brought. A control message brings nothing: CloudWatch sends it to test its way."""

    events: list[LogEvent]
    is_control: bool = False


class _Envelope(msgspec.Struct, gc=False):
    messageType: str  # noqa: N815 - the name on the wire
    logEvents: list[LogEvent]  # noqa: N815


_decode_envelope = msgspec.json.Decoder(_Envelope).decode


def read_delivery(data: bytes, record_id: str) -> Delivery:
    """Read a delivery.

    `record_id` names the record: an event that has no id of its own is identified by its place in it.

    Raises:
        Undecodable: it is no gzip, no JSON, no known message, or inflates past the bound.
    """
    content = inflate(data)
    try:
        envelope = _decode_envelope(content)
    except (ValueError, RecursionError):
        return _read_tolerantly(content, record_id)
    return _delivery(envelope.messageType, envelope.logEvents)


def is_gzip(data: bytes) -> bool:
    """Whether the data begins as gzip does."""
    return data[:2] == _GZIP_MAGIC


def inflate(data: bytes) -> bytes:
    """Gunzip, members one after the other, never holding more than `INFLATED_LIMIT` bytes of content.

    Raises:
        Undecodable: it is no gzip, is cut off or damaged, or inflates past the bound.
    """
    parts: list[bytes] = []
    room = INFLATED_LIMIT
    rest = data
    try:
        while rest:
            member = isal_zlib.decompressobj(_GZIP_WINDOW)
            part = member.decompress(rest, room + 1)
            room -= len(part)
            if room < 0:
                raise Undecodable(f"inflates past {INFLATED_LIMIT} bytes")
            if not member.eof:
                raise Undecodable("the gzip data is cut off")
            parts.append(part)
            rest = member.unused_data
    except isal_zlib.error as error:
        raise Undecodable(f"no gzip: {error}") from error
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _delivery(kind: str, events: list[LogEvent]) -> Delivery:
    if kind == _DATA:
        return Delivery(events)
    if kind == _CONTROL:
        return Delivery([], is_control=True)
    raise Undecodable(f"the message type {kind[:40]!r} is not known")


def _read_tolerantly(content: bytes, record_id: str) -> Delivery:
    try:
        document = json.loads(content.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise Undecodable(f"no JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("logEvents"), list):
        raise Undecodable("the JSON is no delivery: it has no logEvents")
    kind = document.get("messageType")
    events = list(_tolerant_events(document["logEvents"], record_id)) if kind == _DATA else []
    return _delivery(str(kind), events)


def _tolerant_events(sent: list[Any], record_id: str) -> Iterator[LogEvent]:
    """Each log event as far as it can be read: an id or a message of another type is taken as its text.

    An event without a time of its own takes that of its neighbour before it, or else of the first that has one.
    """
    times = [
        event["timestamp"] for event in sent if isinstance(event, dict) and _is_time(event.get("timestamp"))
    ]
    if sent and not times:
        raise Undecodable("no log event has a timestamp")
    reached = times[0] if times else 0
    for index, event in enumerate(sent):
        fields = event if isinstance(event, dict) else {"message": json.dumps(event)}
        if _is_time(fields.get("timestamp")):
            reached = fields["timestamp"]
        yield LogEvent(_id(fields, f"{record_id}:{index}"), reached, _text(fields))


def _is_time(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _LATEST_MS


def _id(fields: dict[str, Any], place: str) -> str:
    """The event's id; a number is taken as its text, and where there is none its place stands for it."""
    given = fields.get("id")
    return place if given is None or given == "" else str(given)


def _text(fields: dict[str, Any]) -> str:
    message = fields.get("message", "")
    text = message if isinstance(message, str) else json.dumps(message)
    return text.encode("utf-8", "replace").decode()
