"""Log events on their way from the log group into the counters: how many, and for how long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from metering.calls.delivery import read_delivery
from metering.errors import Undecodable

Ages = list[tuple[float, int]]
"""How long deliveries took, in seconds, each with its number of log events."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """Milliseconds from the put of a log event into the log group until it was counted: percentiles."""

    p50: int
    p99: int


class Flow:
    """Follows each delivery from its PutLogEvents request to the end of the invocation that counted it.

    Copies that faults put into the stream are not followed: a log event is counted when its own delivery is
    settled, or earlier.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.delivered = 0
        self.counted = 0
        self._now = now
        self._put_at = now()
        self._waiting: dict[bytes, tuple[float, int]] = {}
        self._ages: Ages = []
        self._changed = threading.Condition()

    def put_begins(self) -> None:
        """A PutLogEvents request is about to be sent; its deliveries come before the next one."""
        self._put_at = self._now()

    def deliver(self, data: bytes) -> None:
        """A delivery was put into the stream."""
        events = _log_events(data)
        with self._changed:
            self.delivered += events
            self._waiting[data] = (self._put_at, events)

    def settle(self, deliveries: Iterable[bytes]) -> None:
        """An invocation has counted these deliveries, and perhaps others."""
        moment = self._now()
        with self._changed:
            for data in deliveries:
                put_at, events = self._waiting.pop(data, (moment, 0))
                if events:
                    self.counted += events
                    self._ages.append((moment - put_at, events))
            self._changed.notify_all()

    @property
    def in_flight(self) -> int:
        """Log events that are delivered and not known to be counted."""
        return self.delivered - self.counted

    def await_room(self, most: int, timeout: float) -> bool:
        """Wait until at most so many log events are in flight: whether that came within `timeout` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self.in_flight <= most, timeout)

    def freshness(self) -> Freshness:
        """Over all log events that were counted so far; 0 without any."""
        with self._changed:
            ages = sorted(self._ages)
        return Freshness(_percentile(ages, 0.5), _percentile(ages, 0.99))


def _percentile(ages: Ages, share: float) -> int:
    """The age in milliseconds that this share of the log events did not exceed (nearest rank)."""
    wanted = share * sum(events for _, events in ages)
    seen = 0
    for age, events in ages:
        seen += events
        if seen >= wanted:
            return round(age * 1000)
    return 0


def _log_events(data: bytes) -> int:
    try:
        return len(read_delivery(data, "", 0).events)
    except Undecodable:
        return 0
