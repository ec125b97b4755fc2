"""The size and the shape of a world, drawn from its seed: small, so that every edge is met often."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

from metering.counters.ledger_layout import LedgerLayout
from simulation.protocol.faults import Fault, Rates, draw_rates

SECOND_MS = 1000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

LONGEST_CLOCK_JUMP_MS = 30 * MINUTE_MS
LONGEST_DELIVERY_MS = HOUR_MS
LONGEST_LATE_EVENT_MS = 20 * HOUR_MS
LONGEST_LATE_COPY_MS = 23 * HOUR_MS
RETENTION_MS = DAY_MS
"""No retry and no zombie touches a record that is older: the stream has dropped it."""
_LONGEST_SLOT_MS = HOUR_MS
_LATE_SHARE = 0.06
_WATCHED_SHARE = 0.08


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """What a world is made of."""

    events: int
    keys: int
    lines_of_a_delivery: int
    span_ms: int
    """From the first event to the last."""
    bursts: int
    """Of events, within minutes each."""
    latest_event_ms: int
    """How late an event may be logged."""
    latest_copy_ms: int
    """How long after the original a copy may come."""
    longest_lag_ms: int
    """How long a record may wait in the stream until it is counted."""
    shards: int
    first_shard: int
    most_shards: int
    """Open at a time."""
    first_number: int
    """Of the records of a shard. So are those of every other shard, with one step."""
    batch_size: int
    put_share: float
    """How eagerly records are put, and not processed: the backlog grows with it."""
    wake_share: float
    """How soon a zombie goes on."""
    watch_share: float
    """How often the watch does something."""
    layout: LedgerLayout
    rates: Rates


def draw_settings(dice: random.Random) -> WorldSettings:
    """Settings of one run."""
    settings = _draw_usual(dice)
    drawn = dice.random()
    if drawn < _LATE_SHARE:
        return _as_late_as_may_be(settings)
    return _as_closely_watched(settings) if drawn < _LATE_SHARE + _WATCHED_SHARE else settings


def _draw_usual(dice: random.Random) -> WorldSettings:
    return WorldSettings(
        events=dice.choice((10, 30, 30, 60, 100, 150)),
        keys=dice.choice((1, 2, 6, 20)),
        lines_of_a_delivery=dice.choice((1, 3, 10)),
        span_ms=dice.choice((10 * SECOND_MS, 10 * MINUTE_MS, 2 * DAY_MS, 14 * DAY_MS)),
        bursts=dice.choice((1, 4, 50)),
        latest_event_ms=dice.choice((2 * SECOND_MS, 10 * MINUTE_MS, LONGEST_LATE_EVENT_MS)),
        latest_copy_ms=dice.choice((MINUTE_MS, HOUR_MS, LONGEST_LATE_COPY_MS)),
        longest_lag_ms=dice.choice((10 * SECOND_MS, HOUR_MS, RETENTION_MS)),
        shards=dice.randint(1, 6),
        first_shard=dice.choice((0, 0, 13, 30, 4711)),
        most_shards=8,
        first_number=dice.choice((1, 2**64 - 20, 10**55 + dice.getrandbits(160), 10**128)),
        batch_size=dice.choice((1, 2, 4, 8, 16)),
        put_share=dice.choice((0.2, 0.5, 0.8)),
        wake_share=dice.choice((0.03, 0.1, 0.5)),
        watch_share=dice.choice((0.02, 0.05)),
        layout=_draw_layout(dice),
        rates=draw_rates(dice),
    )


def _as_late_as_may_be(settings: WorldSettings) -> WorldSettings:
    """A world in which pages of the ledger are still asked for when other pages of their slot are old."""
    late = {Fault.LATE_EVENT: 0.5, Fault.COPY_IN_HOURS: 0.3, Fault.RECUT_COPY: 0.4, Fault.EXPIRED: 0.5}
    return replace(
        settings,
        events=100,
        span_ms=2 * DAY_MS,
        bursts=4,
        latest_event_ms=LONGEST_LATE_EVENT_MS,
        latest_copy_ms=LONGEST_LATE_COPY_MS,
        longest_lag_ms=RETENTION_MS,
        put_share=0.8,
        layout=LedgerLayout(slot_ms=_LONGEST_SLOT_MS, lanes=1, full_at=200),
        rates={**settings.rates, **late},
    )


def _as_closely_watched(settings: WorldSettings) -> WorldSettings:
    """A world in which many copies are claimed and not yet counted while one run follows the other."""
    faults = {
        Fault.COPY_IN_SAME_SHARD: 0.0,
        Fault.COPY_IN_OTHER_SHARD: 0.7,
        Fault.THROTTLED: 0.2,
        Fault.CRASH_BEFORE: 0.05,
        Fault.ZOMBIE: 0.05,
        Fault.HEARTBEAT_REFUSED: 0.02,
    }
    return replace(
        settings,
        events=60,
        lines_of_a_delivery=1,
        span_ms=MINUTE_MS,
        bursts=50,
        longest_lag_ms=HOUR_MS,
        put_share=0.5,
        shards=3,
        most_shards=4,
        batch_size=4,
        watch_share=0.5,
        wake_share=0.03,
        layout=LedgerLayout(slot_ms=MINUTE_MS),
        rates={**settings.rates, **faults},
    )


def _draw_layout(dice: random.Random) -> LedgerLayout:
    """Items so small that pages fill up, or so wide that all events meet in one."""
    return LedgerLayout(
        slot_ms=dice.choice((SECOND_MS, 5 * SECOND_MS, MINUTE_MS, _LONGEST_SLOT_MS)),
        lanes=dice.randint(1, 3),
        full_at=dice.choice((1, 200, 800, 64 * 1024, 64 * 1024)),
        most_at_once=dice.choice((1, 300, 32 * 1024, 32 * 1024)),
        hashes_of_a_claim=dice.choice((1, 3, 2048, 2048)),
    )
