"""`usage-meter rebuild`: counters made from the lake."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.months import day_option, month_argument
from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output
from metering.period import Period

EXAMPLES = """Examples:

    usage-meter rebuild 2026-10

    usage-meter rebuild 2026-10 --key a1b2c3d4e5 --correct --yes

    usage-meter rebuild 2026-10 --day 2026-10-05 --correct --out rebuilt.json
"""


def command(  # noqa: PLR0913 - typer makes an option of each
    *,
    month: Annotated[
        str, typer.Argument(metavar="MONTH", parser=month_argument, help="Such as 2026-10, in UTC.")
    ],
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Only this key's counters.")] = None,
    day: Annotated[
        str | None,
        typer.Option(metavar="DAY", parser=day_option, help="Only this day, and its part of the month."),
    ] = None,
    correct: Annotated[
        bool,
        typer.Option("--correct", help="Also set existing counters to the lake's figures."),
    ] = False,
    lower: Annotated[
        str,
        typer.Option(
            metavar="REASON", help="Allow --correct to lower counters. The reason is kept with each of them."
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before counters are corrected.")] = False,
    allow_incomplete: Annotated[
        bool,
        typer.Option("--allow-incomplete", help="Use all days that are over, complete or not."),
    ] = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Make the counters of a month from the lake: totals, parts and fingerprints as the stream processor
    writes them.

    Only days that are complete in the lake are used. Without --correct, existing counters are not changed;
    with it, no counter is lowered without a reason (--lower). The command can be interrupted, and run again
    with --correct. Exits 1 if a counter was left unchanged.
    """
    from cli.month_end.rebuild_session import RebuildOptions, run  # noqa: PLC0415 - slow to load, and not needed for --help

    if lower and not correct:
        raise typer.BadParameter("use it with --correct", param_hint="--lower")
    options = RebuildOptions(
        Period(month),
        key,
        None if day is None else Period(day),
        correct=correct,
        lower=lower,
        yes=yes,
        allow_incomplete=allow_incomplete,
    )
    run(options, stack, output(json=json, out=out))
