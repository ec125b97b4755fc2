"""The calls of all keys together by hour, as they are kept: one object a month.

No counter holds all keys, and adding one up would read all of them: this comes from the lake, once an hour.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from metering.period import Period, begins_at, day_of, ends_at

HOUR: Final = timedelta(hours=1)


class HourCalls(msgspec.Struct, frozen=True, array_like=True):
    """The calls of an hour."""

    hour: Period
    calls: int
    """With an API key or without one."""
    errors: int
    """Of these: answered with a status of 400 or above."""
    without_key: int = 0
    """Of the calls: without an API key."""


class UnreadableLines(msgspec.Struct, frozen=True, array_like=True):
    """Log lines of a day that could not be read, for one reason."""

    day: Period
    reason: str
    """A name of :class:`metering.calls.notes.Reason`, as the lake has it."""
    lines: int


class LastReport(msgspec.Struct, frozen=True):
    """What the newest reconciliation found."""

    month: Period
    finished_at: datetime
    sentence: str
    agrees: bool
    is_complete: bool


class MonthTraffic(msgspec.Struct, frozen=True):
    """The calls of a month by hour, and what was seen of the way into the lake when they were added up."""

    month: Period
    made_at: datetime
    delivered_through: datetime | None
    """Firehose had delivered all that arrived in the stream before; None: nobody knew."""
    until: datetime
    """The hours before are complete."""
    hours: tuple[HourCalls, ...]
    """Those with calls, in order."""
    unreadable: tuple[UnreadableLines, ...] = ()
    waiting: int = 0
    """Objects under the error prefix; 1,000 means 1,000 or more."""
    report: LastReport | None = None

    def before(self, moment: datetime) -> HourCalls:
        """All calls of the hours before a time, as one."""
        first = hour_text(begins_at(self.month))
        return _added(first, (one for one in self.hours if one.hour < hour_text(moment)))

    @property
    def days(self) -> list[HourCalls]:
        """The calls of each day that has some, in order; the day is in place of the hour."""
        days: dict[Period, list[HourCalls]] = {}
        for one in self.hours:
            days.setdefault(day_of(one.hour), []).append(one)
        return [_added(day, calls) for day, calls in days.items()]

    @property
    def reasons(self) -> dict[str, int]:
        """The unreadable lines of the month by reason, the most frequent first."""
        lines: Counter[str] = Counter()
        for one in self.unreadable:
            lines[one.reason] += one.lines
        return dict(sorted(lines.items(), key=lambda found: (-found[1], found[0])))


class Growth(msgspec.Struct, frozen=True):
    """The complete hours of a month, and as many from the beginning of the month before it."""

    until: datetime
    calls: int
    calls_before: int


def growth(month: MonthTraffic, before: MonthTraffic | None) -> Growth | None:
    """A month against the one before it, up to the same day and hour; None where nothing is complete yet, or
    the month before was not added up. A month that is over is compared with all of the one before it, and one
    that is already longer, too.
    """
    passed = month.until - begins_at(month.month)
    if before is None or passed < HOUR:
        return None
    until = ends_at(before.month)
    if month.until < ends_at(month.month):
        until = min(until, begins_at(before.month) + passed)
    return Growth(month.until, month.before(month.until).calls, before.before(until).calls)


def with_hours(
    before: MonthTraffic | None, since: datetime, hours: Iterable[HourCalls], lines: Iterable[UnreadableLines]
) -> tuple[tuple[HourCalls, ...], tuple[UnreadableLines, ...]]:
    """What a month held before a time, which is the beginning of a day, and what was read since."""
    if before is None:
        return tuple(hours), tuple(lines)
    first = hour_text(since)
    kept = (one for one in before.hours if one.hour < first)
    known = (one for one in before.unreadable if one.day < day_of(first))
    return (*kept, *hours), (*known, *lines)


def hour_text(moment: datetime) -> Period:
    """The hour that a time lies in."""
    return Period(f"{moment:%Y-%m-%dT%H}")


def _added(name: Period, hours: Iterable[HourCalls]) -> HourCalls:
    found = list(hours)
    calls, errors = sum(one.calls for one in found), sum(one.errors for one in found)
    return HourCalls(name, calls, errors, sum(one.without_key for one in found))
