"""`usage-meter close`: a month is sealed, and its usage frozen as billed."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.months import month_argument
from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output
from metering.period import Period

EXAMPLES = """Examples:

    usage-meter close 2026-10

    usage-meter close 2026-10 --yes

    usage-meter close 2026-10 --status --out october.json

    usage-meter close 2026-10 --accept-differences "settled with the customer, ticket 4711"
"""


def command(  # noqa: PLR0913 - each is an option
    *,
    month: Annotated[
        str, typer.Argument(metavar="MONTH", parser=month_argument, help="Such as 2026-10, in UTC.")
    ],
    status: Annotated[
        bool, typer.Option("--status", help="Show the state of the month; close nothing.")
    ] = False,
    accept_differences: Annotated[
        str,
        typer.Option(
            metavar="REASON", help="Close it although something differs or is missing. The reason is kept."
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", help="Seal without asking.")] = False,
    empty: Annotated[bool, typer.Option("--empty", help="Seal it although it has no calls.")] = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Seal a proven month: its usage per key is billed as it is now, whatever arrives later.

    It is reconciled first, and you are asked: what is sealed stays sealed. Calls that arrive for a sealed
    month are adjusted on the next invoice. The command can be interrupted and repeated: a month is sealed
    once. Exits 1 if it cannot be sealed yet, or has no calls and --empty is not given.
    """
    from cli.month_end.close_session import CloseOptions, run, show  # noqa: PLC0415 - slow to load, and not needed for --help

    file = output(json=json, out=out)
    if status:
        show(Period(month), stack, file)
    else:
        run(Period(month), stack, CloseOptions(accept=accept_differences, yes=yes, empty=empty), file)
