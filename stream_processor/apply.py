"""Step 5: the increments, each atomic on its own and repeatable by its watermark."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from metering.counters.ports import CounterAnswer, Counters, Increment, Status
from metering.outcome import Outcome, outcome_of_key
from metering.period import is_month
from metering.usage import Usage


@dataclass(slots=True)
class Applied:
    """What became of the increments."""

    counted: Counter[Outcome] = field(default_factory=Counter)
    """Calls that were added by this invocation, not by an earlier one, by their outcome."""
    after: list[tuple[Increment, Usage]] = field(default_factory=list)
    """Increments that were written, each with its counter's totals after it."""
    found: list[tuple[Increment, CounterAnswer]] = field(default_factory=list)
    """What each counter holds that an increment was sent to, also where it was refused: then the attempt that
    added it may have stopped before it could report what it found.
    """
    refused: int = 0
    """Increments that an earlier attempt had added already, all or some of their records."""
    unreadable: list[str] = field(default_factory=list)
    """Why some counters could not say what they hold, although they took or refused an increment."""
    unapplied_from: int | None = None
    """The lowest sequence number that is not known to be in all of its counters."""


def apply(
    increments: Sequence[Increment],
    counters: Counters,
    recut: Callable[[int, Increment], list[Increment]],
) -> Applied:
    """Add the increments. Where a counter already has some of the records, `recut` gives what is left."""
    applied = Applied()
    waiting = list(increments)
    while waiting:
        answers = counters.add(waiting)
        left: list[Increment] = []
        for increment, answer in zip(waiting, answers, strict=True):
            if answer.totals is not None:
                applied.found.append((increment, answer))
            if answer.unreadable is not None:
                applied.unreadable.append(answer.unreadable)
            match answer.status:
                case Status.WRITTEN:
                    _note_written(applied, increment, answer.totals)
                case Status.REFUSED:
                    applied.refused += 1
                    left += recut(_watermark(answer.watermark, increment), increment)
                case Status.UNAVAILABLE:
                    lowest = applied.unapplied_from
                    applied.unapplied_from = (
                        increment.first if lowest is None else min(lowest, increment.first)
                    )
        waiting = left
    return applied


def _note_written(applied: Applied, increment: Increment, totals: Usage | None) -> None:
    if is_month(increment.period):
        applied.counted[outcome_of_key(increment.key)] += increment.totals.requests
    if totals is not None:
        applied.after.append((increment, totals))


def _watermark(watermark: int | None, increment: Increment) -> int:
    """The condition fails only where there is a watermark at or above the first position."""
    if watermark is None or watermark < increment.first:
        raise AssertionError(f"{increment.key} {increment.period} refused below its watermark {watermark}")
    return watermark
