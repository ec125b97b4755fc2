"""How a Lambda event source mapping goes through one shard: which batches it cuts, and what follows from each
answer.

Pure: no stream, no function, no clock. The rules are those of
https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html , services-kinesis-parameters.html and
services-kinesis-batchfailurereporting.html.
"""

import base64
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
"""The largest synchronous invocation
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html).
"""

_RECORD_OVERHEAD_BYTES = 700
"""An upper bound for what a record of the event holds besides its data and partition key."""


@dataclass(frozen=True, slots=True)
class CursorRecord:
    """A record as GetRecords returns it; ``arrived_at`` is aware."""

    sequence_number: str
    partition_key: str
    data: bytes
    arrived_at: datetime

    @property
    def payload_bytes(self) -> int:
        """An upper bound for the record's share of the invocation's payload: its data travels as base64."""
        encoded = (len(self.data) + 2) // 3 * 4
        return encoded + 12 * len(self.partition_key) + _RECORD_OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """The settings of an event source mapping that decide about batches, with Lambda's defaults.

    ``None`` for the retry attempts or the record age means: without end.
    """

    batch_size: int = 100
    window: timedelta = timedelta(0)
    bisect: bool = False
    retry_attempts: int | None = None
    record_age: timedelta | None = None
    reports_item_failures: bool = False
    payload_bytes: int = MAX_PAYLOAD_BYTES


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Consecutive records of a shard that are invoked together; ``failures`` counts the invocations that
    failed.
    """

    records: tuple[CursorRecord, ...]
    failures: int = 0

    @property
    def sequence_numbers(self) -> list[str]:
        """Those of its records, in order."""
        return [record.sequence_number for record in self.records]

    def cut(self, index: int) -> tuple["RecordBatch", "RecordBatch"]:
        """The batch in two at ``index``; both keep the count of failures."""
        return replace(self, records=self.records[:index]), replace(self, records=self.records[index:])


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The function answered for the whole batch."""


@dataclass(frozen=True, slots=True)
class FailedFrom:
    """The function named records that failed; this is the index of the first of them in the batch."""

    index: int


@dataclass(frozen=True, slots=True)
class FailedBatch:
    """The function raised, timed out, or gave an answer that cannot be read: the whole batch failed."""

    reason: str


