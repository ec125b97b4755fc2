"""Rating: a month's quantity under a price, with the arithmetic of every tier."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from metering.prices.money import QUANTITY_LIMIT, ZERO, Rounding, charge, total
from metering.prices.price import Model, Price, Tier, ZeroMonth

Bound = Literal["minimum", "maximum"]


@dataclass(frozen=True, slots=True)
class RatedTier:
    """What one tier adds: `amount = quantity x unit_price / per + flat_fee`, not rounded. `number` counts
    from 1.
    """

    number: int
    quantity: int
    unit_price: Decimal
    flat_fee: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class RatedPrice:
    """A quantity under a price.

    Of `quantity` metered units, `free` cost nothing; `charged` units (packages, for a package price) meet the
    tiers. `subtotal` is the exact sum of the tiers; `bound` names the minimum or maximum that replaced it, if
    one did; `amount` is what is payable, rounded once.
    """

    price: Price
    quantity: int
    free: int
    charged: int
    tiers: tuple[RatedTier, ...]
    subtotal: Decimal
    bound: Bound | None
    amount: Decimal


def rate(price: Price, quantity: int, rounding: Rounding) -> RatedPrice:
    """The quantity of a whole month under a price.

    Raises ValueError for a quantity below 0 or at QUANTITY_LIMIT.
    """
    if not 0 <= quantity < QUANTITY_LIMIT:
        raise ValueError(f"price {price.id}: quantity {quantity} is not between 0 and {QUANTITY_LIMIT}")
    free = min(quantity, price.free_units)
    charged = -(-(quantity - free) // price.package_size)
    tiers = _tiers(price, charged)
    subtotal = total(tier.amount for tier in tiers)
    bound, bounded = _bounded(price, charged, subtotal)
    return RatedPrice(price, quantity, free, charged, tiers, subtotal, bound, rounding.apply(bounded))


def _tiers(price: Price, charged: int) -> tuple[RatedTier, ...]:
    if charged == 0:
        return _zero_month(price)
    if price.model is Model.VOLUME:
        return (_tier_of_last_unit(price, charged),)
    return _graduated(price, charged)


def _zero_month(price: Price) -> tuple[RatedTier, ...]:
    first = price.tiers[0]
    due = price.zero_month is ZeroMonth.FIRST_TIER and first.flat_fee > 0
    return (_rated(price, 1, first, 0),) if due else ()


def _tier_of_last_unit(price: Price, charged: int) -> RatedTier:
    number, tier = next((n, t) for n, t in enumerate(price.tiers, 1) if t.up_to is None or charged <= t.up_to)
    return _rated(price, number, tier, charged)


def _graduated(price: Price, charged: int) -> tuple[RatedTier, ...]:
    rated, start = [], 0
    for number, tier in enumerate(price.tiers, 1):
        end = charged if tier.up_to is None else min(charged, tier.up_to)
        rated.append(_rated(price, number, tier, end - start))
        start = end
        if end == charged:
            break
    return tuple(rated)


def _rated(price: Price, number: int, tier: Tier, quantity: int) -> RatedTier:
    amount = charge(quantity, tier.unit_price, price.per, tier.flat_fee)
    return RatedTier(number, quantity, tier.unit_price, tier.flat_fee, amount)


def _bounded(price: Price, charged: int, subtotal: Decimal) -> tuple[Bound | None, Decimal]:
    if charged == 0 and price.zero_month is ZeroMonth.NOTHING:
        return None, ZERO
    if price.minimum is not None and subtotal < price.minimum:
        return "minimum", price.minimum
    if price.maximum is not None and subtotal > price.maximum:
        return "maximum", price.maximum
    return None, subtotal
