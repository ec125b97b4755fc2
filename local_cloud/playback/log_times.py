"""When each line of an access log was written.

The log event's time is the latest call so far (lines are out of order by seconds). A line whose own time
cannot be read, or that no later line confirms, must not move that: it takes the time that the log has
reached.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median_high

from metering.calls.access_log import time_of
from metering.calls.doubts import read_fields
from metering.errors import Malformed
from metering.line_format.field_map import DEFAULT_FIELDS

_EARLIEST = int(datetime(2015, 7, 9, tzinfo=UTC).timestamp() * 1000)
"""API Gateway's first day: no access log is older."""
_LATEST = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp() * 1000)
_DAY = int(timedelta(days=1).total_seconds() * 1000)
_LOOKAHEAD_LINES = 5
_LONGEST_WAIT_LINES = 10_000


@dataclass(frozen=True, slots=True)
class TimedLine:
    """A line and when it was written, in epoch milliseconds."""

    timestamp: int
    message: str


def log_events(lines: Iterable[str], now: datetime) -> Iterator[TimedLine]:
    """The lines as log events, in their order.

    Lines before the first readable time take that time; ``now`` serves a log in which none is found early on.
    Timestamps never decrease.
    """
    reached: int | None = None
    waiting: list[str] = []
    for line, own_time in _plausible_times(lines):
        if own_time is not None:
            reached = max(reached or own_time, own_time)
        waiting.append(line)
        if reached is not None or len(waiting) >= _LONGEST_WAIT_LINES:
            yield from _at(waiting, reached, now)
            waiting.clear()
    yield from _at(waiting, reached, now)


def call_time(line: str) -> int | None:
    """The call's own time in epoch milliseconds, if the line has one that an access log can have."""
    try:
        time = time_of(read_fields(line, DEFAULT_FIELDS)) or 0
    except Malformed:
        return None
    return next((ms for ms in (time, time * 1000) if _EARLIEST <= ms < _LATEST), None)


def _at(lines: Iterable[str], reached: int | None, now: datetime) -> Iterator[TimedLine]:
    timestamp = int(now.timestamp() * 1000) if reached is None else reached
    return (TimedLine(timestamp, line) for line in lines)


def _plausible_times(lines: Iterable[str]) -> Iterator[tuple[str, int | None]]:
    """Each line with its time, without those that lie a day or more after the lines that follow.

    A log goes on from where it is, so a time is right if the next lines confirm it; a time too early moves
    nothing.
    """
    window: deque[tuple[str, int | None]] = deque()
    for line in lines:
        window.append((line, call_time(line)))
        if len(window) > _LOOKAHEAD_LINES:
            yield _confirmed(window)
    while window:
        yield _confirmed(window)


def _confirmed(window: deque[tuple[str, int | None]]) -> tuple[str, int | None]:
    line, own_time = window.popleft()
    following = [time for _, time in window if time is not None]
    if own_time is not None and following and own_time >= median_high(following) + _DAY:
        return line, None
    return line, own_time
