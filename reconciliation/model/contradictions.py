"""Counters that contradict one another, though each call goes into its month and its day. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import attrgetter

import msgspec

from metering.counters.counter import Counter
from metering.period import Period, is_month


class Contradiction(msgspec.Struct, frozen=True):
    """A counter whose requests by day or hour do not fit: with their sum, or with the counter of the day."""

    key: str
    period: Period
    part: str
    """A day of the month (`05`), or empty: all parts together."""
    held: int
    """Requests, by the part or by all parts together."""
    expected: int
    """Requests, by the counter of that day or by the counter itself."""

    @property
    def sentence(self) -> str:
        """What disagrees, in a sentence."""
        if self.part:
            return (
                f"the month's counter has {self.held:,} requests for day {self.part}, "
                f"and the day's counter {self.expected:,}"
            )
        return f"the parts add up to {self.held:,} requests, and the total says {self.expected:,}"


def contradictions(counters: Iterable[Counter]) -> Iterator[Contradiction]:
    """Where the counters of one month disagree. They come in the order of key and period.

    A month's counter and those of its days are written one by one, but each call goes into both.
    """
    for key, group in groupby(counters, key=attrgetter("key")):
        of_key = list(group)
        months = [counter for counter in of_key if is_month(counter.period)]
        days = {counter.period: counter for counter in of_key if not is_month(counter.period)}
        for counter in of_key:
            if (held := sum(counter.parts.values())) != counter.usage.requests:
                yield Contradiction(key, counter.period, "", held, counter.usage.requests)
        for month in months:
            yield from _between_month_and_days(month, days)


def _between_month_and_days(month: Counter, days: dict[Period, Counter]) -> Iterator[Contradiction]:
    for part in sorted({day[-2:] for day in days} | set(month.parts)):
        day = days.get(Period(f"{month.period}-{part}"))
        held, expected = month.parts.get(part, 0), 0 if day is None else day.usage.requests
        if held != expected:
            yield Contradiction(month.key, month.period, part, held, expected)
