from __future__ import annotations

from decimal import Decimal

import pytest

from metering.prices.presets import ZERO_MONTH_OF_PEER, zero_month
from metering.prices.price import InvalidPrice, Model, ZeroMonth
from tests.metering.prices.builders import price

FREE = (None, "0", "0")


@pytest.mark.parametrize(
    ("rows", "fault"),
    [
        pytest.param([], "has no tiers", id="none"),
        pytest.param([(10, "1", "0")], "tier 1 is the last and ends at 10", id="no-open-tier"),
        pytest.param([(None, "1", "0"), FREE], "tier 1 is open, but not the last", id="open-too-early"),
        pytest.param(
            [(10, "1", "0"), (10, "1", "0"), FREE],
            "tier 2 ends at 10, tier 1 at 10: they overlap",
            id="equal",
        ),
        pytest.param(
            [(10, "1", "0"), (5, "1", "0"), FREE],
            "tier 2 ends at 5, tier 1 at 10: they overlap",
            id="falling",
        ),
        pytest.param([(0, "1", "0"), FREE], "tier 1 ends at 0 and holds no unit", id="empty-first"),
        pytest.param(
            [(10, "1", "0"), (None, "-1", "0")], "tier 2: unit_price -1 is negative", id="negative-price"
        ),
        pytest.param([(10, "1", "-2"), FREE], "tier 1: flat_fee -2 is negative", id="negative-fee"),
    ],
)
def test_refuses_a_tier_table(rows: list[tuple[int | None, str, str]], fault: str) -> None:
    """A table with a gap, an overlap, no last open tier or a negative price is refused, naming the tier."""
    with pytest.raises(InvalidPrice, match=fault):
        price(*rows)


def test_names_every_fault() -> None:
    """One refusal names all that is wrong."""
    with pytest.raises(InvalidPrice) as refused:
        price((10, "-1", "0"), (5, "0", "-2"), minimum="2", maximum="1", free_units=-1, per=3)
    assert [
        "price calls: tier 2 is the last and ends at 5: later units have no price; leave out its up_to",
        "price calls: tier 2 ends at 5, tier 1 at 10: they overlap; up_to must rise",
        "price calls: tier 1: unit_price -1 is negative",
        "price calls: tier 2: flat_fee -2 is negative",
        "price calls: per 3 must be 1 or a product of twos and fives, so that prices stay exact",
        "price calls: free_units -1 is negative",
        "price calls: minimum 2 is above maximum 1",
    ] == list(refused.value.faults)


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"model": Model.PACKAGE, "package_size": 0}, "package_size 0 must be at least 1"),
        ({"model": Model.PACKAGE, "per": 10}, "per does not go with the model package"),
        ({"package_size": 2}, "package_size belongs to the model package"),
        ({"per": 0}, "per 0 must be 1 or a product"),
        ({"minimum": "-1"}, "minimum -1 is negative"),
        ({"maximum": "-1"}, "maximum -1 is negative"),
    ],
)
def test_refuses_contradictions(fields: dict[str, object], fault: str) -> None:
    """Fields that cannot be meant together are refused."""
    with pytest.raises(InvalidPrice, match=fault):
        price(FREE, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", [Model.FLAT, Model.PACKAGE])
def test_one_tier_models(model: Model) -> None:
    """Flat and package prices have no tier table."""
    with pytest.raises(InvalidPrice, match=f"a {model} price has one open tier, not 2"):
        price((1, "1", "0"), FREE, model=model)


def test_presets_are_named() -> None:
    """Peers and plain rules are known by name; the three peers that disagree stay apart."""
    assert [ZeroMonth.FIRST_TIER, ZeroMonth.FIRST_TIER, ZeroMonth.NOTHING] == [
        zero_month(peer) for peer in ("lago", "openmeter", "stripemeter")
    ]
    assert list(ZeroMonth) == [zero_month(rule.value) for rule in ZeroMonth]


def test_an_unknown_preset_lists_the_known() -> None:
    """A misspelt name is answered with all names."""
    with pytest.raises(ValueError, match="'lagoo' is not a zero-month rule") as refused:
        zero_month("lagoo")
    assert all(peer in str(refused.value) for peer in ZERO_MONTH_OF_PEER)


def test_a_price_keeps_its_decimals() -> None:
    """What was written is what is applied."""
    assert Decimal("0.10") == price((None, "0.10", "0")).tiers[0].unit_price
