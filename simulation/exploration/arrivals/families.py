"""Which worlds of arrivals are explored, and for each broken variant one so small that its fault shows."""

from __future__ import annotations

from typing import Final

from simulation.exploration.arrivals.arrivals_world import ArrivalsWorld
from simulation.exploration.family import Family

_NAME: Final = "arrivals"

ARRIVED: Final = (
    Family(
        _NAME,
        "2 or 3 records of one log group or two, control messages among them; up to 3 faults",
        (
            ArrivalsWorld(("A", "AA"), faults=3, name=_NAME),
            ArrivalsWorld(("A", "B", "A"), faults=3, name=_NAME),
            ArrivalsWorld(("A", "", "A"), faults=3, name=_NAME),
            ArrivalsWorld(("", "A", ""), faults=3, name=_NAME),
        ),
    ),
)

ARRIVED_SHORT: Final = (_NAME,)
"""What CI runs of them."""

ARRIVALS_SHOWN_BY: Final = {
    "arrivals-by-attempt": ArrivalsWorld(("A", "B"), faults=1),
    "arrivals-unanswered": ArrivalsWorld(("A", "B"), faults=1),
}
"""By the name of a broken write."""
