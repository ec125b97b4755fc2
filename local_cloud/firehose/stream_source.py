"""How a delivery stream reads a Kinesis stream: from its own creation on, and again from the checkpoint after
a crash.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from local_cloud.kinesis.kpl_aggregate import UserRecord, user_records

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient
    from types_boto3_kinesis.literals import ShardIteratorTypeType
    from types_boto3_kinesis.type_defs import ShardTypeDef


@dataclass(frozen=True, slots=True)
class SourceRecord:
    """A user record: a record of the stream, or a part of an aggregate with its index there."""

    shard_id: str
    sequence_number: str
    subsequence_number: int
    partition_key: str
    data: bytes
    arrived_at: datetime

    @property
    def id(self) -> str:
        """The ``recordId`` under which the transform sees it."""
        return f"{self.sequence_number}{self.subsequence_number:06d}"


@dataclass(slots=True, eq=False)
class _Shard:
    """A shard that is read: ``iterator`` is ``None`` when a closed one was read to its end.

    ``waiting`` holds the records that were read and not acknowledged, in order: when each arrived, and how
    many user records of it are still to come.
    """

    id: str
    parents: frozenset[str]
    beginning: str
    iterator: str | None
    checkpoint: str | None = None
    waiting: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    last_read: str | None = None
    behind: timedelta = timedelta(0)
    caught_up_at: float = -1.0
    """When it was last known that all of the shard is read, by ``time.monotonic``."""
    version: object = None
    """The stream's when all of the shard was read."""

    @property
    def is_read(self) -> bool:
        return self.iterator is None

    def acknowledge(self, sequence_number: str) -> None:
        arrived_at, parts = self.waiting[sequence_number]
        self.waiting[sequence_number] = (arrived_at, parts - 1)
        while self.waiting:
            first = next(iter(self.waiting))
            if self.waiting[first][1] > 0:
                return
            del self.waiting[first]
            self.checkpoint = first

    def has_settled(self, sequence_number: str | None) -> bool:
        """Whether everything up to that record is acknowledged."""
        if sequence_number is None:
            return True
        return self.checkpoint is not None and int(self.checkpoint) >= int(sequence_number)


