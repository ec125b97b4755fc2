"""The numbers that peers publish or test, under the peer's own preset."""

from __future__ import annotations

from decimal import Decimal

import pytest

from metering.prices.presets import zero_month
from metering.prices.price import Model, Price
from metering.prices.rating import rate
from tests.metering.prices.builders import CENTS, price

OPENMETER, LAGO, STRIPEMETER = zero_month("openmeter"), zero_month("lago"), zero_month("stripemeter")

OPENMETER_GRADUATED = price(
    (5, "0", "100"), (10, "0", "50"), (15, "5", "0"), (None, "1", "0"), zero_month=OPENMETER
)
OPENMETER_VOLUME = price(
    (5, "0", "100"),
    (10, "0", "150"),
    (15, "10", "0"),
    (None, "5", "0"),
    model=Model.VOLUME,
    zero_month=OPENMETER,
)
LAGO_GRADUATED = price((10, "10", "2"), (20, "5", "3"), (None, "5", "3"), zero_month=LAGO)
STRIPEMETER_GRADUATED = price(
    (100, "0.50", "10"), (1000, "0.30", "50"), (None, "0.20", "100"), zero_month=STRIPEMETER
)
UNKEY = price((10, "1.00", "0"), (20, "0.50", "0"), (None, "0.25", "0"), zero_month=zero_month("unkey"))
ZUPLO_TIERS = ((1_000, "0.10", "0"), (10_000, "0.05", "0"), (None, "0.01", "0"))
ZUPLO_GRADUATED = price(*ZUPLO_TIERS, zero_month=zero_month("zuplo"))
ZUPLO_VOLUME = price(*ZUPLO_TIERS, model=Model.VOLUME, zero_month=zero_month("zuplo"))
AUTUMN = price(
    (1_000, "0.01", "0"), (10_000, "0.008", "0"), (None, "0.005", "0"), zero_month=zero_month("autumn")
)


def lago_package(free_units: int) -> Price:
    """100 for every 10 units."""
    row = (None, "100", "0")
    return price(row, model=Model.PACKAGE, package_size=10, free_units=free_units, zero_month=LAGO)


@pytest.mark.parametrize(
    ("peer_price", "units", "amount"),
    [
        pytest.param(OPENMETER_GRADUATED, 22, "182", id="openmeter-graduated-22"),
        pytest.param(OPENMETER_GRADUATED, 0, "100", id="openmeter-graduated-0"),
        pytest.param(OPENMETER_VOLUME, 0, "100", id="openmeter-volume-0"),
        pytest.param(OPENMETER_VOLUME, 3, "100", id="openmeter-volume-3"),
        pytest.param(OPENMETER_VOLUME, 14, "140", id="openmeter-volume-14"),
        pytest.param(OPENMETER_VOLUME, 16, "80", id="openmeter-volume-16"),
        pytest.param(OPENMETER_VOLUME, 100, "500", id="openmeter-volume-100"),
        pytest.param(LAGO_GRADUATED, 0, "2", id="lago-graduated-0"),
        pytest.param(LAGO_GRADUATED, 1, "12", id="lago-graduated-1"),
        pytest.param(LAGO_GRADUATED, 10, "102", id="lago-graduated-10"),
        pytest.param(LAGO_GRADUATED, 11, "110", id="lago-graduated-11"),
        pytest.param(LAGO_GRADUATED, 21, "163", id="lago-graduated-21"),
        pytest.param(lago_package(0), 121, "1300", id="lago-package-121"),
        pytest.param(lago_package(10), 121, "1200", id="lago-package-10-free"),
        pytest.param(lago_package(200), 121, "0", id="lago-package-200-free"),
        pytest.param(STRIPEMETER_GRADUATED, 0, "0", id="stripemeter-0"),
        pytest.param(STRIPEMETER_GRADUATED, 50, "35", id="stripemeter-50"),
        pytest.param(STRIPEMETER_GRADUATED, 1500, "580", id="stripemeter-1500"),
        pytest.param(UNKEY, 5, "5.00", id="unkey-5"),
        pytest.param(UNKEY, 15, "12.50", id="unkey-15"),
        pytest.param(UNKEY, 25, "16.25", id="unkey-25"),
        pytest.param(ZUPLO_GRADUATED, 15_000, "600", id="zuplo-graduated"),
        pytest.param(ZUPLO_VOLUME, 15_000, "150", id="zuplo-volume"),
        pytest.param(AUTUMN, 15_000, "107", id="autumn"),
    ],
)
def test_peer(peer_price: Price, units: int, amount: str) -> None:
    """Each peer's price gives the peer's amount."""
    assert Decimal(amount) == rate(peer_price, units, CENTS).amount


def test_openmeter_split_month() -> None:
    """12 used before, 10 more: the ten cost 22."""
    before, after = (rate(OPENMETER_GRADUATED, units, CENTS).amount for units in (12, 22))
    assert Decimal(22) == after - before


def test_a_volume_price_can_fall() -> None:
    """The two units after the 14th lower OpenMeter's volume price from 140 to 80."""
    before, after = (rate(OPENMETER_VOLUME, units, CENTS).amount for units in (14, 16))
    assert (Decimal(140), Decimal(80)) == (before, after)
