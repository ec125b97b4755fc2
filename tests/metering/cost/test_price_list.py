"""Price lists: what is read, what is refused, and what tiers come to."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cli.cost.estimate_session import PRICE_LIST, load_prices
from metering.cost.bill import bill
from metering.cost.price_list import UnitPrice, UnitTier, read_price_list
from metering.cost.units import units
from metering.cost.workload import Workload
from metering.errors import Misconfigured

REST = UnitPrice(
    1_000_000,
    (UnitTier(Decimal("3.50"), 333), UnitTier(Decimal("2.80"), 1000), UnitTier(Decimal("1.51"))),
    "a source",
)


def document(**price: Any) -> dict[str, Any]:
    """A list of one price."""
    one = {"per": 1, "tiers": [{"price": "1"}], "source": "a source", **price}
    return {"region": "us-east-1", "currency": "USD", "as_of": date(2026, 11, 24), "prices": {"calls": one}}


class TestPrice:
    @pytest.mark.parametrize(
        ("calls", "amount"),
        [
            (0, "0"),
            (1, "0.0000035"),
            (333_000_000, "1165.50"),
            (1_000_000_000, "3033.10"),
            (2_000_000_000, "4543.10"),
        ],
    )
    def test_tiers(self, calls: int, amount: str) -> None:
        """Each tier's price is for what lies in it, exact to the last digit."""
        assert Decimal(amount) == REST.amount(calls)


class TestReading:
    def test_shipped(self) -> None:
        """The list that is shipped has a price for all that is billed, each with its source, and a date."""
        prices = load_prices(PRICE_LIST)
        assert ["us-east-1", "USD"] == [prices.region, prices.currency]
        assert date(2026, 11, 1) <= prices.as_of
        assert all(price.source for price in prices.prices.values())
        for on_demand in (True, False):
            workload = Workload(10**9, 1000, is_on_demand=on_demand)
            assert bill(workload, units(workload), prices)

    def test_read(self) -> None:
        """Amounts are read as text, so that none is rounded."""
        found = read_price_list(document(tiers=[{"price": "0.1", "up_to": 10}, {"price": "0.05"}]))
        assert Decimal("1.05") == found.amount("calls", 11)

    @pytest.mark.parametrize(
        ("price", "reported"),
        [
            ({"per": 0}, "calls is per 0"),
            ({"tiers": []}, "tiers of which the last"),
            ({"tiers": [{"price": "1", "up_to": 5}]}, "tiers of which the last"),
            ({"tiers": [{"price": "1"}, {"price": "2"}]}, "tiers of which the last"),
            ({"tiers": [{"price": "-1"}]}, "negative price"),
            (
                {"tiers": [{"price": "1", "up_to": 5}, {"price": "1", "up_to": 5}, {"price": "1"}]},
                "do not rise",
            ),
            ({"tiers": [{"price": "much"}]}, "prices"),
            ({"unit": "calls"}, "unknown field `unit`"),
        ],
    )
    def test_refused(self, price: dict[str, Any], reported: str) -> None:
        """A list that cannot be used is refused, with the place."""
        with pytest.raises(Misconfigured, match=reported):
            read_price_list(document(**price))

    def test_missing(self) -> None:
        """A price that is not there is named."""
        with pytest.raises(Misconfigured, match="us-east-1 has no price 'bytes'"):
            read_price_list(document()).amount("bytes", 1)
