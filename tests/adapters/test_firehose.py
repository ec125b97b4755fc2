"""How far the lake is complete, by metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from adapters.firehose import LOOKED_BACK, SETTLED, FirehoseFreshness
from local_cloud.endpoint.server import LocalEndpoint

NOW: Final = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)

Point = tuple[timedelta, float]
"""A point of a metric: how long ago, and its value."""


@pytest.fixture(scope="module")
def through() -> Iterator[Callable[..., timedelta | None]]:
    """How long ago the lake is complete, by points of each metric; each call is of a new delivery stream."""
    with LocalEndpoint() as endpoint:
        cloudwatch = endpoint.client("cloudwatch")
        streams = iter(f"stream-{number}" for number in range(100))

        def ask(
            freshness: list[Point], behind: list[Point], forwarded: list[Point] | None = None
        ) -> timedelta | None:
            stream = next(streams)
            of_stream = {"DeliveryStreamName": stream}
            put(cloudwatch, "AWS/Firehose", "DeliveryToS3.DataFreshness", of_stream, freshness)
            put(cloudwatch, "AWS/Firehose", "KinesisMillisBehindLatest", of_stream, behind)
            of_filter = {"LogGroupName": stream, "DestinationType": "Kinesis", "FilterName": stream}
            put(cloudwatch, "AWS/Logs", "ForwardedLogEvents", of_filter, forwarded or [])
            found = FirehoseFreshness(cloudwatch, stream, [stream], lambda: NOW).complete_through()
            return None if found is None else NOW - found

        yield ask


def put(cloudwatch: Any, namespace: str, name: str, dimensions: dict[str, str], points: list[Point]) -> None:
    """Points of a metric."""
    data = [
        {
            "MetricName": name,
            "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
            "Timestamp": NOW - ago,
            "Value": value,
        }
        for ago, value in points
    ]
    if data:
        cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)


def each(minutes: range, value: float) -> list[Point]:
    """The same value at so many minutes ago."""
    return [(minute * MINUTE, value) for minute in minutes]


HEALTHY: Final = each(range(5, 120, 5), 500)
"""Reading half a second behind the stream, in each five minutes."""


def test_both_ways_behind_add_up(through: Callable[..., timedelta | None]) -> None:
    """What Firehose holds and what it has not read yet are both not delivered: never is more said."""
    held = each(range(5, 120, 5), 300)
    assert 15 * MINUTE + timedelta(milliseconds=500) == through(held, HEALTHY)
    late = through(held, each(range(5, 120, 5), 4 * 3_600_000))
    assert 4 * HOUR + 15 * MINUTE == late


def test_reading_at_the_time_counts(through: Callable[..., timedelta | None]) -> None:
    """Catching up since then changes nothing of what was delivered: the reading at that time counts."""
    reading = [*each(range(60, 120, 5), 7_200_000), *each(range(5, 60, 5), 0)]
    assert timedelta(hours=3, minutes=5) == through([(10 * MINUTE, 3_000)], reading)


def test_without_word_of_the_reading_nothing_is_known(through: Callable[..., timedelta | None]) -> None:
    """Freshness alone counts from the moment at which Firehose has read a record."""
    assert through(each(range(5, 120, 5), 300), []) is None


def test_nothing_comes_in(through: Callable[..., timedelta | None]) -> None:
    """Without log events there is nothing to deliver: the lake is as far as Firehose reads, less an hour in
    which metrics may be late.
    """
    assert through([], HEALTHY) == SETTLED + 5 * MINUTE + timedelta(milliseconds=500)
    assert through([(10 * HOUR, 60)], HEALTHY, [(11 * HOUR, 7)]) is None
    reading = each(range(5, 15 * 60, 5), 500)
    quiet = through([(10 * HOUR, 60)], reading, [(11 * HOUR, 7)])
    assert quiet == SETTLED + 5 * MINUTE + timedelta(milliseconds=500)


def test_nothing_gets_through(through: Callable[..., timedelta | None]) -> None:
    """Log events were sent and no freshness came after: delivery is blocked, and nothing later is promised,
    though Firehose reads at the tip.
    """
    reading = each(range(5, 15 * 60, 5), 500)
    blocked = through([(10 * HOUR, 60)], reading, [(9 * HOUR, 7)])
    assert blocked == 10 * HOUR + 10 * MINUTE + timedelta(milliseconds=500)
    assert through([], HEALTHY, [(3 * HOUR, 1)]) is None
    lately = through([(10 * HOUR, 60)], reading, [(2 * MINUTE, 1)])
    assert lately == blocked


def test_nothing_is_known(through: Callable[..., timedelta | None]) -> None:
    """Metrics that say nothing, or said something too long ago."""
    assert through([], []) is None
    assert through([(LOOKED_BACK + HOUR, 0)], [(LOOKED_BACK + HOUR, 0)]) is None
