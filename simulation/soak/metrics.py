"""Metrics as CloudWatch keeps them: those that functions write to their logs, and those that AWS measures of
what they do.
"""

from __future__ import annotations

import io
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple, TextIO

from local_cloud.alarm_states import STATISTICS
from local_cloud.log_metrics import metrics_in

MINUTE = 60


class NamedMetric(NamedTuple):
    """A metric by its names."""

    namespace: str
    name: str
    dimension: tuple[str, str]


class MetricStore:
    """The values of each metric, minute by minute. For any number of threads."""

    def __init__(self, seconds: Callable[[], float]) -> None:
        """`seconds` is the time, in seconds since the first minute began."""
        self._seconds = seconds
        self._values: defaultdict[NamedMetric, defaultdict[int, list[float]]] = defaultdict(
            lambda: defaultdict(list)
        )
        self._lock = threading.Lock()

    def put(self, metric: NamedMetric, value: float) -> None:
        """Keep a value of now."""
        minute = int(self._seconds() // MINUTE)
        with self._lock:
            self._values[metric][minute].append(value)

    def statistic(self, metric: NamedMetric, name: str, first: int, last: int) -> float | None:
        """A statistic over minutes, from `first` to `last`; None: no data."""
        with self._lock:
            minutes: Mapping[int, list[float]] = self._values.get(metric, {})
            values = [value for minute in range(first, last + 1) for value in minutes.get(minute, ())]
        return STATISTICS[name](values) if values else None

    def sums(self, minute: int) -> Mapping[NamedMetric, float]:
        """What each metric had in a minute, added up."""
        with self._lock:
            return {one: sum(minutes[minute]) for one, minutes in self._values.items() if minute in minutes}

    def read_log(self, line: str) -> None:
        """Keep the metrics that a line of a function's log holds."""
        for datum in metrics_in(line):
            self.put(NamedMetric(datum.namespace, datum.name, ("service", datum.service)), datum.value)


class _Log(io.TextIOBase):
    """What functions print: lines with metrics go to a reader, others to the real output."""

    def __init__(self, real: TextIO, on_metrics: Callable[[str], None]) -> None:
        self._real = real
        self._on_metrics = on_metrics
        self._begun = threading.local()

    def write(self, text: str) -> int:
        """Take text; whole lines are handed on."""
        *lines, rest = (getattr(self._begun, "text", "") + text).split("\n")
        self._begun.text = rest
        for line in lines:
            if line.startswith('{"_aws"'):
                self._on_metrics(line)
            else:
                self._real.write(f"{line}\n")
        return len(text)

    def flush(self) -> None:
        """Flush the real output."""
        self._real.flush()


@contextmanager
def metrics_read_from_output(store: MetricStore) -> Iterator[None]:
    """While this lasts, what functions print as metrics goes into a store instead of onto the screen."""
    real = sys.stdout
    sys.stdout = _Log(real, store.read_log)
    try:
        yield
    finally:
        sys.stdout = real
