"""Hours, days and months in UTC, the periods of a counter.

A period is its own name in ISO 8601, and names of one kind sort as their times do: `2026-11`, `2026-11-05`,
`2026-11-05T07`. A week, `2026-W45` from Monday on, is a period of limits only: no counter holds one, its
days do.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NewType

Period = NewType("Period", str)

HOUR_MS = 3_600_000
LATEST_MS = 253_370_764_799_999
"""The last millisecond of the year 9998: every period of a time up to it has an end that Python can write."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NAME = re.compile(r"\d{4}-\d{2}(-\d{2}(T\d{2})?)?", re.ASCII)
_FORMATS = {7: "%Y-%m", 8: "%G-W%V", 10: "%Y-%m-%d", 13: "%Y-%m-%dT%H"}
_MONTH, _WEEK, _DAY, _HOUR = _FORMATS
_MONTH_NAME = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def is_month(period: str) -> bool:
    """Whether a period is a month. Its kind is how long its name is, and nobody else needs to know that."""
    return len(period) == _MONTH


def is_day(period: str) -> bool:
    """Whether a period is a day."""
    return len(period) == _DAY


def is_hour(period: str) -> bool:
    """Whether a period is an hour."""
    return len(period) == _HOUR


def is_week(period: str) -> bool:
    """Whether a period is a week."""
    return len(period) == _WEEK


@lru_cache(maxsize=4096)
def hour_of(hour_number: int) -> Period:
    """The hour that begins `hour_number` hours after 1970."""
    return Period((_EPOCH + timedelta(hours=hour_number)).strftime("%Y-%m-%dT%H"))


def day_of(period: Period) -> Period:
    """The day that an hour (or a day) lies in."""
    return Period(period[:_DAY])


@lru_cache(maxsize=1024)
def week_of(day: Period) -> Period:
    """The week that a day lies in: that of ISO 8601, which begins on Monday."""
    return Period(begins_at(day).strftime(_FORMATS[_WEEK]))


@lru_cache(maxsize=1024)
def days_of_week(week: Period) -> tuple[Period, ...]:
    """The seven days of a week, in order. They may lie in two months."""
    start = begins_at(week)
    return tuple(Period(f"{start + timedelta(days=number):%Y-%m-%d}") for number in range(7))


def month_of(period: Period) -> Period:
    """The month that an hour, a day (or a month) lies in."""
    return Period(period[:_MONTH])


def hour_at(time_ms: int) -> Period:
    """The hour of a time in epoch milliseconds."""
    return hour_of(time_ms // HOUR_MS)


def parse_period(text: str) -> Period:
    """The period that a text names.

    Raises ValueError for anything else, such as `2026-13`, or a month that ends after the year 9999.
    """
    if _NAME.fullmatch(text):
        try:
            ends_at(Period(text))
        except (ValueError, OverflowError):
            pass
        else:
            return Period(text)
    raise ValueError(f"{text!r} is not a valid period; write 2026-11, 2026-11-05 or 2026-11-05T07 (UTC)")


def months_between(start: Period, end: Period) -> int:
    """How many months `end` is after `start`."""
    return 12 * (int(end[:4]) - int(start[:4])) + int(end[5:_MONTH]) - int(start[5:_MONTH])


def parse_month(value: object) -> Period:
    """The month that a text (`2026-10`, `2026-10-01`) or a date (the first of a month) names.

    Raises ValueError for anything else, a day in mid-month included: a month has one price version, so that
    tiers always count whole months.
    """
    text = value.isoformat() if type(value) is date else value
    if not isinstance(text, str):
        raise ValueError(f"{value!r} is not a month; write it as 2026-10")
    start = text.removesuffix("-01") if is_day(text) else text
    if not _MONTH_NAME.fullmatch(start) or start[:4] in ("0000", "9999"):
        raise ValueError(
            f"{text} is not a month; write it as 2026-10 (a price changes on the first of a month only)"
        )
    return Period(start)


@lru_cache(maxsize=1024)
def begins_at(period: Period) -> datetime:
    """The first instant of a period."""
    if is_week(period):
        return datetime.strptime(f"{period}-1", "%G-W%V-%u").replace(tzinfo=UTC)
    return datetime.strptime(period, _FORMATS[len(period)]).replace(tzinfo=UTC)


@lru_cache(maxsize=1024)
def ends_at(period: Period) -> datetime:
    """The first instant after a period."""
    start = begins_at(period)
    if is_month(period):
        return (start + timedelta(days=32)).replace(day=1)
    if is_week(period):
        return start + timedelta(days=7)
    return start + (timedelta(days=1) if is_day(period) else timedelta(hours=1))


def following(month: Period) -> Period:
    """The month after."""
    return month_of(Period(ends_at(month).isoformat()))


def days_of(month: Period) -> list[Period]:
    """The days of a month, in order."""
    count = (ends_at(month) - begins_at(month)).days
    return [Period(f"{month}-{day:02d}") for day in range(1, count + 1)]


def hours_of(day: Period) -> list[Period]:
    """The 24 hours of a day, in order: UTC has no other days."""
    return [Period(f"{day}T{hour:02d}") for hour in range(24)]
