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
            help="In which the lines were logged, such as 2026-10, in UTC. In its place, --from and --to.",
        ),
    ] = None,
    first: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="DAY", parser=day_option, help="The first day of the log, such as 2026-10-05."
        ),
    ] = None,
    last: Annotated[
        str | None,
        typer.Option(
            "--to", metavar="DAY", parser=day_option, help="The last day, included. The same, unless given."
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Bring the calls in. Without it, only say what would change.")
    ] = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Bring what the log groups still have and the lake lacks into lake and counters, each call once.

    Whatever its age: after a subscription that was gone, a delivery that was given up, an object of the lake
    that was lost. Without --yes nothing is changed. It may be interrupted and repeated at will. A month that
    was sealed is changed as late calls change it: the next invoice adjusts it. Exits 1 if a counter was left
    alone.
    """
    from cli.recovery.backfill_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(_days(month, first, last), stack, output(json=json, out=out), yes=yes)


def _days(month: str | None, first: str | None, last: str | None) -> list[Period]:
    if (month is None) == (first is None) or (last is not None and first is None):
        raise typer.BadParameter("name a month, or --from (and --to)")
    if month is not None:
        return days_of(Period(month))
    begin, end = date.fromisoformat(first or ""), date.fromisoformat(last or first or "")
    count = (end - begin).days + 1
    if not 1 <= count <= LONGEST_DAYS:
        raise typer.BadParameter(f"--to is a day from --from on, at most {LONGEST_DAYS} days in all")
    return [Period((begin + timedelta(days=number)).isoformat()) for number in range(count)]
