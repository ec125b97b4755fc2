"""Step 3: from the calls that are ours to one increment a counter. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from metering.call import Call
from metering.period import HOUR_MS, Period, day_of, hour_of, month_of
from metering.ports import Increment
from metering.record import ReadRecord
from metering.usage import NO_USAGE, Usage

SHARDS_OF_A_SLICE = 16
"""An item holds the watermarks of so many shards, and so stays below 1 KB: one write unit."""

_SHARD_NUMBER = re.compile(r"shardId-(\d{12,})", re.ASCII)

Place = tuple[int, Call]
"""A call and the sequence number of its record."""


def slice_of(shard_id: str) -> int:
    """The slice of every counter that a shard adds to.

    A shard's slice never changes, so that its watermark is always found; and a slice never has more than 16
    shards, so that no watermark has to be removed. Kinesis numbers the shards of a stream without end.
    """
    match = _SHARD_NUMBER.fullmatch(shard_id)
    return int(match.group(1)) // SHARDS_OF_A_SLICE if match else 0


def fold(records: Sequence[ReadRecord], shard_id: str) -> list[Increment]:
    """One increment for each key and month, and for each key and day, that the records have calls of."""
    hours: dict[tuple[str, int], list[int]] = {}
    for record in records:
        _tally(((record.sequence_number, call) for call in record.calls), hours)
    return list(_increments(hours, shard_id))


class Recut:
    """Folds what is left of an increment when some of its records are already in the counter."""

    def __init__(self, records: Sequence[ReadRecord]) -> None:
        self._records = records
        self._of_key: dict[str, list[Place]] | None = None

    def after(self, watermark: int, increment: Increment) -> list[Increment]:
        """The increment without the records up to the watermark: one, or none if nothing is left."""
        if watermark >= increment.last:
            return []
        hours: dict[tuple[str, int], list[int]] = {}
        _tally((place for place in self._calls(increment) if place[0] > watermark), hours)
        return [one for one in _increments(hours, increment.shard_id) if one.period == increment.period]

    def _calls(self, increment: Increment) -> list[Place]:
        if self._of_key is None:
            self._of_key = {}
            for record in self._records:
                for call in record.calls:
                    self._of_key.setdefault(call.key, []).append((record.sequence_number, call))
        return self._of_key[increment.key]


def _tally(places: Iterable[Place], hours: dict[tuple[str, int], list[int]]) -> None:
    """Add calls to the tallies of their key and hour: the seven totals, the first and the last position."""
    for position, call in places:
        place = (call.key, call.time_ms // HOUR_MS)
        tally = hours.get(place)
        if tally is None:
            tally = hours[place] = [0, 0, 0, 0, 0, 0, 0, position, position]
        tally[0] += 1
        tally[1] += call.billable
        tally[2] += call.is_error
        tally[3] += call.response_bytes
        tally[4] += call.request_bytes
        tally[5] += call.latency_ms
        tally[6] += call.event_hash
        tally[8] = position


def _increments(hours: Mapping[tuple[str, int], list[int]], shard_id: str) -> Iterator[Increment]:
    counters: dict[tuple[str, Period], _Counter] = {}
    for (key, hour_number), tally in hours.items():
        hour = hour_of(hour_number)
        for period, part in ((month_of(hour), hour[8:10]), (day_of(hour), hour[11:13])):
            counters.setdefault((key, period), _Counter()).add(part, tally)
    number = slice_of(shard_id)
    for (key, period), counter in counters.items():
        yield Increment(
            key, period, number, shard_id, counter.first, counter.last, counter.totals, counter.parts
        )


class _Counter:
    """What the hours of one counter add up to."""

    __slots__ = ("first", "last", "parts", "totals")

    def __init__(self) -> None:
        self.totals = NO_USAGE
        self.parts: dict[str, int] = {}
        self.first = self.last = -1

    def add(self, part: str, tally: list[int]) -> None:
        *totals, first, last = tally
        self.totals += Usage(*totals)
        self.parts[part] = self.parts.get(part, 0) + tally[0]
        self.first = first if self.first < 0 else min(self.first, first)
        self.last = max(self.last, last)
