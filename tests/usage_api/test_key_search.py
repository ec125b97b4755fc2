"""Keys by the beginning of an id, by an account, or by the account's name."""

from __future__ import annotations

import pytest

from metering.quotas.plan import AccountKeys, Assignment
from tests.metering.prices.builders import Document, flat, tariff, version
from tests.usage_api.events import of_operator
from tests.usage_api.sources import Memory
from tests.usage_api.test_app import Api

ACCOUNTS: dict[str, Document] = {
    "acme": {"keys": ["k1", "z9"], "plan": "pro", "customer": {"name": "ACME Anvils"}},
    "globex": {"keys": ["k3"], "plan": "pro", "customer": {"name": "Globex"}},
}
PRICES = tariff({"pro": [version(flat("0.10"))]}, ACCOUNTS)


def memory() -> Memory:
    """Keys with plans, two accounts of the tariff, and one that only the plans know."""
    held = {key: Assignment(key, "free", account) for key, account in (("k1", ""), ("k2", "umbrella"))}
    known = {"umbrella": AccountKeys("umbrella", None, frozenset({"k2", "u5"}))}
    return Memory(prices=PRICES, assignments=held | {"k3": Assignment("k3", "pro")}, accounts=known)


def found(text: str | None, limit: int = 50) -> list[str]:
    """The ids that a search shows, over all pages."""
    keys, token = [], None
    while True:
        page = memory().look_ups().keys(limit, token, text)
        keys += [entry.key for entry in page.keys]
        token = page.next
        if token is None:
            return keys


@pytest.mark.parametrize("limit", [1, 2, 50])
@pytest.mark.parametrize(
    ("text", "keys"),
    [
        (None, ["k1", "k2", "k3"]),
        ("k", ["k1", "k2", "k3"]),
        ("k2", ["k2"]),
        ("acme", ["k1", "z9"]),
        ("anvil", ["k1", "z9"]),
        ("GLOB", ["k3"]),
        ("umbrella", ["k2", "u5"]),
        ("nobody", []),
    ],
)
def test_find(text: str | None, keys: list[str], limit: int) -> None:
    """The beginning of an id, a part of an account's id or name in any case, or an account of the plans: each
    key once, in the order of ids, whatever a page holds.
    """
    assert keys == found(text, limit)


def test_what_is_shown() -> None:
    """Plan, account and name; a key of an account that has no plan of its own is there, too."""
    entries = {one.key: one for one in memory().look_ups().keys(50, None, "acme").keys}
    assert ("free", "acme", "ACME Anvils") == (entries["k1"].plan, entries["k1"].account, entries["k1"].name)
    assert (None, "acme", "ACME Anvils") == (entries["z9"].plan, entries["z9"].account, entries["z9"].name)


def test_reads_are_bounded() -> None:
    """A search reads one page, the accounts it names and the plans of their keys on that page, whatever the
    number of keys.
    """
    many = [f"a{number:04d}" for number in range(2000)]
    source = Memory(
        prices=tariff({"pro": [version(flat("0.10"))]}, {"acme": {"keys": many, "plan": "pro"}}),
        assignments={key: Assignment(key, "pro") for key in many},
    )
    assert 50 == len(source.look_ups().keys(50, None, "acme").keys)
    assert ["account acme", "assignments 51", "page 50 "] == sorted(source.reads)


def test_over_http() -> None:
    """The next page is of the same search; an empty text is refused."""
    api = Api(prices=PRICES, assignments={key: Assignment(key, "pro") for key in ("k1", "k2")})
    answer = api(of_operator("/keys", query={"find": ["k"], "limit": ["1"]}))
    assert answer["headers"]["Link"].startswith("<?limit=1&find=k&next=")
    assert 400 == api.problem(of_operator("/keys", query={"find": [""]}))[0]
