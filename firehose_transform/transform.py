"""Deliveries into rows of the lake, by Firehose's contract for a transform. Pure.

Every record comes back once, in its order, under its `recordId`:

- `Ok`: a delivery with log events, or a bare access-log line. Its rows become Parquet in the partition that
  the answer names.
- `Dropped`: a control message, or a delivery without log events. It holds nothing that could be kept; rows
  need a partition, and under the error prefix it would wait for ever.
- `ProcessingFailed`: what cannot be decoded, what does not fit into the answer, and calls too far apart for
  one partition. Firehose puts the record, as it came, under the error prefix.

The last two are not lost: `usage-meter redrive` brings them from the error prefix into the lake. They are not
put back into the stream, where the stream processor and Firehose would read them once more. A delivery alone
is too large when its rows exceed 4.5 MB, which takes about 9,000 calls, or 3,000 with texts as long as a row
holds.

https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html and its page on the status model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NotRequired, TypedDict

import msgspec

from metering.billing_rule import BillingRule
from metering.calls.delivery import LogEvent
from metering.calls.lake_row import encode_rows, epoch_ms, lake_rows, shorten, time_text
from metering.calls.placement import middle_ms
from metering.calls.privacy import KEPT, PersonalData
from metering.calls.record import read_user_record, record_id
from metering.errors import Undecodable
from metering.outcome import MALFORMED_KEY

ANSWER_LIMIT: Final = 6_291_456
"""The most bytes that the answer of a synchronous invocation may have, as JSON.
https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""
_BYTES_OF_ANSWER: Final = 64
"""What the answer has around its records, at most."""
_BYTES_OF_RECORD: Final = 256
"""What a record of the answer has beside its data and its id, at most."""
_LEAST_BYTES_OF_ROW: Final = 128
"""No row has fewer: so what inflates to a great many log events takes no memory for rows that cannot fit."""


class PartitionKeys(TypedDict):
    """The folder of a record's rows: digits of its day in UTC."""

    year: str
    month: str
    day: str


class Metadata(TypedDict):
    """What Firehose takes from an answer beside the data."""

    partitionKeys: PartitionKeys


class AnswerRecord(TypedDict):
    """What became of a record. The data is base64."""

    recordId: str
    result: Literal["Ok", "Dropped", "ProcessingFailed"]
    data: NotRequired[str]
    metadata: NotRequired[Metadata]


class TransformResponse(TypedDict):
    """The records of the event, each once and in their order."""

    records: list[AnswerRecord]


class Failure(msgspec.Struct, frozen=True):
    """A record that goes under the error prefix, and why."""

    record_id: str
    """As the stream processor names it."""
    reason: str


class TransformReport(msgspec.Struct):
    """What became of an event's records: each field is a metric."""

    records: int = 0
    rows: int = 0
    malformed: int = 0
    """Rows of log events that are no access-log lines."""
    row_bytes: int = 0
    """The JSON of the rows."""
    empty: int = 0
    """Control messages, and deliveries without log events."""
    undecodable: list[Failure] = msgspec.field(default_factory=list)
    too_large: list[Failure] = msgspec.field(default_factory=list)
    """Records whose rows did not fit into the answer."""
    scattered: list[Failure] = msgspec.field(default_factory=list)
    """Records whose calls lie too far apart for one partition."""

    def add(self, content: _Content) -> None:
        """Add what became of a record whose rows are in the answer."""
        self.rows += content.rows
        self.malformed += content.malformed
        self.row_bytes += content.bytes


def transform(
    event: Mapping[str, Any], rule: BillingRule, limit: int = ANSWER_LIMIT, personal: PersonalData = KEPT
) -> tuple[TransformResponse, TransformReport]:
    """The answer to an event of Firehose, and what became of its records.

    The answer has at most `limit` bytes: every record has room to fail in it, and rows take what is left, in
    the order of the records.
    """
    records: Sequence[Mapping[str, Any]] = event["records"]
    report = TransformReport(records=len(records))
    room = limit - _BYTES_OF_ANSWER - sum(_BYTES_OF_RECORD + len(record["recordId"]) for record in records)
    answers: list[AnswerRecord] = []
    for record in records:
        answer = _answer(record, rule, personal, room, report)
        room -= len(answer.get("data", ""))
        answers.append(answer)
    return {"records": answers}, report


