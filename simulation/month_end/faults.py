"""What can go wrong around a month end, and what an operator does about it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final


class Accident(StrEnum):
    """The kinds, by the name under which they are counted."""

    GIVEN_UP = "batch given up"
    REPLAYED = "stream read again from an old place"
    RESTORED = "counters restored, mapping set back"
    OBJECT_LOST = "object of the lake lost"
    OBJECT_LATE = "object of the lake late"
    ROW_ALTERED = "row of the lake altered"
    ROW_FOREIGN = "row put into the lake"
    LATE_CALL = "call in the lake while its batch is in flight"
    FAR_APART = "delivery over 48 hours"
    FIREHOSE_BEHIND = "Firehose hours behind, its freshness small"


SHARES: Final = {
    Accident.GIVEN_UP: 0.15,
    Accident.REPLAYED: 0.02,
    Accident.RESTORED: 0.02,
    Accident.OBJECT_LOST: 0.03,
    Accident.OBJECT_LATE: 0.03,
    Accident.ROW_ALTERED: 0.03,
    Accident.ROW_FOREIGN: 0.02,
}
"""Those that strike at any step, and how often."""


@dataclass(slots=True)
class MonthEndResult:
    """What became of one seed."""

    seed: int
    events: int = 0
    invocations: int = 0
    comparisons: int = 0
    refusals: int = 0
    """Of comparisons, and of closings."""
    corrections: int = 0
    sealings: int = 0
    sealed_in_a_hurry: int = 0
    """Before everything was brought in order."""
    injected: Counter[StrEnum] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    """Right counters that became wrong, and months that were sealed with anything but what was called."""
    untrue: list[str] = field(default_factory=list)
    """Where a path was called complete, and was not."""
    schedule: list[str] = field(default_factory=list)
    """What happened, a line each; kept only when asked for."""
