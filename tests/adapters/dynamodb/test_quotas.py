"""What decides on a call: one request, and what it costs by DynamoDB's own word."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.dynamodb.completeness import CompletenessBook
from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.plans import PlanBook
from adapters.dynamodb.progress import DynamoDBProgress
from adapters.dynamodb.quotas import CLOSED_SECONDS, DynamoDBQuotaStore
from adapters.dynamodb.slices import DynamoDBSlices
from adapters.dynamodb.table import quick_client
from metering.counters.ports import Increment, Progress, SliceId
from metering.period import Period
from metering.quotas.plan import AccountKeys, Assignment, Limit, Plan, Span, holder_of
from metering.quotas.ports import Facts, Wanted
from metering.usage import Metric, Usage
from tests.quota_authorizer.stores import Clock
from tests.tables import Tables, create_tables

MONTH, DAY, HOUR = Period("2026-11"), Period("2026-11-05"), Period("2026-11-05T12")
EARLIER = Period("2026-11-04")
SHARD, FAR_SHARD = "shardId-000000000000", "shardId-000000000016"
PLAN = Plan("free", (Limit(Metric.REQUESTS, Span.MONTH, 1000),))
ASSIGNMENT = Assignment("a1", "free", "acme")
USAGE = Usage(5, 4, 1, 1000, 10, 50, 2**119)


@pytest.fixture
def tables(moto: str) -> Tables:
    """New tables."""
    return create_tables(moto)


def count(tables: Tables, shard_id: str = SHARD, slice_number: int = 0) -> None:
    """Five calls of the key at noon, and as many the day before."""
    DynamoDBCounters(tables.counters, tables.updates()).add(
        [
            Increment("a1", MONTH, slice_number, shard_id, 1, 1, USAGE, {"05": 5}),
            Increment("a1", DAY, slice_number, shard_id, 1, 1, USAGE, {"11": 2, "12": 3}),
            Increment("a1", EARLIER, slice_number, shard_id, 1, 1, USAGE, {"12": 5}),
        ]
    )


def give_plan(tables: Tables) -> None:
    book = PlanBook(tables.counters, tables.dynamodb)
    book.put_plan(PLAN, None)
    book.assign(ASSIGNMENT)


class Asked:
    """A store whose requests are noted, with the read units that DynamoDB says."""

    def __init__(self, tables: Tables) -> None:
        self.units: list[float] = []
        self.clock = Clock(0)
        dynamodb = quick_client(**tables.where)
        dynamodb.meta.events.register("provide-client-params.dynamodb.BatchGetItem", self._ask)
        dynamodb.meta.events.register("after-call.dynamodb.BatchGetItem", self._note)
        self.store = DynamoDBQuotaStore(tables.counters, dynamodb, self.clock)

    def _ask(self, params: dict[str, Any], **_: Any) -> None:
        params["ReturnConsumedCapacity"] = "TOTAL"

    def _note(self, parsed: dict[str, Any], **_: Any) -> None:
        self.units.append(sum(one["CapacityUnits"] for one in parsed.get("ConsumedCapacity", [])))


def wanted(*periods: Period, assignment: bool = True, plan: str | None = None) -> Wanted:
    return Wanted("a1", frozenset(periods), assignment, plan)


class TestAccount:
    KEYS = ("a1", "b2", "never used")

    def test_counted(self, tables: Tables) -> None:
        """What several keys have used together, with the hours of the day, over all slices: one request for
        the counters, and one for the slices of the month where they are not known.
        """
        for slice_number in (0, 1):
            DynamoDBSlices(tables.counters, tables.updates()).register([SliceId(MONTH, slice_number)])
            count(tables, SHARD if not slice_number else FAR_SHARD, slice_number)
        other = Increment("b2", DAY, 0, SHARD, 1, 1, Usage(7), {"12": 7})
        DynamoDBCounters(tables.counters, tables.updates()).add([other])
        asked = Asked(tables)
        counted = asked.store.counted(self.KEYS, frozenset({MONTH, DAY}))
        assert (USAGE + USAGE, Usage(13)) == (counted[MONTH], counted[HOUR])
        assert USAGE + USAGE + Usage(7) == counted[DAY]
        assert 2 == len(asked.units)
        assert counted == asked.store.counted(self.KEYS, frozenset({MONTH, DAY}))
        assert 3 == len(asked.units)

    def test_account(self, tables: Tables) -> None:
        """The account with its plan and keys: half a read unit."""
        asked = Asked(tables)
        assert asked.store.account("acme") is None
        give_plan(tables)
        held = Assignment(holder_of("acme"), "team", "acme")
        PlanBook(tables.counters, tables.dynamodb).assign_account(held)
        assert AccountKeys("acme", held, frozenset({"a1"})) == asked.store.account("acme")


class TestRead:
    def test_all(self, tables: Tables) -> None:
        """Counters, the hours of the day, and the plan: one request."""
        give_plan(tables)
        count(tables)
        asked = Asked(tables)
        facts = asked.store.read(wanted(MONTH, DAY, plan="free"))
        counted = {MONTH: USAGE, DAY: USAGE, HOUR: Usage(3), Period("2026-11-05T11"): Usage(2)}
        assert Facts(counted, ASSIGNMENT, PLAN) == facts
        assert 1 == len(asked.units)

    def test_nothing(self, tables: Tables) -> None:
        """A key that nobody knows has neither plan nor usage."""
        assert Facts({}, None, None) == Asked(tables).store.read(wanted(MONTH, DAY, plan="gone"))

    def test_only_what_is_wanted(self, tables: Tables) -> None:
        """What is not asked for is not reported."""
        give_plan(tables)
        count(tables)
        assert Facts({MONTH: USAGE}) == Asked(tables).store.read(wanted(MONTH, assignment=False))

    def test_slices(self, tables: Tables) -> None:
        """A counter is the sum of its slices. A new one is seen within a minute, by a second request."""
        count(tables)
        asked = Asked(tables)
        asked.store.read(wanted(MONTH))
        count(tables, FAR_SHARD, 1)
        tables.dynamodb.update_item(
            TableName=tables.counters,
            Key={"pk": {"S": "slices"}, "sk": {"S": MONTH}},
            UpdateExpression="ADD numbers :one",
            ExpressionAttributeValues={":one": {"NS": ["1"]}},
        )
        asked.clock.now = 60
        assert {MONTH: USAGE + USAGE} == asked.store.read(wanted(MONTH)).counted
        assert 3 == len(asked.units)
        assert {MONTH: USAGE + USAGE} == asked.store.read(wanted(MONTH)).counted
        assert 4 == len(asked.units)

    def test_key_of(self, tables: Tables) -> None:
        """A digest that was made known, and one that was not."""
        PlanBook(tables.counters, tables.dynamodb).know("abc", "a1")
        store = Asked(tables).store
        assert ("a1", None) == (store.key_of("abc"), store.key_of("abd"))


class TestUnits:
    def test_units(self, dynamodb_local: str) -> None:
        """Half a read unit for each item that is there, by DynamoDB's own word."""
        tables = create_tables(dynamodb_local)
        give_plan(tables)
        count(tables)
        asked = Asked(tables)
        asked.store.read(wanted(MONTH, DAY))
        asked.store.read(wanted(MONTH, DAY, assignment=False))
        asked.store.read(wanted(MONTH, assignment=False))
        assert [1.5, 1.0, 0.5] == asked.units


