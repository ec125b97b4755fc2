"""`usage-meter explain`: what is asked for. How it runs is in :mod:`cli.explain.session`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output
from cli.look_up.usage_options import Key, PeriodOption, period_or_none

EXAMPLES = """Examples:

    usage-meter explain a1b2c3d4e5

    usage-meter explain a1b2c3d4e5 --period 2026-11-05

    usage-meter explain a1b2c3d4e5 --no-lake --json
"""


def command(  # noqa: PLR0913 - each is an option
    *,
    key: Key,
    period: PeriodOption = None,
    no_lake: Annotated[
        bool, typer.Option("--no-lake", help="Do not query the lake: Athena bills by bytes.")
    ] = False,
    json: AsJson = False,
    out: OutFile = None,
    stack: StackName = "usage-meter",
) -> None:
    """Show everything that the meter knows about a key in a month or day: what support needs, in one report.

    Its counter and where it came from, the lake's own count by one query, whether the two agree, what is
    not billed and why, its plan and limits, the alerts that were sent, and the calls that were denied.

    Against AWS by the usual settings (AWS_PROFILE, AWS_REGION), or against the local cloud by those that
    `usage-meter local` prints. Exits 1 if calls are denied now, or counter and lake differ.
    """
    from cli.explain.session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(stack, key, period_or_none(period), with_lake=not no_lake, out=output(json=json, out=out))
