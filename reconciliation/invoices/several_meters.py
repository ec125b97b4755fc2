"""The usage of several meters as one: each proves its own months, and what all have of a key is added.

A meter that cannot be reached, or whose month is not proven or not complete, holds the month back by name.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from metering.errors import MeterError
from metering.period import Period
from metering.prices.documents import InvoiceDocument, SourceDocument
from metering.prices.statement import KeyUsage, MonthUsage
from metering.prices.terms.meters import FurtherMeter
from metering.usage import Metric
from reconciliation.invoices.ports import CannotInvoice, Proven, Usages


class SeveralMeters:
    """The port `Usages` on several of them."""

    def __init__(
        self,
        name: str,
        own: Usages,
        further: Iterable[FurtherMeter],
        usages_of: Callable[[FurtherMeter], Usages],
    ) -> None:
        """`name` is what invoices call the meter of the stack that issues them; `usages_of` finds the way to
        a further one.
        """
        self._name = name
        self._own = own
        self._further = tuple(further)
        self._usages_of = usages_of
        self._found: dict[str, Usages] = {}

    def billed(self, month: Period) -> Proven:
        """What a month is invoiced by.

        Raises:
            CannotInvoice: a further meter cannot be read.
            MeterError: the own one cannot be read.
        """
        return self._together(month, lambda usages: usages.billed(month))

    def known(self, month: Period) -> Proven:
        """All that is known of a month by now. Raises as :meth:`billed` does."""
        return self._together(month, lambda usages: usages.known(month))

    def _together(self, month: Period, proven_by: Callable[[Usages], Proven]) -> Proven:
        found = {self._name: proven_by(self._own)}
        for meter in self._further:
            if meter.validity.holds_in(month):
                found[meter.name] = self._proven(meter, proven_by)
        return added(month, found)

    def _proven(self, meter: FurtherMeter, proven_by: Callable[[Usages], Proven]) -> Proven:
        try:
            if meter.name not in self._found:
                self._found[meter.name] = self._usages_of(meter)
            return proven_by(self._found[meter.name])
        except MeterError as error:
            raise CannotInvoice(
                f"meter {meter.name} (stack {meter.stack}) cannot be read: {error}"
            ) from error


def added(month: Period, found: Mapping[str, Proven]) -> Proven:
    """The usage of all meters, by their names: each is named in what is against the month and as a source."""
    first, *others = (_named(one.source, name) for name, one in found.items())
    return Proven(
        MonthUsage(month, _keys(found), first["query"]),
        first,
        tuple(f"meter {name}: {text}" for name, one in found.items() for text in one.differing),
        tuple(f"meter {name}: {text}" for name, one in found.items() for text in one.missing),
        any(one.is_gone for one in found.values()),
        tuple(others),
    )


def check_meters(months: Iterable[Proven], issued: Sequence[InvoiceDocument]) -> None:
    """Hold earlier months to the meters by which they were invoiced: another set of them would bill, or give
    back, in silence what one counted.

    Raises:
        CannotInvoice: a month has others now; it says which, and what to write.
    """
    first_of = {Period(one["period"]["month"]): one for one in reversed(issued) if one["sources"]}
    for proven in months:
        month = proven.usage.month
        if month in first_of:
            then = _further(month, first_of[month]["sources"])
            now = _further(month, proven.sources)
            _refuse(month, [name for name in then if name not in now], _GONE)
            _refuse(month, [name for name in now if name not in then], _NEW)


_GONE: Final = (
    "{month} was invoiced with meter {names}, which the tariff does not name for it: put it back, with "
    "`until` where it has ended"
)
_NEW: Final = (
    "{month} was invoiced without meter {names}, which the tariff names for it: say from which month on its "
    "usage is added (`from`)"
)


def _refuse(month: Period, names: Sequence[str], text: str) -> None:
    if names:
        raise CannotInvoice(text.format(month=month, names=", ".join(names)))


def _further(month: Period, sources: Iterable[SourceDocument]) -> list[str]:
    """The meters of a month but for the one that issues the invoices, which comes first."""
    return [one["meter"] for one in sources if one["month"] == month and "meter" in one][1:]


def _named(source: SourceDocument, meter: str) -> SourceDocument:
    return {**source, "meter": meter}


def _keys(found: Mapping[str, Proven]) -> tuple[KeyUsage, ...]:
    by_key: dict[str, dict[str, KeyUsage]] = defaultdict(dict)
    for name, proven in found.items():
        for used in proven.usage.keys:
            by_key[used.key][name] = used
    return tuple(_sum(key, parts) for key, parts in sorted(by_key.items()))


def _sum(key: str, parts: Mapping[str, KeyUsage]) -> KeyUsage:
    quantities = {metric: sum(one.quantities[metric] for one in parts.values()) for metric in Metric}
    by_meter = {name: one.fingerprint for name, one in parts.items()}
    unknown = sum((Counter(one.unknown_sizes) for one in parts.values()), Counter[Metric]())
    return KeyUsage(key, quantities, sum(by_meter.values()), by_meter, unknown)
