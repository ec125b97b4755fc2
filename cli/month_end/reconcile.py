"""`usage-meter reconcile`: the counters and the lake of a month, compared."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.common.months import month_argument
from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import check_standard_output, output, written_later
from metering.period import Period

EXAMPLES = """Examples:

    usage-meter reconcile 2026-10

    usage-meter reconcile 2026-10 --stack my-meter --out october.json

    usage-meter reconcile 2026-11 --allow-incomplete

    usage-meter reconcile 2026-10 --html october.html --csv october.csv

    usage-meter reconcile 2026-10 --repair --yes

    usage-meter reconcile 2026-10 --repair --lower "counted twice after the outage of 12 October, ticket 4711"
"""


def command(  # noqa: PLR0913 - each is an option
    *,
    month: Annotated[
        str, typer.Argument(metavar="MONTH", parser=month_argument, help="Such as 2026-10, in UTC.")
    ],
    repair: Annotated[
        bool,
        typer.Option(
            "--repair", help="Then set the counters that differ to the lake's figures, after a question."
        ),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Repair without asking.")] = False,
    lower: Annotated[
        str,
        typer.Option(
            metavar="REASON", help="Allow --repair to lower counters. The reason is kept with each of them."
        ),
    ] = "",
    stack: StackName = "usage-meter",
    allow_incomplete: Annotated[
        bool,
        typer.Option("--allow-incomplete", help="Also compare what is not complete, and mark the report."),
    ] = False,
    json: AsJson = False,
    out: OutFile = None,
    html: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            allow_dash=True,
            help="Write the report to this file as a page; - is standard output.",
        ),
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            allow_dash=True,
            help="Write what differs to this file as CSV; - is standard output.",
        ),
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Write all three to the lake's bucket, as the daily job does.")
    ] = False,
    witnesses: Annotated[
        bool,
        typer.Option(
            "--witnesses",
            help="Also compare a whole month with AWS's own counts, as the job on the 2nd does: a "
            "query reads all lines of the log groups.",
        ),
    ] = False,
) -> None:
    """Compare the counters of a month with the lake, call by call, and name every difference.

    Against AWS by the usual settings (AWS_PROFILE, AWS_REGION), or against the local cloud by those that
    `usage-meter local` prints. A month that is over is refused until all of it is counted and delivered to
    the lake; of the current month, the complete days are compared. Nothing is changed without --repair, which
    adds to counters what is missing; it lowers nothing without --lower, and does not change a counter where a
    finding says that the lake is wrong. With --publish, jobs that run at the same time make one report. Exits
    1 if it is refused, or something differs and is not repaired.
    """
    from cli.month_end.reconcile_session import Files, ReconcileOptions, run  # noqa: PLC0415 - slow to load, and not needed for --help

    if lower and not repair:
        raise typer.BadParameter("use it with --repair", param_hint="--lower")
    files = Files(written_later(html, "--html"), written_later(csv, "--csv"))
    result = output(json=json, out=out)
    check_standard_output([*result.places, *files])
    run(
        Period(month),
        stack,
        result,
        ReconcileOptions(allow_incomplete, repair, yes, lower, publish, files, witnesses),
    )