def _answer(
    record: Mapping[str, Any], rule: BillingRule, personal: PersonalData, room: int, report: TransformReport
) -> AnswerRecord:
    name = _name(record)
    data = msgspec.convert(record["data"], bytes)  # from base64, faster than the standard library
    content = _Content(room)
    try:
        for delivery in read_user_record(data, name, _arrived_at_ms(record), rule.fields):
            content.add(delivery.events, rule, personal)
    except Undecodable as error:
        report.undecodable.append(Failure(name, str(error)))
        return {"recordId": record["recordId"], "result": "ProcessingFailed"}
    if not content.events:
        report.empty += 1
        return {"recordId": record["recordId"], "result": "Dropped"}
    if content.size > room:
        report.too_large.append(Failure(name, content.reason))
        return {"recordId": record["recordId"], "result": "ProcessingFailed"}
    partition = content.partition
    if partition is None:
        reason = f"calls from {content.earliest} to {content.latest} have no day in common"
        report.scattered.append(Failure(name, reason))
        return {"recordId": record["recordId"], "result": "ProcessingFailed"}
    report.add(content)
    return {
        "recordId": record["recordId"],
        "result": "Ok",
        "data": msgspec.to_builtins(b"".join(content.parts)),
        "metadata": {"partitionKeys": partition},
    }


class _Content:
    """The rows of a record as JSON, as long as they fit into the room that is left."""

    def __init__(self, room: int) -> None:
        self._room = room
        self.events = self.rows = self.malformed = self.bytes = 0
        self.parts: list[bytes] = []
        self.earliest, self.latest = "9999", ""

    def add(self, events: Sequence[LogEvent], rule: BillingRule, personal: PersonalData) -> None:
        """Add rows. Once they do not fit, none is made: a great many log events take no memory."""
        self.events += len(events)
        if not events or self.size > self._room:
            return
        rows = lake_rows(events, rule)
        personal.treat(rows)
        part = encode_rows(rows)
        if self.bytes + len(part) > self._room // 4 * 3:
            shorten(rows)
            part = encode_rows(rows)
        self.parts.append(part)
        self.bytes += len(part)
        self.rows += len(rows)
        self.malformed += [row.apikeyid for row in rows].count(MALFORMED_KEY)
        times = [row.eventtime for row in rows]
        earliest, latest = min(times), max(times)
        self.earliest, self.latest = min(self.earliest, earliest), max(self.latest, latest)

    @property
    def size(self) -> int:
        """In the answer: base64, or what it would be at least."""
        return max(_base64_size(self.bytes), self.events * _LEAST_BYTES_OF_ROW)

    @property
    def reason(self) -> str:
        """Why it does not fit."""
        is_made = self.rows == self.events
        what = f"{self.rows} rows of {self.bytes} bytes" if is_made else f"{self.events} log events"
        return f"{what} do not fit into the answer, which has room for {max(self._room, 0)} bytes of base64"

    @property
    def partition(self) -> PartitionKeys | None:
        """See :mod:`metering.calls.placement`. None: there is none for all of them."""
        day = self.earliest
        if self.earliest[:10] != self.latest[:10]:
            middle = middle_ms(epoch_ms(self.earliest), epoch_ms(self.latest))
            if middle is None:
                return None
            day = time_text(middle)
        return {"year": day[:4], "month": day[5:7], "day": day[8:10]}


def _base64_size(length: int) -> int:
    return (length + 2) // 3 * 4


def _name(record: Mapping[str, Any]) -> str:
    """The name that the stream processor gives to the same user record. What came through no stream (a test
    event) has Firehose's own id.
    """
    source = record.get("kinesisRecordMetadata")
    if not source:
        return str(record["recordId"])
    return record_id(source["shardId"], source["sequenceNumber"], int(source.get("subsequenceNumber") or 0))


def _arrived_at_ms(record: Mapping[str, Any]) -> int:
    """When the record reached the stream, in epoch milliseconds, as the stream processor knows it."""
    in_stream = (record.get("kinesisRecordMetadata") or {}).get("approximateArrivalTimestamp")
    return in_stream if isinstance(in_stream, int) else int(record["approximateArrivalTimestamp"])
