"""What AWS counts at the source, by CloudWatch's metrics in the local cloud."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.cloudwatch import CloudWatchMetric, MetricReader
from adapters.source.counts import SourceMetrics
from local_cloud.endpoint.metric_counts import MetricCounts
from local_cloud.endpoint.server import LocalEndpoint
from metering.source.flow import TwoCounts
from metering.source.gap import Way, minute_of
from metering.source.settings import Stage

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
START = minute_of(NOON)
REST = Stage("r1", "prod", is_rest=True, name="orders", log_group="log")
SOCKET = Stage("w1", "prod", is_rest=False, name="chat", log_group="log", counts=False, is_websocket=True)
HTTP = Stage("h1", "prod", is_rest=False, name="orders", log_group="log")


class Clock:
    """The time at which things are counted."""

    now = NOON


@pytest.fixture(scope="module")
def cloudwatch() -> Iterator[Any]:
    """Some minutes of a log group with a stage of each kind."""
    with LocalEndpoint() as endpoint:
        counts = MetricCounts(endpoint.client, lambda: Clock.now)
        for minute in range(3):
            Clock.now = NOON + timedelta(minutes=minute, seconds=30)
            counts.add("AWS/ApiGateway", "Count", {"ApiName": "orders", "Stage": "prod"}, 4)
            counts.add("AWS/ApiGateway", "Count", {"ApiId": "h1", "Stage": "prod"}, 3)
            counts.add("AWS/ApiGateway", "ConnectCount", {"ApiId": "w1", "Stage": "prod"}, 1)
            counts.add("AWS/ApiGateway", "MessageCount", {"ApiId": "w1", "Stage": "prod"}, 70)
            counts.add("AWS/ApiGateway", "Count", {"ApiName": "other", "Stage": "prod"}, 100)
            counts.add("AWS/Logs", "IncomingLogEvents", {"LogGroupName": "log"}, 5)
            counts.add("AWS/Logs", "IncomingLogEvents", {"LogGroupName": "log"}, 2)
            for name, forwarded in (("meter", 6), ("audit", 50)):
                dimensions = {"LogGroupName": "log", "DestinationType": "Kinesis", "FilterName": name}
                counts.add("AWS/Logs", "ForwardedLogEvents", dimensions, forwarded)
            counts.send()
        counts.send()
        yield endpoint.client("cloudwatch")


def flows(cloudwatch: Any, *stages: Stage) -> dict[tuple[Way, str], TwoCounts]:
    """The counts of the log group."""
    source = SourceMetrics(MetricReader(cloudwatch), "meter")
    return dict(source.flows(["log"], stages, START - 1, START + 4))


def test_both_ways(cloudwatch: Any) -> None:
    """Minute by minute: the calls of all stages, the log events, and what our filter forwarded."""
    logged = [0, 7, 7, 7, 0]
    assert {
        (Way.LOGGED, "log"): TwoCounts(START - 1, [0, 7, 7, 7, 0], logged),
        (Way.FORWARDED, "log"): TwoCounts(START - 1, logged, [0, 6, 6, 6, 0]),
    } == flows(cloudwatch, REST, HTTP)


def test_what_cannot_be_counted(cloudwatch: Any) -> None:
    """With a stage that has no metric of its own, at least the calls of the others are known; without any
    other, and without any stage, calls are not compared.
    """
    shared = Stage("r2", "prod", is_rest=True, name="orders", log_group="log", counts=False)
    assert not flows(cloudwatch, REST, shared)[Way.LOGGED, "log"].is_whole
    assert {(Way.FORWARDED, "log")} == flows(cloudwatch, shared).keys() == flows(cloudwatch).keys()


def test_connections_are_counted(cloudwatch: Any) -> None:
    """With a WebSocket stage, at least its connections are logged, and the calls of the others."""
    logged = [0, 7, 7, 7, 0]
    assert (
        TwoCounts(START - 1, [0, 5, 5, 5, 0], logged, is_whole=False)
        == flows(cloudwatch, REST, SOCKET)[Way.LOGGED, "log"]
    )
    assert flows(cloudwatch, REST)[Way.LOGGED, "log"].is_whole


def test_groups_that_forward(cloudwatch: Any) -> None:
    """Log groups with a filter of the meter's name are found by what it forwards; the list is read again
    after hours.
    """
    reader = Lists(cloudwatch)
    source = SourceMetrics(reader, "meter")
    assert {frozenset({"log"})} == {source.forwarding(START + minute) for minute in range(0, 361, 30)}
    assert reader.listings == 2
    assert frozenset() == SourceMetrics(reader, "none").forwarding(START)


class Lists(MetricReader):
    """Counts the lists of metrics."""

    listings = 0

    def listed(self, namespace: str, name: str) -> list[CloudWatchMetric]:
        """As it is, and counted."""
        self.listings += 1
        return super().listed(namespace, name)
