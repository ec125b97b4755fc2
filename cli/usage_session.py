"""One run of `usage-meter usage`."""

from __future__ import annotations

from typing import NamedTuple

from cli.top_session import heaviest
from cli.usage_shown import how, show
from cli.usage_source import look_ups_of_stack
from cli.usage_view import draw_usage
from metering.period import Period
from metering.plans import Metric
from usage_api.answers import PeriodUsage, RangeUsage
from usage_api.asked import Days
from usage_api.look_ups import LookUps

LISTED = 20
"""So many keys at most, where none is named."""


class Wishes(NamedTuple):
    """What the user asked for."""

    stack: str
    key: str | None
    """None: all keys."""
    period: Period | None = None
    """None: the current month, whichever it is when it is asked."""
    days: Days | None = None


def run(wishes: Wishes, *, json: bool, csv: bool, watch: bool) -> None:
    """Show the usage of a key, or the heaviest keys.

    Raises:
        MeterError, ClientError, BotoCoreError: something could not be read.
    """
    look_ups, shown = look_ups_of_stack(wishes.stack), how(json=json, csv=csv, watch=watch)
    if wishes.key is None:
        heaviest(look_ups, wishes.period, Metric.REQUESTS, LISTED, shown)
        return
    key = wishes.key
    show(lambda: _asked(look_ups, key, wishes), draw_usage, shown)


def _asked(look_ups: LookUps, key: str, wishes: Wishes) -> PeriodUsage | RangeUsage:
    if wishes.days is not None:
        return look_ups.usage_of_days(key, wishes.days)
    return look_ups.usage(key, wishes.period)
