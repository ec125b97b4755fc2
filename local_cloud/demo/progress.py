"""How far the demo is, for whoever watches it from another thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from local_cloud.demo.busiest import BusiestKeys
from local_cloud.demo.flow import Flow, Freshness
from local_cloud.firehose.delivery_stream import FirehoseDelivery
from local_cloud.lambda_.event_source_mapping import MappingInvocation
from local_cloud.pipeline import Listeners
from local_cloud.playback.player import Played
from stream_processor.processor import BatchReport

_BUSIEST = 5

_HOPELESS_FAILURES = 20
"""Invocations in a row that process nothing: far more than faults would cause."""


class StuckError(Exception):
    """The function cannot work, however often it is invoked. The text has its last failure."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at one moment. `total` is the number of log events that will be sent."""

    phase: str
    seconds: float
    total: int
    sent: int
    counted: int
    landed: int
    """Rows in the lake: under faults an event may have several."""
    log_time: datetime | None
    freshness: Freshness
    busiest: Sequence[tuple[str, int]]
    faults: Mapping[str, int]


class DemoProgress:
    """Written by the demo's threads, read by a view. Each number has one writer."""

    def __init__(self, total: int, now: Callable[[], float] = time.monotonic) -> None:
        self.phase = "starting"
        self.flow = Flow(now)
        self.faults: Callable[[], Mapping[str, int]] = dict
        self._total = total
        self._now = now
        self._began = now()
        self._played: Played | None = None
        self._landed = 0
        self._busiest = BusiestKeys()
        self._failures_in_a_row = 0

    @property
    def seconds(self) -> float:
        """Since the demo began."""
        return self._now() - self._began

    @property
    def sent(self) -> int:
        """Log events that CloudWatch Logs took."""
        return 0 if self._played is None else self._played.log_events

    @property
    def listeners(self) -> Listeners:
        """What the functions report."""
        return Listeners(self._on_batch, self._on_invocation, self._on_delivered)

    def note_sent(self, played: Played) -> None:
        """The player has come so far."""
        self._played = played

    def snapshot(self) -> Snapshot:
        """All of it at this moment."""
        return Snapshot(
            phase=self.phase,
            seconds=self.seconds,
            total=self._total,
            sent=self.sent,
            counted=self.flow.counted,
            landed=self._landed,
            log_time=None if self._played is None else self._played.log_time,
            freshness=self.flow.freshness(),
            busiest=self._busiest.top(_BUSIEST),
            faults=self.faults(),
        )

    def _on_batch(self, report: BatchReport) -> None:
        self._busiest.note(report.totals)

    def _on_invocation(self, invocation: MappingInvocation) -> None:
        self.flow.settle(record.data for record in invocation.processed)
        self._failures_in_a_row = 0 if invocation.processed else self._failures_in_a_row + 1
        if self._failures_in_a_row >= _HOPELESS_FAILURES:
            raise StuckError(f"the stream processor fails again and again: {invocation.answer}")

    def _on_delivered(self, delivery: FirehoseDelivery) -> None:
        self._landed += delivery.rows
