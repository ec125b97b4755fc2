"""What the running month costs so far."""

from __future__ import annotations

import json
from decimal import Decimal

from metering.counters.counter import Counter
from metering.period import Period
from metering.prices.tariff import Tariff
from metering.usage import Usage
from tests.metering.prices.builders import Document, flat, tariff, version
from tests.usage_api.events import of_customer, of_operator
from tests.usage_api.sources import Memory
from tests.usage_api.test_app import Api
from usage_api.costs import NO_TARIFF, KeptTariff
from usage_api.csv_export import written

NOVEMBER = Period("2026-11")
ACCOUNTS: dict[str, Document] = {
    "acme": {"keys": ["k1", "k2"], "plan": "pro"},
    "globex": {"keys": ["k3"], "plan": "pro"},
}
PLANS: dict[str, list[Document]] = {"pro": [version(flat("0.10"), minimum="1")]}
COUNTERS = {
    (key, NOVEMBER): Counter(key, NOVEMBER, Usage(count, count), {})
    for key, count in (("k1", 120), ("k2", 30), ("k3", 2), ("k9", 5))
}


def memory(prices: Tariff | None) -> Memory:
    """Counters of November, which is four fifths over."""
    return Memory(counters=COUNTERS, prices=prices)


def test_an_account_with_all_of_its_keys() -> None:
    """By line, to date and at this pace, marked as not proven; nobody else's usage is read."""
    found = memory(tariff(PLANS, ACCOUNTS)).look_ups().cost("k1")
    assert ("acme", "EUR", "15.00", False) == (found.account, found.currency, found.to_date, found.proven)
    assert [("requests", 150, "15.00")] == [(one.line, one.quantity, one.to_date) for one in found.lines]
    assert Decimal(18) < Decimal(found.projected or 0) < Decimal("19.5")
    assert found.complete_through is not None


def test_a_minimum_is_a_line() -> None:
    """It has no quantity."""
    found = memory(tariff(PLANS, ACCOUNTS)).look_ups().cost("k3")
    assert [("requests", 2, "0.20"), ("plan:minimum", None, "0.80")] == [
        (one.line, one.quantity, one.to_date) for one in found.lines
    ]
    assert "1.00" == found.to_date


def test_a_key_without_an_account() -> None:
    """It pays by the default plan; without one it has no price, and that is said."""
    paid = memory(tariff(PLANS, ACCOUNTS, default_plan="pro")).look_ups().cost("k9")
    assert ("key:k9", "1.00") == (paid.account, paid.to_date)
    free = memory(tariff(PLANS, ACCOUNTS)).look_ups().cost("k9")
    assert (None, None) == (free.currency, free.to_date)
    assert "key k9 has no account" in str(free.reason)


def test_a_key_without_calls() -> None:
    """Its account is there all the same."""
    found = Memory(prices=tariff(PLANS, ACCOUNTS)).look_ups().cost("k1")
    assert ("acme", "1.00") == (found.account, found.to_date)


def test_no_tariff_is_in_force() -> None:
    """There is an answer, which says so."""
    assert NO_TARIFF == memory(None).look_ups().cost("k1").reason


def test_what_other_meters_count_is_named() -> None:
    """The invoice adds it, and these figures do not."""
    meters: Document = {"eu": {"stack": "m"}, "old": {"stack": "o", "until": "2026-11"}}
    assert ("eu",) == memory(tariff(PLANS, ACCOUNTS, meters=meters)).look_ups().cost("k1").not_included


def test_over_http() -> None:
    """A customer sees the cost of the key that was shown, an operator that of any; also as a table."""
    api = Api(counters=COUNTERS, prices=tariff(PLANS, ACCOUNTS))
    own = json.loads(api(of_customer("k3", "/me/cost"))["body"])
    other = json.loads(api(of_operator("/keys/{id}/cost", id="k3"))["body"])
    assert own == other
    assert ("globex", "1.00", False) == (own["account"], own["to_date"], own["proven"])
    row = "k1,acme,2026-11,requests,150,15.00,"
    assert row in written(memory(tariff(PLANS, ACCOUNTS)).look_ups().cost("k1"))


def test_a_tariff_is_kept_for_a_minute() -> None:
    """One request of S3 serves all callers of a minute."""
    asked, now = [], [0.0]

    class Source:
        def tariff(self) -> None:
            asked.append(now[0])

    kept = KeptTariff(Source(), lambda: now[0])
    for seconds in (0.0, 59.0, 60.0, 61.0):
        now[0] = seconds
        assert kept.tariff() is None
    assert [0.0, 60.0] == asked