class Backlog:
    """The records that were in the stream when this was made: which are read, which acknowledged."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._goals: dict[str, str | None] = {}
        self.is_read = False
        self.is_settled = False

    def note(self, shards: Iterable[_Shard]) -> None:
        """Take notice of how far the shards are."""
        shards = list(shards)
        for shard in shards:
            if shard.is_read or shard.caught_up_at >= self._began:
                self._goals.setdefault(shard.id, shard.last_read)
        self.is_read = all(shard.id in self._goals for shard in shards)
        self.is_settled = self.is_read and all(s.has_settled(self._goals[s.id]) for s in shards)


class StreamSource:
    """The shards of a stream, read from the moment at which this is made.

    The children of a shard are read after the shard itself
    (https://docs.aws.amazon.com/firehose/latest/dev/writing-with-kinesis-streams.html: a delivery stream
    starts at ``LATEST``).
    """

    def __init__(
        self, kinesis: KinesisClient, stream_arn: str, version: Callable[[], object] = object
    ) -> None:
        """``version`` gives that of the stream: while it is the same, there is nothing to read. Without
        one it is a new object each time, which equals no other: the stream is always read.
        """
        self._kinesis = kinesis
        self._version = version
        self._stream_arn = stream_arn
        self._shards: dict[str, _Shard] = {}
        self._finished: set[str] = set()
        self._discovered = False
        self._discover("LATEST")

    def read(self) -> list[SourceRecord]:
        """The next records, of each shard what one request gives."""
        if not self._discovered:
            self._discover("TRIM_HORIZON")
        ready = [shard for shard in self._shards.values() if self._is_ready(shard)]
        return [record for shard in ready for record in self._read_shard(shard)]

    def acknowledge(self, records: Iterable[SourceRecord]) -> None:
        """These user records are where they belong and need not be read again."""
        for record in records:
            self._shards[record.shard_id].acknowledge(record.sequence_number)
        for shard in [shard for shard in self._shards.values() if shard.is_read and not shard.waiting]:
            self._finish(shard)

    def rewind(self) -> None:
        """Forget what was read and not acknowledged; it will be read again, and so will be what was
        acknowledged behind it.
        """
        for shard in self._shards.values():
            shard.waiting.clear()
            shard.last_read = shard.checkpoint
            shard.caught_up_at, shard.version = -1.0, None
            shard.iterator = shard.beginning if shard.checkpoint is None else self._after_checkpoint(shard)

    def note_progress(self, backlog: Backlog) -> None:
        """Report to ``backlog`` how far the shards are read."""
        if self._discovered:
            backlog.note(self._shards.values())

    @property
    def behind(self) -> timedelta:
        """How far the last reads were behind the tip of the stream, in the shard where that is most."""
        return max((shard.behind for shard in self._shards.values()), default=timedelta(0))

    def oldest_arrival(self, now: datetime) -> datetime | None:
        """When the oldest record arrived that is not acknowledged; ``None`` if there is none, as far as the
        last read saw.
        """
        arrivals = [arrived_at for s in self._shards.values() for arrived_at, _ in s.waiting.values()]
        arrivals += [now - shard.behind for shard in self._shards.values() if shard.behind]
        return min(arrivals, default=None)

    def _discover(self, start: ShardIteratorTypeType) -> None:
        for listed in self._list_shards():
            if listed["ShardId"] in self._shards or listed["ShardId"] in self._finished:
                continue
            if start == "LATEST" and "EndingSequenceNumber" in listed["SequenceNumberRange"]:
                self._finished.add(listed["ShardId"])
                continue
            self._open(listed, start)
        self._discovered = True

    def _list_shards(self) -> list[ShardTypeDef]:
        pages = self._kinesis.get_paginator("list_shards").paginate(StreamARN=self._stream_arn)
        return [shard for page in pages for shard in page["Shards"]]

    def _open(self, listed: ShardTypeDef, start: ShardIteratorTypeType) -> None:
        iterator = self._iterator(listed["ShardId"], start)
        parents = (listed.get("ParentShardId"), listed.get("AdjacentParentShardId"))
        self._shards[listed["ShardId"]] = _Shard(
            listed["ShardId"], frozenset(filter(None, parents)), beginning=iterator, iterator=iterator
        )

    def _iterator(self, shard_id: str, start: ShardIteratorTypeType) -> str:
        answer = self._kinesis.get_shard_iterator(
            StreamARN=self._stream_arn, ShardId=shard_id, ShardIteratorType=start
        )
        return answer["ShardIterator"]

    def _after_checkpoint(self, shard: _Shard) -> str:
        answer = self._kinesis.get_shard_iterator(
            StreamARN=self._stream_arn,
            ShardId=shard.id,
            ShardIteratorType="AFTER_SEQUENCE_NUMBER",
            StartingSequenceNumber=str(shard.checkpoint),
        )
        return answer["ShardIterator"]

    def _is_ready(self, shard: _Shard) -> bool:
        parents = [self._shards[parent] for parent in shard.parents if parent in self._shards]
        return not shard.is_read and all(parent.is_read for parent in parents)

    def _read_shard(self, shard: _Shard) -> list[SourceRecord]:
        asked_at, version = time.monotonic(), self._version()
        if version == shard.version:
            shard.caught_up_at = asked_at
            return []
        answer = self._kinesis.get_records(
            StreamARN=self._stream_arn,
            ShardIterator=cast("str", shard.iterator),  # a shard without one is not ready
        )
        shard.behind = timedelta(milliseconds=answer["MillisBehindLatest"])
        if not shard.behind:
            shard.caught_up_at, shard.version = asked_at, version
        shard.iterator = answer.get("NextShardIterator")
        records = [part for record in answer["Records"] for part in _take_in(shard, record)]
        if shard.is_read:
            self._discovered = False
            if not shard.waiting:
                self._finish(shard)
        return records

    def _finish(self, shard: _Shard) -> None:
        del self._shards[shard.id]
        self._finished.add(shard.id)


def _take_in(shard: _Shard, record: Mapping[str, Any]) -> list[SourceRecord]:
    """The user records of a record, which waits from now on."""
    number, arrived_at = record["SequenceNumber"], record["ApproximateArrivalTimestamp"].astimezone(UTC)
    parts = user_records(record["Data"]) or [UserRecord(record["PartitionKey"], record["Data"])]
    shard.waiting[number] = (arrived_at, len(parts))
    shard.last_read = number
    return [
        SourceRecord(shard.id, number, index, part.partition_key, part.data, arrived_at)
        for index, part in enumerate(parts)
    ]
