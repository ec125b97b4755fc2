"""One run of `usage-meter usage`."""

from __future__ import annotations

from typing import NamedTuple

import typer

from cli.common.bootstrap import target, unknown_note
from cli.look_up.top_session import heaviest
from cli.look_up.usage_output import How, show
from cli.look_up.usage_source import look_ups_on, settings_of
from cli.look_up.usage_view import draw_usage
from metering.period import Period
from metering.usage import Metric
from usage_api.parameters import Days
from usage_api.queries import UsageQueries
from usage_api.schemas import PeriodUsage, RangeUsage

LISTED = 20
"""So many keys at most, where none is named."""


class UsageOptions(NamedTuple):
    """What the user asked for."""

    stack: str
    key: str | None
    """None: all keys."""
    period: Period | None = None
    """None: the current month, whichever it is when it is asked."""
    days: Days | None = None


def run(options: UsageOptions, shown: How) -> None:
    """Show the usage of a key, or the heaviest keys.

    Raises:
        MeterError, ClientError, BotoCoreError: something could not be read.
    """
    where = target(options.stack)
    settings, dynamodb = settings_of(where.deployment), where.client("dynamodb")
    look_ups = look_ups_on(settings, dynamodb, lambda: where.client("s3"))
    if options.key is None:
        heaviest(look_ups, options.period, Metric.REQUESTS, LISTED, shown)
        return
    key = options.key
    answer = show(lambda: _asked(look_ups, key, options), draw_usage, shown)
    if not answer.totals.requests:
        note = unknown_note(where, key)
        if note:
            typer.echo(f"usage-meter: {note}", err=True)


def _asked(look_ups: UsageQueries, key: str, options: UsageOptions) -> PeriodUsage | RangeUsage:
    if options.days is not None:
        return look_ups.usage_of_days(key, options.days)
    return look_ups.usage(key, options.period)
