"""Lambda's event source mapping for Kinesis: reads the shards, invokes the function, retries, gives up.

What is invoked together and what follows from an answer is decided by
:mod:`local_cloud.lambda_.shard_cursor`; this module does the reading, the calling and the waiting, in one
thread, so that a shard has one batch in flight (``ParallelizationFactor`` 1).
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self

from local_cloud.lambda_.failure_destination import Condition, GivenUp, invocation_record, object_key
from local_cloud.lambda_.function import FunctionError, LambdaFunction
from local_cloud.lambda_.shard_cursor import (
    Answer,
    BatchPolicy,
    CursorRecord,
    FailedBatch,
    RecordBatch,
    ShardCursor,
    Succeeded,
    lambda_event,
    read_answer,
)

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient
    from types_boto3_kinesis.type_defs import ShardTypeDef
    from types_boto3_s3 import S3Client

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
_FIRST_BACKOFF = timedelta(milliseconds=20)
_LONGEST_BACKOFF = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class MappingSettings:
    """An event source mapping of the template: the policy for batches, where to start, where failures go."""

    stream_arn: str
    policy: BatchPolicy
    starting_position: Literal["TRIM_HORIZON", "LATEST"] = "TRIM_HORIZON"
    failure_bucket: str | None = None

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Self:
        """Read the properties of an ``AWS::Lambda::EventSourceMapping``.

        Raises:
            ValueError: a setting that the local cloud cannot honour, by name.
        """
        factor = int(properties.get("ParallelizationFactor", 1))
        start = properties["StartingPosition"]
        if factor != 1:
            raise ValueError(f"ParallelizationFactor is {factor}: the local cloud, like the meter, needs 1")
        if start not in ("TRIM_HORIZON", "LATEST"):
            raise ValueError(f"StartingPosition is {start}: the local cloud has TRIM_HORIZON and LATEST")
        return cls(properties["EventSourceArn"], _policy(properties), start, _failure_bucket(properties))


@dataclass(slots=True)
class MappingProgress:
    """Counts since the mapping started."""

    read: int = 0
    processed: int = 0
    discarded: int = 0
    invocations: int = 0
    failed_invocations: int = 0
    bisected: int = 0


@dataclass(frozen=True, slots=True)
class MappingInvocation:
    """One invocation and what it led to."""

    shard_id: str
    batch: RecordBatch
    answer: Answer
    processed: tuple[CursorRecord, ...]
    finished_at: datetime


class MappingFailedError(Exception):
    """The mapping's own thread died: the local cloud has a fault."""


@dataclass(slots=True, eq=False)
class _ShardReader:
    """Where the mapping is in a shard: ``iterator`` is ``None`` when a closed shard was read to its end."""

    shard_id: str
    parents: frozenset[str]
    iterator: str | None
    cursor: ShardCursor
    read: int = 0
    settled: int = 0
    caught_up_at: float = -1.0
    """When it was last known that all of the shard is read, by ``time.monotonic``."""
    version: object = None
    """The stream's when all of the shard was read."""

    @property
    def is_done(self) -> bool:
        return self.iterator is None and self.cursor.is_idle


