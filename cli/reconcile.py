"""`usage-meter reconcile`: the counters and the lake of a month, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import StackName
from cli.output import written_later
from metering.period import Period, parse_period

EXAMPLES = """Examples:

    usage-meter reconcile 2026-10

    usage-meter reconcile 2026-10 --stack my-meter --json october.json
"""

_MONTH = len("2026-11")


def _month(text: str) -> Period:
    try:
        period = parse_period(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if len(period) != _MONTH:
        raise typer.BadParameter(f"{period} is no month: write it as {period[:_MONTH]}")
    return period


def command(
    *,
    month: Annotated[str, typer.Argument(metavar="MONTH", parser=_month, help="Such as 2026-10, in UTC.")],
    stack: StackName = "usage-meter",
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Write the whole report to this file as JSON."),
    ] = None,
) -> None:
    """Compare the counters of a month with the lake, call by call, and name every difference.

    Against AWS by the usual settings (AWS_PROFILE, AWS_REGION), or against the local cloud by those that
    `usage-meter local` prints. Nothing is changed. Exits 1 if something differs.
    """
    from cli.reconcile_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(Period(month), stack, written_later(json))
