"""A calendar month in UTC, written `2026-10`: the period of an invoice and of a price's validity."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import NewType

Month = NewType("Month", str)
"""`YYYY-MM`. Months compare as their texts do."""

LAST_MONTH = Month("9999-12")
"""Later than any month that is billed: the tariff as it stands after its last change."""

_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")


def month(value: object) -> Month:
    """The month that a text (`2026-10`, `2026-10-01`) or a date (the first of a month) names.

    Raises ValueError for anything else, a day in mid-month included: a month has one price version, so that
    tiers always count whole months.
    """
    text = value.isoformat() if type(value) is date else value
    if not isinstance(text, str):
        raise ValueError(f"{value!r} is not a month; write it as 2026-10")
    start = text.removesuffix("-01") if len(text) == len("2026-10-01") else text
    if not _MONTH.fullmatch(start) or start[:4] in ("0000", "9999"):
        raise ValueError(
            f"{text} is not a month; write it as 2026-10 (a price changes on the first of a month only)"
        )
    return Month(start)


def following(start: Month) -> Month:
    """The month after."""
    year, number = _parts(start)
    return Month(f"{year + number // 12:04d}-{number % 12 + 1:02d}")


def months_between(start: Month, end: Month) -> int:
    """How many months `end` is after `start`."""
    (year, number), (later_year, later) = _parts(start), _parts(end)
    return 12 * (later_year - year) + later - number


def begins_at(start: Month) -> datetime:
    """The first instant of the month. The next month's is where it ends, exclusively."""
    year, number = _parts(start)
    return datetime(year, number, 1, tzinfo=UTC)


def _parts(start: Month) -> tuple[int, int]:
    return int(start[:4]), int(start[5:])
