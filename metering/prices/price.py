"""A price of one metric: its tiers, free units, bounds, and what a month without units costs.

InvalidPrice   the tiers or the numbers of a price contradict themselves; every fault is named at once
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

from metering.prices.money import ZERO
from metering.usage import Metric


class InvalidPrice(ValueError):
    """A price that cannot be applied. `faults` holds one sentence each."""

    def __init__(self, faults: Sequence[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = tuple(faults)


class Model(StrEnum):
    """How units meet tiers.

    FLAT: one unit price and one monthly fee. GRADUATED: each unit at the price of the tier it falls into, and
    the flat fee of each tier that is reached. VOLUME: all units at the price of the tier that holds the last
    one, and that tier's flat fee. PACKAGE: every package that is begun is paid in full.
    """

    FLAT = "flat"
    GRADUATED = "graduated"
    VOLUME = "volume"
    PACKAGE = "package"


class ZeroMonth(StrEnum):
    """What a month costs that has no units left after the free ones. Peers disagree, so that a price says it.

    FIRST_TIER: the first tier's flat fee, and a minimum. MINIMUM: no flat fee, but a minimum. NOTHING:
    neither.
    """

    FIRST_TIER = "first_tier"
    MINIMUM = "minimum"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Tier:
    """The units after the tier before, up to and with unit `up_to` (None: all that follow)."""

    up_to: int | None
    unit_price: Decimal = ZERO
    flat_fee: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one metric for a month.

    `unit_price` of every tier is for `per` units (fractions are charged); a package has `package_size` units
    (fractions are not). `free_units` are taken off first, and tiers count from the first unit after them.
    `minimum` and `maximum` bound the amount before it is rounded.

    Raises InvalidPrice with every fault.
    """

    id: str
    metric: Metric
    model: Model
    tiers: tuple[Tier, ...]
    zero_month: ZeroMonth = field(kw_only=True)
    per: int = 1
    package_size: int = 1
    free_units: int = 0
    minimum: Decimal | None = None
    maximum: Decimal | None = None

    def __post_init__(self) -> None:
        if faults := price_faults(self):
            raise InvalidPrice([f"price {self.id}: {fault}" for fault in faults])


def price_faults(price: Price) -> list[str]:
    """All that is wrong with a price."""
    return [
        *tier_faults([tier.up_to for tier in price.tiers]),
        *_negative_prices(price.tiers),
        *_contradictions(price),
        *bounds_faults(price.minimum, price.maximum),
    ]


def tier_faults(bounds: Sequence[int | None]) -> list[str]:
    """What is wrong with the upper bounds of a tier table: it must rise, and end with one open tier."""
    if not bounds:
        return ["has no tiers; the last tier must be open (without up_to)"]
    faults = [f"tier {n} is open, but not the last: tier {n + 1} is never reached; give tier {n} an up_to"
              for n, bound in enumerate(bounds[:-1], 1) if bound is None]  # fmt: skip
    if bounds[-1] is not None:
        faults.append(f"tier {len(bounds)} is the last and ends at {bounds[-1]}: later units have no price; "
                      "leave out its up_to")  # fmt: skip
    if bounds[0] is not None and bounds[0] < 1:
        faults.append(f"tier 1 ends at {bounds[0]} and holds no unit; up_to is at least 1")
    return faults + _overlaps(bounds)


def bounds_faults(minimum: Decimal | None, maximum: Decimal | None) -> list[str]:
    """What is wrong with a minimum and a maximum."""
    faults = [f"{name} {bound} is negative" for name, bound in (("minimum", minimum), ("maximum", maximum))
              if bound is not None and bound < 0]  # fmt: skip
    if minimum is not None and maximum is not None and minimum > maximum:
        faults.append(f"minimum {minimum} is above maximum {maximum}")
    return faults


def ends_in_decimals(per: int) -> bool:
    """Whether 1/per has finitely many digits, so that a division by it is exact."""
    for factor in (2, 5):
        while per > 1 and per % factor == 0:
            per //= factor
    return per == 1


def _overlaps(bounds: Sequence[int | None]) -> list[str]:
    return [
        f"tier {number} ends at {later}, tier {number - 1} at {earlier}: they overlap; up_to must rise"
        for number, (earlier, later) in enumerate(pairwise(bounds), 2)
        if earlier is not None and later is not None and later <= earlier
    ]


def _negative_prices(tiers: Sequence[Tier]) -> list[str]:
    return [
        f"tier {number}: {name} {amount} is negative"
        for number, tier in enumerate(tiers, 1)
        for name, amount in (("unit_price", tier.unit_price), ("flat_fee", tier.flat_fee))
        if amount < 0
    ]


def _contradictions(price: Price) -> list[str]:
    one_tier = price.model in (Model.FLAT, Model.PACKAGE)
    checks = {
        f"per {price.per} must be 1 or a product of twos and fives, so that prices stay exact": price.per >= 1
        and ends_in_decimals(price.per),
        f"package_size {price.package_size} must be at least 1": price.package_size >= 1,
        f"free_units {price.free_units} is negative": price.free_units >= 0,
        f"a {price.model} price has one open tier, not {len(price.tiers)}": not one_tier
        or len(price.tiers) <= 1,
        "package_size belongs to the model package": price.model is Model.PACKAGE or price.package_size == 1,
        "per does not go with the model package": price.model is not Model.PACKAGE or price.per == 1,
    }
    return [fault for fault, holds in checks.items() if not holds]
