"""What a running month costs so far, and what it would cost in full at this pace. Nothing of it is proven
or billed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from metering.period import Period, begins_at, following
from metering.prices.billing import Unpriced, price_month
from metering.prices.statement import KeyUsage, MonthUsage, Statement
from metering.prices.tariff import Tariff

_SHORTEST = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class RunningCost:
    """An account's month by what has been counted, and by what that comes to until its end."""

    to_date: Statement
    projected: Statement


@dataclass(frozen=True, slots=True)
class RunningMonth:
    """All accounts, in the order of their names, and what nobody pays for."""

    month: Period
    costs: tuple[RunningCost, ...]
    unpriced: tuple[Unpriced, ...]


def running_month(tariff: Tariff, usage: MonthUsage, now: datetime) -> RunningMonth:
    """The cost of a month at a time within it, or after it."""
    priced, at_end = price_month(tariff, usage), price_month(tariff, projected(usage, now))
    costs = (RunningCost(one, at_end.statements[account]) for account, one in priced.statements.items())
    return RunningMonth(usage.month, tuple(costs), priced.unpriced)


def projected(usage: MonthUsage, now: datetime) -> MonthUsage:
    """The usage at the end of the month, if it goes on as it went until now; rounded up. A month that is over
    stays as it is.
    """
    begin, end = begins_at(usage.month), begins_at(following(usage.month))
    whole, elapsed = end - begin, max(min(now, end) - begin, _SHORTEST)
    keys = tuple(
        KeyUsage(
            one.key, {metric: -(-count * whole // elapsed) for metric, count in one.quantities.items()}, 0
        )
        for one in usage.keys
    )
    return MonthUsage(usage.month, keys, usage.query)
