"""Deliveries: what CloudWatch Logs puts into the stream, a gzip of JSON with many log events.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html

The decoders of the fast path take what CloudWatch sends. Whatever they refuse is read once more by a tolerant
path, so that one odd log event (a lone surrogate, a message that is no text) never costs its neighbours.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
from isal import isal_zlib
from msgspec import Meta

from metering.calls.large_delivery import LargeDelivery
from metering.errors import Undecodable
from metering.period import LATEST_MS

INFLATED_LIMIT: Final = 32 * 1024 * 1024
"""The most bytes that are inflated at once. A record has 1 MiB, and lines shrink to a tenth or a twentieth:
what inflates past this holds long lines, or is a bomb, and is read piece by piece.
"""

_GZIP_MAGIC: Final = b"\x1f\x8b"
_GZIP_WINDOW: Final = 31
_NO_GZIP: Final[type[Exception]] = isal_zlib.error  # type: ignore[assignment]  # its stub takes it for a value
_DATA: Final = "DATA_MESSAGE"
_CONTROL: Final = "CONTROL_MESSAGE"
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")


class PastBound(Undecodable):
    """Data that inflates past `INFLATED_LIMIT`."""


class LogEvent(msgspec.Struct, frozen=True, gc=False):
    """The CloudWatch envelope of one line: `timestamp` is the time of logging in epoch milliseconds."""

    id: Annotated[str, Meta(min_length=1)]
    timestamp: Annotated[int, Meta(ge=0, le=LATEST_MS)]
    message: str


class Delivery(msgspec.Struct, frozen=True):
    """What one delivery brought. A control message brings nothing: CloudWatch sends it to test its way."""

    events: list[LogEvent]
    is_control: bool = False
    log_group: str = ""
    """Where it comes from: the account, a slash, and the log group's name; empty: it does not say so."""


class _Envelope(msgspec.Struct, gc=False):
    messageType: str  # noqa: N815 - the name on the wire
    logEvents: list[LogEvent]  # noqa: N815
    owner: str = ""
    logGroup: str = ""  # noqa: N815


_decode_envelope: Final = msgspec.json.Decoder(_Envelope).decode


def read_delivery(data: bytes, record_id: str, arrived_at_ms: int) -> Delivery:
    """Read a delivery.

    An event that has no id is identified by its place in the record of this id; one that has no time counts
    as logged when the record arrived.

    Raises:
        Undecodable: it is no gzip, no JSON, no known message, or inflates past the bound.
    """
    content = inflate(data)
    try:
        envelope = _decode_envelope(content)
    except (ValueError, RecursionError):
        return _read_tolerantly(content, record_id, arrived_at_ms)
    if envelope.messageType != _DATA:
        return _without_events(envelope.messageType)
    return Delivery(envelope.logEvents, log_group=_log_group(envelope.owner, envelope.logGroup))


def read_in_groups(data: bytes, record_id: str, arrived_at_ms: int) -> Iterator[Delivery]:
    """Read a delivery of any size, a part of its log events at a time: nearly always, all of them are one.

    Raises:
        Undecodable: as above, at any part; then none of the parts before is to be used.
    """
    try:
        delivery = read_delivery(data, record_id, arrived_at_ms)
    except PastBound:
        yield from _read_large(data, record_id, arrived_at_ms)
    else:
        yield delivery


def is_gzip(data: bytes) -> bool:
    """Whether the data begins as gzip does."""
    return data[:2] == _GZIP_MAGIC


def inflate(data: bytes) -> bytes:
    """Gunzip, members one after the other, never holding more than `INFLATED_LIMIT` bytes of content.

    Raises:
        Undecodable: it is no gzip, is cut off or damaged, is followed by anything else, or inflates past the
            bound.
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
                raise PastBound(f"inflates past {INFLATED_LIMIT} bytes")
            if not member.eof:
                raise Undecodable("the gzip data is cut off")
            parts.append(part)
            rest = member.unused_data
    except _NO_GZIP as error:
        raise Undecodable(f"no gzip: {error}") from error
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _read_large(data: bytes, record_id: str, arrived_at_ms: int) -> Iterator[Delivery]:
    large = LargeDelivery(data)
    count = 0
    for group in large.groups():
        yield Delivery(
            [
                _tolerant_event(event, f"{record_id}#{index}", arrived_at_ms)
                for index, event in enumerate(group, count)
            ],
            log_group=_log_group(large.fields.get("owner"), large.fields.get("logGroup")),
        )
        count += len(group)
    if large.fields.get("messageType") != _DATA or not large.has_events:
        raise Undecodable("inflates far, and is no delivery with log events")


def _without_events(kind: object) -> Delivery:
    """A message that is no data message: a control message, or one of which nothing is known."""
    if kind != _CONTROL:
        raise Undecodable(f"the message type {str(kind)[:40]!r} is not known")
    return Delivery([], is_control=True)


def _read_tolerantly(content: bytes, record_id: str, arrived_at_ms: int) -> Delivery:
    try:
        document = json.loads(content.decode("utf-8", "replace"))
    except (ValueError, RecursionError) as error:
        raise Undecodable(f"no JSON: {error}") from error
    if not isinstance(document, dict):
        raise Undecodable("the JSON is no delivery: it is no object")
    if document.get("messageType") != _DATA:
        return _without_events(document.get("messageType"))
    sent = document.get("logEvents")
    if not isinstance(sent, list):
        raise Undecodable("the delivery has no logEvents")
    return Delivery(
        [_tolerant_event(event, f"{record_id}#{index}", arrived_at_ms) for index, event in enumerate(sent)],
        log_group=_log_group(document.get("owner"), document.get("logGroup")),
    )


def _log_group(owner: object, name: object) -> str:
    if owner and name and isinstance(owner, str) and isinstance(name, str):
        return f"{owner}/{name}"
    return ""


def _tolerant_event(event: object, place: str, arrived_at_ms: int) -> LogEvent:
    """A log event as far as it can be read; what is no log event at all is the message of one."""
    fields = event if isinstance(event, dict) else {"message": event}
    return LogEvent(
        id=_id(fields.get("id"), place),
        timestamp=_timestamp(fields.get("timestamp"), arrived_at_ms),
        message=_text(fields.get("message", "")),
    )


def _id(given: object, place: str) -> str:
    """The event's id; an integer is taken as its text, and the event's place stands for anything else."""
    if type(given) is int:
        return str(given)
    return _text(given) if given and isinstance(given, str) else place


def _timestamp(given: object, arrived_at_ms: int) -> int:
    return given if type(given) is int and 0 <= given <= LATEST_MS else arrived_at_ms


def _text(message: Any) -> str:
    """A message; one that is no text is taken as its JSON. UTF-8 cannot hold a lone surrogate."""
    text = message if isinstance(message, str) else json.dumps(message)
    return _SURROGATE.sub("\ufffd", text)