class _Drain:
    """A wait for the records that were in the stream when it began: per shard, how many must be settled."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._goals: dict[str, int] = {}
        self.reached = threading.Event()

    def note(self, readers: Iterable[_ShardReader]) -> None:
        readers = list(readers)
        for reader in readers:
            if reader.iterator is None or reader.caught_up_at >= self._began:
                self._goals.setdefault(reader.shard_id, reader.read)
        if all(r.shard_id in self._goals and r.settled >= self._goals[r.shard_id] for r in readers):
            self.reached.set()


class EventSourceMapping:
    """Feeds one function from one stream, from :meth:`start` to :meth:`stop` or step by step with
    :meth:`step`.
    """

    def __init__(  # noqa: PLR0913 - function, settings, two services, a listener, a clock and a version
        self,
        function: LambdaFunction,
        settings: MappingSettings,
        *,
        kinesis: KinesisClient,
        s3: S3Client,
        on_invocation: Callable[[MappingInvocation], None] = lambda _invocation: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        version: Callable[[], object] = object,
    ) -> None:
        """``now`` gives the time (aware, UTC) by which windows end and records grow old, ``version`` that of
        the stream: while it is the same, there is nothing to read. Without one it is a new object each time,
        which equals no other: the stream is always read.
        """
        self.progress = MappingProgress()
        self.id = str(uuid.uuid4())
        self._function = function
        self._settings = settings
        self._kinesis = kinesis
        self._s3 = s3
        self._stream_arn = settings.stream_arn
        self._role_arn = f"arn:aws:iam::{settings.stream_arn.split(':')[4]}:role/{function.name}"
        self._on_invocation = on_invocation
        self._now = now
        self._version = version
        self._readers: dict[str, _ShardReader] = {}
        self._finished: set[str] = set()
        self._discovered = False
        self._drain: _Drain | None = None
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin polling in a thread of its own. With ``LATEST``, records put after this call are read."""
        self._discover()
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=f"mapping-{self._function.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the invocation in flight and stop. Records not processed stay in the stream.

        Raises:
            MappingFailedError: the thread had died.
        """
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.check()

    def drain(self, timeout: float = 600) -> None:
        """Wait until every record that is in the stream now is processed or discarded, without waiting for
        windows.

        Raises:
            TimeoutError: that took more than ``timeout`` seconds.
            MappingFailedError: the thread died.
        """
        drain = _Drain()
        self._drain = drain
        self._wake.set()
        try:
            self._await(drain, time.monotonic() + timeout)
        finally:
            self._drain = None

    def check(self) -> None:
        """See that the mapping's own thread lives.

        Raises:
            MappingFailedError: it died.
        """
        if self._failure is not None:
            raise MappingFailedError(
                f"the event source mapping of {self._function.name} died"
            ) from self._failure

    def step(self) -> bool:
        """Go over all shards once: read, invoke at most one batch each. Whether anything was read or
        invoked.
        """
        self._discover()
        drain = self._drain
        busy = False
        for reader in [r for r in self._readers.values() if not r.parents & self._readers.keys()]:
            busy = self._read(reader) or busy
            busy = self._invoke(reader, flush=drain is not None) or busy
            if reader.is_done:
                busy = self._finish(reader)
        if drain is not None and self._discovered:
            drain.note(self._readers.values())
        return busy

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                if not self.step():
                    self._wake.wait(_POLL_SECONDS)
                    self._wake.clear()
        except BaseException as error:
            logger.exception("the event source mapping of %s failed", self._function.name)
            self._failure = error

    def _await(self, drain: _Drain, deadline: float) -> None:
        while not drain.reached.wait(_POLL_SECONDS):
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{self._function.name} did not process its stream in time: {self.progress}"
                )

    def _discover(self) -> None:
        """List the shards at the start and whenever one is finished: its children follow it."""
        if self._discovered:
            return
        first_time = not self._readers and not self._finished
        listed = self._list_shards()
        for shard in listed:
            if shard["ShardId"] not in self._finished and shard["ShardId"] not in self._readers:
                self._open_reader(shard, from_start=not first_time)
        self._discovered = True

    def _list_shards(self) -> list[ShardTypeDef]:
        answer = self._kinesis.list_shards(StreamARN=self._stream_arn)
        shards = answer["Shards"]
        while "NextToken" in answer:
            answer = self._kinesis.list_shards(NextToken=answer["NextToken"])
            shards += answer["Shards"]
        return shards

    def _open_reader(self, shard: ShardTypeDef, *, from_start: bool) -> None:
        latest = self._settings.starting_position == "LATEST" and not from_start
        if latest and "EndingSequenceNumber" in shard["SequenceNumberRange"]:
            self._finished.add(shard["ShardId"])
            return
        iterator = self._kinesis.get_shard_iterator(
            StreamARN=self._stream_arn,
            ShardId=shard["ShardId"],
            ShardIteratorType="LATEST" if latest else "TRIM_HORIZON",
        )["ShardIterator"]
        parents = {shard[name] for name in ("ParentShardId", "AdjacentParentShardId") if name in shard}
        cursor = ShardCursor(self._settings.policy, _backoff)
        self._readers[shard["ShardId"]] = _ShardReader(shard["ShardId"], frozenset(parents), iterator, cursor)

    def _read(self, reader: _ShardReader) -> bool:
        if reader.iterator is None or not reader.cursor.wants_records:
            return False
        asked_at, version = time.monotonic(), self._version()
        if version == reader.version:
            reader.caught_up_at = asked_at
            return False
        answer = self._kinesis.get_records(StreamARN=self._stream_arn, ShardIterator=reader.iterator)
        records = [_record(record) for record in answer["Records"]]
        reader.cursor.read(records, self._now())
        reader.read += len(records)
        if answer["MillisBehindLatest"] == 0:
            reader.caught_up_at, reader.version = asked_at, version
        reader.iterator = answer.get("NextShardIterator")
        self.progress.read += len(records)
        return bool(records)

    def _invoke(self, reader: _ShardReader, *, flush: bool) -> bool:
        expired = reader.cursor.expire(self._now())
        if expired is not None:
            self._discard(reader, expired, "RecordAgeExceeded", request_id=str(uuid.uuid4()))
        batch = reader.cursor.take(self._now(), flush=flush or reader.iterator is None)
        if batch is None:
            return expired is not None
        request_id = str(uuid.uuid4())
        answer = self._call(reader, batch, request_id)
        self._settle(reader, batch, answer, request_id)
        return True

    def _call(self, reader: _ShardReader, batch: RecordBatch, request_id: str) -> Answer:
        self.progress.invocations += 1
        try:
            response = self._function.invoke(self._event(reader, batch), request_id)
        except FunctionError as error:
            return FailedBatch(str(error))
        return read_answer(response, batch, self._settings.policy)

    def _settle(self, reader: _ShardReader, batch: RecordBatch, answer: Answer, request_id: str) -> None:
        settlement = reader.cursor.settle(answer, self._now())
        reader.settled += len(settlement.processed)
        self.progress.processed += len(settlement.processed)
        self.progress.failed_invocations += not isinstance(answer, Succeeded)
        self.progress.bisected += settlement.bisected
        if settlement.discarded is not None:
            self._discard(reader, settlement.discarded, "RetryAttemptsExhausted", request_id=request_id)
        self._on_invocation(
            MappingInvocation(reader.shard_id, batch, answer, settlement.processed, self._now())
        )

    def _event(self, reader: _ShardReader, batch: RecordBatch) -> dict[str, Any]:
        return lambda_event(
            batch.records, shard_id=reader.shard_id, stream_arn=self._stream_arn, role_arn=self._role_arn
        )

    def _finish(self, reader: _ShardReader) -> bool:
        del self._readers[reader.shard_id]
        self._finished.add(reader.shard_id)
        self._discovered = False
        return True

    def _discard(
        self, reader: _ShardReader, batch: RecordBatch, condition: Condition, *, request_id: str
    ) -> None:
        reader.settled += len(batch.records)
        self.progress.discarded += len(batch.records)
        bucket = self._settings.failure_bucket
        logger.warning(
            "%s: %d records of %s: %s", self._function.name, len(batch.records), reader.shard_id, condition
        )
        if bucket is None:
            return
        given_up = GivenUp(batch, condition, request_id)
        event = self._event(reader, batch)
        document = invocation_record(given_up, event, function_arn=self._function.arn, now=self._now())
        key = object_key(self.id, reader.shard_id, self._now())
        self._s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(document).encode())


def _policy(properties: Mapping[str, Any]) -> BatchPolicy:
    retries = int(properties.get("MaximumRetryAttempts", -1))
    age = int(properties.get("MaximumRecordAgeInSeconds", -1))
    return BatchPolicy(
        batch_size=int(properties.get("BatchSize", 100)),
        window=timedelta(seconds=int(properties.get("MaximumBatchingWindowInSeconds", 0))),
        bisect=properties.get("BisectBatchOnFunctionError", False),
        retry_attempts=None if retries == -1 else retries,
        record_age=None if age == -1 else timedelta(seconds=age),
        reports_item_failures="ReportBatchItemFailures" in properties.get("FunctionResponseTypes", []),
    )


def _failure_bucket(properties: Mapping[str, Any]) -> str | None:
    destination = properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if destination is None:
        return None
    if not destination.startswith("arn:aws:s3:::"):
        raise ValueError(f"the failure destination is {destination}: the local cloud has S3 buckets")
    return str(destination.removeprefix("arn:aws:s3:::"))


def _record(answer: Mapping[str, Any]) -> CursorRecord:
    return CursorRecord(
        sequence_number=answer["SequenceNumber"],
        partition_key=answer["PartitionKey"],
        data=answer["Data"],
        arrived_at=answer["ApproximateArrivalTimestamp"],
    )


def _backoff(failures: int) -> timedelta:
    doublings: int = 2 ** min(failures - 1, 10)
    return min(_FIRST_BACKOFF * doublings, _LONGEST_BACKOFF)
