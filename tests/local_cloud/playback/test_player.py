"""An access log is played into CloudWatch Logs."""

from __future__ import annotations

import gzip
import itertools
import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.playback.clock import LogClock
from local_cloud.playback.log_times import TimedLine
from local_cloud.playback.player import (
    MAX_BYTES,
    AccessLogPlayer,
    LogEventsRejectedError,
    Pace,
    read_lines,
    requests,
)

if TYPE_CHECKING:
    from types_boto3_logs import CloudWatchLogsClient

START = datetime(2026, 10, 31, 23, 0, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)


def lines(count: int, seconds_apart: float = 1) -> list[str]:
    """Calls at regular times."""
    return [
        json.dumps({"n": i, "requestTimeEpoch": str(START_MS + int(i * seconds_apart * 1000))})
        for i in range(count)
    ]


def test_a_log_is_read_as_it_stands(tmp_path: Path) -> None:
    """Plain or gzip, by content and not by name; only empty lines are left out, only line ends are cut."""
    content = b'{"a":1}\r\nplain \xff\n\n  \n-\n"\xe2\x80\xa8"\n\x00\nlast'
    expected = ['{"a":1}', "plain \ufffd", "  ", "-", '"\u2028"', "\x00", "last"]
    plain, packed, misnamed = (tmp_path / name for name in ("log.jsonl", "log.jsonl.gz", "log.txt"))
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    misnamed.write_bytes(gzip.compress(content))

    for path in (plain, packed, misnamed):
        assert expected == list(read_lines(path))


def test_an_empty_log_has_no_lines(tmp_path: Path) -> None:
    """Neither plain nor packed."""
    (tmp_path / "a").write_bytes(b"")
    (tmp_path / "b").write_bytes(gzip.compress(b""))

    assert [] == [*read_lines(tmp_path / "a"), *read_lines(tmp_path / "b")]


def test_requests_hold_some_tens_of_events_and_lose_none() -> None:
    """The size of a delivery varies, by the seed alone."""
    events = [TimedLine(START_MS + i, str(i)) for i in range(5000)]

    grouped = list(requests(events, random.Random(7)))

    assert events == list(itertools.chain.from_iterable(grouped))
    assert grouped == list(requests(events, random.Random(7)))
    assert 15 < len(events) / len(grouped) < 60
    assert len({len(group) for group in grouped}) > 10


def test_requests_keep_the_limits_of_the_api() -> None:
    """1 MiB with 26 bytes an event, 24 hours; a line beyond all limits is cut to what fits."""
    events = [TimedLine(START_MS, "x" * 300_000) for _ in range(10)]
    events += [TimedLine(START_MS + hours * 3_600_000, "y") for hours in range(0, 100, 7)]
    events += [TimedLine(START_MS + 400_000_000, "ü" * MAX_BYTES)]

    grouped = list(requests(events, random.Random(1), mean=1000))

    for group in grouped:
        assert sum(len(event.message.encode()) + 26 for event in group) <= MAX_BYTES
        assert group[-1].timestamp - group[0].timestamp < 24 * 3_600_000
    assert len(events) == sum(map(len, grouped))
    assert "ü" * ((MAX_BYTES - 26) // 2) == grouped[-1][-1].message


class Target:
    """A log group of a local cloud that keeps its events."""

    def __init__(self, endpoint: LocalEndpoint) -> None:
        self.clock = endpoint.clock
        self.logs = endpoint.client("logs")
        self.name = "access-log"
        self.logs.create_log_group(logGroupName=self.name)

    @property
    def streams(self) -> list[str]:
        """The names of its log streams."""
        listed = self.logs.describe_log_streams(logGroupName=self.name)["logStreams"]
        return [stream["logStreamName"] for stream in listed]

    @property
    def events(self) -> list[dict[str, Any]]:
        """Everything that was written."""
        return [
            event
            for stream in self.streams
            for event in self.logs.get_log_events(
                logGroupName=self.name, logStreamName=stream, startFromHead=True
            )["events"]
        ]


def test_an_old_log_is_written_whole_over_several_streams() -> None:
    """Every line is a log event at the time at which it was written; the clock has followed."""
    played = [*lines(500, seconds_apart=300), "garbage"]
    with LocalEndpoint() as endpoint:
        target = Target(endpoint)
        progress = list(AccessLogPlayer(target.logs, target.clock, target.name).play(played))
        events = target.events
        streams = target.streams

    assert sorted(played) == sorted(event["message"] for event in events)
    by_message = {event["message"]: event["timestamp"] for event in events}
    assert START_MS + 3_000_000 == by_message[played[10]]
    assert START_MS + 499 * 300_000 == by_message["garbage"]
    assert 4 == len(streams)
    assert (501, START + timedelta(seconds=499 * 300)) == (progress[-1].log_events, progress[-1].log_time)
    assert target.clock.now() == progress[-1].log_time
    assert [p.requests for p in progress] == list(range(1, len(progress) + 1))


def test_a_pace_holds_the_log_to_its_own_time() -> None:
    """Sixty times as fast, an hour takes a minute; what is late is not waited for."""
    slept: list[float] = []
    time = 1000.0

    def sleep(seconds: float) -> None:
        nonlocal time
        slept.append(seconds)
        time += seconds

    pace = Pace(60, sleep, lambda: time)
    pace.wait_for(START)
    pace.wait_for(START + timedelta(hours=1))
    time += 90
    pace.wait_for(START + timedelta(hours=2))
    pace.wait_for(START + timedelta(hours=3))

    assert [60, 30] == slept


@pytest.mark.parametrize("speed", [0, -1, float("nan")])
def test_a_speed_that_never_arrives_is_refused(speed: float) -> None:
    """Instead of sleeping for ever."""
    with pytest.raises(ValueError, match="above 0"):
        Pace(speed)


def test_a_refused_event_stops_the_player() -> None:
    """A log that is not played whole must not look as if it was."""

    class Refusing:
        """CloudWatch Logs that finds every event too old."""

        def describe_log_streams(self, **_: Any) -> Any:
            """None yet."""
            return {"logStreams": []}

        def create_log_stream(self, **_: Any) -> None:
            """Nothing to keep."""

        def put_log_events(self, **_: Any) -> Any:
            """Too old."""
            return {"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 0}}

    player = AccessLogPlayer(cast("CloudWatchLogsClient", Refusing()), LogClock(), "access-log")

    with pytest.raises(LogEventsRejectedError, match="tooOldLogEventEndIndex"):
        list(player.play(lines(1)))
