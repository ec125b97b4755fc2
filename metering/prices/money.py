"""Money: exact decimals, and the one place where an amount is rounded.

Every step before the rounding is exact: the context `EXACT` raises where a digit would be lost. A binary
float never becomes money.
"""

from __future__ import annotations

import decimal
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

EXACT = decimal.Context(
    prec=200,
    rounding=decimal.ROUND_HALF_EVEN,
    traps=[
        decimal.Inexact,
        decimal.InvalidOperation,
        decimal.DivisionByZero,
        decimal.Overflow,
        decimal.FloatOperation,
    ],
)
ZERO = Decimal(0)
QUANTITY_LIMIT = 10**30
"""Quantities stay below this, so that no product can pass the digits of `EXACT`."""


class RoundingMode(StrEnum):
    """What happens to a part of the last digit. Amounts are never negative when they are rounded."""

    HALF_EVEN = "half_even"
    HALF_UP = "half_up"
    HALF_DOWN = "half_down"
    UP = "up"
    DOWN = "down"


_ROUNDINGS = {
    RoundingMode.HALF_EVEN: decimal.ROUND_HALF_EVEN,
    RoundingMode.HALF_UP: decimal.ROUND_HALF_UP,
    RoundingMode.HALF_DOWN: decimal.ROUND_HALF_DOWN,
    RoundingMode.UP: decimal.ROUND_UP,
    RoundingMode.DOWN: decimal.ROUND_DOWN,
}
_QUANTIZING = {mode: decimal.Context(prec=200, rounding=rounding) for mode, rounding in _ROUNDINGS.items()}


@dataclass(frozen=True, slots=True)
class Rounding:
    """How an amount becomes payable: `digits` after the point, and the mode. Applied once, to the amount of a
    line.
    """

    digits: int
    mode: RoundingMode

    def apply(self, amount: Decimal) -> Decimal:
        """The amount with exactly `digits` digits after the point."""
        return amount.quantize(Decimal((0, (1,), -self.digits)), context=_QUANTIZING[self.mode])


def at_most_digits(amount: Decimal, digits: int) -> Decimal:
    """The amount with at most so many digits after the point. What is below is rounded half to even, so that
    an amount and its negative stay equal in size.
    """
    if -int(amount.as_tuple().exponent) <= digits:
        return amount
    rounded = amount.quantize(Decimal((0, (1,), -digits)), context=_QUANTIZING[RoundingMode.HALF_EVEN])
    return rounded or abs(rounded)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    result = ZERO
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def difference(after: Decimal, before: Decimal) -> Decimal:
    """The exact difference `after - before`."""
    return EXACT.subtract(after, before)


def charge(units: int, unit_price: Decimal, per: int, flat_fee: Decimal) -> Decimal:
    """`units x unit_price / per + flat_fee`, exactly.

    Raises decimal.Inexact when `per` has a prime factor other than 2 and 5, since the quotient may then never
    end.
    """
    product = EXACT.multiply(unit_price, Decimal(units))
    return EXACT.add(product if per == 1 else EXACT.divide(product, Decimal(per)), flat_fee)


def plain(amount: Decimal) -> str:
    """The shortest text of an exact amount, without exponent: `0.5` for 0.50, `100` for 1E+2."""
    return format(EXACT.normalize(amount), "f") if amount else "0"


def payable(amount: Decimal) -> str:
    """The text of a rounded amount, with all its digits: `5.00`."""
    return format(amount, "f")
