"""The lake's side: which query gives the usage of each key and day, and what its rows say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Final

import msgspec

from metering.period import Period, month_of
from metering.usage import Usage, total

USAGE_BY_KEY_AND_DAY: Final = "usage_by_key_and_day"
MARGIN: Final = timedelta(days=1)
"""How far a call may lie from the day of its partition: a delivery has the day of its first call, and a
call's own time is at most a day from its log event's.
"""
_MONTHS_OF_A_QUERY: Final = 3

Row = tuple[Any, ...]


class LakeUsage(msgspec.Struct, frozen=True, gc=False):
    """The usage of a key in a day (or month) as the lake has it."""

    key: str
    period: Period
    usage: Usage
    rows: int
    """Rows of the lake; more than the requests where events lie there more than once."""


def query_text(name: str) -> str:
    """The SQL of a query of this package."""
    return (Path(__file__).parent / "queries" / f"{name}.sql").read_text(encoding="utf-8")


def between(start: datetime, end: datetime) -> tuple[str, ...]:
    """The parameters of a query for the calls from `start` until before `end`, at most a month later.

    Raises ValueError where the partitions would reach over more than three months.
    """
    first, last = start - MARGIN, end - timedelta(milliseconds=1) + MARGIN
    months = _months(first, last)
    if not start < end or len(months) > _MONTHS_OF_A_QUERY:
        raise ValueError(f"from {start} to {end} is no span of at most a month")
    named = (months + months[-1:] * _MONTHS_OF_A_QUERY)[:_MONTHS_OF_A_QUERY]
    return (
        str(first.year),
        str(last.year),
        *(str(month) for month in named),
        f"{first:%Y%m%d}",
        f"{last:%Y%m%d}",
        _timestamp(start),
        _timestamp(end),
    )


def _months(first: datetime, last: datetime) -> list[int]:
    count = (last.year - first.year) * 12 + last.month - first.month + 1
    return [(first.month - 1 + offset) % 12 + 1 for offset in range(count)]


def _timestamp(time: datetime) -> str:
    return f"'{time:%Y-%m-%d %H:%M:%S}.{time.microsecond // 1000:03d}'"


def read_days(rows: Iterable[Row]) -> Iterator[LakeUsage]:
    """The rows of the query by key and day."""
    for key, day, lake_rows, *totals in rows:
        yield LakeUsage(key, Period(day.isoformat()), Usage(*totals), lake_rows)


def with_months(days: Iterable[LakeUsage]) -> Iterator[LakeUsage]:
    """Before the days of each key, its month. The days are of one month, in the order of key and day."""
    for _, group in groupby(days, key=attrgetter("key")):
        of_key: Sequence[LakeUsage] = list(group)
        yield LakeUsage(
            of_key[0].key,
            month_of(of_key[0].period),
            total(day.usage for day in of_key),
            sum(day.rows for day in of_key),
        )
        yield from of_key
