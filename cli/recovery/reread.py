"""`usage-meter reread`: malformed lines of the lake, read with today's reader."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.months import month_argument
from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output
from metering.period import Period

EXAMPLES = """Examples:

    usage-meter reread 2026-10

    usage-meter reread 2026-10 --fields status=code

    usage-meter reread 2026-10 --yes --out reread.json
"""


def command(  # noqa: PLR0913 - each is an option
    *,
    month: Annotated[
        str,
        typer.Argument(
            metavar="MONTH",
            parser=month_argument,
            help="The month in which the lines were logged, such as 2026-10, in UTC.",
        ),
    ],
    yes: Annotated[
        bool, typer.Option("--yes", help="Bring the calls in. Without it, only show what would change.")
    ] = False,
    fields: Annotated[
        str | None,
        typer.Option(
            metavar="MAP",
            help="Show how the lines would be read with this field map, in place of the stack's "
            "FieldMap: such as "
            "status=code. Not with --yes: deploy it first.",
        ),
    ] = None,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Read the malformed lines of a month again, and bring those that are calls into lake and counters, each
    once.

    Without --yes nothing is changed. The command can be interrupted and repeated. In a sealed month they are
    like late calls: the next invoice adjusts it. Exits 1 if a counter was left unchanged.
    """
    from cli.recovery.reread_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    if fields is not None and yes:
        raise typer.BadParameter(
            "it cannot be used with --yes: deploy the field map first", param_hint="--fields"
        )
    run(Period(month), stack, fields, output(json=json, out=out), yes=yes)
