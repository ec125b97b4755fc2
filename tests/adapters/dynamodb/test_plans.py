"""Plans, the plans of keys and digests in the counters table, on moto and on AWS's own engine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

import pytest

from adapters.dynamodb import plans
from adapters.dynamodb.layout import PLAN_BUCKETS, assignment_pk
from adapters.dynamodb.plans import PlanBook
from metering.errors import Misconfigured, Transient
from metering.quotas.key_digest import digest_of
from metering.quotas.plan import (
    AccountKeys,
    Assignment,
    KeyStatus,
    Kind,
    Limit,
    Mode,
    Plan,
    Span,
    holder_of,
)
from metering.usage import Metric
from tests.tables import Tables, create_tables

FREE = Plan(
    "free",
    (
        Limit(Metric.REQUESTS, Span.HOUR, 100, mode=Mode.RESERVED, reserve_from=90),
        Limit(Metric.RESPONSE_BYTES, Span.MONTH, 10**15, Kind.SOFT, (1, 100)),
    ),
)
SECOND = Plan("free", (Limit(Metric.REQUESTS, Span.HOUR, 200),), version=2)


def _place(key: str) -> dict[str, dict[str, str]]:
    """Where the plan of a key lies."""
    return {"pk": {"S": assignment_pk(key)}, "sk": {"S": key}}


def batched(keys: Iterable[str], size: int) -> Iterator[list[str]]:
    """Keys, some at a time."""
    left = iter(keys)
    while some := list(islice(left, size)):
        yield some


class PlansContract:
    """What the plan book does."""

    def test_put(self, book: PlanBook) -> None:
        """A plan comes back as it was, and its versions stay."""
        book.put_plan(FREE, None)
        assert {"free": FREE} == book.plans()
        book.put_plan(SECOND, FREE)
        assert {"free": SECOND} == book.plans()
        assert [FREE, SECOND] == book.versions("free")

    def test_changed_meanwhile(self, book: PlanBook) -> None:
        """Of two changes made from one version the later one is refused, and changes nothing."""
        book.put_plan(FREE, None)
        book.put_plan(SECOND, FREE)
        for current in (None, FREE):
            with pytest.raises(Transient, match="plan free was changed by somebody else meanwhile"):
                book.put_plan(Plan("free", version=2), current)
        assert [FREE, SECOND] == book.versions("free")

    def test_assign(self, book: PlanBook) -> None:
        """The plan of a key comes back as it was, and can be changed. A key that nobody assigned has none."""
        one = Assignment("a1", "free", "acme", {"requests/hour": 7}, KeyStatus.SUSPENDED, 1_793_880_000)
        book.assign(one)
        assert one == book.assignment("a1")
        changed = Assignment("a1", "pro")
        book.assign(changed)
        assert changed == book.assignment("a1")
        assert book.assignment("a2") is None

    def test_many_keys(self, book: PlanBook, requests: list[str]) -> None:
        """A file of 100 keys of three accounts takes a request to read them and four to write them."""
        keys = [f"many{number:03d}" for number in range(100)]
        wanted = [Assignment(key, "free", f"team{number % 3}") for number, key in enumerate(keys)]
        requests.clear()
        assert dict.fromkeys(keys) == book.assignments_of(keys)
        book.assign_all(wanted)
        assert ["BatchGetItem", *4 * ["TransactWriteItems"]] == requests
        assert dict(zip(keys, wanted, strict=True)) == book.assignments_of([*keys, keys[0]])
        assert [wanted[7]] == [entry.assignment for entry in book.history(keys[7])]
        found = book.accounts(["team0", "nobody", "team1"])
        assert [keys[0::3], None, keys[1::3]] == [one and sorted(one.keys) for one in found.values()]

    def test_many_accounts(self, book: PlanBook, requests: list[str]) -> None:
        """The keys are read once for all of them, not once for each; 50 accounts are written by a request."""
        names = [f"firm{number}" for number in range(60)]
        book.assign_all([Assignment(f"k-{name}", "free", name) for name in names])
        requests.clear()
        book.assign_accounts([Assignment(holder_of(name), "free") for name in names])
        assert (PLAN_BUCKETS, 2) == (requests.count("Query"), requests.count("TransactWriteItems"))
        for name in (names[3], names[-1]):
            found = book.account(name)
            assert found is not None
            assert (Assignment(holder_of(name), "free"), {f"k-{name}"}) == (found.assignment, set(found.keys))

    def test_accounts_with_many_keys(
        self, book: PlanBook, requests: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A request takes 4 MB: no more keys are in one than fit, or those of a single account."""
        monkeypatch.setattr(plans, "MEMBERS_OF_A_TRANSACTION", 2)
        of_accounts = {"one": 3, "two": 1, "three": 1, "four": 1}
        keys = [(f"{name}-{number}", name) for name, many in of_accounts.items() for number in range(many)]
        book.assign_all([Assignment(key, "free", name) for key, name in keys])
        requests.clear()
        book.assign_accounts([Assignment(holder_of(name), "free") for name in of_accounts])
        assert 3 == requests.count("TransactWriteItems")
        assert of_accounts == {
            name: len(one.keys) for name, one in book.accounts(of_accounts).items() if one is not None
        }

    def test_history(self, book: PlanBook) -> None:
        """What was in force before stays, in the order of the changes."""
        changes = [Assignment("a1", "free"), Assignment("a1", "pro"), Assignment("a1", "pro", expires=7)]
        for one in changes:
            book.assign(one)
        assert changes == [entry.assignment for entry in book.history("a1")]
        times = [entry.at for entry in book.history("a1")]
        assert sorted(times) == times
        assert [] == book.history("a2")

    def test_mail(self, book: PlanBook) -> None:
        """The address of an account is kept with its plan, and in no entry that is kept for ever."""
        held = Assignment(holder_of("addressed"), "free", "addressed", mail="ops@acme.example")
        book.assign_account(held)
        account = book.account("addressed")
        assert account is not None
        assert held == account.assignment
        assert [""] == [one.assignment.mail for one in book.history(held.key)]

    def test_account(self, book: PlanBook) -> None:
        """A key that is given to an account belongs to it for ever, also before the account has a plan."""
        assert book.account("acme") is None
        book.assign(Assignment("a1", "free", "acme"))
        book.assign(Assignment("b2", "free", "acme"))
        assert AccountKeys("acme", None, frozenset({"a1", "b2"})) == book.account("acme")
        held = Assignment(holder_of("acme"), "team", "acme", {"requests/hour": 7})
        book.assign_account(held)
        book.assign(Assignment("a1", "free", "initech"))
        book.assign(Assignment("c3", "free", "acme"))
        assert AccountKeys("acme", held, frozenset({"a1", "b2", "c3"})) == book.account("acme")
        assert {"a1", "b2", "c3"} == {one.key for one in book.assignments()}
        assert [held] == [entry.assignment for entry in book.history(holder_of("acme"))]

    def test_account_without_keys(self, book: PlanBook) -> None:
        """An account may have a plan before it has keys."""
        held = Assignment(holder_of("acme"), "team", "acme")
        book.assign_account(held)
        assert AccountKeys("acme", held) == book.account("acme")

    def test_all_keys(self, book: PlanBook) -> None:
        """All keys can be listed."""
        keys = {f"key-{number}" for number in range(50)} | {"plan", "schlüssel/#1", "plan-of:0"}
        for key in keys:
            book.assign(Assignment(key, "free"))
        assert sorted(keys) == sorted(one.key for one in book.assignments())

    def test_page(self, book: PlanBook) -> None:
        """Keys in the order of their UTF-8, from the one after a key on, as many as are asked for."""
        keys = [*(f"key-{number:02d}" for number in range(30)), "0", "\U0001f511", "\uffee", "schlüssel"]
        for key in keys:
            book.assign(Assignment(key, "free"))
        keys.sort(key=str.encode)
        for limit, after, has_more in (
            (100, "", False),
            (34, "", False),
            (33, "", True),
            (5, "key-10", True),
        ):
            page = book.page(limit, after)
            first = keys.index(after) + 1 if after else 0
            assert keys[first : first + limit] == [one.key for one in page.assignments]
            assert has_more is page.has_more
        assert ([], False) == book.page(3, keys[-1])
        tens = [key for key in keys if key.startswith("key-1")]
        for after, expected in (("", tens), ("key", tens), ("key-13", tens[4:]), ("key-19", []), ("z", [])):
            assert (expected, False) == (
                [one.key for one in book.page(10, after, "key-1").assignments],
                book.page(10, after, "key-1").has_more,
            )
        assert (tens[:3], True) == (
            [one.key for one in book.page(3, "", "key-1").assignments],
            book.page(3, "", "key-1").has_more,
        )

    def test_page_of_many_keys(self, book: PlanBook, tables: Tables, requests: list[str]) -> None:
        """A page, of all keys or of those with a prefix, costs a request or two for each bucket, however many
        keys there are.
        """
        keys = [f"k{number:03d}" for number in range(500)]
        book.assign(Assignment(keys[0], "free"))
        (item,) = tables.dynamodb.query(
            TableName=tables.counters,
            KeyConditionExpression="pk = :bucket",
            ExpressionAttributeValues={":bucket": {"S": assignment_pk(keys[0])}},
        )["Items"]
        for some in batched(keys, 25):
            puts = [{"PutRequest": {"Item": item | _place(key)}} for key in some]
            tables.dynamodb.batch_write_item(RequestItems={tables.counters: puts})
        for after, prefix in (("", ""), ("k250", ""), ("", "k1"), ("k150", "k1")):
            requests.clear()
            assert len(book.page(50, after, prefix).assignments) in {49, 50}
            assert len(requests) <= 2 * PLAN_BUCKETS

    def test_one_plan(self, book: PlanBook) -> None:
        """A plan as it stands, by its name."""
        book.put_plan(FREE, None)
        assert FREE == book.plan("free")
        assert book.plan("none") is None

    def test_digest(self, book: PlanBook, tables: Tables) -> None:
        """A key is known by its digest; the key itself is in no item."""
        secret = "zGv1cXk5x43Fa8Yr0vN2qW7tLmPd9sKe6bHjU3Ro"
        book.know(digest_of(secret), "a1")
        assert secret not in str(tables.items(tables.counters))
        (item,) = tables.items(tables.counters)
        assert ("a1", True) == (item["key_id"]["S"], digest_of(secret) in item["pk"]["S"])
        book.forget(digest_of(secret))
        assert [] == tables.items(tables.counters)

    def test_many_digests(self, book: PlanBook, tables: Tables, requests: list[str]) -> None:
        """Those of 150 keys are made known by two requests."""
        book.plans()
        requests.clear()
        book.know_all({f"{number:03d}": f"k{number}" for number in range(150)})
        assert ["TransactWriteItems"] * 2 == requests
        assert {f"k{number}" for number in range(150)} == {
            item["key_id"]["S"] for item in tables.items(tables.counters)
        }

    def test_missing_table(self, tables: Tables) -> None:
        """A table that is not there is named."""
        with pytest.raises(Misconfigured, match="nowhere"):
            PlanBook("nowhere", tables.dynamodb).plans()


@pytest.fixture
def requests(tables: Tables) -> Iterator[list[str]]:
    """The operations that DynamoDB is sent, in order."""
    found: list[str] = []

    def note(request: Any, **_: Any) -> None:
        target = request.headers["X-Amz-Target"]
        found.append((target.decode() if isinstance(target, bytes) else target).partition(".")[2])

    tables.dynamodb.meta.events.register("before-send.dynamodb", note)
    yield found
    tables.dynamodb.meta.events.unregister("before-send.dynamodb", note)


class TestOnMoto(PlansContract):
    """DynamoDB as moto plays it."""

    @pytest.fixture
    def tables(self, moto: str) -> Tables:
        return create_tables(moto)

    @pytest.fixture
    def book(self, tables: Tables) -> PlanBook:
        return PlanBook(tables.counters, tables.dynamodb)


class TestOnDynamoDBLocal(PlansContract):
    """DynamoDB itself."""

    @pytest.fixture
    def tables(self, dynamodb_local: str) -> Tables:
        return create_tables(dynamodb_local)

    @pytest.fixture
    def book(self, tables: Tables) -> PlanBook:
        return PlanBook(tables.counters, tables.dynamodb)
