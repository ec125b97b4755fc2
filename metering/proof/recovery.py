"""A recovery: which counters change when calls that a path lacks are brought into lake and counters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime

import msgspec

from metering.period import Period, month_of

Places = Mapping[str, AbstractSet[Period]]
"""Days of keys."""


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """The note of a recovery: it is written before anything is changed, and removed when all is."""

    id: str
    reason: str
    who: str
    begun_at: datetime
    raised: dict[str, set[Period]]
    """By key, the days whose counters get calls."""
    lowered: dict[str, set[Period]] = msgspec.field(default_factory=dict)
    """By key, the days from whose counters something is taken."""

    @property
    def months(self) -> list[Period]:
        """The months of all the days, in order."""
        sides = (*self.raised.values(), *self.lowered.values())
        return sorted({month_of(day) for days in sides for day in days})

    def places(self, month: Period) -> dict[str, set[Period]]:
        """The days of each key in a month."""
        found: dict[str, set[Period]] = {}
        for side in (self.raised, self.lowered):
            for key, days in in_month(side, month).items():
                found.setdefault(key, set()).update(days)
        return found


def in_month(places: Places, month: Period) -> dict[str, set[Period]]:
    """The days that lie in a month, by key."""
    found = {key: {day for day in days if month_of(day) == month} for key, days in places.items()}
    return {key: days for key, days in found.items() if days}


def in_order(places: Places) -> Iterator[tuple[str, Period]]:
    """Each key and day, in this order."""
    return ((key, day) for key, days in sorted(places.items()) for day in sorted(days))
