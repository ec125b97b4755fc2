"""What a counter holds: the usage of one key in one month or day, and its requests by day or hour."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import groupby
from operator import add, attrgetter
from typing import NamedTuple

import msgspec

from metering.period import Period
from metering.usage import Usage


class Counter(msgspec.Struct, frozen=True, gc=False):
    """A counter, or the part of one that the shards of one slice brought."""

    key: str
    period: Period
    """A month or a day."""
    usage: Usage
    parts: dict[str, int] = msgspec.field(default_factory=dict)
    """Requests by part of the period: the days of a month (`05`), the hours of a day (`07`)."""

    def __add__(self, other: Counter) -> Counter:
        """Both slices together.

        Raises ValueError unless they are of one key and period.
        """
        if (self.key, self.period) != (other.key, other.period):
            raise ValueError(f"{self.key} {self.period} and {other.key} {other.period} are two counters")
        parts = dict(self.parts)
        for part, requests in other.parts.items():
            parts[part] = parts.get(part, 0) + requests
        return Counter(self.key, self.period, self.usage + other.usage, parts)


class UnreadableCounter(NamedTuple):
    """An item among the counters that cannot be read."""

    key: str
    period: Period | None
    """None: it is none of any period."""
    fault: str
    """The item, and what is wrong with it."""


def summed(counters: Iterable[Counter]) -> Iterator[Counter]:
    """Counters in the order of key and period, with the slices of each added up."""
    for _, slices in groupby(counters, key=attrgetter("key", "period")):
        yield reduce(add, slices)
