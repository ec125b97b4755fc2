"""The records that did not reach the lake: which cannot be decoded at all, and which only wait. Pure.

Firehose writes a JSON document for each under the error prefix. Those of `processing-failed` hold the record
as it came from the stream; the others hold rows that the transform had made of a record.
https://docs.aws.amazon.com/firehose/latest/dev/data-transformation-failure-handling.html
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Any, Final, NamedTuple

from metering.billing_rule import BillingRule
from metering.calls.record import StreamRecord, read_record
from metering.period import Period, hour_at, month_of
from reconciliation.model.failed_records import ErrorReading, FailedRecords, LostRecord

PROCESSING_FAILED: Final = "processing-failed/"
IDENTITY_BYTES: Final = 16
"""Of a digest, to distinguish records: two of a million are alike with a probability of 10^-27."""

_json: Final = json.JSONDecoder()


class UndeliveredRecord(NamedTuple):
    """What Firehose could not deliver: a record of the stream, or the rows that the transform made of one."""

    data: bytes
    arrived_at_ms: int


class Piece(NamedTuple):
    """A JSON document of an object, or text in which none can be found."""

    text: str
    document: Any

    @property
    def record(self) -> UndeliveredRecord | None:
        """What the document holds; None if it is none of Firehose's."""
        try:
            data = b64decode(self.document["rawData"], validate=True)
            return UndeliveredRecord(data, int(self.document["arrivalTimestamp"]))
        except (KeyError, TypeError, ValueError):
            return None


def pieces(content: bytes) -> Iterator[Piece]:
    """The documents of an object, one after the other, with or without space between them. Where no document
    can be read, the text up to the end of its line is a piece without one.
    """
    text = content.decode("utf-8", "surrogateescape")
    position = _after_space(text, 0)
    while position < len(text):
        try:
            document, end = _json.raw_decode(text, position)
        except (ValueError, RecursionError):
            document, end = None, (text.find("\n", position) + 1 or len(text))
        yield Piece(text[position:end], document)
        position = _after_space(text, end)


def _after_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def read_error_object(name: str, body: bytes) -> ErrorReading:
    """What an object under the error prefix holds, as far as it can be read."""
    records = [piece.record for piece in pieces(body)]
    readable = [record for record in records if record is not None]
    read = _read_record if PROCESSING_FAILED in name else _read_rows
    lost, waiting = read(readable)
    return ErrorReading(lost, len(waiting), min(waiting, default=None), len(readable) < len(records))


def _read_record(records: Iterable[UndeliveredRecord]) -> tuple[tuple[LostRecord, ...], list[int]]:
    """Those that cannot be decoded, and when those arrived that hold calls."""
    rule, lost, waiting = BillingRule(), [], []
    for data, arrived_at_ms in records:
        record = read_record(StreamRecord("", 0, data, arrived_at_ms), rule)
        if len(record.calls) > record.undecodable:
            waiting.append(arrived_at_ms)
        if record.undecodable:
            identity = sha256(b"%d " % arrived_at_ms + data).digest()[:IDENTITY_BYTES]
            lost.append(LostRecord(arrived_at_ms, record.undecodable, identity))
    return tuple(lost), waiting


def _read_rows(records: Iterable[UndeliveredRecord]) -> tuple[tuple[LostRecord, ...], list[int]]:
    return (), [record.arrived_at_ms for record in records]


def tally(readings: Iterable[tuple[str, ErrorReading]], month: Period) -> FailedRecords:
    """What lies under the error prefix, of a month and in all: objects by name, as they were read."""
    result = FailedRecords()
    seen: set[bytes] = set()
    for name, reading in readings:
        result.add(name, reading)
        for record in reading.lost:
            if month_of(hour_at(record.arrived_at_ms)) == month:
                result.at_most += record.undecodable
                result.at_least += 0 if record.identity in seen else record.undecodable
                seen.add(record.identity)
    return result


def waiting_hashes(body: bytes) -> Iterator[int]:
    """The event hashes of the calls in an object under the error prefix, as far as it can be read."""
    rule = BillingRule()
    for piece in pieces(body):
        if piece.record is not None:
            data, arrived_at_ms = piece.record
            for call in read_record(StreamRecord("", 0, data, arrived_at_ms), rule).calls:
                yield call.event_hash
