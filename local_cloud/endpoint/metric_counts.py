"""What services count of their own, minute by minute, until CloudWatch gets it."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

_MOST_AT_ONCE: Final = 500
"""https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html"""


class _Counted(NamedTuple):
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...]
    minute: datetime


class MetricCounts:
    """Counts since they were last sent. Safe for threads."""

    def __init__(self, client: Callable[[str], Any], now: Callable[[], datetime]) -> None:
        """`client` gives the boto3 client of a service, `now` the time of what is counted."""
        self._client = client
        self._now = now
        self._lock = threading.Lock()
        self._counts: Counter[_Counted] = Counter()

    def add(self, namespace: str, name: str, dimensions: Mapping[str, str], count: int) -> None:
        """Count so many now."""
        minute = self._now().replace(second=0, microsecond=0)
        with self._lock:
            self._counts[_Counted(namespace, name, tuple(dimensions.items()), minute)] += count

    def send(self) -> None:
        """Put all that was counted into CloudWatch. Not from within a request to the endpoint."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        for namespace in {counted.namespace for counted in counts}:
            data = [_datum(one, count) for one, count in counts.items() if one.namespace == namespace]
            for start in range(0, len(data), _MOST_AT_ONCE):
                self._client("cloudwatch").put_metric_data(
                    Namespace=namespace, MetricData=data[start : start + _MOST_AT_ONCE]
                )


def _datum(counted: _Counted, count: int) -> dict[str, Any]:
    return {
        "MetricName": counted.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in counted.dimensions],
        "Timestamp": counted.minute,
        "Value": float(count),
        "Unit": "Count",
    }
