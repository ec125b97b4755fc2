from __future__ import annotations

from decimal import Decimal

import pytest

from metering.prices.adjustment import Charge, NotComparable, adjust
from metering.prices.statement import Statement, make_statement
from metering.prices.tariff import Tariff
from tests.metering.prices.builders import NOVEMBER, OCTOBER, acme_tariff, charges, flat, used

TIERED: dict[str, object] = {
    "metric": "requests",
    "model": "graduated",
    "tiers": [{"up_to": 10, "unit_price": "1"}, {"unit_price": "0.1", "flat_fee": "5"}],
}


def october(requests: int, tariff: Tariff | None = None) -> Statement:
    """Acme's October with so many requests."""
    version = (tariff or acme_tariff(TIERED)).version("pro", OCTOBER)
    return make_statement("acme", OCTOBER, version, [used("k1", requests)])


def test_nothing_changed() -> None:
    """A month that was billed in full has no adjustment."""
    assert () == adjust(october(8), charges(october(8)))


def test_late_calls_cross_a_tier() -> None:
    """Eight calls were billed, four came late: two at 1, the flat fee of the second tier, two at 0.1."""
    [adjustment] = adjust(october(12), charges(october(8)))
    assert Decimal("7.20") == adjustment.amount
    assert (8, 12) == (adjustment.quantity_billed, adjustment.quantity)
    assert (Decimal("8.00"), Decimal("15.20")) == (adjustment.billed, adjustment.repriced)
    assert [10, 2] == [tier.quantity for tier in adjustment.rated.tiers] if adjustment.rated else []


def test_late_calls_that_cost_nothing_are_still_named() -> None:
    """A late call within the free units changes no amount, and stands on the invoice all the same."""
    free = acme_tariff(flat(free_units=100))
    [adjustment] = adjust(october(5, free), charges(october(4, free)))
    assert (Decimal(0), 4, 5) == (adjustment.amount, adjustment.quantity_billed, adjustment.quantity)


def test_plan_minimum_gives_way() -> None:
    """Late calls first use up what the minimum had added."""
    committed = acme_tariff(flat(), minimum="10")
    adjustments = adjust(october(12, committed), charges(october(4, committed)))
    assert [("plan:minimum", Decimal(-6)), ("requests", Decimal(8))] == sorted(
        (a.line, a.amount) for a in adjustments
    )


def test_a_price_that_is_gone_is_given_back() -> None:
    """What was billed under a line that the tariff no longer has is repriced to nothing."""
    renamed = acme_tariff(flat(id="calls"))
    adjustments = adjust(october(3, renamed), charges(october(3, acme_tariff(flat(id="old")))))
    assert [("calls", Decimal(3)), ("old", Decimal(-3))] == [(a.line, a.amount) for a in adjustments]


@pytest.mark.parametrize(
    "charge",
    [
        Charge("other", OCTOBER, "requests", 1, Decimal(1), "EUR", OCTOBER),
        Charge("acme", NOVEMBER, "requests", 1, Decimal(1), "EUR", OCTOBER),
        Charge("acme", OCTOBER, "requests", 1, Decimal(1), "USD", OCTOBER),
    ],
)
def test_refuses_other_charges(charge: Charge) -> None:
    """What was billed to another account, for another month or in another currency cannot be subtracted."""
    with pytest.raises(NotComparable, match="the month priced again is acme's 2026-10 in EUR"):
        adjust(october(1), [charge])
