"""The plan of a repair: what brings the counters of a key to a figure, and whether that still holds. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec

from metering.counters.counter import Counter
from metering.period import Period, days_of, is_month
from metering.proof.correction import (
    NOT_HELD,
    Correction,
    Fate,
    HeldCounters,
    correction,
    same,
)
from metering.usage import NO_USAGE, total

Counters = Mapping[Period, Counter]
"""Counters of one key by their period."""


class RepairFigure(NamedTuple):
    """What the lake says of the days of a key."""

    days: Counters
    requests_only: bool = False
    """Nothing but numbers are known: the other totals stay as they are."""


class RepairPlan(NamedTuple):
    """The counters of one key, as they were read first, and what is to become of them."""

    key: str
    before: Counters
    figure: RepairFigure
    corrections: tuple[Correction, ...]
    taken: tuple[Period, ...]
    """The days that are brought to the figure."""


class HeldBack(msgspec.Struct, frozen=True):
    """A correction that is not made, and why."""

    correction: Correction
    why: str


def corrections(
    key: str, before: Counters, figure: RepairFigure, month: Period, taken: Sequence[Period]
) -> list[Correction]:
    """What brings the taken days, and the month with them, to a figure; days before the month.

    Of the days that are not taken the month gets what their own counters hold. Pure.
    """
    found: list[Correction] = []
    days = {day: one for day, one in before.items() if day != month and day not in taken}
    for day in taken:
        held = before.get(day, Counter(key, day, NO_USAGE))
        days[day] = _wanted(held, figure.days.get(day, Counter(key, day, NO_USAGE)), figure)
        found += correction(held, days[day])
    parts = {day[-2:]: one.usage.requests for day, one in sorted(days.items()) if one.usage.requests}
    whole = Counter(key, month, total(one.usage for one in days.values()), parts)
    held = before.get(month, Counter(key, month, NO_USAGE))
    return [*found, *correction(held, _wanted(held, whole, figure))]


def _wanted(held: Counter, counter: Counter, figure: RepairFigure) -> Counter:
    """What a counter should hold: all of the figure's, or its numbers only."""
    if not figure.requests_only:
        return counter
    usage = msgspec.structs.replace(held.usage, requests=counter.usage.requests)
    return Counter(held.key, held.period, usage, counter.parts)


def correction_now(planned: Correction, plan: RepairPlan, held: HeldCounters) -> Correction | Fate:
    """The correction by what the counters hold now, or why there is none.

    A day, and a month of which all days are taken, must be what it was; and the taken days of a month must be
    what they were, or are to be: a batch that came to a day meanwhile may have come to the month before. A
    month with other days may have got calls for these: it must agree with them.
    """
    key, period, taken = planned.key, planned.period, plan.taken
    now = {one: found.counter(key, one) for one, found in held.items()}
    are_days_moved = is_month(period) and _are_moved(plan, now)
    if not has_other_days(planned, taken):
        current = now.get(period, Counter(key, period, NO_USAGE))
        if same(planned.before, current) and not are_days_moved:
            return planned
        return Fate.DONE_BEFORE if same(planned.after, current) else Fate.CHANGED
    if are_days_moved:
        return Fate.CHANGED
    whole = now.get(period, Counter(key, period, NO_USAGE))
    if not _agrees_with_days(period, whole, held, now, taken):
        return Fate.UNSURE
    fresh = corrections(key, now, plan.figure, period, taken)
    return fresh[-1] if fresh and fresh[-1].period == period else Fate.DONE_BEFORE


def _are_moved(plan: RepairPlan, now: Counters) -> bool:
    """Whether a taken day is neither what it was nor what it is to be."""
    targets = {one.period: one.after for one in plan.corrections}
    for day in plan.taken:
        empty = Counter(plan.key, day, NO_USAGE)
        current, was = now.get(day, empty), plan.before.get(day, empty)
        if not same(current, was) and not same(current, targets.get(day, was)):
            return True
    return False


def has_other_days(planned: Correction, taken: Sequence[Period]) -> bool:
    """Whether it is of a month of which not all days are brought to the figure."""
    return is_month(planned.period) and len(taken) < len(days_of(planned.period))


def _agrees_with_days(
    month: Period, whole: Counter, held: HeldCounters, now: Counters, taken: Sequence[Period]
) -> bool:
    """Whether a month has the same batches as its days that are not taken.

    A batch is written to both, one after the other. One that only the month has shows in the requests of a
    day; if another that only the day has makes up for it, the day is ahead with that one's watermark.
    """
    reached = held.get(month, NOT_HELD).watermarks
    others = [day for day in days_of(month) if day not in taken]
    if any(whole.parts.get(day[-2:], 0) != _requests(now, day) for day in others):
        return False
    marks = chain.from_iterable(held.get(day, NOT_HELD).watermarks.items() for day in others)
    return all(mark <= reached.get(shard, b"") for shard, mark in marks)


def _requests(now: Counters, day: Period) -> int:
    return now[day].usage.requests if day in now else 0