Answer = Succeeded | FailedFrom | FailedBatch


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one answer led to: records that are done, records given up, and whether anything will be tried
    again.
    """

    processed: tuple[CursorRecord, ...] = ()
    discarded: RecordBatch | None = None
    retried: bool = False
    bisected: bool = False


class ShardCursor:
    """The place of an event source mapping in one shard.

    Records enter in order with :meth:`read`; :meth:`take` gives the batch to invoke, if one is due;
    :meth:`settle` takes its answer. A batch that is to be tried again comes before everything after it, so
    that order holds.
    """

    def __init__(
        self, policy: BatchPolicy, backoff: Callable[[int], timedelta] = lambda _failures: timedelta(0)
    ) -> None:
        self._policy = policy
        self._backoff = backoff
        self._unbatched: deque[tuple[CursorRecord, datetime]] = deque()
        self._batches: deque[RecordBatch] = deque()
        self._not_before: datetime | None = None
        self.checkpoint: str | None = None

    @property
    def is_idle(self) -> bool:
        """Whether every record read is either processed or discarded."""
        return not self._unbatched and not self._batches

    @property
    def wants_records(self) -> bool:
        """Whether it is worth reading more: no batch waits and the next is not full yet."""
        return not self._batches and self._full_batch_length() is None

    def read(self, records: Iterable[CursorRecord], now: datetime) -> None:
        """Take in the next records of the shard."""
        self._unbatched.extend((record, now) for record in records)

    def expire(self, now: datetime) -> RecordBatch | None:
        """Give up the records older than the greatest age: they go to the failure destination, uninvoked or
        not.
        """
        age = self._policy.record_age
        if age is None:
            return None
        if self._batches:
            return self._expire_batch(now - age)
        expired = []
        while self._unbatched and self._unbatched[0][0].arrived_at < now - age:
            expired.append(self._unbatched.popleft()[0])
        return self._passed(RecordBatch(tuple(expired))) if expired else None

    def take(self, now: datetime, *, flush: bool = False) -> RecordBatch | None:
        """The batch to invoke now, or ``None`` while none is full and the window is open.

        ``flush`` ends the window early. The same batch comes again until it is settled.
        """
        if self._not_before is not None and now < self._not_before:
            return None
        if not self._batches and self._unbatched:
            self._cut_batch(now, flush=flush)
        return self._batches[0] if self._batches else None

    def settle(self, answer: Answer, now: datetime) -> Settlement:
        """Act on the answer for the batch that :meth:`take` gave."""
        batch = self._batches.popleft()
        self._not_before = None
        match answer:
            case Succeeded():
                return Settlement(processed=self._passed(batch).records)
            case FailedFrom(index=index) if index > 0:
                done, rest = batch.cut(index)
                return replace(
                    self._fail(replace(rest, failures=0), now), processed=self._passed(done).records
                )
            case FailedBatch() if self._policy.bisect and len(batch.records) > 1:
                return self._bisect(batch, now)
            case _:
                return self._fail(batch, now)

    def _cut_batch(self, now: datetime, *, flush: bool) -> None:
        length = self._full_batch_length()
        if length is None:
            waited = now - self._unbatched[0][1]
            if waited < self._policy.window and not flush:
                return
            length = len(self._unbatched)
        self._batches.append(RecordBatch(tuple(self._unbatched.popleft()[0] for _ in range(length))))

    def _full_batch_length(self) -> int | None:
        size = 0
        for length, (record, _) in enumerate(self._unbatched):
            size += record.payload_bytes
            if length == self._policy.batch_size or (length > 0 and size > self._policy.payload_bytes):
                return length
        return self._policy.batch_size if len(self._unbatched) == self._policy.batch_size else None

    def _expire_batch(self, horizon: datetime) -> RecordBatch | None:
        batch = self._batches[0]
        fresh = next((i for i, r in enumerate(batch.records) if r.arrived_at >= horizon), len(batch.records))
        if fresh == 0:
            return None
        expired, rest = batch.cut(fresh)
        self._batches.popleft()
        if rest.records:
            self._batches.appendleft(rest)
        return self._passed(expired)

    def _bisect(self, batch: RecordBatch, now: datetime) -> Settlement:
        """Halve a failed batch; this does not count as a retry."""
        self._batches.extendleft(reversed(batch.cut((len(batch.records) + 1) // 2)))
        self._not_before = now + self._backoff(1)
        return Settlement(retried=True, bisected=True)

    def _fail(self, batch: RecordBatch, now: datetime) -> Settlement:
        failed = replace(batch, failures=batch.failures + 1)
        limit = self._policy.retry_attempts
        if limit is not None and failed.failures > limit:
            return Settlement(discarded=self._passed(failed))
        self._batches.appendleft(failed)
        self._not_before = now + self._backoff(failed.failures)
        return Settlement(retried=True)

    def _passed(self, batch: RecordBatch) -> RecordBatch:
        self.checkpoint = batch.records[-1].sequence_number
        return batch


def read_answer(response: object, batch: RecordBatch, policy: BatchPolicy) -> Answer:
    """What a function's response says about its batch.

    With ``ReportBatchItemFailures`` nothing, ``{}`` and an empty or null list are success; the lowest
    sequence number named is where the batch is retried from; an identifier that is empty, null, misnamed or
    not in the batch fails it whole.
    """
    if not policy.reports_item_failures or response is None:
        return Succeeded()
    if not isinstance(response, Mapping):
        return FailedBatch(f"the response is not a JSON object: {response!r:.100}")
    failures = response.get("batchItemFailures")
    if failures is None or failures == []:
        return Succeeded()
    return _lowest_failure(failures, batch.sequence_numbers)


def _lowest_failure(failures: object, sequence_numbers: Sequence[str]) -> Answer:
    if not isinstance(failures, list):
        return FailedBatch(f"batchItemFailures is not a list: {failures!r:.100}")
    identifiers = [item.get("itemIdentifier") if isinstance(item, Mapping) else None for item in failures]
    indexes = {number: index for index, number in enumerate(sequence_numbers)}
    found = [indexes.get(identifier) if isinstance(identifier, str) else None for identifier in identifiers]
    known = [index for index in found if index is not None]
    if len(known) < len(found):
        unknown = identifiers[found.index(None)]
        return FailedBatch(f"itemIdentifier {unknown!r:.100} is not a sequence number of the batch")
    return FailedFrom(min(known))


def lambda_event(
    records: Iterable[CursorRecord], *, shard_id: str, stream_arn: str, role_arn: str
) -> dict[str, list[dict[str, Any]]]:
    """The event that Lambda passes to a function for these records of a shard."""
    return {"Records": [_lambda_record(record, shard_id, stream_arn, role_arn) for record in records]}


def _lambda_record(record: CursorRecord, shard_id: str, stream_arn: str, role_arn: str) -> dict[str, Any]:
    return {
        "kinesis": {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": record.partition_key,
            "sequenceNumber": record.sequence_number,
            "data": base64.b64encode(record.data).decode("ascii"),
            "approximateArrivalTimestamp": round(record.arrived_at.timestamp(), 3),
        },
        "eventSource": "aws:kinesis",
        "eventVersion": "1.0",
        "eventID": f"{shard_id}:{record.sequence_number}",
        "eventName": "aws:kinesis:record",
        "invokeIdentityArn": role_arn,
        "awsRegion": stream_arn.split(":")[3],
        "eventSourceARN": stream_arn,
    }
