from __future__ import annotations

import decimal
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.prices.money import Rounding, RoundingMode, charge, difference, payable, plain, total

AMOUNTS = st.decimals(min_value=0, max_value=10**17, places=18)


@pytest.mark.parametrize(
    ("mode", "rounded"),
    [
        (RoundingMode.HALF_EVEN, ["0.12", "0.14", "0.13"]),
        (RoundingMode.HALF_UP, ["0.13", "0.14", "0.13"]),
        (RoundingMode.HALF_DOWN, ["0.12", "0.13", "0.13"]),
        (RoundingMode.UP, ["0.13", "0.14", "0.13"]),
        (RoundingMode.DOWN, ["0.12", "0.13", "0.12"]),
    ],
)
def test_rounding_modes(mode: RoundingMode, rounded: list[str]) -> None:
    """Ties and parts of the last digit go where the mode says."""
    rounding = Rounding(2, mode)
    assert rounded == [payable(rounding.apply(Decimal(amount))) for amount in ("0.125", "0.135", "0.1251")]


def test_rounding_pads() -> None:
    """A rounded amount always shows all its digits."""
    assert payable(Rounding(3, RoundingMode.UP).apply(Decimal(7))) == "7.000"
    assert payable(Rounding(0, RoundingMode.DOWN).apply(Decimal("7.9"))) == "7"


@given(st.lists(AMOUNTS))
def test_sums_are_exact(amounts: list[Decimal]) -> None:
    """No digit is lost in a sum, however many digits the amounts have."""
    assert sum(map(Fraction, amounts), Fraction(0)) == Fraction(total(amounts))


@given(st.integers(0, 10**30 - 1), AMOUNTS, st.sampled_from([1, 10, 1000, 2**30, 10**18]), AMOUNTS)
def test_charges_are_exact(units: int, unit_price: Decimal, per: int, flat_fee: Decimal) -> None:
    """units x price / per + fee loses no digit up to the limits of quantities and prices."""
    expected = units * Fraction(unit_price) / per + Fraction(flat_fee)
    assert expected == Fraction(charge(units, unit_price, per, flat_fee))


def test_an_endless_quotient_is_refused() -> None:
    """A price per 3 units would have to be cut off: it raises rather than lose a part."""
    with pytest.raises(decimal.Inexact):
        charge(1, Decimal(1), 3, Decimal(0))


@pytest.mark.parametrize(
    ("amount", "text"),
    [("0.50", "0.5"), ("1E+2", "100"), ("0E-9", "0"), ("0.000000000009", "0.000000000009")],
)
def test_plain(amount: str, text: str) -> None:
    """Exact amounts have one text, without exponent or trailing zeros."""
    assert text == plain(Decimal(amount))


def test_difference_can_be_negative() -> None:
    """Less than before is below zero."""
    assert Decimal("-0.01") == difference(Decimal("0.99"), Decimal("1.00"))
