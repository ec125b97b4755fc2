"""Metrics of CloudWatch: which there are, and their points.

GetMetricData is billed by the metric, however many points it gives: so each look takes long spans of few
metrics.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from adapters.errors import translated

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef, MetricOutputTypeDef

MOST_SERIES: Final = 500
"""Of one request: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html"""

Point = tuple[datetime, float]
"""The beginning of a period, and the value in it."""


class CloudWatchMetric(NamedTuple):
    """A metric by its name in full."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]


class Series(NamedTuple):
    """A metric, and what is wanted of each period."""

    metric: CloudWatchMetric
    statistic: Literal["Sum", "Maximum"]


class MetricReader:
    """The metrics of one account and region."""

    def __init__(self, cloudwatch: CloudWatchClient) -> None:
        self._cloudwatch = cloudwatch

    def listed(self, namespace: str, name: str) -> list[CloudWatchMetric]:
        """All metrics of a name that had a point in the last two weeks.

        Raises:
            Transient, Misconfigured: they cannot be listed.
        """
        with translated(f"ListMetrics of {namespace}"):
            pages = self._cloudwatch.get_paginator("list_metrics").paginate(
                Namespace=namespace, MetricName=name
            )
            found = {_name(one): _metric(one) for page in pages for one in page["Metrics"]}
        return list(found.values())

    def points(
        self, wanted: Iterable[Series], start: datetime, end: datetime, period: timedelta
    ) -> list[list[Point]]:
        """The points of each series, in order of time. `start` is brought down to the beginning of a period.

        Raises:
            Transient, Misconfigured: they cannot be read.
        """
        left = iter(wanted)
        found: list[list[Point]] = []
        while some := list(islice(left, MOST_SERIES)):
            found += self._some(some, _floor(start, period), end, period)
        return found

    def _some(
        self, wanted: Sequence[Series], start: datetime, end: datetime, period: timedelta
    ) -> Iterator[list[Point]]:
        found: dict[str, list[Point]] = {f"m{number}": [] for number in range(len(wanted))}
        queries = [_query(name, one, period) for name, one in zip(found, wanted, strict=True)]
        with translated("GetMetricData"):
            pages = self._cloudwatch.get_paginator("get_metric_data").paginate(
                MetricDataQueries=queries, StartTime=start, EndTime=end, ScanBy="TimestampAscending"
            )
            for page in pages:
                for result in page["MetricDataResults"]:
                    times = (time.astimezone(UTC) for time in result["Timestamps"])
                    found[result["Id"]] += zip(times, result["Values"], strict=True)
        return (sorted(points) for points in found.values())


def _name(found: MetricOutputTypeDef) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((one["Name"], one["Value"]) for one in found.get("Dimensions", ())))


def _metric(found: MetricOutputTypeDef) -> CloudWatchMetric:
    dimensions = {one["Name"]: one["Value"] for one in found.get("Dimensions", ())}
    return CloudWatchMetric(found["Namespace"], found["MetricName"], dimensions)


def _query(name: str, wanted: Series, period: timedelta) -> MetricDataQueryTypeDef:
    metric = wanted.metric
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": metric.namespace,
                "MetricName": metric.name,
                "Dimensions": [{"Name": key, "Value": value} for key, value in metric.dimensions.items()],
            },
            "Period": int(period.total_seconds()),
            "Stat": wanted.statistic,
        },
    }


def _floor(time: datetime, period: timedelta) -> datetime:
    seconds = int(period.total_seconds())
    return datetime.fromtimestamp(int(time.timestamp()) // seconds * seconds, UTC)
