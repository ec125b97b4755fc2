"""What commands that look up usage take, checked before anything is asked."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.months import day_option, month_argument, month_or_day
from metering.key_id import key_of_subject
from metering.outcome import OUTCOME_OF_KEY
from metering.period import Period


def _key(text: str) -> str:
    return text if text in OUTCOME_OF_KEY else _customers_key(text)


def _customers_key(text: str) -> str:
    try:
        return key_of_subject(text)
    except ValueError as fault:
        raise typer.BadParameter(f"{fault}: it cannot be the id of a key") from fault


Key = Annotated[
    str, typer.Argument(metavar="KEY", parser=_key, help="The id of an API key, never the key itself.")
]
OptionalKey = Annotated[
    str | None,
    typer.Argument(
        metavar="KEY",
        parser=_key,
        help="The id of an API key, never the key itself; without it, the top keys.",
    ),
]
LinkedKey = Annotated[
    str | None,
    typer.Argument(metavar="KEY", parser=_customers_key, help="The id of an API key, never the key itself."),
]
PeriodOption = Annotated[
    str | None,
    typer.Option(
        "--period",
        metavar="PERIOD",
        parser=month_or_day,
        help="A month or a day in UTC, such as 2026-11 or 2026-11-05; without it, the current month.",
    ),
]
MonthOption = Annotated[
    str | None,
    typer.Option(
        "--period",
        metavar="MONTH",
        parser=month_argument,
        help="Such as 2026-11, in UTC; without it, the current month.",
    ),
]
FirstDay = Annotated[
    str | None,
    typer.Option("--from", metavar="DAY", parser=day_option, help="The first day of a range. With --to."),
]
LastDay = Annotated[
    str | None,
    typer.Option("--to", metavar="DAY", parser=day_option, help="The last day of it, which is included."),
]
Watch = Annotated[bool, typer.Option("--watch", help="Refresh every two seconds, in place, until Ctrl-C.")]
AsCsv = Annotated[
    bool, typer.Option("--csv", help="Print the response as CSV; formulas are escaped as text.")
]


def period_or_none(text: str | None) -> Period | None:
    """A period that was checked."""
    return None if text is None else Period(text)
