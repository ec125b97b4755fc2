"""What AWS itself counts at the source, minute by minute.

`Count` of API Gateway has the dimensions `ApiName` and `Stage` for REST APIs, `ApiId` and `Stage` for HTTP
APIs; `IncomingLogEvents` a log group, `ForwardedLogEvents` a log group, filter and type of destination.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from adapters.cloudwatch import CloudWatchMetric, MetricReader, Point, Series
from metering.source.flow import TwoCounts
from metering.source.gap import Way
from metering.source.settings import Stage

_MINUTE: Final = timedelta(minutes=1)
_LOGS: Final = "AWS/Logs"
_DESTINATION: Final = "DestinationType"


class _Part(NamedTuple):
    """One count of a log group, and the series that add up to it."""

    group: str
    what: str
    series: Sequence[Series]


class SourceMetrics:
    """Calls, log events and forwarded log events of log groups, by CloudWatch's metrics."""

    def __init__(self, metrics: MetricReader, filter_name: str) -> None:
        """`filter_name` is that of the subscription filters into the stream."""
        self._metrics = metrics
        self._filter = filter_name
        self._destinations: frozenset[str] = frozenset()

    def flows(
        self, log_groups: Iterable[str], stages: Sequence[Stage], start: int, end: int
    ) -> Mapping[tuple[Way, str], TwoCounts]:
        """The counts of both ways of each log group, from a minute since 1970 until before another. A group
        whose stages cannot all be counted has no count of calls.

        Raises:
            Transient, Misconfigured: the metrics cannot be read.
        """
        parts = [part for group in sorted(set(log_groups)) for part in self._parts(group, stages)]
        wanted = [series for part in parts for series in part.series]
        points = iter(self._metrics.points(wanted, _time(start), _time(end), _MINUTE))
        counts = {
            (part.group, part.what): _by_minute((next(points) for _ in part.series), start, end)
            for part in parts
        }
        return dict(_ways(counts, start))

    def _parts(self, group: str, stages: Sequence[Stage]) -> Iterator[_Part]:
        of_group = {"LogGroupName": group}
        yield _Part(group, "logged", [_sum(_LOGS, "IncomingLogEvents", of_group)])
        forwarded = [
            _sum(
                _LOGS,
                "ForwardedLogEvents",
                {**of_group, _DESTINATION: destination, "FilterName": self._filter},
            )
            for destination in sorted(self._known_destinations())
        ]
        yield _Part(group, "forwarded", forwarded)
        ours = [stage for stage in stages if stage.log_group == group]
        if ours and all(stage.counts for stage in ours):
            yield _Part(group, "called", [_calls(stage) for stage in ours])

    def _known_destinations(self) -> frozenset[str]:
        """How CloudWatch calls a Kinesis stream in this dimension: listed once it has a metric of the
        filter.
        """
        if not self._destinations:
            self._destinations = frozenset(
                found.dimensions[_DESTINATION]
                for found in self._metrics.listed(_LOGS, "ForwardedLogEvents")
                if found.dimensions.get("FilterName") == self._filter and _DESTINATION in found.dimensions
            )
        return self._destinations


def _ways(
    counts: Mapping[tuple[str, str], list[float]], start: int
) -> Iterator[tuple[tuple[Way, str], TwoCounts]]:
    for (group, what), count in counts.items():
        if what == "called":
            yield (Way.LOGGED, group), TwoCounts(start, count, counts[group, "logged"])
        elif what == "forwarded":
            yield (Way.FORWARDED, group), TwoCounts(start, counts[group, "logged"], count)


def _calls(stage: Stage) -> Series:
    name = {"ApiName": stage.name} if stage.is_rest else {"ApiId": stage.api}
    return _sum("AWS/ApiGateway", "Count", {**name, "Stage": stage.stage})


def _sum(namespace: str, name: str, dimensions: Mapping[str, str]) -> Series:
    return Series(CloudWatchMetric(namespace, name, dimensions), "Sum")


def _time(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * 60, UTC)


def _by_minute(series: Iterable[Sequence[Point]], start: int, end: int) -> list[float]:
    counts = [0.0] * (end - start)
    for time, value in (point for points in series for point in points):
        minute = int(time.timestamp()) // 60 - start
        if 0 <= minute < len(counts):
            counts[minute] += value
    return counts
