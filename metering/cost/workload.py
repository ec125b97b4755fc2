"""The traffic that is to be metered, and the settings of the meter that decide what it costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

SECONDS_OF_MONTH: Final = 730 * 3600
"""AWS reckons a month as 730 hours."""

_ENVELOPE_BYTES: Final = 400
_FIRST_LINES_BYTES: Final = 300
_COMPRESSED_SHARE: Final = 0.163
"""A delivery's size, measured with lines of 510 bytes: 400 bytes for the envelope, 0.163 of each line, and
300 more until gzip has seen the first few lines.
"""

_MOST_LINES: Final = 500
_LOG_STREAMS: Final = 2


@dataclass(frozen=True, slots=True)
class Workload:
    """Calls, who makes them, and how they are counted. Rates are means unless they say otherwise."""

    calls_per_month: int
    keys: int
    """API keys that make calls in a month."""
    window_seconds: int = 5
    """BatchingWindowSeconds."""
    line_bytes: int = 600
    """An access-log line with the fields that the template exports."""
    peak: float = 3.0
    """The busiest hour's rate over the mean. Throughput is sized for it; money is reckoned with the mean."""
    tail: float = 1.1
    """The key of rank r makes 1 / r^tail of the calls; 0 makes all keys alike."""
    calls_per_delivery: float | None = None
    """How many lines CloudWatch Logs puts into one record; None: those of half a second, 500 at most."""
    shards: int | None = None
    """None: as many as the peak needs."""
    is_on_demand: bool = False
    """StreamMode."""
    lanes: int | None = None
    """LedgerLanes; None: what costs least."""
    slot_seconds: int = 5
    """LedgerSlotSeconds."""
    retention_hours: int = 24
    """StreamRetentionHours."""
    monitors_fully: bool = False
    """Monitoring is full."""
    is_traced: bool = False
    """Tracing is active."""
    encrypts_topics: bool = False
    """EncryptTopics is yes."""
    write_concurrency: int = 8
    """WriteConcurrency."""
    lake_buffer_seconds: int = 300
    """LakeBufferSeconds."""
    months_kept: int = 12
    """For how many months the counters and the lake have been filling."""

    def __post_init__(self) -> None:
        """Raises ValueError, naming the value: nothing can be estimated with it."""
        for name in (
            "calls_per_month",
            "keys",
            "window_seconds",
            "line_bytes",
            "slot_seconds",
            "months_kept",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be 1 or more")
        for name in ("shards", "lanes", "calls_per_delivery"):
            if getattr(self, name) is not None and getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be 1 or more")
        if self.peak < 1:
            raise ValueError(f"peak is {self.peak}: the busiest hour has at least the mean rate")
        if self.tail < 0:
            raise ValueError(f"tail is {self.tail}: it must be 0 or more")

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls_per_month / SECONDS_OF_MONTH

    @property
    def lines_per_delivery(self) -> float:
        """Lines in one record of the stream."""
        if self.calls_per_delivery is not None:
            return self.calls_per_delivery
        return min(max(1.0, self.rate / _LOG_STREAMS), float(_MOST_LINES))

    @property
    def deliveries_per_second(self) -> float:
        """Records that CloudWatch Logs puts into the stream."""
        return self.rate / self.lines_per_delivery

    @property
    def delivery_bytes(self) -> float:
        """The size of one record."""
        lines = self.lines_per_delivery
        first_lines = _FIRST_LINES_BYTES * (1 - 1 / lines)
        return _ENVELOPE_BYTES + first_lines + _COMPRESSED_SHARE * self.line_bytes * lines

    def at_peak(self) -> Self:
        """The traffic as if every hour were the busiest."""
        return replace(self, calls_per_month=round(self.calls_per_month * self.peak), peak=1.0)

    def part(self, count: int) -> Self:
        """The traffic of one of `count` meters that share it; each meets all of the keys."""
        return replace(self, calls_per_month=max(1, self.calls_per_month // count))
