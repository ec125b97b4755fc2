"""What the running month costs so far: by the counters and the tariff in force, and so not proven."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from metering.counters.counter import Counter
from metering.period import Period
from metering.prices.money import payable
from metering.prices.month_to_date import RunningCost, running_month
from metering.prices.statement import KeyUsage, MonthUsage, Statement
from metering.prices.tariff import Tariff
from usage_api.ports import CounterSource, TariffSource
from usage_api.schemas import CostAnswer, CostLine

KEPT_SECONDS: Final = 60.0
"""So long a tariff is believed to be in force."""
NO_TARIFF: Final = "No tariff is in force: whoever runs the meter can publish one."


class KeptTariff:
    """The port `TariffSource`, asking another one at most every :data:`KEPT_SECONDS`."""

    def __init__(self, source: TariffSource, steady: Callable[[], float]) -> None:
        """`steady` returns seconds since any start, and is never set."""
        self._source = source
        self._steady = steady
        self._kept: Tariff | None = None
        self._until: float | None = None

    def tariff(self) -> Tariff | None:
        """The tariff in force."""
        now = self._steady()
        if self._until is None or now >= self._until:
            self._kept = self._source.tariff()
            self._until = now + KEPT_SECONDS
        return self._kept


def cost_of_key(
    key: str, month: Period, now: datetime, tariff: Tariff | None, counters: CounterSource
) -> CostAnswer:
    """What the account that a key belongs to pays for a month, or the key itself where it has none."""
    if tariff is None:
        return _nothing(key, month, now, None, NO_TARIFF)
    owner = tariff.owners_in(month).get(key)
    accounts = {} if owner is None else {owner.account.id: owner.account}
    keys = [key] if owner is None else list(owner.account.keys_in(month))
    usage = MonthUsage(month, _used(counters.of_keys(keys, month)) or (KeyUsage.none(key),), "")
    found = running_month(replace(tariff, accounts=accounts), usage, now)
    if not found.costs:
        reasons = (entry.reason for entry in found.unpriced)
        account = None if owner is None else owner.account.id
        return _nothing(key, month, now, account, next(reasons, "It has no price."))
    [cost] = found.costs
    others = tuple(meter.name for meter in tariff.meters if meter.validity.holds_in(month))
    return CostAnswer(
        key=key,
        account=cost.to_date.account,
        period=month,
        as_of=now,
        complete_through=None,
        currency=cost.to_date.version.currency,
        to_date=payable(cost.to_date.total),
        projected=payable(cost.projected.total),
        lines=tuple(_lines(cost)),
        not_included=others,
        reason=None,
    )


def _nothing(key: str, month: Period, now: datetime, account: str | None, reason: str) -> CostAnswer:
    return CostAnswer(
        key=key,
        account=account,
        period=month,
        as_of=now,
        complete_through=None,
        currency=None,
        to_date=None,
        projected=None,
        lines=(),
        not_included=(),
        reason=reason,
    )


def _used(counters: Sequence[Counter]) -> tuple[KeyUsage, ...]:
    return tuple(KeyUsage.of(one.key, one.usage) for one in sorted(counters, key=lambda one: one.key))


def _lines(cost: RunningCost) -> Iterator[CostLine]:
    now, then = amounts_of(cost.to_date), amounts_of(cost.projected)
    nothing = (None, Decimal())
    unknown = {one.price.id: cost.to_date.unknown_sizes(one.price.metric) for one in cost.to_date.lines}
    for line in {**now, **then}:
        quantity, amount = now.get(line, nothing)
        yield CostLine(
            line=line,
            quantity=quantity,
            unknown_sizes=unknown.get(line, 0),
            to_date=payable(amount),
            projected=payable(then.get(line, nothing)[1]),
        )


def amounts_of(statement: Statement) -> dict[str, tuple[int | None, Decimal]]:
    """Quantity and amount of each line; a minimum or maximum of the plan has no quantity."""
    lines: dict[str, tuple[int | None, Decimal]] = {
        line.price.id: (line.quantity, line.amount) for line in statement.lines
    }
    bound = statement.commitment
    return {**lines, **({bound.id: (None, bound.amount)} if bound else {})}
