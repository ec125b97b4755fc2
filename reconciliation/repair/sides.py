"""The two sides of a repair, key by key: what the counters hold, and what the lake says. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from heapq import merge
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

from metering.counters.counter import Counter
from metering.outcome import UNDECODABLE_KEY
from metering.period import Period, day_of
from metering.usage import Usage
from reconciliation.repair.plan import Counters, RepairFigure
from reconciliation.repair.rebuild_undecodable import RecordSpan, undecodable_days


def both_sides(
    counters: Iterable[Counter],
    lake: Iterable[tuple[str, RepairFigure]],
    undecodable: Mapping[Period, RecordSpan],
) -> Iterator[tuple[str, Counters, RepairFigure]]:
    """Both sides of each key, in the order of the keys."""
    by_key = groupby(counters, key=attrgetter("key"))
    counted = ((key, {one.period: one for one in of_key}) for key, of_key in by_key)
    failed = [(UNDECODABLE_KEY, RepairFigure({}, requests_only=True))] if undecodable else []
    sides: Iterable[tuple[str, Any]] = merge(counted, lake, failed, key=itemgetter(0))
    for key, found in groupby(sides, key=itemgetter(0)):
        before: Counters = {}
        figure = RepairFigure({})
        for _, side in found:
            if isinstance(side, RepairFigure):
                figure = side
            else:
                before = side
        if key == UNDECODABLE_KEY:
            figure = RepairFigure(undecodable_days(before, undecodable), requests_only=True)
        yield key, before, figure


def by_key(
    rows: Iterable[tuple[object, ...]], keys: AbstractSet[str] | None
) -> Iterator[tuple[str, RepairFigure]]:
    """The rows of the query by key, in the order of the keys."""
    for key, of_key in groupby(rows, key=itemgetter(0)):
        if keys is None or key in keys:
            yield key, RepairFigure(_days(key, of_key))


def _days(key: str, rows: Iterable[tuple[Any, ...]]) -> Counters:
    days: dict[Period, Counter] = {}
    for _, time, *totals in rows:
        hour, usage = Period(f"{time:%Y-%m-%dT%H}"), Usage(*totals)
        one = Counter(key, day_of(hour), usage, {hour[-2:]: usage.requests})
        days[one.period] = days[one.period] + one if one.period in days else one
    return days
