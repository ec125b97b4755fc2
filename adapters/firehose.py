"""How far the lake is complete, by the metrics of its delivery stream. Two of them are needed:

- `DeliveryToS3.DataFreshness` is the age of the oldest record that Firehose holds, from the moment at which
  it has read it: whatever Firehose had read by then is delivered, to the lake or under the error prefix.
- `KinesisMillisBehindLatest` is how far its reading is behind the stream.

Both ways only go forward. So a point at any time is a lower bound for all times after it, and a missing or
late point makes the answer earlier, never wrong.

Firehose has no freshness where nothing gets through, and none where nothing comes in. The two are
distinguished by `ForwardedLogEvents` of the subscription filters: log events that were sent into the stream
and are not known to be delivered wait. If there are none, there is nothing to deliver, and the lake is as far
as Firehose reads. https://docs.aws.amazon.com/firehose/latest/dev/cloudwatch-metrics.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from adapters.cloudwatch import CloudWatchMetric, MetricReader, Point, Series

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient

LOOKED_BACK: Final = timedelta(days=14)
"""As long as CloudWatch lists a metric that has no new points."""
SETTLED: Final = timedelta(hours=1)
"""Longer than any of these metrics is late. Log events that were sent since then may not be in theirs yet."""
PERIOD: Final = timedelta(minutes=5)
"""Firehose sends its metrics every five minutes at times."""


class _Metrics(NamedTuple):
    freshness: Sequence[Point]
    behind: Sequence[Point]
    forwarded: Sequence[Point]


class FirehoseFreshness:
    """The path into the lake."""

    def __init__(
        self,
        cloudwatch: CloudWatchClient,
        delivery_stream: str,
        log_groups: Iterable[str],
        clock: Callable[[], datetime],
    ) -> None:
        """`clock` gives the time in UTC."""
        self._metrics = MetricReader(cloudwatch)
        self._delivery_stream = delivery_stream
        self._log_groups = frozenset(log_groups)
        self._clock = clock

    def complete_through(self) -> datetime | None:
        """Whatever arrived in the stream before has been delivered; None: the metrics say too little.

        Raises:
            Transient, Misconfigured: the metrics cannot be read.
        """
        now = self._clock()
        found = self._read(now)
        delivered = _delivered_through(found)
        sent = [time for time, events in found.forwarded if events]
        if delivered is None:
            return None if sent else _read_by(found.behind, now - SETTLED)
        if any(time + PERIOD > delivered for time in sent):
            return delivered
        return max(delivered, _read_by(found.behind, now - SETTLED) or delivered)

    def _read(self, now: datetime) -> _Metrics:
        firehose = {"DeliveryStreamName": self._delivery_stream}
        wanted = [
            Series(CloudWatchMetric("AWS/Firehose", "DeliveryToS3.DataFreshness", firehose), "Maximum"),
            Series(CloudWatchMetric("AWS/Firehose", "KinesisMillisBehindLatest", firehose), "Maximum"),
            *(Series(metric, "Sum") for metric in self._of_filters()),
        ]
        freshness, behind, *sent = self._metrics.points(wanted, now - LOOKED_BACK, now + PERIOD, PERIOD)
        return _Metrics(freshness, behind, [point for series in sent for point in series])

    def _of_filters(self) -> list[CloudWatchMetric]:
        """What the filters of the log groups forward, and those of the same name in other log groups."""
        listed = self._metrics.listed("AWS/Logs", "ForwardedLogEvents")
        ours = {one.dimensions.get("FilterName") for one in listed if self._is_ours(one)}
        return [one for one in listed if one.dimensions.get("FilterName") in ours]

    def _is_ours(self, metric: CloudWatchMetric) -> bool:
        return metric.dimensions.get("LogGroupName") in self._log_groups


def _delivered_through(found: _Metrics) -> datetime | None:
    """What arrived in the stream before is delivered, by Firehose's two metrics together: what it had read by
    then is delivered, and so far it had read.
    """
    if not found.freshness:
        return None
    time, age_seconds = max(found.freshness)
    return _read_by(found.behind, time - timedelta(seconds=age_seconds))


def _read_by(behind: Iterable[Point], time: datetime) -> datetime | None:
    """What arrived in the stream before was read by Firehose at a time; None: nothing is known.

    The value of a period is true at some moment in it, so that only periods count that were over.
    """
    latest = time - PERIOD
    read = [begin - timedelta(milliseconds=value) for begin, value in behind if begin <= latest]
    return max(read, default=None)
