"""A price list: what AWS asks for a unit, each with its source, at a date."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal

import msgspec

from metering.errors import Misconfigured


class UnitTier(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A price up to a number of units; the last tier has no end."""

    price: Decimal
    up_to: int | None = None
    """Units of all tiers so far."""


class UnitPrice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The price of one unit, in tiers."""

    per: int
    """How many of the smallest units the price is for: a million requests, a GB of bytes."""
    tiers: tuple[UnitTier, ...]
    source: str

    def amount(self, units: float) -> Decimal:
        """The price of so many of the smallest units, exact for that number."""
        left = Decimal(units) / self.per
        below = Decimal(0)
        total = Decimal(0)
        for tier in self.tiers:
            room = left if tier.up_to is None else min(left, tier.up_to - below)
            total += room * tier.price
            left -= room
            below += room
        return total


class PriceList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The prices of a region."""

    region: str
    currency: str
    as_of: date
    prices: Mapping[str, UnitPrice]

    def amount(self, name: str, units: float) -> Decimal:
        """What units of a name cost.

        Raises:
            Misconfigured: the list has no such price.
        """
        if name not in self.prices:
            raise Misconfigured([f"the price list of {self.region} has no price {name!r}"])
        return self.prices[name].amount(units)


def read_price_list(document: object) -> PriceList:
    """The list that a document holds, as YAML or JSON gives it; amounts are text, so that none is rounded.

    Raises:
        Misconfigured: it is no price list; the error names the place.
    """
    try:
        found = msgspec.convert(document, PriceList)
    except msgspec.ValidationError as error:
        raise Misconfigured([f"the price list: {error}"]) from error
    faults = [
        f"the price list: {name} {fault}" for name, one in found.prices.items() for fault in _faults(one)
    ]
    if faults:
        raise Misconfigured(faults)
    return found


def _faults(price: UnitPrice) -> list[str]:
    ends = [tier.up_to for tier in price.tiers]
    faults = []
    if price.per < 1:
        faults.append(f"is per {price.per}: it must be 1 or more")
    if not ends or ends[-1] is not None or None in ends[:-1]:
        faults.append("must have tiers of which the last, and no other, has no end")
    elif any(tier.price < 0 for tier in price.tiers):
        faults.append("has a negative price")
    elif sorted(set(ends[:-1]), key=lambda end: end or 0) != ends[:-1]:
        faults.append("has tiers that do not rise")
    return faults
