from __future__ import annotations

from decimal import Decimal

import pytest

from metering.prices.adjustment import NotComparable
from metering.prices.rehearsal import BANDS, Comparison, rehearse
from tests.metering.prices.builders import OCTOBER, flat, month_usage, tariff, used, version

ACCOUNTS: dict[str, dict[str, object]] = {
    name: {"keys": [key], "plan": "pro"} for name, key in (("large", "k1"), ("small", "k2"), ("even", "k3"))
}
CURRENT = tariff({"pro": [version(flat("1"))]}, ACCOUNTS)
USAGE = month_usage(used("k1", 100), used("k2", 4), used("k3", 20))
PROPOSED_PRICE = flat("0.5", flat_fee="10", zero_month="first_tier")


def test_shows_who_pays_more_or_less() -> None:
    """Under a fee of 10 and half the unit price, small accounts pay more and large ones less."""
    rehearsal = rehearse(CURRENT, tariff({"pro": [version(PROPOSED_PRICE)]}), USAGE)
    assert [("small", Decimal(8)), ("even", Decimal(0)), ("large", Decimal(-40))] == [
        (one.account, one.change) for one in rehearsal.comparisons
    ]
    assert (["small"], ["large"]) == (
        [one.account for one in rehearsal.more],
        [one.account for one in rehearsal.less],
    )
    assert {"EUR": Decimal(-32)} == rehearsal.change_by_currency()


def test_tries_a_version_that_is_not_yet_valid() -> None:
    """The proposal's last version is tried on the past month, or the one of the month that is asked for."""
    proposed = tariff(
        {"pro": [version(flat("1")), version(flat("3"), name="v2", valid_from="2027-01")]}, ACCOUNTS
    )
    tripled = rehearse(CURRENT, proposed, USAGE)
    assert Decimal(200) == tripled.comparisons[0].change
    assert () == rehearse(CURRENT, proposed, USAGE, prices_of=OCTOBER).more


def test_names_accounts_of_one_side_only() -> None:
    """An account that only one tariff has is not compared, and is named."""
    newcomer: dict[str, dict[str, object]] = {
        "new": {"keys": ["k9"], "plan": "pro"},
        "large": ACCOUNTS["large"],
    }
    rehearsal = rehearse(CURRENT, tariff({"pro": [version(flat("1"))]}, newcomer), USAGE)
    assert ["large"] == [one.account for one in rehearsal.comparisons]
    assert ["new"] == [entry.account for entry in rehearsal.unpriced_now]
    assert ["even", "small"] == sorted(entry.account for entry in rehearsal.unpriced_then if entry.account)


def test_a_plan_that_the_proposal_lacks_is_named() -> None:
    """Accounts on a plan without a counterpart are named with the reason."""
    rehearsal = rehearse(CURRENT, tariff({"other": [version(flat("1"))]}), USAGE)
    assert {"plan pro has no version for 9999-12; it has none"} == {
        entry.reason for entry in rehearsal.unpriced_then
    }


def test_refuses_another_currency() -> None:
    """Amounts in two currencies are not compared."""
    with pytest.raises(NotComparable, match="account even pays in EUR now, and in USD by the proposal"):
        rehearse(CURRENT, tariff({"pro": [version(flat("1"))]}, currency="USD"), USAGE)


@pytest.mark.parametrize(
    ("current", "proposed", "band"),
    [
        ("10.00", "4.99", "- over 50 %"),
        ("10.00", "5.00", "- up to 50 %"),
        ("10.00", "8.00", "- up to 20 %"),
        ("10.00", "9.50", "- up to 5 %"),
        ("10.00", "10.00", "no change"),
        ("0.00", "0.00", "no change"),
        ("10.00", "10.50", "+ up to 5 %"),
        ("10.00", "10.51", "+ up to 20 %"),
        ("10.00", "15.00", "+ up to 50 %"),
        ("10.00", "15.01", "+ over 50 %"),
        ("0.00", "0.01", "free so far"),
    ],
)
def test_bands(current: str, proposed: str, band: str) -> None:
    """A change falls into a band by percent of what is paid now; the edge belongs to the smaller change."""
    assert band == Comparison("acme", "EUR", Decimal(current), Decimal(proposed)).band
    assert band in BANDS


def test_distribution() -> None:
    """Every account is in one band; bands stand from those who pay least to those who pay most."""
    rehearsal = rehearse(CURRENT, tariff({"pro": [version(PROPOSED_PRICE)]}), USAGE)
    assert list(BANDS) == list(rehearsal.distribution())
    assert {"- up to 50 %": 1, "no change": 1, "+ over 50 %": 1} == {
        band: count for band, count in rehearsal.distribution().items() if count
    }
