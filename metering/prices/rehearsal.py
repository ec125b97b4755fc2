"""A rehearsal: a past month's usage under another tariff, before anyone is billed by it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from metering.period import Period
from metering.prices.adjustment import NotComparable
from metering.prices.billing import PricedMonth, Unpriced, price_month
from metering.prices.money import EXACT, difference, total
from metering.prices.statement import MonthUsage, Statement
from metering.prices.tariff import Tariff

FREE_SO_FAR: Final = "free so far"
UNCHANGED: Final = "no change"
_PERCENTAGES: Final = (5, 20, 50)
LAST_MONTH: Final = Period("9999-12")
"""Later than any month that is billed: the tariff after its last change."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an account pays for the month by the tariff in force, and what it would pay."""

    account: str
    currency: str
    current: Decimal
    proposed: Decimal

    @property
    def band(self) -> str:
        """The band of BANDS that its change falls into, by percent of what it pays now."""
        if not self.change:
            return UNCHANGED
        if not self.current:
            return FREE_SO_FAR
        sign = "+" if self.change > 0 else "-"
        by_hundred, size = EXACT.multiply(abs(self.change), Decimal(100)), abs(self.current)
        for percentage in _PERCENTAGES:
            if by_hundred <= EXACT.multiply(size, Decimal(percentage)):
                return f"{sign} up to {percentage} %"
        return f"{sign} over {_PERCENTAGES[-1]} %"

    @property
    def change(self) -> Decimal:
        """How much more the account would pay; below 0 for less."""
        return difference(self.proposed, self.current)


BANDS: Final = (
    f"- over {_PERCENTAGES[-1]} %",
    *(f"- up to {percentage} %" for percentage in reversed(_PERCENTAGES)),
    UNCHANGED,
    *(f"+ up to {percentage} %" for percentage in _PERCENTAGES),
    f"+ over {_PERCENTAGES[-1]} %",
    FREE_SO_FAR,
)
"""From those who would pay least to those who would pay most, by percent of what they pay now."""


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """All accounts that both tariffs price, those who would pay most more first; and what only one of them
    prices.
    """

    month: Period
    comparisons: tuple[Comparison, ...]
    unpriced_now: tuple[Unpriced, ...]
    unpriced_then: tuple[Unpriced, ...]

    @property
    def more(self) -> tuple[Comparison, ...]:
        """Who would pay more."""
        return tuple(one for one in self.comparisons if one.change > 0)

    @property
    def less(self) -> tuple[Comparison, ...]:
        """Who would pay less."""
        return tuple(one for one in self.comparisons if one.change < 0)

    def distribution(self) -> dict[str, int]:
        """How many accounts fall into each of BANDS, in their order."""
        counts = dict.fromkeys(BANDS, 0)
        for one in self.comparisons:
            counts[one.band] += 1
        return counts

    def change_by_currency(self) -> dict[str, Decimal]:
        """The change of the whole month's revenue."""
        currencies = sorted({one.currency for one in self.comparisons})
        return {c: total(one.change for one in self.comparisons if one.currency == c) for c in currencies}


def rehearse(
    current: Tariff, proposed: Tariff, usage: MonthUsage, prices_of: Period = LAST_MONTH
) -> Rehearsal:
    """Prices a month by both tariffs.

    Of the proposed one, the plans and versions of the month `prices_of` count (default: those that hold once
    its last change is in force). A proposal without accounts is tried on the current ones, under their plans
    of the month. Raises NotComparable when an account would change its currency.
    """
    now = price_month(current, usage)
    then = price_month(_with_accounts(proposed, current), usage, prices_of)
    shared = [name for name in now.statements if name in then.statements]
    found = (_compare(now.statements[name], then.statements[name]) for name in shared)
    ordered = sorted(found, key=lambda one: (-one.change, one.account))
    return Rehearsal(usage.month, tuple(ordered), _missing(now, then), _missing(then, now))


def _with_accounts(proposed: Tariff, current: Tariff) -> Tariff:
    if proposed.accounts:
        return proposed
    return replace(
        proposed, accounts=current.accounts, default_plans=proposed.default_plans or current.default_plans
    )


def _compare(now: Statement, then: Statement) -> Comparison:
    if now.version.currency != then.version.currency:
        raise NotComparable(
            f"account {now.account} pays in {now.version.currency} now, "
            f"and in {then.version.currency} by the proposal"
        )
    return Comparison(now.account, now.version.currency, now.total, then.total)


def _missing(here: PricedMonth, there: PricedMonth) -> tuple[Unpriced, ...]:
    """What is not priced here: what could not be, and the accounts that only the other tariff has."""
    refused = {entry.account for entry in here.unpriced}
    names: Iterable[str] = (
        name for name in there.statements if name not in here.statements and name not in refused
    )
    others = (Unpriced(here.month, name, (), f"account {name} is in the other tariff only") for name in names)
    return (*here.unpriced, *others)
