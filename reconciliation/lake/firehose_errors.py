"""The records that did not reach the lake: which cannot be decoded at all, and which only wait.

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
from reconciliation.model.failed_records import FailedRecords

PROCESSING_FAILED: Final = "processing-failed/"

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


def tally(objects: Iterable[tuple[str, bytes]], month: Period) -> FailedRecords:
    """What lies under the error prefix, of a month and in all: objects by name and content."""
    adding = _Tally(month)
    for entry in objects:
        adding.add(*entry)
    return adding.result


class _Tally:
    """Adds up objects one by one."""

    def __init__(self, month: Period) -> None:
        self.result = FailedRecords()
        self._month = month
        self._seen: set[bytes] = set()
        self._rule = BillingRule()

    def add(self, name: str, body: bytes) -> None:
        """Add the documents of an object, as far as they can be read."""
        self.result.objects += 1
        add = self._add_record if PROCESSING_FAILED in name else self._add_rows
        records = [piece.record for piece in pieces(body)]
        if None in records:
            self.result.unreadable.append(name)
        for record in records:
            if record is not None:
                add(record)

    def _add_record(self, failed: UndeliveredRecord) -> None:
        data, arrived_at_ms = failed
        record = read_record(StreamRecord("", 0, data, arrived_at_ms), self._rule)
        if len(record.calls) > record.undecodable:
            self._wait(arrived_at_ms)
        if record.undecodable and month_of(hour_at(arrived_at_ms)) == self._month:
            identity = sha256(b"%d " % arrived_at_ms + data).digest()
            self.result.at_most += record.undecodable
            self.result.at_least += 0 if identity in self._seen else record.undecodable
            self._seen.add(identity)

    def _add_rows(self, failed: UndeliveredRecord) -> None:
        self._wait(failed.arrived_at_ms)

    def _wait(self, arrived_at_ms: int) -> None:
        since = self.result.waiting_since_ms
        self.result.waiting += 1
        self.result.waiting_since_ms = arrived_at_ms if since is None else min(since, arrived_at_ms)


def waiting_hashes(body: bytes) -> Iterator[int]:
    """The event hashes of the calls in an object under the error prefix, as far as it can be read."""
    rule = BillingRule()
    for piece in pieces(body):
        if piece.record is not None:
            data, arrived_at_ms = piece.record
            for call in read_record(StreamRecord("", 0, data, arrived_at_ms), rule).calls:
                yield call.event_hash
