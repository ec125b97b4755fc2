"""Crossings in DynamoDB and on EventBridge."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.plans import PlanBook
from adapters.dynamodb.thresholds import DynamoDBNotifications, EventBridge
from local_cloud.endpoint.server import LocalEndpoint
from metering.counters.ports import Increment
from metering.period import Period
from metering.quotas.plan import Assignment, Limit, Plan, Span
from metering.quotas.ports import KeyPlan, NotificationStore, ThresholdCrossing
from metering.usage import Metric, Usage
from simulation.protocol.store import SimulatedCounters
from simulation.quotas.thresholds import NotificationsInMemory
from tests.stream_processor.notification_contract import TellingContract, crossing
from tests.tables import Tables, create_tables

__all__ = ["crossing"]

MONTH, DAY = Period("2026-11"), Period("2026-11-05")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[LocalEndpoint]:
    """moto, with all of its services."""
    with LocalEndpoint() as running:
        yield running


def telling_on(tables: Tables) -> DynamoDBNotifications:
    """The shipped adapter."""
    return DynamoDBNotifications(tables.counters, tables.dynamodb, tables.updates())


@pytest.fixture(scope="module")
def on_moto(endpoint: LocalEndpoint) -> NotificationStore:
    """The shipped adapter on moto."""
    return telling_on(create_tables(endpoint.endpoint_url))


@pytest.fixture(scope="module")
def on_engine(dynamodb_local: str) -> NotificationStore:
    """The shipped adapter on DynamoDB Local."""
    return telling_on(create_tables(dynamodb_local))


class TestInMemory(TellingContract):
    """The simulation's store."""

    @pytest.fixture
    def telling(self) -> NotificationStore:
        return NotificationsInMemory(SimulatedCounters())


class TestOnMoto(TellingContract):
    """DynamoDB as moto plays it."""

    @pytest.fixture
    def telling(self, on_moto: NotificationStore) -> NotificationStore:
        return on_moto


class TestOnDynamoDBLocal(TellingContract):
    """DynamoDB itself."""

    @pytest.fixture
    def telling(self, on_engine: NotificationStore) -> NotificationStore:
        return on_engine


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
        found = telling_on(tables).plans_of([*(one.key for one in assignments), "lost", "nobody"])
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
        } == telling_on(tables).totals_of([day, month, nowhere])


class TestEventBridge:
    def test_event(self, endpoint: LocalEndpoint, crossing: ThresholdCrossing) -> None:
        """A rule for the source gets the event, with the detail that is documented."""
        events, sqs = endpoint.client("events"), endpoint.client("sqs")
        queue = sqs.create_queue(QueueName=uuid.uuid4().hex)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        source = f"usage-meter.{uuid.uuid4().hex}"
        events.put_rule(Name="told", EventPattern=json.dumps({"source": [source]}))
        events.put_targets(Rule="told", Targets=[{"Id": "queue", "Arn": arn}])
        several = [crossing, *(crossing._replace(id=f"{number:032x}") for number in range(11))]
        assert [None] * 12 == EventBridge(lambda: events, source).publish(several)
        received = [
            json.loads(message["Body"])
            for _ in range(2)
            for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
        ]
        assert {one.id for one in several} == {event["detail"]["id"] for event in received}
        (event,) = [event for event in received if event["detail"]["id"] == crossing.id]
        assert [source, "Usage threshold reached"] == [event["source"], event["detail-type"]]
        assert {
            "id": crossing.id,
            "apiKeyId": crossing.key,
            "account": "acme",
            "plan": "free",
            "planVersion": 3,
            "metric": "requests",
            "period": "2026-11-05",
            "periodStart": "2026-11-05T00:00:00+00:00",
            "periodEnd": "2026-11-06T00:00:00+00:00",
            "limit": 100,
            "kind": "hard",
            "threshold": 80,
            "used": 85,
        } == event["detail"]

    def test_some_refused(self, crossing: ThresholdCrossing) -> None:
        """PutEvents answers for each entry: what failed is not taken for published."""
        answer = {"FailedEntryCount": 1, "Entries": [{"EventId": "1"}, {"ErrorCode": "ThrottlingException"}]}
        published = EventBridge(_Events(answer).itself, "usage-meter").publish([crossing, crossing])
        assert [None, "PutEvents: ThrottlingException: "] == published

    def test_out_of_reach(self, crossing: ThresholdCrossing) -> None:
        """No answer: nothing is taken for published, and nothing is raised."""
        error = EndpointConnectionError(endpoint_url="https://events.example")
        (told,) = EventBridge(_Events(error).itself, "usage-meter").publish([crossing])
        assert told is not None
        assert "https://events.example" in told

    def test_not_allowed(self, crossing: ThresholdCrossing) -> None:
        """A missing permission stops no counting either."""
        error = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "PutEvents")
        (told,) = EventBridge(_Events(error).itself, "usage-meter").publish([crossing])
        assert told is not None
        assert "AccessDeniedException" in told


class _Events:
    """A client of EventBridge with one answer."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer

    def itself(self) -> Any:
        return self

    def put_events(self, **_request: Any) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer
