"""The contract between Firehose and a transform function: the event, the answer, and what is made of it.

https://docs.aws.amazon.com/firehose/latest/dev/data-transformation.html and its pages on the status model
and on failures.
"""

import base64
import binascii
import json
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from local_cloud.firehose.settings import DeliverySettings
from local_cloud.firehose.stream_source import SourceRecord
from local_cloud.lambda_.function import FunctionError, LambdaFunction

MAX_PAYLOAD_BYTES = 6_291_456
"""Of a synchronous invocation, request and response alike
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
"""

_RECORD_OVERHEAD_BYTES = 640
"""An upper bound for what a record of the event holds besides its data and partition key."""

ENVELOPE_BYTES = 2048
"""An upper bound for what the event holds besides its records."""

Around = Callable[[Callable[[], Any], int], Any]
"""Is given the invocation to make and the number of the attempt, from 1; returns the function's answer."""


@dataclass(frozen=True, slots=True)
class Transformed:
    """The function answered ``Ok``: the rows, and the names of their partition."""

    record: SourceRecord
    data: bytes
    partition_keys: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Dropped:
    """The function has no use for the record, which counts as success."""

    record: SourceRecord


@dataclass(frozen=True, slots=True)
class FailedRecord:
    """The record belongs under the error prefix, raw, after so many attempts."""

    record: SourceRecord
    code: str
    message: str
    attempts: int = 1


Outcome = Transformed | Dropped | FailedRecord


class _UnreadableAnswerError(Exception):
    """The answer does not follow the contract as a whole."""


def payload_bytes(record: SourceRecord) -> int:
    """An upper bound for a record's share of the request: its data travels as base64."""
    return (len(record.data) + 2) // 3 * 4 + 12 * len(record.partition_key) + _RECORD_OVERHEAD_BYTES


class TransformCall:
    """Calls the transform function of a delivery stream, again if it fails, and reads its answer."""

    def __init__(self, function: LambdaFunction, settings: DeliverySettings) -> None:
        self.invocations = 0
        self.failed_invocations = 0
        self._function = function
        self._settings = settings

    def transform(self, records: Sequence[SourceRecord], around: Around) -> list[Outcome]:
        """What becomes of each record, in their order.

        A function error is repeated as often as the settings say, then the whole batch has failed. An answer
        that breaks the contract is not.
        """
        event = transform_event(records, self._settings)
        reason = ""
        for attempt in range(1, self._settings.transform.retries + 2):
            self.invocations += 1
            try:
                answer = around(lambda: self._invoke(event), attempt)
            except FunctionError as error:
                self.failed_invocations += 1
                reason = str(error)
                continue
            return read_answer(answer, records)
        message = f"The Lambda function was successfully invoked but it returned an error result. {reason}"
        return [FailedRecord(record, "Lambda.FunctionError", message, attempt) for record in records]

    def _invoke(self, event: Mapping[str, Any]) -> Any:
        if (size := len(json.dumps(event))) > MAX_PAYLOAD_BYTES:
            raise FunctionError(f"{size} byte payload is too large for the invocation")
        answer = self._function.invoke(event, event["invocationId"])
        if (size := len(json.dumps(answer))) > MAX_PAYLOAD_BYTES:
            raise FunctionError(
                f"Response payload size ({size} bytes) exceeded maximum allowed payload size "
                f"({MAX_PAYLOAD_BYTES} bytes)."
            )
        return answer


def transform_event(records: Sequence[SourceRecord], settings: DeliverySettings) -> dict[str, Any]:
    """The event that Firehose passes to the function."""
    return {
        "invocationId": str(uuid.uuid4()),
        "sourceKinesisStreamArn": settings.stream_arn,
        "deliveryStreamArn": settings.arn,
        "region": settings.arn.split(":")[3],
        "records": [_event_record(record) for record in records],
    }


def read_answer(answer: object, records: Sequence[SourceRecord]) -> list[Outcome]:
    """What the function's answer says about each record: every ``recordId`` has to come back exactly once."""
    try:
        entries = _entries(answer)
    except _UnreadableAnswerError as error:
        message = f"There was an error parsing returned records from the Lambda function: {error}"
        return [FailedRecord(record, "Lambda.JsonProcessingException", message) for record in records]
    counts = Counter(entry["recordId"] for entry in entries)
    by_id = {entry["recordId"]: entry for entry in entries}
    return [_outcome(record, by_id.get(record.id), counts[record.id]) for record in records]


def _event_record(record: SourceRecord) -> dict[str, object]:
    arrived_at = milliseconds(record.arrived_at)
    return {
        "recordId": record.id,
        "approximateArrivalTimestamp": arrived_at,
        "data": base64.b64encode(record.data).decode("ascii"),
        "kinesisRecordMetadata": {
            "sequenceNumber": record.sequence_number,
            "subsequenceNumber": record.subsequence_number,
            "partitionKey": record.partition_key,
            "shardId": record.shard_id,
            "approximateArrivalTimestamp": arrived_at,
        },
    }


def milliseconds(moment: datetime) -> int:
    """Epoch milliseconds, as Firehose writes times."""
    return round(moment.timestamp() * 1000)


def _entries(answer: object) -> list[Mapping[str, object]]:
    entries = answer.get("records") if isinstance(answer, Mapping) else None
    if not isinstance(entries, list):
        raise _UnreadableAnswerError("no list of records")
    for entry in entries:
        if not isinstance(entry, Mapping) or not isinstance(entry.get("recordId"), str):
            raise _UnreadableAnswerError(f"a record without recordId: {entry!r:.100}")
    return entries


def _outcome(record: SourceRecord, entry: Mapping[str, object] | None, count: int) -> Outcome:
    if entry is None:
        return FailedRecord(record, "Lambda.MissingRecordId", "One or more record IDs were not returned.")
    if count > 1:
        return FailedRecord(
            record, "Lambda.DuplicatedRecordId", "Multiple records were returned with the same record ID."
        )
    match entry.get("result"):
        case "Ok":
            return _transformed(record, entry)
        case "Dropped":
            return Dropped(record)
        case "ProcessingFailed":
            return FailedRecord(
                record, "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record"
            )
        case other:
            return FailedRecord(record, "Lambda.JsonProcessingException", f"{other!r:.100} is not a result")


def _transformed(record: SourceRecord, entry: Mapping[str, Any]) -> Outcome:
    try:
        data = base64.b64decode(entry["data"], validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        return FailedRecord(record, "Lambda.JsonProcessingException", f"data is no base64: {error!r:.100}")
    keys = (entry.get("metadata") or {}).get("partitionKeys") or {}
    if not isinstance(keys, Mapping):
        return FailedRecord(
            record, "Lambda.JsonProcessingException", f"partitionKeys is not an object: {keys!r:.100}"
        )
    return Transformed(
        record, data, {str(name): str(value) for name, value in keys.items() if value is not None}
    )
