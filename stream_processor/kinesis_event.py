"""The event of a Kinesis event source mapping, and the answer to it.

https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-batchfailurereporting.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypedDict

import msgspec

from metering.calls.record import StreamRecord


class BatchItemFailure(TypedDict):
    """Lambda repeats everything from this sequence number on."""

    itemIdentifier: str


class BatchResponse(TypedDict):
    """An empty list: the whole batch is in."""

    batchItemFailures: list[BatchItemFailure]


def read_event(event: Mapping[str, Any]) -> list[StreamRecord]:
    """The records of one invocation: of one shard, in the order of their sequence numbers."""
    return [_record(record) for record in event["Records"]]


def stream_of(event: Mapping[str, Any]) -> str:
    """The ARN of the stream that an invocation's records come from."""
    arn: str = event["Records"][0]["eventSourceARN"]
    return arn


def beginning_of(event: Mapping[str, Any]) -> tuple[str, int]:
    """The shard of an invocation's records, and their lowest sequence number."""
    first = event["Records"][0]
    return first["eventID"].partition(":")[0], int(first["kinesis"]["sequenceNumber"])


def answer(failed_from: int | None) -> BatchResponse:
    """The answer that makes Lambda repeat from a sequence number, or go on."""
    failures: list[BatchItemFailure] = []
    if failed_from is not None:
        failures.append({"itemIdentifier": str(failed_from)})
    return {"batchItemFailures": failures}


def _record(record: Mapping[str, Any]) -> StreamRecord:
    kinesis = record["kinesis"]
    return StreamRecord(
        shard_id=record["eventID"].partition(":")[0],
        sequence_number=int(kinesis["sequenceNumber"]),
        data=msgspec.convert(kinesis["data"], bytes),  # from base64, faster than the standard library
        arrived_at_ms=round(kinesis["approximateArrivalTimestamp"] * 1000),
    )
