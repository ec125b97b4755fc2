from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.prices.money import Rounding, RoundingMode
from metering.prices.price import Model, ZeroMonth
from metering.prices.rating import RatedTier, rate
from tests.metering.prices.builders import CENTS, price

TWO_TIERS = ((10, "10", "2"), (None, "5", "3"))


def test_spells_out_each_tier() -> None:
    """A rated price names every tier's quantity, unit price, flat fee and amount."""
    rated = rate(price(*TWO_TIERS, free_units=4), 16, CENTS)
    assert (4, 12) == (rated.free, rated.charged)
    assert (
        RatedTier(1, 10, Decimal(10), Decimal(2), Decimal(102)),
        RatedTier(2, 2, Decimal(5), Decimal(3), Decimal(13)),
    ) == rated.tiers
    assert Decimal(115) == rated.subtotal == rated.amount


@pytest.mark.parametrize(("units", "reached"), [(9, 1), (10, 1), (11, 2)])
def test_up_to_is_inclusive(units: int, reached: int) -> None:
    """The unit `up_to` still belongs to its tier."""
    assert reached == len(rate(price(*TWO_TIERS), units, CENTS).tiers)
    assert reached == rate(price(*TWO_TIERS, model=Model.VOLUME), units, CENTS).tiers[0].number


@pytest.mark.parametrize(
    ("rule", "amount", "bound"),
    [
        (ZeroMonth.FIRST_TIER, "2.00", None),
        (ZeroMonth.MINIMUM, "1.00", "minimum"),
        (ZeroMonth.NOTHING, "0.00", None),
    ],
)
@pytest.mark.parametrize("quantity", [0, 4])
def test_zero_month(rule: ZeroMonth, amount: str, bound: str | None, quantity: int) -> None:
    """A month without units after the free ones costs what the rule says."""
    rated = rate(price(*TWO_TIERS, zero_month=rule, minimum="1", free_units=4), quantity, CENTS)
    assert (Decimal(amount), bound) == (rated.amount, rated.bound)


@pytest.mark.parametrize(
    ("units", "amount", "bound"), [(1, "50", "minimum"), (10, "102", None), (100, "200", "maximum")]
)
def test_bounds(units: int, amount: str, bound: str | None) -> None:
    """A minimum lifts, a maximum caps, and the line says which of them did."""
    rated = rate(price(*TWO_TIERS, minimum="50", maximum="200"), units, CENTS)
    assert (Decimal(amount), bound) == (rated.amount, rated.bound)


def test_per_charges_fractions() -> None:
    """0.09 for 10^9 bytes is 0.135 for one and a half, rounded once at the end."""
    rated = rate(price((None, "0.09", "0"), model=Model.FLAT, per=10**9), 1_500_000_000, CENTS)
    assert (Decimal("0.135"), Decimal("0.14")) == (rated.subtotal, rated.amount)


def test_rounds_once_a_line() -> None:
    """Two tiers of 0.005 make 0.01, and not twice 0.00."""
    rated = rate(price((1, "0.005", "0"), (None, "0.005", "0")), 2, CENTS)
    assert Decimal("0.01") == rated.amount


@pytest.mark.parametrize("quantity", [-1, 10**30])
def test_refuses_a_quantity(quantity: int) -> None:
    """A negative or absurd quantity is an error of the caller, named with the price."""
    with pytest.raises(ValueError, match="price calls: quantity"):
        rate(price(*TWO_TIERS), quantity, CENTS)


QUANTITIES = st.integers(0, 10**6)


@given(QUANTITIES, st.integers(0, 100))
def test_graduated_never_falls(quantity: int, more: int) -> None:
    """More units never cost less under a graduated price."""
    graduated, rounding = price(*TWO_TIERS, free_units=5), Rounding(0, RoundingMode.UP)
    assert rate(graduated, quantity, rounding).amount <= rate(graduated, quantity + more, rounding).amount


@given(QUANTITIES)
def test_tiers_hold_all_charged_units(quantity: int) -> None:
    """No unit is lost or doubled between free units and tiers."""
    rated = rate(price((7, "1", "0"), (100, "2", "0"), (None, "3", "0"), free_units=13), quantity, CENTS)
    assert quantity == rated.free + sum(tier.quantity for tier in rated.tiers)
