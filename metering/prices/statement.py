"""A statement: what an account's month costs under one price version, before anything billed earlier is
considered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from metering.period import Period
from metering.prices.money import difference, total
from metering.prices.rating import Bound, RatedPrice, rate
from metering.prices.tariff import PlanVersion
from metering.usage import Metric


class StatementTotals(Protocol):
    """The totals of a set of calls, as far as prices need them."""

    @property
    def requests(self) -> int: ...
    @property
    def billable(self) -> int: ...
    @property
    def errors(self) -> int: ...
    @property
    def response_bytes(self) -> int: ...
    @property
    def request_bytes(self) -> int: ...
    @property
    def fingerprint(self) -> int: ...
    def unknown_sizes(self, metric: Metric) -> int: ...


@dataclass(frozen=True, slots=True)
class KeyUsage:
    """What one key used in a month. `fingerprint` identifies the set of calls; `by_meter` those of the calls
    that each meter counted, where there are several. `unknown_sizes` has, by metric of bytes, the calls that
    add nothing to it since their size is not known.
    """

    key: str
    quantities: Mapping[Metric, int]
    fingerprint: int
    by_meter: Mapping[str, int] = field(default_factory=dict)
    unknown_sizes: Mapping[Metric, int] = field(default_factory=dict)

    @classmethod
    def of(cls, key: str, totals: StatementTotals) -> KeyUsage:
        """The usage of a key from its totals."""
        quantities = {metric: getattr(totals, metric) for metric in Metric}
        unknown = {metric: calls for metric in Metric if (calls := totals.unknown_sizes(metric))}
        return cls(key, quantities, totals.fingerprint, unknown_sizes=unknown)

    @classmethod
    def none(cls, key: str) -> KeyUsage:
        """A key without calls."""
        return cls(key, dict.fromkeys(Metric, 0), 0)


@dataclass(frozen=True, slots=True)
class Commitment:
    """A minimum or maximum of a plan that took effect: `amount` is what it adds to the lines (a maximum:
    below 0).
    """

    kind: Bound
    bound: Decimal
    amount: Decimal

    @property
    def id(self) -> str:
        """The id of its invoice line. No price has it, since a price's id holds no colon."""
        return f"plan:{self.kind}"


@dataclass(frozen=True, slots=True)
class Statement:
    """An account's month under a price version: a line for each price, and the plan's commitment if it took
    effect.

    `query` refers to the lake query that gives the same quantities again.
    """

    account: str
    month: Period
    version: PlanVersion
    keys: tuple[KeyUsage, ...]
    lines: tuple[RatedPrice, ...]
    commitment: Commitment | None
    query: str = ""

    @property
    def total(self) -> Decimal:
        """What the month costs, in the version's currency."""
        lines = total(line.amount for line in self.lines)
        return total((lines, self.commitment.amount)) if self.commitment else lines

    @property
    def fingerprint(self) -> int:
        """The fingerprint of all calls that were priced: the sum of the keys'."""
        return sum(usage.fingerprint for usage in self.keys)

    def unknown_sizes(self, metric: Metric) -> int:
        """The calls that a price of a metric of bytes charges as 0 bytes, since their size is not known."""
        return sum(usage.unknown_sizes.get(metric, 0) for usage in self.keys)

    @property
    def by_meter(self) -> Mapping[str, int]:
        """The same for the calls that each meter counted."""
        found: Counter[str] = Counter()
        for usage in self.keys:
            found.update(usage.by_meter)
        return found


@dataclass(frozen=True, slots=True)
class MonthUsage:
    """What all keys used in a month, and the reference of the query that found it."""

    month: Period
    keys: tuple[KeyUsage, ...]
    query: str


def make_statement(
    account: str, month: Period, version: PlanVersion, usages: Iterable[KeyUsage], query: str = ""
) -> Statement:
    """Prices the keys of an account together. The order of the keys does not matter.

    Raises ValueError when a key comes twice.
    """
    keys = tuple(sorted(usages, key=lambda usage: usage.key))
    if len({usage.key for usage in keys}) < len(keys):
        raise ValueError(f"account {account}: a key comes twice in {', '.join(usage.key for usage in keys)}")
    lines = tuple(rate(price, _quantity(keys, price.metric), version.rounding) for price in version.prices)
    return Statement(account, month, version, keys, lines, _commitment(version, lines), query)


def _quantity(keys: Iterable[KeyUsage], metric: Metric) -> int:
    return sum(usage.quantities[metric] for usage in keys)


def _commitment(version: PlanVersion, lines: Iterable[RatedPrice]) -> Commitment | None:
    amount = total(line.amount for line in lines)
    if version.minimum is not None and amount < (least := version.rounding.apply(version.minimum)):
        return Commitment("minimum", least, difference(least, amount))
    if version.maximum is not None and amount > (most := version.rounding.apply(version.maximum)):
        return Commitment("maximum", most, difference(most, amount))
    return None
