"""Drift: where the counters and the lake do not hold the same calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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
Entry = tuple[Place, "Usage | Held"]

_COUNTED: Final = 0
_IN_LAKE: Final = 1


class Nature(StrEnum):
    """What two usages of one key and period say of the calls behind them."""

    MISSING_IN_COUNTERS = "calls missing in the counters"
    MISSING_IN_LAKE = "calls missing in the lake"
    OTHER_CALLS = "as many calls, and not the same"
    OTHER_TOTALS = "other totals of the same calls"
    OTHER_HOURS = "the same calls in other hours"


class Held(msgspec.Struct, frozen=True, gc=False):
    """What one side holds of a key in a period."""

    usage: Usage
    hours: int | None = None
    """The sum over all calls of the weight of their hour; None: not known, and not compared."""
    parts: dict[str, int] = msgspec.field(default_factory=dict)
    """Requests by day or hour, where the side is a counter."""


class Difference(msgspec.Struct, frozen=True):
    """A key's usage in a period, as it was counted and as it lies in the lake. They are not equal."""

    key: str
    period: Period
    counted: Usage
    in_lake: Usage
    other_hours: bool = False
    """Whether the calls lie in other hours than those in which they were counted, all in all."""
    parts: dict[str, int] = msgspec.field(default_factory=dict)
    """The requests by day or hour, as they were counted."""

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
        if beyond_unknown_sizes(surplus) == NO_USAGE:
            return Nature.OTHER_HOURS
        if surplus.fingerprint == 0:
            return Nature.OTHER_TOTALS
        if surplus.requests == 0:
            return Nature.OTHER_CALLS
        return Nature.MISSING_IN_COUNTERS if surplus.requests < 0 else Nature.MISSING_IN_LAKE


_NOTHING: Final = Held(NO_USAGE)


def beyond_unknown_sizes(surplus: Usage) -> Usage:
    """A surplus of the counters without what they lack of calls of unknown size. That is no difference:
    counters that an earlier version of the meter has begun do not know which of their calls have none.
    """
    return msgspec.structs.replace(
        surplus,
        unknown_response_sizes=max(0, surplus.unknown_response_sizes),
        unknown_request_sizes=max(0, surplus.unknown_request_sizes),
    )


def differences(counted: Iterable[Entry], in_lake: Iterable[Entry]) -> Iterator[Difference]:
    """Where the two differ, in any of the totals or in the hours, in the order of key and period.

    Both must come in that order, each place once: keys as Python sorts texts, by code point, which is the
    order of their UTF-8 too. Of each side one entry is held. What one side lacks has no usage there.

    Raises ValueError where an entry is out of order, for then others would be taken for missing.
    """
    entries = merge(_of_side(_COUNTED, counted), _of_side(_IN_LAKE, in_lake), key=itemgetter(0))
    for (key, period), found in groupby(entries, key=itemgetter(0)):
        sides = [_NOTHING, _NOTHING]
        for _, side, held in found:
            sides[side] = held
        left, right = sides
        other_hours = left.hours != right.hours and None not in (left.hours, right.hours)
        if other_hours or (
            left.usage != right.usage and beyond_unknown_sizes(left.usage - right.usage) != NO_USAGE
        ):
            yield Difference(key, period, left.usage, right.usage, other_hours, left.parts)


def _of_side(side: int, entries: Iterable[Entry]) -> Iterator[tuple[Place, int, Held]]:
    last: Place | None = None
    for place, held in entries:
        if last is not None and place <= last:
            raise ValueError(f"{place} after {last}: both sides must be in order, each place once")
        last = place
        yield place, side, Held(held) if isinstance(held, Usage) else held
