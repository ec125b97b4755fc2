"""A counter brought to another figure: what it holds, what it should hold, and what became of that.

Counters are never overwritten. A correction adds the difference, on the condition that the counter still
holds what was compared, and raises its watermarks to where the shards were counted when that was known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import reduce
from operator import add
from typing import NamedTuple

import msgspec

from metering.counters.counter import Counter
from metering.period import Period
from metering.usage import Usage


class HeldSlice(NamedTuple):
    """An item of a counter as it was read."""

    number: int
    counter: Counter
    watermarks: Mapping[str, bytes]
    """By shard, in a form that compares as the positions do."""


class Held(NamedTuple):
    """The items of one counter: its slices."""

    slices: tuple[HeldSlice, ...]

    def counter(self, key: str, period: Period) -> Counter:
        """All slices together."""
        return reduce(add, (one.counter for one in self.slices), Counter(key, period, Usage()))

    @property
    def watermarks(self) -> dict[str, bytes]:
        """Of all slices: a shard adds to one of them only."""
        return {shard: mark for one in self.slices for shard, mark in one.watermarks.items()}


NOT_HELD = Held(())

HeldCounters = Mapping[Period, Held]
"""The counters of one key in a month and its days."""


class Correction(msgspec.Struct, frozen=True):
    """One counter, before and after."""

    before: Counter
    after: Counter

    @property
    def key(self) -> str:
        """Whose counter it is."""
        return self.after.key

    @property
    def period(self) -> Period:
        """The month or day."""
        return self.after.period

    @property
    def usage(self) -> Usage:
        """What is added to the totals; some of it may be negative."""
        return self.after.usage - self.before.usage

    @property
    def parts(self) -> dict[str, int]:
        """What is added to the requests of each part, where that is anything."""
        before, after = self.before.parts, self.after.parts
        changed = {part: after.get(part, 0) - before.get(part, 0) for part in sorted({*before, *after})}
        return {part: requests for part, requests in changed.items() if requests}


class Audit(msgspec.Struct, frozen=True):
    """What is written of a correction, beside it."""

    report: str
    """The run that found the difference."""
    reason: str
    who: str
    at: str
    """ISO 8601, in UTC."""


class Fate(StrEnum):
    """What became of a correction."""

    WRITTEN = "written"
    DONE_BEFORE = "done before"
    """The counter is at that figure already."""
    CHANGED = "changed meanwhile: reconcile again"
    """The counter no longer held what was compared, or was corrected for this report and changed again;
    nothing was written.
    """
    UNSURE = "it does not agree with its other days: repair the whole month when it is over"
    """Of a month whose days are not all repaired; nothing was written."""


def same(one: Counter, other: Counter) -> bool:
    """Whether two counters hold the same, a part without requests being none."""
    return one.usage == other.usage and _some(one) == _some(other)


def _some(counter: Counter) -> dict[str, int]:
    return {part: requests for part, requests in counter.parts.items() if requests}


def correction(before: Counter, after: Counter) -> Iterable[Correction]:
    """The correction that leads from one to the other: one, or none."""
    return () if same(before, after) else (Correction(before, after),)
