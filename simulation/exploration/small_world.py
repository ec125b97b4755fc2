"""Worlds that are small enough to try every schedule: some shards, some records, a few events."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from typing import Final, NamedTuple

import xxhash

from metering.calls.record import StreamRecord
from metering.counters.ledger_layout import LedgerLayout
from metering.usage import Usage

NOON_MS: Final = int(datetime(2026, 10, 31, 12, tzinfo=UTC).timestamp()) * 1000
PERIODS: Final = ("2026-10", "2026-10-31")
"""The month and the day of every event."""
_HOUR_MS: Final = 3_600_000
_KEYS: Final = ("shop", "farm")
_BITS: Final = 4
"""Of a counter's response bytes for each event: how often it is counted can be read off, up to 15 times."""

ONE_PAGE: Final = LedgerLayout(slot_ms=_HOUR_MS)
"""All claims meet in one page of the ledger."""
FULL_PAGES: Final = LedgerLayout(slot_ms=_HOUR_MS, full_at=1)
"""A page is full with its first append."""
TWO_SLOTS: Final = LedgerLayout(slot_ms=1)
"""Events of even and of odd number have slots of their own."""


class SmallShard(NamedTuple):
    """A shard: the events of each of its records, by number, and the places of the shards it follows."""

    number: int
    records: tuple[tuple[int, ...], ...]
    parents: tuple[int, ...] = ()

    @property
    def id(self) -> str:
        """As Kinesis names it."""
        return f"shardId-{self.number:012d}"


@dataclass(frozen=True, slots=True)
class SmallWorld:
    """What is in the stream, how the ledger is laid out, and what may go wrong."""

    shards: tuple[SmallShard, ...]
    layout: LedgerLayout = ONE_PAGE
    faults: int = 3
    """How many may strike in one schedule."""
    days_pass: bool = False
    """Whether two days may pass in which nothing happens: it counts as a fault."""
    gives_up: bool = False
    """Whether Lambda may give records up: it counts as a fault."""
    keys: int = 1
    """1 or 2: with 2, events of odd number are calls of another key."""
    name: str = field(default="", compare=False)

    @property
    def events(self) -> int:
        """How many distinct events there are."""
        return 1 + max(event for shard in self.shards for record in shard.records for event in record)

    @property
    def keys_called(self) -> set[str]:
        """The keys with events."""
        return {self._key(event) for event in range(self.events)}

    def events_of(self, key: str) -> list[int]:
        """The events that are calls of a key."""
        return [event for event in range(self.events) if self._key(event) == key]

    def truth(self, key: str) -> Usage:
        """What each counter of a key must hold in the end, by the events alone."""
        events = self.events_of(key)
        return Usage(
            requests=len(events),
            billable=len(events),
            response_bytes=sum(1 << _BITS * event for event in events),
            fingerprint=sum(xxhash.xxh64_intdigest(_id(event).encode()) & (1 << 63) - 1 for event in events),
        )

    def stream(self) -> list[list[StreamRecord]]:
        """The records of each shard. A child's sequence numbers are above those of its parents."""
        made: list[list[StreamRecord]] = []
        for shard in self.shards:
            before = (record for parent in shard.parents for record in made[parent])
            first = 1 + max((record.sequence_number for record in before), default=0)
            made.append(
                [
                    StreamRecord(shard.id, first + index, self._data(events), NOON_MS)
                    for index, events in enumerate(shard.records)
                ]
            )
        return made

    def _key(self, event: int) -> str:
        return _KEYS[event % self.keys]

    def _data(self, events: Sequence[int]) -> bytes:
        return lines_of((self._key(event), event, NOON_MS + event % 2) for event in events)

    def __str__(self) -> str:
        return f"{self.name or 'world'} ({'; '.join(map(self._described, self.shards))})"

    def _described(self, shard: SmallShard) -> str:
        parents = "".join(f" after {self.shards[parent].number}" for parent in shard.parents)
        records = " ".join("".join(map(letter, record)) for record in shard.records)
        return f"{shard.number}{parents}: {records}"


def lines_of(calls: Iterable[tuple[str, int, int]]) -> bytes:
    """Access-log lines of some calls: the key, the event and the time in epoch milliseconds of each."""
    lines = [
        {
            "apiKeyId": key,
            "extendedRequestId": _id(event),
            "requestTimeEpoch": str(time_ms),
            "status": "200",
            "responseLength": str(1 << _BITS * event),
            "requestLength": "0",
        }
        for key, event, time_ms in calls
    ]
    return "\n".join(map(json.dumps, lines)).encode()


def times_counted(usage: Usage, event: int) -> int:
    """How often a counter holds an event."""
    return usage.response_bytes >> _BITS * event & (1 << _BITS) - 1


def letter(event: int) -> str:
    """The name of an event."""
    return chr(ord("a") + event)


def _id(event: int) -> str:
    return f"event-{event}="


def patterns(*lengths: int) -> Iterator[tuple[tuple[tuple[int, ...], ...], ...]]:
    """Every way in which records of one event each can share events, for shards of so many records. Names of
    events do not matter, nor does the order of shards of the same length: of those alike the first is given.
    """
    seen = set()
    for events in product(range(sum(lengths)), repeat=sum(lengths)):
        if not _is_first_of_its_names(events):
            continue
        shards = _cut(events, lengths)
        swapped = [_renamed(order) for order in _orders(shards)]
        if min(swapped) not in seen:
            seen.add(min(swapped))
            yield tuple(tuple((event,) for event in shard) for shard in shards)


def _is_first_of_its_names(events: Sequence[int]) -> bool:
    highest = -1
    for event in events:
        if event > highest + 1:
            return False
        highest = max(highest, event)
    return True


def _cut(events: Sequence[int], lengths: Sequence[int]) -> list[tuple[int, ...]]:
    left, shards = list(events), []
    for length in lengths:
        shards.append(tuple(left[:length]))
        left = left[length:]
    return shards


def _orders(shards: Sequence[tuple[int, ...]]) -> Iterator[list[tuple[int, ...]]]:
    yield list(shards)
    if len(shards) == 2 and len(shards[0]) == len(shards[1]):
        yield list(reversed(shards))


def _renamed(shards: Sequence[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    names: dict[int, int] = {}
    return tuple(tuple(names.setdefault(event, len(names)) for event in shard) for shard in shards)
