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
from typing import Any, Final

from metering.billing_rule import BillingRule
from metering.calls.record import StreamRecord, read_record
from metering.period import Period, hour_at, month_of
from reconciliation.model.failed_records import FailedRecords

PROCESSING_FAILED: Final = "processing-failed/"


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
        try:
            for document in _documents(body):
                add(b64decode(document["rawData"], validate=True), int(document["arrivalTimestamp"]))
        except (ValueError, KeyError, TypeError):
            self.result.unreadable.append(name)

    def _add_record(self, data: bytes, arrived_at_ms: int) -> None:
        record = read_record(StreamRecord("", 0, data, arrived_at_ms), self._rule)
        if len(record.calls) > record.undecodable:
            self._wait(arrived_at_ms)
        if record.undecodable and month_of(hour_at(arrived_at_ms)) == self._month:
            identity = sha256(b"%d " % arrived_at_ms + data).digest()
            self.result.at_most += record.undecodable
            self.result.at_least += 0 if identity in self._seen else record.undecodable
            self._seen.add(identity)

    def _add_rows(self, _rows: bytes, arrived_at_ms: int) -> None:
        self._wait(arrived_at_ms)

    def _wait(self, arrived_at_ms: int) -> None:
        since = self.result.waiting_since_ms
        self.result.waiting += 1
        self.result.waiting_since_ms = arrived_at_ms if since is None else min(since, arrived_at_ms)


def waiting_hashes(body: bytes) -> Iterator[int]:
    """The event hashes of the calls in an object under the error prefix, as far as it can be read."""
    rule = BillingRule()
    try:
        for document in _documents(body):
            data, arrived_at_ms = b64decode(document["rawData"]), int(document["arrivalTimestamp"])
            for call in read_record(StreamRecord("", 0, data, arrived_at_ms), rule).calls:
                yield call.event_hash
    except (ValueError, KeyError, TypeError):
        return


def _documents(body: bytes) -> Iterator[dict[str, Any]]:
    """The JSON documents of an object, one after the other, with or without line ends between them."""
    text = body.decode().strip()
    decoder = json.JSONDecoder()
    position = 0
    while position < len(text):
        document, position = decoder.raw_decode(text, position)
        yield document
        while position < len(text) and text[position].isspace():
            position += 1
