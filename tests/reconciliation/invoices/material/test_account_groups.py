"""Which accounts are priced together: those that a key connects, by the tariff or by an invoice."""

from __future__ import annotations

from typing import Any

from metering.period import Period
from metering.prices.billing import bill_month
from metering.prices.statement import KeyUsage, MonthUsage
from metering.usage import Usage
from reconciliation.invoices.material.account_groups import AccountPart, Material
from tests.metering.prices.builders import flat, tariff, version

SEPTEMBER, OCTOBER = Period("2026-09"), Period("2026-10")


def month_usage(month: Period, *keys: str) -> MonthUsage:
    """One call of each key."""
    return MonthUsage(month, tuple(KeyUsage.of(key, Usage(1, 1, fingerprint=1)) for key in keys), "q")


def groups(accounts: dict[str, Any], billed: dict[str, list[str]], *keys: str) -> list[list[str]]:
    """The accounts of each part: of the tariff, and of the keys that have calls."""
    plans = {"pro": [version(flat())]}
    now = tariff(plans, accounts, default_plan="pro")
    material = Material(now, size=1)
    material.add_usage(month_usage(OCTOBER, *keys))
    for account, held in billed.items():
        own = {} if account.startswith("key:") else {account: pro(*held)}
        then = tariff(plans, own, default_plan="pro")
        for document in bill_month(then, month_usage(SEPTEMBER, *held)).invoices:
            material.add_document(document)
    return list(filter(None, map(_names, material.parts(MonthUsage(OCTOBER, (), "q"), []))))


def _names(part: AccountPart) -> list[str]:
    owners = part.tariff.owners_in(OCTOBER)
    strangers = {f"key:{used.key}" for used in part.usage.keys if used.key not in owners}
    return sorted({*part.tariff.accounts, *(one["account"] for one in part.documents)} | strangers)


def pro(*keys: object, **more: object) -> dict[str, object]:
    """An account."""
    return {"keys": list(keys), "plan": "pro", **more}


def test_accounts_of_their_own() -> None:
    """Accounts, and keys of no account, that share nothing are apart, in the order of their names."""
    accounts = {"b": pro("k2"), "a": pro("k1", "k3")}
    assert [["a"], ["b"], ["key:stray"]] == groups(accounts, {"a": ["k1"]}, "k1", "k2", "stray")


def test_a_key_that_went_over() -> None:
    """An account that was billed for a key, gone or not, is with the one that holds it now; so are all that
    such keys connect.
    """
    accounts = {"a": pro("k1"), "b": pro("k2", "k4"), "c": pro("k3")}
    assert [["a", "b", "old"], ["c"]] == groups(accounts, {"old": ["k1", "k2"]}, "k1")
    assert [["a"], ["b", "c"]] == groups(accounts, {"c": ["k3", "k4"]}, "k2")


def test_a_key_that_is_held_by_dates() -> None:
    """In other months it is billed alone, by the default plan: that document is with the account's."""
    accounts = {"a": pro({"key": "k1", "from": "2026-10"}), "b": pro("k2")}
    assert [["a", "key:k1"], ["b"]] == groups(accounts, {"key:k1": ["k1"]}, "k1", "k2")
    one_after_the_other = {
        "a": pro({"key": "k1", "until": "2026-10"}),
        "b": pro({"key": "k1", "from": "2026-10"}),
    }
    assert [["a", "b"]] == groups(one_after_the_other, {}, "k1")
