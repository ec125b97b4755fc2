"""A second, independent pricing: integers only, from the tariff file, sharing nothing with what it checks.

Money is counted in units of 10^-18. Up to NAIVE_LIMIT units, every unit is priced on its own, one after the
other; beyond that, by closed forms.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

SUB_UNITS = 10**18
NAIVE_LIMIT = 60
ZERO_RULES = {"lago": "first_tier", "openmeter": "first_tier", "stripemeter": "nothing"}

Rational = tuple[int, int]


@lru_cache(maxsize=4096)
def sub_units(written: str | int) -> int:
    """A decimal text as an integer number of sub-units."""
    whole, _, fraction = str(written).partition(".")
    return int(whole) * SUB_UNITS + int(fraction.ljust(18, "0") if fraction else 0)


def rounded(amount: Rational, digits: int, mode: str) -> int:
    """The nearest integer of 10^-digits by the mode."""
    numerator, denominator = amount
    scale: int = 10**digits
    whole, rest = divmod(numerator * scale, denominator * SUB_UNITS)
    twice, full = 2 * rest, denominator * SUB_UNITS
    match mode:
        case "up":
            return whole + (rest > 0)
        case "down":
            return whole
        case "half_up":
            return whole + (twice >= full)
        case "half_down":
            return whole + (twice > full)
        case _:
            return whole + (twice > full or (twice == full and whole % 2 == 1))


def line_amount(price: dict[str, Any], tariff: dict[str, Any], quantity: int) -> int:
    """What a quantity costs, in the last digit of the tariff's rounding."""
    rule = price.get("zero_month", tariff["zero_month"])
    rule = ZERO_RULES.get(rule, rule)
    units: int = charged_units(price, quantity)
    if units == 0 and rule == "nothing":
        return 0
    numerator = zero_amount(price, rule) if units == 0 else amount_of(price, units)
    per = price.get("per", 1)
    if "minimum" in price:
        numerator = max(numerator, sub_units(price["minimum"]) * per)
    if "maximum" in price:
        numerator = min(numerator, sub_units(price["maximum"]) * per)
    return rounded((numerator, per), **tariff["rounding"])


def charged_units(price: dict[str, Any], quantity: int) -> int:
    """Units after the free ones; packages that were begun, for a package price."""
    left: int = max(0, quantity - price.get("free_units", 0))
    size: int = price.get("package_size", 1)
    return left // size + (left % size > 0)


def table(price: dict[str, Any]) -> list[tuple[int | None, int, int]]:
    """(last unit, unit price, flat fee x per) of every tier."""
    per = price.get("per", 1)
    rows = price.get("tiers", [{"unit_price": price.get("package_price", price.get("unit_price", 0)),
                                "flat_fee": price.get("flat_fee", 0)}])  # fmt: skip
    return [
        (row.get("up_to"), sub_units(row.get("unit_price", 0)), sub_units(row.get("flat_fee", 0)) * per)
        for row in rows
    ]


def zero_amount(price: dict[str, Any], rule: str) -> int:
    return table(price)[0][2] if rule == "first_tier" else 0


def amount_of(price: dict[str, Any], units: int) -> int:
    rows = table(price)
    if units <= NAIVE_LIMIT:
        return unit_by_unit(rows, units, price["model"] == "volume")
    return closed_form(rows, units, price["model"] == "volume")


def unit_by_unit(rows: list[tuple[int | None, int, int]], units: int, volume: bool) -> int:
    """Asks for each unit, one after the other, which tier it is in."""
    tier_of = [
        next(i for i, row in enumerate(rows) if row[0] is None or unit <= row[0])
        for unit in range(1, units + 1)
    ]
    if volume:
        tier_of = [tier_of[-1]] * units
    amount = sum(rows[tier][1] for tier in tier_of)
    return amount + sum(rows[tier][2] for tier in set(tier_of))


def closed_form(rows: list[tuple[int | None, int, int]], units: int, volume: bool) -> int:
    """The same by how many units lie above each tier's start."""
    starts = [0, *(row[0] for row in rows if row[0] is not None)]
    reached = [(start, row) for start, row in zip(starts, rows, strict=True) if units > start]
    if volume:
        return units * reached[-1][1][1] + reached[-1][1][2]
    amount, previous = 0, 0
    for start, (_, unit_price, flat_fee) in reached:
        amount += (units - start) * (unit_price - previous) + flat_fee
        previous = unit_price
    return amount


def month_total(version: dict[str, Any], tariff: dict[str, Any], lines: list[int]) -> int:
    """The sum of a version's lines within its own minimum and maximum."""
    amount = sum(lines)
    if "minimum" in version:
        amount = max(amount, rounded((sub_units(version["minimum"]), 1), **tariff["rounding"]))
    if "maximum" in version:
        amount = min(amount, rounded((sub_units(version["maximum"]), 1), **tariff["rounding"]))
    return amount
