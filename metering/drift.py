"""Drift: where the counters and the lake do not hold the same calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Final

import msgspec

from metering.period import Period
from metering.usage import NO_USAGE, Usage

Place = tuple[str, Period]
"""A key and a period."""
Entry = tuple[Place, Usage]

_COUNTED: Final = 0
_IN_LAKE: Final = 1


class Nature(StrEnum):
    """What two usages of one key and period say of the calls behind them."""

    MISSING_IN_COUNTERS = "calls missing in the counters"
    MISSING_IN_LAKE = "calls missing in the lake"
    OTHER_CALLS = "as many calls, and not the same"
    OTHER_TOTALS = "other totals of the same calls"


class Difference(msgspec.Struct, frozen=True):
    """A key's usage in a period, as it was counted and as it lies in the lake. They are not equal."""

    key: str
    period: Period
    counted: Usage
    in_lake: Usage

    @property
    def surplus(self) -> Usage:
        """What was counted and does not lie in the lake; negative where it is the other way round."""
        return self.counted - self.in_lake

    @property
    def nature(self) -> Nature:
        """The fingerprint says whether the calls are the same, whatever was made of their totals.

        Where some are missing on either side, this names the side on which more are.
        """
        surplus = self.surplus
        if surplus.fingerprint == 0:
            return Nature.OTHER_TOTALS
        if surplus.requests == 0:
            return Nature.OTHER_CALLS
        return Nature.MISSING_IN_COUNTERS if surplus.requests < 0 else Nature.MISSING_IN_LAKE


def differences(counted: Iterable[Entry], in_lake: Iterable[Entry]) -> Iterator[Difference]:
    """Where the two differ, in any of the seven totals, in the order of key and period.

    Both must come in that order, each place once: keys as Python sorts texts, by code point, which is the
    order of their UTF-8 too. Of each side one entry is held. What one side lacks has no usage there.

    Raises ValueError where an entry is out of order, for then others would be taken for missing.
    """
    entries = merge(_of_side(_COUNTED, counted), _of_side(_IN_LAKE, in_lake), key=itemgetter(0))
    for (key, period), found in groupby(entries, key=itemgetter(0)):
        usages = [NO_USAGE, NO_USAGE]
        for _, side, usage in found:
            usages[side] = usage
        if usages[_COUNTED] != usages[_IN_LAKE]:
            yield Difference(key, period, usages[_COUNTED], usages[_IN_LAKE])


def compare(counted: Mapping[Place, Usage], in_lake: Mapping[Place, Usage]) -> list[Difference]:
    """As :func:`differences`, of two that are held in memory and in no order."""
    return list(
        differences(sorted(counted.items(), key=itemgetter(0)), sorted(in_lake.items(), key=itemgetter(0)))
    )


def _of_side(side: int, entries: Iterable[Entry]) -> Iterator[tuple[Place, int, Usage]]:
    last: Place | None = None
    for place, usage in entries:
        if last is not None and place <= last:
            raise ValueError(f"{place} after {last}: both sides must be in order, each place once")
        last = place
        yield place, side, usage
