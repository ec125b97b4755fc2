"""Months and days as a user writes them."""

from __future__ import annotations

import typer

from metering.period import Period, is_day, is_month, month_of, parse_period


def month_argument(text: str) -> Period:
    """The month that a text names.

    Raises:
        BadParameter: it names none.
    """
    period = _period(text)
    if not is_month(period):
        raise typer.BadParameter(f"{period} is no month: write it as {month_of(period)}")
    return period


def day_option(text: str) -> Period:
    """The day that a text names.

    Raises:
        BadParameter: it names none.
    """
    period = _period(text)
    if not is_day(period):
        raise typer.BadParameter(f"{period} is no day: write it as 2026-11-05")
    return period


def _period(text: str) -> Period:
    try:
        return parse_period(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