class TestCountedThrough:
    def test_least(self, tables: Tables) -> None:
        """What the slowest shard has counted; one that is long silent is closed."""
        progress = DynamoDBProgress(tables.counters, tables.updates())
        now = 1_793_880_000
        store = Asked(tables).store
        assert store.counted_through(now) is None
        progress.note(Progress(SHARD, 9, (now - 5) * 1000))
        progress.note(Progress(FAR_SHARD, 9, (now - 70) * 1000 + 999))
        progress.note(Progress("shardId-000000000007", 9, (now - CLOSED_SECONDS) * 1000))
        assert now - 70 == store.counted_through(now)

    def test_more_than_a_page(self, tables: Tables) -> None:
        """The progress of closed shards may fill a page: the open ones behind it are read too."""
        now, padding = 1_793_880_000, {"B": b" " * 300_000}
        for number in range(5):
            item = {"pk": {"S": "progress"}, "sk": {"S": f"shardId-{number:012d}"}, "padding": padding}
            tables.dynamodb.put_item(TableName=tables.counters, Item=item)
        DynamoDBProgress(tables.counters, tables.updates()).note(Progress(FAR_SHARD, 9, (now - 70) * 1000))
        assert now - 70 == Asked(tables).store.counted_through(now)


class TestSettledThrough:
    def test_latest(self, tables: Tables) -> None:
        """What the watch has kept, in seconds; it never goes back."""
        book, store = CompletenessBook(tables.dynamodb, tables.counters), Asked(tables).store
        assert store.settled_through() is None
        for through in (1_793_880_000_999, 1_793_879_000_000):
            book.settle(through)
            assert 1_793_880_000 == store.settled_through()
