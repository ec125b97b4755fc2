"""Worlds of a stream that is deleted and made again under its name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from metering.calls.record import StreamRecord
from simulation.exploration.small_world import NOON_MS, lines_of

ARN: Final = "arn:aws:kinesis:eu-west-1:123456789012:stream/calls"
CALLED: Final = "shop"
"""The key of all calls."""
_FIRST: Final = 1_000
_APART: Final = 100


@dataclass(frozen=True, slots=True)
class StreamsWorld:
    """So often a stream is made, and what reads it."""

    streams: int = 2
    shards: int = 1
    records: int = 1
    """Of each shard of each stream, each of an event of its own."""
    processes: int = 2
    faults: int = 0
    """Processes that are ended, requests without an answer, shards that are read again."""
    name: str = field(default="", compare=False)

    @property
    def events(self) -> int:
        """How many there are in all streams."""
        return self.streams * self.shards * self.records

    def event(self, stream: int, shard: int, index: int) -> int:
        """The event of a record."""
        return (stream * self.shards + shard) * self.records + index

    def record(self, stream: int, first: int, shard: int, index: int) -> StreamRecord:
        """A record of a stream whose sequence numbers begin at `first`."""
        event = self.event(stream, shard, index)
        data = lines_of([(CALLED, event, NOON_MS)])
        return StreamRecord(f"shardId-{shard:012d}", first + index, data, made_at(stream) + 1)

    def __str__(self) -> str:
        return (
            f"{self.name or 'streams'} (made {self.streams} times, {self.shards} shards of {self.records}; "
            f"{self.processes} processes)"
        )


def made_at(stream: int) -> int:
    """When a stream is made, in epoch milliseconds: seconds apart. Its records arrive a moment later."""
    return NOON_MS + 1_000 * stream


def first_number(stream: int, *, is_higher: bool) -> int:
    """Where the sequence numbers of a stream begin: above all others, or below them."""
    return _FIRST + stream * (_APART if is_higher else -_APART)
