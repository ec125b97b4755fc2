"""How far the lake is complete, by metrics."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.firehose import FirehoseFreshness
from local_cloud.endpoint.server import LocalEndpoint

NOW = datetime(2026, 11, 24, 12, 0, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def cloudwatch() -> Iterator[Any]:
    """CloudWatch."""
    with LocalEndpoint() as endpoint:
        yield endpoint.client("cloudwatch")


def told(cloudwatch: Any, stream: str, name: str, *points: tuple[timedelta, float]) -> datetime | None:
    """What is known after these points of a metric, each so long ago."""
    cloudwatch.put_metric_data(
        Namespace="AWS/Firehose",
        MetricData=[
            {
                "MetricName": name,
                "Dimensions": [{"Name": "DeliveryStreamName", "Value": stream}],
                "Timestamp": NOW - ago,
                "Value": value,
            }
            for ago, value in points
        ],
    )
    return FirehoseFreshness(cloudwatch, stream, lambda: NOW).complete_through()


def test_the_last_point(cloudwatch: Any) -> None:
    """Whatever is older than its value has been delivered at its time."""
    minute = timedelta(minutes=1)
    through = told(cloudwatch, "a", "DeliveryToS3.DataFreshness", (3 * minute, 900), (minute, 120))
    assert NOW - 3 * minute == through


def test_only_control_messages(cloudwatch: Any) -> None:
    """Firehose reads at the tip of the stream, and has nothing to deliver: all but an hour is there."""
    minute = timedelta(minutes=1)
    assert NOW - minute - timedelta(hours=1) == told(
        cloudwatch, "b", "KinesisMillisBehindLatest", (2 * minute, 0), (minute, 0)
    )
    assert told(cloudwatch, "c", "KinesisMillisBehindLatest", (minute, 3_600_000)) is None


def test_nothing(cloudwatch: Any) -> None:
    """Nothing is known; what was told hours ago says nothing of now."""
    assert told(cloudwatch, "d", "DeliveryToS3.DataFreshness", (timedelta(hours=4), 0)) is None
