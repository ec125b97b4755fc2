"""How far the lake is complete, by the metrics of its delivery stream.

`DeliveryToS3.DataFreshness` is the age of the oldest record that Firehose holds: whatever is older has been
delivered, to the lake or under the error prefix. Where there is no such point, because for hours all records
were control messages that the transform drops, the lake is as far as Firehose reads the stream, less an hour
for its buffers.
https://docs.aws.amazon.com/firehose/latest/dev/monitoring-with-cloudwatch-metrics.html
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from adapters.errors import translated

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDataQueryTypeDef

LOOKED_BACK: Final = timedelta(hours=3)
BUFFERED: Final = timedelta(hours=1)
"""Longer than Firehose buffers (15 minutes at most) and tries an invocation again."""
_BEHIND_MS: Final = 60_000
_PERIOD_SECONDS: Final = 60
_METRICS: Final = {"freshness": "DeliveryToS3.DataFreshness", "behind": "KinesisMillisBehindLatest"}


class FirehoseFreshness:
    """The path into the lake."""

    def __init__(
        self, cloudwatch: CloudWatchClient, delivery_stream: str, clock: Callable[[], datetime]
    ) -> None:
        """`clock` gives the time in UTC."""
        self._cloudwatch = cloudwatch
        self._delivery_stream = delivery_stream
        self._clock = clock

    def complete_through(self) -> datetime | None:
        """Whatever arrived in the stream before has been delivered; None: the metrics say nothing.

        Raises:
            Transient, Misconfigured: the metrics cannot be read.
        """
        now = self._clock()
        points = self._points(now)
        if points["freshness"]:
            time, age_seconds = max(points["freshness"])
            return time - timedelta(seconds=age_seconds)
        behind = points["behind"]
        if behind and max(value for _, value in behind) < _BEHIND_MS:
            return max(time for time, _ in behind) - BUFFERED
        return None

    def _points(self, now: datetime) -> dict[str, list[tuple[datetime, float]]]:
        dimensions: list[DimensionTypeDef] = [{"Name": "DeliveryStreamName", "Value": self._delivery_stream}]
        queries: list[MetricDataQueryTypeDef] = [
            {
                "Id": identity,
                "MetricStat": {
                    "Metric": {"Namespace": "AWS/Firehose", "MetricName": name, "Dimensions": dimensions},
                    "Period": _PERIOD_SECONDS,
                    "Stat": "Maximum",
                },
            }
            for identity, name in _METRICS.items()
        ]
        found: dict[str, list[tuple[datetime, float]]] = {identity: [] for identity in _METRICS}
        with translated(f"GetMetricData of {self._delivery_stream}"):
            pages = self._cloudwatch.get_paginator("get_metric_data").paginate(
                MetricDataQueries=queries, StartTime=now - LOOKED_BACK, EndTime=now + timedelta(minutes=1)
            )
            for page in pages:
                for result in page["MetricDataResults"]:
                    found[result["Id"]] += zip(result["Timestamps"], result["Values"], strict=True)
        return found
