"""`usage-meter top`: what is asked for. How it runs is in :mod:`cli.look_up.top_session`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.numbers import count
from cli.common.options import AsJson, OutFile, StackName
from cli.look_up.usage_options import AsCsv, MonthOption, Watch, period_or_none
from metering.usage import Metric

EXAMPLES = """Examples:

    usage-meter top

    usage-meter top --period 2026-10 --metric response_bytes --limit 5

    usage-meter top --watch
"""


def command(  # noqa: PLR0913 - each is an option
    *,
    period: MonthOption = None,
    metric: Annotated[
        Metric, typer.Option("--metric", help="The metric by which the keys are ordered.", show_default=True)
    ] = Metric.REQUESTS,
    limit: Annotated[
        int,
        typer.Option("--limit", metavar="N", parser=count(1, 100), help="Maximum number of keys, up to 100."),
    ] = 20,
    watch: Watch = False,
    json: AsJson = False,
    out: OutFile = None,
    csv: AsCsv = False,
    stack: StackName = "usage-meter",
) -> None:
    """Show the top keys of a month: which ones they are is up to a minute old, their totals are as of now.

    Against AWS by the usual settings (AWS_PROFILE, AWS_REGION), or against the local cloud by those that
    `usage-meter local` prints.
    """
    from cli.look_up.top_session import run  # noqa: PLC0415 - slow to load, and not needed for --help
    from cli.look_up.usage_output import how  # noqa: PLC0415 - as above

    run(stack, period_or_none(period), metric, limit, how(json=json, csv=csv, watch=watch, out=out))
