"""Deliveries into rows of the lake, by Firehose's contract for a transform. Pure.

Every record comes back once, in its order, under its `recordId`:

- `Ok`: a delivery with log events, or a bare access-log line. Its rows become Parquet in the partition that
  the answer names.
- `Dropped`: a control message, or a delivery without log events. It holds nothing that could be kept; rows
  need a partition, and under the error prefix it would wait for ever.
- `ProcessingFailed`: what cannot be decoded, and what does not fit into the answer. Firehose puts the record,
  as it came, under the error prefix.

What does not fit is not lost: `usage-meter redrive` brings it from the error prefix into the lake. It is not
put back into the stream, where the stream processor and Firehose would read it once more. A delivery alone is
too large when its rows exceed 4.5 MB, which takes about 9,000 calls.

https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html and its page on the status model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NotRequired, TypedDict

import msgspec

from metering.billing_rule import BillingRule
from metering.calls.lake_row import LakeRow, encode_rows, lake_rows
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
    try:
        events = read_user_record(data, name, _arrived_at_ms(record), rule.fields).events
    except Undecodable as error:
        report.undecodable.append(Failure(name, str(error)))
        return {"recordId": record["recordId"], "result": "ProcessingFailed"}
    if not events:
        report.empty += 1
        return {"recordId": record["recordId"], "result": "Dropped"}
    if len(events) * _LEAST_BYTES_OF_ROW > room:
        return _too_large(record, name, f"{len(events)} log events", room, report)
    rows = lake_rows(events, rule)
    personal.treat(rows)
    content = encode_rows(rows)
    if _base64_size(content) > room:
        return _too_large(record, name, f"{len(rows)} rows of {len(content)} bytes", room, report)
    report.rows += len(rows)
    report.malformed += [row.apikeyid for row in rows].count(MALFORMED_KEY)
    report.row_bytes += len(content)
    return {
        "recordId": record["recordId"],
        "result": "Ok",
        "data": msgspec.to_builtins(content),
        "metadata": {"partitionKeys": _partition(rows[0])},
    }


def _too_large(
    record: Mapping[str, Any], name: str, what: str, room: int, report: TransformReport
) -> AnswerRecord:
    reason = f"{what} do not fit into the answer, which has room for {max(room, 0)} bytes of base64"
    report.too_large.append(Failure(name, reason))
    return {"recordId": record["recordId"], "result": "ProcessingFailed"}


def _base64_size(content: bytes) -> int:
    return (len(content) + 2) // 3 * 4


def _partition(first: LakeRow) -> PartitionKeys:
    """The partition of a delivery is the day of its first event; it stays whole over midnight."""
    time = first.eventtime
    return {"year": time[:4], "month": time[5:7], "day": time[8:10]}


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
