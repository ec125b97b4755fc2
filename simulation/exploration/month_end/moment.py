"""A moment of a small month end, as numbers, and what a step is."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any, Final, NamedTuple

from metering.counters.heartbeat import Heartbeat, Landed, ListedShard
from simulation.exploration.month_end.small_month import MonthEndEvent, listed

HEARTBEAT: Final = -1
"""In place of an event."""
NOT_BEGUN, ENDED = 0, -1
"""In place of an operator's moment."""


class OperatorRequest(IntEnum):
    """What an operator reads or writes."""

    PATHS = 0
    LAKE = 1
    TABLES = 2
    HEARTBEATS = 3
    CORRECT = 4
    MONTH = 5
    BEGIN = 6
    SEAL = 7
    MARK = 8
    MARK_BEGUN = 9
    MARK_ENDED = 10
    MOVED = 11


class MonthEndStep(NamedTuple):
    """What happened: in which shard, to which event or by which operator; and after how many writes, or from
    which place on.
    """

    event: MonthEndEvent
    place: int = -1
    about: int = -1


class MonthEndState(NamedTuple):
    """A moment. Everything in it is a number or a tuple of numbers."""

    clock: int
    """In seconds since the noon of October 31st."""
    shards: tuple[tuple[tuple[int, int], ...], ...]
    """By shard: the event of each record, and when it came."""
    put: tuple[int, ...]
    """By shard: records of the world that have come."""
    positions: tuple[int, ...]
    """By shard: records that the mapping has passed."""
    delivered: tuple[int, ...]
    """By shard: records that Firehose has delivered."""
    tables: int
    known: int
    highest: int
    """Version that the watch ever wrote."""
    audits: int
    lake: int
    backup: tuple[tuple[int, ...], ...]
    """Tables, known, audits and mark; and the positions. Empty: there is none."""
    operators: tuple[int, ...]
    month: int
    """Its state, by number."""
    runs: int
    """Of the watch."""
    right: int
    """The events that were counted once and never given up, a bit each: they stay so."""
    excused: int
    """The events that were given up, or that a restored table lacks: they may be missing."""
    called_complete: int
    """The latest time before which the lake was called complete, in epoch milliseconds."""
    faults: int
    mark: int = 0
    """Of the archive, by number; 0: nothing is archived."""


class StreamNow:
    """The stream as the watch and a repair see it."""

    def __init__(self, state: MonthEndState) -> None:
        self.state = state

    def shards(self) -> Sequence[ListedShard]:
        """All of them."""
        return listed(len(self.state.shards))

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        """Put heartbeats, one into each shard."""
        return self.put_all()[: len(records)]

    def put_all(self) -> list[Landed]:
        """Put one into each shard; where they came to lie."""
        for place in range(len(self.state.shards)):
            self.state = appended(self.state, place, HEARTBEAT, self.state.clock)
        return [
            Landed(one.shard_id, len(came))
            for one, came in zip(self.shards(), self.state.shards, strict=True)
        ]


def appended(state: MonthEndState, place: int, event: int, at: int) -> MonthEndState:
    """The state after a record more."""
    return state._replace(shards=with_one(state.shards, place, (*state.shards[place], (event, at))))


def with_one(values: tuple[Any, ...], place: int, value: object) -> tuple[Any, ...]:
    """The values with another one in a place."""
    return (*values[:place], value, *values[place + 1 :])
