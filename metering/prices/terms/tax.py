"""Taxes on an invoice: by the rate of the month in which the calls were made, as the tariff gives it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from metering.period import Period
from metering.prices.documents import InvoiceDocument, TaxDocument
from metering.prices.money import EXACT, Rounding, RoundingMode, payable, plain, total
from metering.prices.terms.validity import UNDATED, Validity


@dataclass(frozen=True, slots=True)
class Tax:
    """A rate, and the months whose calls it is for."""

    name: str
    percent: Decimal
    validity: Validity = UNDATED


def tax_lines(document: InvoiceDocument, taxes: Iterable[Tax]) -> Iterator[TaxDocument]:
    """A line for each rate: on what it is due, and how much, rounded once. An adjustment of an earlier month
    is taxed by the rate of that month.
    """
    by_month = net_by_month(document)
    taxed: dict[tuple[str, Decimal], set[Period]] = defaultdict(set)
    for tax in taxes:
        if held := {month for month in by_month if tax.validity.holds_in(month)}:
            taxed[tax.name, tax.percent] |= held
    rounding = Rounding(document["rounding"]["digits"], RoundingMode.HALF_UP)
    for (name, percent), months in taxed.items():
        base = total(by_month[month] for month in months)
        amount = rounding.apply(EXACT.scaleb(EXACT.multiply(base, percent), -2))
        yield {
            "name": name,
            "percent": plain(percent),
            "months": sorted(months),
            "base": payable(base),
            "amount": payable(amount or abs(amount)),
        }


def net_by_month(document: InvoiceDocument) -> Mapping[Period, Decimal]:
    """What an invoice bills for the calls of each month, its own first."""
    found = {Period(document["period"]["month"]): Decimal(document["usage_total"])}
    for line in document["adjustments"]:
        month = Period(line["month"])
        found[month] = EXACT.add(found.get(month, Decimal(0)), Decimal(line["amount"]))
    return found
