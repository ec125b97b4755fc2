"""One run of `usage-meter top`."""

from __future__ import annotations

from cli.look_up.usage_output import How, show
from cli.look_up.usage_source import look_ups_of_stack
from cli.look_up.usage_view import draw_top
from metering.period import Period
from metering.usage import Metric
from usage_api.queries import UsageQueries


def run(stack: str, month: Period | None, metric: Metric, limit: int, how: How) -> None:
    """Show the heaviest keys of a month, or of the current one.

    Raises:
        MeterError, ClientError, BotoCoreError: something could not be read.
    """
    heaviest(look_ups_of_stack(stack), month, metric, limit, how)


def heaviest(look_ups: UsageQueries, month: Period | None, metric: Metric, limit: int, how: How) -> None:
    """As :func:`run`, of look-ups that are there."""
    show(lambda: look_ups.top(month, metric, limit), draw_top, how)
