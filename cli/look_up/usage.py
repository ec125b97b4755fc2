"""`usage-meter usage`: what is asked for. How it runs is in :mod:`cli.look_up.usage_session`."""

from __future__ import annotations

import typer

from cli.common.options import AsJson, OutFile, StackName
from cli.look_up.usage_options import (
    AsCsv,
    FirstDay,
    LastDay,
    OptionalKey,
    PeriodOption,
    Watch,
    period_or_none,
)
from metering.period import is_month
from usage_api.parameters import Days, days_between
from usage_api.problems import BadRequest

EXAMPLES = """Examples:

    usage-meter usage a1b2c3d4e5

    usage-meter usage a1b2c3d4e5 --period 2026-11-05 --watch

    usage-meter usage a1b2c3d4e5 --from 2026-10-15 --to 2026-11-14 --csv

    usage-meter usage --json
"""


def command(  # noqa: PLR0913 - each is an option
    *,
    key: OptionalKey = None,
    period: PeriodOption = None,
    first: FirstDay = None,
    last: LastDay = None,
    watch: Watch = False,
    json: AsJson = False,
    out: OutFile = None,
    csv: AsCsv = False,
    stack: StackName = "usage-meter",
) -> None:
    """Show the usage of a key in a month with its days, in a day with its hours, or in a range of days.

    Without KEY it shows the top keys of the month, like `usage-meter top`.

    The counters are read as the look-up API reads them: against AWS by the usual settings (AWS_PROFILE,
    AWS_REGION), or against the local cloud by those that `usage-meter local` prints. `complete through`
    is the time up to which all calls are in the numbers.
    """
    days = _range(first, last)
    if days is not None and period is not None:
        raise typer.BadParameter("give a period or a range of days, not both", param_hint="--period")
    if key is None and (days is not None or (period is not None and not is_month(period))):
        raise typer.BadParameter("name a key: days are shown for one key", param_hint="KEY")
    from cli.look_up.usage_output import how  # noqa: PLC0415 - as above
    from cli.look_up.usage_session import UsageOptions, run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(UsageOptions(stack, key, period_or_none(period), days), how(json=json, csv=csv, watch=watch, out=out))


def _range(first: str | None, last: str | None) -> Days | None:
    try:
        return days_between(first, last)
    except BadRequest as error:
        raise typer.BadParameter(str(error), param_hint="--from") from error
