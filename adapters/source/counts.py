"""What AWS itself counts at the source, minute by minute.

`Count` of API Gateway has the dimensions `ApiName` and `Stage` for REST APIs, `ApiId` and `Stage` for HTTP
APIs. Of WebSocket APIs `ConnectCount`, with `ApiId` and `Stage`, is what is certainly logged: each connection
is a line, and `MessageCount` has messages to clients, too. `IncomingLogEvents` has a log group,
`ForwardedLogEvents` a log group, filter and type of destination.
https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-logging.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CloudWatch-Logs-Monitoring-CloudWatch-Metrics.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from adapters.cloudwatch import CloudWatchMetric, MetricReader, Point, Series
from metering.source.flow import TwoCounts
from metering.source.gap import Way
from metering.source.settings import MOST_STAGES, Stage

_MINUTE: Final = timedelta(minutes=1)
_LOGS: Final = "AWS/Logs"
_DESTINATION: Final = "DestinationType"
_LISTED_EVERY: Final = 360
"""Minutes between two lists of metrics: a thousand lists cost a cent."""


class _Part(NamedTuple):
    """One count of a log group, and the series that add up to it."""

    group: str
    what: str
    series: Sequence[Series]
    is_whole: bool = True


class SourceMetrics:
    """Calls, log events and forwarded log events of log groups, by CloudWatch's metrics."""

    def __init__(self, metrics: MetricReader, filter_name: str) -> None:
        """`filter_name` is that of the subscription filters into the stream."""
        self._metrics = metrics
        self._filter = filter_name
        self._forwarding: list[Mapping[str, str]] = []
        self._listed = -_LISTED_EVERY

    def forwarding(self, now: int) -> frozenset[str]:
        """The log groups from which a filter of that name forwarded anything in the last two weeks, at a
        minute since 1970.

        Raises:
            Transient, Misconfigured: the metrics cannot be listed.
        """
        return frozenset(found["LogGroupName"] for found in self._filters(now) if "LogGroupName" in found)

    def flows(
        self, log_groups: Iterable[str], stages: Sequence[Stage], start: int, end: int
    ) -> Mapping[tuple[Way, str], TwoCounts]:
        """The counts of both ways of each log group, from a minute since 1970 until before another. A group
        with stages that cannot be counted has a count of at least so many calls, or none.

        Raises:
            Transient, Misconfigured: the metrics cannot be read.
        """
        parts = [part for group in sorted(set(log_groups)) for part in self._parts(group, stages, end)]
        wanted = [series for part in parts for series in part.series]
        points = iter(self._metrics.points(wanted, _time(start), _time(end), _MINUTE))
        counts = [(part, _by_minute((next(points) for _ in part.series), start, end)) for part in parts]
        return dict(_ways(counts, start))

    def _parts(self, group: str, stages: Sequence[Stage], now: int) -> Iterator[_Part]:
        of_group = {"LogGroupName": group}
        yield _Part(group, "logged", [_sum(_LOGS, "IncomingLogEvents", of_group)])
        forwarded = [
            _sum(
                _LOGS,
                "ForwardedLogEvents",
                {**of_group, _DESTINATION: destination, "FilterName": self._filter},
            )
            for destination in sorted({found[_DESTINATION] for found in self._filters(now)})
        ]
        yield _Part(group, "forwarded", forwarded)
        ours = [stage for stage in stages if stage.log_group == group]
        counted = [_calls(stage) for stage in ours if stage.counts or stage.is_websocket]
        if counted:
            is_whole = all(stage.counts for stage in ours) and len(stages) < MOST_STAGES
            yield _Part(group, "called", counted, is_whole)

    def _filters(self, now: int) -> list[Mapping[str, str]]:
        """The dimensions of what filters of that name forward: listed now and then, and as long as there is
        none. They say how CloudWatch calls a Kinesis stream, too.
        """
        if not self._forwarding or now - self._listed >= _LISTED_EVERY:
            self._listed = now
            self._forwarding = [
                found.dimensions
                for found in self._metrics.listed(_LOGS, "ForwardedLogEvents")
                if found.dimensions.get("FilterName") == self._filter and _DESTINATION in found.dimensions
            ]
        return self._forwarding


def _ways(
    counts: Sequence[tuple[_Part, list[float]]], start: int
) -> Iterator[tuple[tuple[Way, str], TwoCounts]]:
    logged = {part.group: count for part, count in counts if part.what == "logged"}
    for part, count in counts:
        if part.what == "called":
            yield (Way.LOGGED, part.group), TwoCounts(start, count, logged[part.group], part.is_whole)
        elif part.what == "forwarded":
            yield (Way.FORWARDED, part.group), TwoCounts(start, logged[part.group], count)


def _calls(stage: Stage) -> Series:
    name = {"ApiName": stage.name} if stage.is_rest else {"ApiId": stage.api}
    count = "ConnectCount" if stage.is_websocket else "Count"
    return _sum("AWS/ApiGateway", count, {**name, "Stage": stage.stage})


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
