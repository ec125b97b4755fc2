"""`usage-meter backfill`: what the log groups still have and the lake lacks."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

import typer

from cli.common.months import day_option, month_argument
from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output
from metering.period import Period, days_of

EXAMPLES = """Examples:

    usage-meter backfill 2026-10

    usage-meter backfill --from 2026-10-05 --to 2026-10-06

    usage-meter backfill --from 2026-10-05 --to 2026-10-06 --yes --out backfill.json
"""
LONGEST_DAYS = 366


def command(  # noqa: PLR0913 - each is an option
    *,
    month: Annotated[
        str | None,
        typer.Argument(
            metavar="[MONTH]",
            parser=month_argument,
            help="The month in which the lines were logged, such as 2026-10, in UTC. In its place, "
            "--from and --to.",
        ),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option("--from", metavar="DAY", parser=day_option, help="The first day, such as 2026-10-05."),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="DAY",
            parser=day_option,
            help="The last day, included. By default, the first day.",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Bring the calls in. Without it, only show what would change.")
    ] = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Bring calls that the log groups still have and the lake lacks into lake and counters, each once.

    Whatever their age: after a subscription filter was missing, a delivery was given up, or an object of the
    lake was lost. Without --yes nothing is changed. The command can be interrupted and repeated. In a sealed
    month they are like late calls: the next invoice adjusts it. Exits 1 if a counter was left unchanged.
    """
    from cli.recovery.backfill_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(_days(month, first, last), stack, output(json=json, out=out), yes=yes)


def _days(month: str | None, first: str | None, last: str | None) -> list[Period]:
    if (month is None) == (first is None) or (last is not None and first is None):
        raise typer.BadParameter("give a month, or --from (and --to)")
    if month is not None:
        return days_of(Period(month))
    begin, end = date.fromisoformat(first or ""), date.fromisoformat(last or first or "")
    count = (end - begin).days + 1
    if not 1 <= count <= LONGEST_DAYS:
        raise typer.BadParameter(f"--to is a day from --from on, at most {LONGEST_DAYS} days in all")
    return [Period((begin + timedelta(days=number)).isoformat()) for number in range(count)]
