"""Plays an access log into CloudWatch Logs as API Gateway would have written it."""

from __future__ import annotations

import gzip
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from local_cloud.playback.clock import LogClock
from local_cloud.playback.log_times import TimedLine, log_events

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

MAX_EVENTS = 10_000
MAX_BYTES = 1_048_576
EVENT_OVERHEAD_BYTES = 26
"""Limits of https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html ."""
MAX_SPAN = timedelta(hours=24)

_MEAN_LINES = 30
_MOST_LINES = 200
_LOG_STREAMS = 4


class LogEventsRejectedError(Exception):
    """CloudWatch Logs did not take every event of a request, so that the log would not be played whole."""


@dataclass(frozen=True, slots=True)
class Played:
    """How far a log has been played: log events written so far, PutLogEvents requests, and the log's own
    time.
    """

    log_events: int
    requests: int
    log_time: datetime


def read_lines(path: Path) -> Iterator[str]:
    """The lines of an access log, plain or gzip, as they are; bytes that are no UTF-8 become U+FFFD.

    Empty lines are left out: CloudWatch Logs has no empty event.
    """
    with path.open("rb") as file:
        is_gzip = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        for line in gzip.GzipFile(fileobj=file) if is_gzip else file:
            text = line.decode("utf-8", errors="replace").rstrip("\r\n")
            if text:
                yield text


def requests(
    events: Iterable[TimedLine], shuffle: random.Random, mean: int = _MEAN_LINES
) -> Iterator[list[TimedLine]]:
    """Group log events into PutLogEvents requests: some tens each, at random, within the limits of the API.

    A line too long for a request is cut to what fits.
    """
    group: list[TimedLine] = []
    size = 0
    wanted = _group_length(shuffle, mean)
    for event in map(_fitting, events):
        event_size = _size(event)
        if group and (len(group) >= wanted or size + event_size > MAX_BYTES or _too_far(group[0], event)):
            yield group
            group, size, wanted = [], 0, _group_length(shuffle, mean)
        group.append(event)
        size += event_size
    if group:
        yield group


class Pace:
    """Holds a log to its own pace, ``speed`` times as fast."""

    def __init__(
        self,
        speed: float,
        sleep: Callable[[float], None] = time.sleep,
        elapsed: Callable[[], float] = time.monotonic,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"the speed is {speed}: it must be above 0")
        self._speed = speed
        self._sleep = sleep
        self._elapsed = elapsed
        self._start: tuple[datetime, float] | None = None

    def wait_for(self, log_time: datetime) -> None:
        """Sleep until the log has reached ``log_time``; its first time is reached at once."""
        now = self._elapsed()
        first_time, began = self._start = self._start or (log_time, now)
        due = began + (log_time - first_time).total_seconds() / self._speed
        if due > now:
            self._sleep(due - now)


class AccessLogPlayer:
    """Writes lines to a log group, spread over several log streams, and moves the local cloud's clock with
    them.
    """

    def __init__(  # noqa: PLR0913 - where to write, and how
        self,
        logs: CloudWatchLogsClient,
        clock: LogClock,
        log_group: str,
        *,
        seed: int = 1,
        mean_lines: int = _MEAN_LINES,
        on_calls: Callable[[Iterable[str]], None] = lambda _lines: None,
    ) -> None:
        """Write to ``log_group``; requests hold ``mean_lines`` lines on average, as ``seed`` draws them.
        ``on_calls`` is called with the lines of each request before it is sent.
        """
        self._on_calls = on_calls
        self._logs = logs
        self._clock = clock
        self._log_group = log_group
        self._random = random.Random(seed)
        self._mean_lines = mean_lines
        self._log_streams = [f"{self._random.getrandbits(128):032x}" for _ in range(_LOG_STREAMS)]

    def play(self, lines: Iterable[str], pace: Pace | None = None) -> Iterator[Played]:
        """Write the lines, and say after each request how far it is; as fast as possible without a ``pace``.

        Raises:
            LogEventsRejectedError: an event was refused.
        """
        self._create_log_streams()
        written = 0
        events = log_events(lines, self._clock.now())
        for number, group in enumerate(requests(events, self._random, self._mean_lines), start=1):
            log_time = datetime.fromtimestamp(group[-1].timestamp / 1000, UTC)
            if pace is not None:
                pace.wait_for(log_time)
            self._clock.follow(log_time)
            self._on_calls(event.message for event in group)
            self._put(group)
            written += len(group)
            yield Played(written, number, log_time)

    def _create_log_streams(self) -> None:
        listed = self._logs.describe_log_streams(logGroupName=self._log_group)["logStreams"]
        existing = {stream["logStreamName"] for stream in listed}
        for name in self._log_streams:
            if name not in existing:
                self._logs.create_log_stream(logGroupName=self._log_group, logStreamName=name)

    def _put(self, group: list[TimedLine]) -> None:
        answer = self._logs.put_log_events(
            logGroupName=self._log_group,
            logStreamName=self._random.choice(self._log_streams),
            logEvents=[{"timestamp": event.timestamp, "message": event.message} for event in group],
        )
        if answer.get("rejectedLogEventsInfo"):
            raise LogEventsRejectedError(
                f"{self._log_group} refused events: {answer['rejectedLogEventsInfo']}"
            )


def _group_length(shuffle: random.Random, mean: int) -> int:
    return min(1 + int(shuffle.expovariate(1 / mean)), _MOST_LINES, MAX_EVENTS)


def _too_far(first: TimedLine, event: TimedLine) -> bool:
    return not 0 <= event.timestamp - first.timestamp < MAX_SPAN.total_seconds() * 1000


def _size(event: TimedLine) -> int:
    return len(event.message.encode("utf-8", errors="replace")) + EVENT_OVERHEAD_BYTES


def _fitting(event: TimedLine) -> TimedLine:
    longest = MAX_BYTES - EVENT_OVERHEAD_BYTES
    encoded = event.message.encode("utf-8", errors="replace")
    if len(encoded) <= longest:
        return event
    return TimedLine(event.timestamp, encoded[:longest].decode("utf-8", errors="ignore"))
