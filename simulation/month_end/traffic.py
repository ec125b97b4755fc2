"""What is logged around the end of a month."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Set as AbstractSet
from dataclasses import replace
from enum import StrEnum

from simulation.month_end.faults import Accident
from simulation.protocol.faults import NO_FAULTS, Fault
from simulation.protocol.settings import DAY_MS, HOUR_MS, MINUTE_MS, WorldSettings, draw_settings
from simulation.protocol.traffic import (
    MONTH_END_MS,
    Amounts,
    Logged,
    Planned,
    SimulatedTraffic,
    Truth,
    access_log_line,
    delivery,
)


def planned_traffic(
    dice: random.Random, accidents: AbstractSet[Accident], injected: Counter[StrEnum]
) -> list[Planned]:
    """The records of a seed, in order."""
    settings = _settings(dice)
    planned = SimulatedTraffic(dice, settings).planned()
    if Accident.FAR_APART in accidents:
        injected[Accident.FAR_APART] += 1
        planned.append(_far_apart(dice, settings))
    return sorted(planned, key=lambda one: one.at_ms)


def logged(own_id: str, logged_at: int, own_time: int, key: str) -> Logged:
    """A call of a time that was logged at another."""
    truth = Truth(key, own_id, own_time, Amounts(1, 0, 10, 17, 5))
    return Logged(own_id, logged_at, access_log_line(truth, own_id, own_time, 200), truth)


def _settings(dice: random.Random) -> WorldSettings:
    copies = (Fault.COPY_IN_SAME_SHARD, Fault.COPY_IN_OTHER_SHARD, Fault.COPY_IN_HOURS, Fault.RECUT_COPY)
    lines = (Fault.LATE_EVENT, Fault.LATE_DELIVERY, Fault.REPEATED_EVENT, Fault.MALFORMED)
    return replace(
        draw_settings(dice),
        events=dice.choice((6, 12, 24)),
        keys=dice.choice((1, 2, 3)),
        lines_of_a_delivery=dice.choice((1, 2, 3)),
        span_ms=dice.choice((4 * HOUR_MS, DAY_MS)),
        bursts=dice.choice((2, 6)),
        latest_event_ms=dice.choice((2_000, 20 * HOUR_MS)),
        latest_copy_ms=dice.choice((HOUR_MS, 10 * HOUR_MS)),
        rates={**NO_FAULTS, **{one: dice.choice((0.0, 0.1, 0.4)) for one in (*copies, *lines)}},
    )


def _far_apart(dice: random.Random, settings: WorldSettings) -> Planned:
    """A delivery whose calls lie over 48 hours apart has no partition, and goes to the error prefix."""
    ends = MONTH_END_MS - 2 * HOUR_MS
    events = []
    for number, (logged_at, own_time) in enumerate(
        ((ends - 28 * HOUR_MS, ends - 51 * HOUR_MS), (ends, ends - MINUTE_MS))
    ):
        key = f"key-{dice.randrange(settings.keys)}"
        events.append(logged(f"far apart {number}=", logged_at, own_time, key))
    return Planned(ends + MINUTE_MS, (delivery(events),))
