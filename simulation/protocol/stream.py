"""The stream: shards that hold records, close when they are split or merged, and are followed by children.

https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-resharding.html
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from local_cloud.lambda_ import shard_cursor
from metering.calls.record import StreamRecord

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS = (1, 2, 1 << 40)


@dataclass(slots=True, eq=False)
class SimulatedShard:
    """A shard and its records: as the meter reads them, and as the event source mapping does."""

    id: str
    parents: tuple[SimulatedShard, ...] = ()
    records: list[StreamRecord] = field(default_factory=list)
    polled: list[shard_cursor.CursorRecord] = field(default_factory=list)
    is_open: bool = True
    first_number: int = 1
    next_number: int = 1
    children: list[SimulatedShard] = field(default_factory=list)

    def open_heir(self) -> SimulatedShard:
        """The open shard that gets what is put into this one."""
        return self if self.is_open else self.children[0].open_heir()

    def ancestor(self) -> str:
        """The first shard of its line."""
        return self.parents[0].ancestor() if self.parents else self.id


class SimulatedStream:
    """All shards of a stream, those that are closed too."""

    def __init__(self, dice: random.Random, shards: int, first_shard: int, first_number: int) -> None:
        self._dice = dice
        self._next_shard = first_shard
        self._first_number = first_number
        self._step = dice.choice(_STEPS)
        self.shards: list[SimulatedShard] = []
        for _ in range(shards):
            self._open((), first_number)

    @property
    def open_shards(self) -> list[SimulatedShard]:
        """The shards that take records."""
        return [shard for shard in self.shards if shard.is_open]

    def put(self, shard: SimulatedShard, data: bytes, arrived_at_ms: int) -> StreamRecord:
        """Append a record to an open shard."""
        number = shard.next_number
        shard.next_number += self._step
        record = StreamRecord(shard.id, number, data, arrived_at_ms)
        arrived_at = _EPOCH + timedelta(milliseconds=arrived_at_ms)
        shard.records.append(record)
        shard.polled.append(shard_cursor.CursorRecord(str(number), "partition key", data, arrived_at))
        return record

    def split(self) -> tuple[list[SimulatedShard], list[SimulatedShard]]:
        """Split a shard in two: the parent, and the children."""
        parent = self._dice.choice(self.open_shards)
        return [parent], self._follow([parent], 2)

    def merge(self) -> tuple[list[SimulatedShard], list[SimulatedShard]]:
        """Merge two shards into one: the parents, and the child."""
        parents = self._dice.sample(self.open_shards, 2)
        return parents, self._follow(parents, 1)

    def _follow(self, parents: list[SimulatedShard], count: int) -> list[SimulatedShard]:
        """Close shards and open their children, whose sequence numbers are above those of the parents."""
        first_number = max(parent.next_number for parent in parents)
        for parent in parents:
            parent.is_open = False
        return [self._open(tuple(parents), first_number) for _ in range(count)]

    def _open(self, parents: tuple[SimulatedShard, ...], first_number: int) -> SimulatedShard:
        name = f"shardId-{self._next_shard:012d}"
        shard = SimulatedShard(name, parents, first_number=first_number, next_number=first_number)
        for parent in parents:
            parent.children.append(shard)
        self._next_shard += 1
        self.shards.append(shard)
        return shard
