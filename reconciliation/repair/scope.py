"""What is to be repaired, and why. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import NamedTuple

from metering.errors import MeterError
from metering.period import Period, days_of, ends_at
from metering.usage import Usage


class NotRepairableError(MeterError):
    """What was asked for cannot be repaired; the text says why, and what to do."""


class Scope(NamedTuple):
    """What is to be repaired, and why."""

    month: Period
    report: str
    """The id of the run that found it; a counter is corrected once for each."""
    reason: str
    complete_through: datetime
    """Both paths are complete up to here: only days that end before are taken."""
    keys: AbstractSet[str] | None = None
    """None: all."""
    days: AbstractSet[Period] | None = None
    """None: all."""
    followed: Mapping[str, AbstractSet[Period]] | None = None
    """By key, the periods that a report found different and of which the lake can be believed. None: all that
    it lacks or has; a rebuild.
    """
    compared: Mapping[tuple[str, Period], Usage] | None = None
    """What the report found in the counters that differ: one that holds something else by now is left alone,
    for what it has got since may not be in the lake yet. None: nothing was compared; a rebuild.
    """
    doubtful: AbstractSet[tuple[str, Period]] = frozenset()
    """Where a finding doubts the lake: such a month is left even where days of it are corrected."""
    lower: str = ""
    """Why counters may be lowered; empty: none is."""
    lowered: AbstractSet[str] | None = None
    """The keys whose counters may be lowered, if there is a reason; None: all."""

    def may_lower(self, key: str) -> bool:
        """Whether something may be taken from the counters of a key."""
        return bool(self.lower) and (self.lowered is None or key in self.lowered)

    def taken(self) -> list[Period]:
        """The days that are brought to the lake's figure.

        Raises:
            NotRepairableError: a day was named that is not complete, or of another month.
        """
        complete = [day for day in days_of(self.month) if ends_at(day) <= self.complete_through]
        if not complete:
            raise NotRepairableError(f"no day of {self.month} is complete yet: repair it when one is")
        if unfit := sorted((self.days or set()) - set(complete)):
            raise NotRepairableError(
                f"{', '.join(unfit)} cannot be repaired: {self.month} is complete up to {complete[-1]}"
            )
        return complete if self.days is None else sorted(self.days)
