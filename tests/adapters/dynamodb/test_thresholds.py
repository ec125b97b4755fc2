"""Crossings in DynamoDB and on EventBridge."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from botocore.exceptions import EndpointConnectionError

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, client
from adapters.dynamodb.plans import PlanBook
from adapters.dynamodb.thresholds import DEFERRED_AT_ONCE, DynamoDBNotifications
from local_cloud.endpoint.server import LocalEndpoint
from metering.counters.ports import Increment
from metering.period import Period
from metering.quotas.plan import Assignment, Limit, Plan, Span
from metering.quotas.ports import KeyPlan, NotificationStore, ThresholdCrossing
from metering.usage import Metric, Usage
from simulation.protocol.store import SimulatedCounters
from simulation.quotas.thresholds import NotificationsInMemory
from tests.stream_processor.notification_contract import NotificationContract, crossing, waiting
from tests.tables import CREDENTIALS, Tables, create_tables

__all__ = ["crossing"]

NOWHERE = {"endpoint_url": "http://127.0.0.1:1", "region_name": "us-east-1", **CREDENTIALS}
MONTH, DAY = Period("2026-11"), Period("2026-11-05")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[LocalEndpoint]:
    """moto, with all of its services."""
    with LocalEndpoint() as running:
        yield running


def notifications_on(tables: Tables) -> DynamoDBNotifications:
    """The shipped adapter."""
    return DynamoDBNotifications(tables.counters, tables.dynamodb, tables.updates())


@pytest.fixture(scope="module")
def on_moto(endpoint: LocalEndpoint) -> NotificationStore:
    """The shipped adapter on moto."""
    return notifications_on(create_tables(endpoint.endpoint_url))


@pytest.fixture(scope="module")
def on_engine(dynamodb_local: str) -> NotificationStore:
    """The shipped adapter on DynamoDB Local."""
    return notifications_on(create_tables(dynamodb_local))


class TestDefaultPlan:
    """Who is denied by the plan of keys without one hears of it as everybody does."""

    PLANS: ClassVar = {
        "free": Plan("free", (Limit(Metric.REQUESTS, Span.MONTH, 5),)),
        "pro": Plan("pro", (Limit(Metric.REQUESTS, Span.MONTH, 50),)),
    }

    @pytest.fixture
    def tables(self, endpoint: LocalEndpoint) -> Tables:
        """Two plans, and a key that has one of them."""
        tables = create_tables(endpoint.endpoint_url)
        book = PlanBook(tables.counters, tables.dynamodb)
        for plan in self.PLANS.values():
            book.put_plan(plan, None)
        book.assign(Assignment("assigned", "pro", "acme"))
        return tables

    def store(self, tables: Tables, default_plan: str | None) -> DynamoDBNotifications:
        return DynamoDBNotifications(tables.counters, tables.dynamodb, tables.updates(), default_plan)

    def test_plans_of(self, tables: Tables) -> None:
        """A key without a plan has the default one, a key with a plan its own."""
        plans = self.store(tables, "free").plans_of(["assigned", "stray"])
        assert {
            "assigned": KeyPlan(Assignment("assigned", "pro", "acme"), self.PLANS["pro"]),
            "stray": KeyPlan(Assignment("stray", "free"), self.PLANS["free"]),
        } == plans

    @pytest.mark.parametrize("default_plan", [None, "there is none"])
    def test_none(self, tables: Tables, default_plan: str | None) -> None:
        """Without a default plan, or with one that is not there, such a key has none."""
        assert {"assigned"} == self.store(tables, default_plan).plans_of(["assigned", "stray"]).keys()


class TestInMemory(NotificationContract):
    """The simulation's store."""

    @pytest.fixture
    def store(self) -> NotificationStore:
        return NotificationsInMemory(SimulatedCounters())


class TestOnMoto(NotificationContract):
    """DynamoDB as moto plays it."""

    @pytest.fixture
    def store(self, on_moto: NotificationStore) -> NotificationStore:
        return on_moto


class TestOnDynamoDBLocal(NotificationContract):
    """DynamoDB itself."""

    @pytest.fixture
    def store(self, on_engine: NotificationStore) -> NotificationStore:
        return on_engine


class TestDeferred:
    def test_page(self, dynamodb_local: str, crossing: ThresholdCrossing) -> None:
        """So many are read at a time, whatever waits, and from every start as many."""
        store = notifications_on(create_tables(dynamodb_local))
        ids = [f"{number * 101:032x}"[::-1] for number in range(DEFERRED_AT_ONCE + 20)]
        assert all(store.defer([crossing._replace(id=one) for one in ids]))
        for start in ("", "4", "f" * 32):
            assert DEFERRED_AT_ONCE == len({one.id for one in waiting(store, start)})
        assert all(store.settle([crossing._replace(id=one) for one in ids[20:]]))
        assert sorted(ids[:20]) == [one.id for one in waiting(store)]

    def test_no_answer(self, crossing: ThresholdCrossing) -> None:
        """After a removal without an answer no other is tried."""

        class Removals:
            requests = 0

            def delete_item(self, **_request: Any) -> None:
                self.requests += 1
                if self.requests > 1:
                    raise EndpointConnectionError(endpoint_url="https://dynamodb.example")

        removals: Any = Removals()
        store = DynamoDBNotifications("counters", removals, ConditionalUpdates(client(1, **NOWHERE), 1))
        assert [True, False, False] == store.settle([crossing] * 3)
        assert 2 == removals.requests


class TestReads:
    def test_plans(self, endpoint: LocalEndpoint) -> None:
        """The plans of many keys at once; a key without a plan, or with one that is gone, has none."""
        tables = create_tables(endpoint.endpoint_url)
        book = PlanBook(tables.counters, tables.dynamodb)
        plan = Plan("free", (Limit(Metric.REQUESTS, Span.DAY, 100),))
        book.put_plan(plan, None)
        assignments = [Assignment(f"key-{number}", "free") for number in range(120)]
        for assignment in [*assignments, Assignment("lost", "gone")]:
            book.assign(assignment)
        found = notifications_on(tables).plans_of([*(one.key for one in assignments), "lost", "nobody"])
        assert {one.key: KeyPlan(one, plan) for one in assignments} == found

    def test_totals(self, endpoint: LocalEndpoint) -> None:
        """What slices hold, of a day its hours, too; slices that are not there are left out."""
        tables = create_tables(endpoint.endpoint_url)
        counters = DynamoDBCounters(tables.counters, tables.updates())
        shard = "shardId-000000000016"
        counters.add(
            [
                Increment("a1", MONTH, 1, shard, 5, 9, Usage(7, 6), {"05": 7}),
                Increment("a1", DAY, 1, shard, 5, 9, Usage(7, 6), {"11": 3, "12": 4}),
            ]
        )
        day, month, nowhere = ("a1", DAY, 1), ("a1", MONTH, 1), ("a1", MONTH, 2)
        assert {
            day: {DAY: Usage(7, 6), f"{DAY}T11": Usage(3), f"{DAY}T12": Usage(4)},
            month: {MONTH: Usage(7, 6)},
        } == notifications_on(tables).totals_of([day, month, nowhere])
