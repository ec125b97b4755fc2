"""Months and days as a user writes them. An error says how to write what the command takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import typer

from metering.period import Period, is_day, is_hour, is_month, parse_period

_NUMBERS: Final = re.compile(r"([0-9]{4})[-/. ]?([0-9]{1,2})(?:[-/. ]?([0-9]{1,2}))?(?:[T ].*)?")
_NAMED: Final = re.compile(r"([A-Za-z]{3})[a-z]*[-/., ]*([0-9]{4})")
_NAMES: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH, _DAY = "2026-11", "2026-11-05"


def month_argument(text: str) -> Period:
    """The month that a text names.

    Raises:
        BadParameter: it names none.
    """
    return _read(text, "month", is_month, f"{_MONTH}")


def day_option(text: str) -> Period:
    """The day that a text names.

    Raises:
        BadParameter: it names none.
    """
    return _read(text, "day", is_day, _DAY)


def month_or_day(text: str) -> Period:
    """The month or day that a text names.

    Raises:
        BadParameter: it names neither. An hour is a part of its day.
    """
    return _read(text, "month or day", lambda period: not is_hour(period), f"{_MONTH} or {_DAY}")


def _read(text: str, kind: str, is_kind: Callable[[str], bool], examples: str) -> Period:
    try:
        period = parse_period(text)
    except ValueError:
        found = next((one for one in _meant(text) if is_kind(one)), None)
        raise typer.BadParameter(f"{text!r} is not a valid {kind}: write {found or examples} (UTC)") from None
    if is_kind(period):
        return period
    of = "an hour" if is_hour(period) else "a day" if is_day(period) else "a month"
    found = next((one for one in _meant(text) if is_kind(one)), None)
    raise typer.BadParameter(f"{period} is {of}, and a {kind} is needed: write {found or examples} (UTC)")


def _meant(text: str) -> list[Period]:
    """What a text that is written otherwise may mean: the day in it, and the month."""
    numbers, named = _NUMBERS.fullmatch(text.strip()), _NAMED.fullmatch(text.strip())
    names = []
    if numbers is not None:
        month = f"{numbers[1]}-{numbers[2]:0>2}"
        names = [f"{month}-{numbers[3]:0>2}"] if numbers[3] else []
        names.append(month)
    elif named is not None and named[1].lower() in _NAMES:
        names = [f"{named[2]}-{_NAMES.index(named[1].lower()) + 1:02}"]
    return [Period(name) for name in names if _is_period(name)]


def _is_period(name: str) -> bool:
    try:
        parse_period(name)
    except ValueError:
        return False
    return True
