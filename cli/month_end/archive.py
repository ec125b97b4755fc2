"""`usage-meter archive`: the counters of a sealed month's days leave the table, and come back."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.months import month_argument
from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output
from metering.period import Period

EXAMPLES = """Examples:

    usage-meter archive 2025-06 --dry-run

    usage-meter archive 2025-06 --yes --out june.json

    usage-meter archive 2025-06 --status

    usage-meter archive 2025-06 --restore
"""


def command(  # noqa: PLR0913 - each is an option
    *,
    month: Annotated[
        str, typer.Argument(metavar="MONTH", parser=month_argument, help="Such as 2025-06, in UTC.")
    ],
    restore: Annotated[
        bool, typer.Option("--restore", help="Bring the counters of the days back into the table.")
    ] = False,
    status: Annotated[
        bool, typer.Option("--status", help="Show whether the month is archived; change nothing.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Move the counters of a month's days from the table into the lake's bucket, so that the daily
    reconciliation no longer reads them.

    The month must be sealed, final by the tariff (final_after), and agree with what was billed. Its own
    counters stay: quotas, invoices and look-ups of months do not change, and look-ups of its days read the
    archive. To reconcile, repair or rebuild the month, restore it first. --restore also brings back what a
    table lacks that was lost or restored from a backup. The command can be interrupted and repeated. Exits 1
    if the month cannot be archived.
    """
    from cli.month_end.archive_session import ArchiveOptions, restore_month, run, show  # noqa: PLC0415 - slow to load, and not needed for --help

    file = output(json=json, out=out)
    options = ArchiveOptions(yes=yes, dry_run=dry_run)
    if status:
        show(Period(month), stack, file)
    elif restore:
        restore_month(Period(month), stack, options, file)
    else:
        run(Period(month), stack, options, file)
