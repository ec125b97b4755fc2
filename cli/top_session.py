"""One run of `usage-meter top`."""

from __future__ import annotations

from cli.usage_shown import How, show
from cli.usage_source import look_ups_of_stack
from cli.usage_view import draw_top
from metering.period import Period
from metering.plans import Metric
from usage_api.look_ups import LookUps


def run(stack: str, month: Period | None, metric: Metric, limit: int, how: How) -> None:
    """Show the heaviest keys of a month, or of the current one.

    Raises:
        MeterError, ClientError, BotoCoreError: something could not be read.
    """
    heaviest(look_ups_of_stack(stack), month, metric, limit, how)


def heaviest(look_ups: LookUps, month: Period | None, metric: Metric, limit: int, how: How) -> None:
    """As :func:`run`, of look-ups that are there."""
    show(lambda: look_ups.top(month, metric, limit), draw_top, how)
