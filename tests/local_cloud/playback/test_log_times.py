"""When the lines of an access log were written."""

import json
import random
from datetime import UTC, datetime, timedelta

import pytest

from local_cloud.playback.log_times import log_events

NOW = datetime(2030, 1, 1, tzinfo=UTC)
START = int(datetime(2026, 10, 31, 23, 59, tzinfo=UTC).timestamp() * 1000)
DAY = int(timedelta(days=1).total_seconds() * 1000)


def line(time: object) -> str:
    """A line with that time."""
    return json.dumps({"requestTimeEpoch": time})


def written(lines: list[str]) -> list[int]:
    """The timestamps of the lines' log events, which are all there and in order."""
    events = list(log_events(lines, NOW))
    assert lines == [event.message for event in events]
    return [event.timestamp for event in events]


def test_a_line_is_written_at_the_latest_call_so_far() -> None:
    """Calls end out of order; the log's own time never goes back."""
    times = [START, START + 5000, START + 2000, START + 5000, START + 9000, START - 60_000]

    assert [START, *[START + 5000] * 3, *[START + 9000] * 2] == written([line(str(time)) for time in times])


@pytest.mark.parametrize(
    "bad",
    [
        "plain text",
        "[]",
        "-",
        "[" * 10_000,
        "\x00",
        "{}",
        line("-"),
        line(None),
        line([]),
        line("9" * 400),
        line("1e309"),
        line(str(START // 1000)),
        line("0"),
        line("253370764800000"),
        line(str(START + 400 * DAY)),
        line(str(START - 400 * DAY)),
    ],
)
@pytest.mark.parametrize("place", [0, 1, 10, 19, 20])
def test_a_bad_line_takes_the_logs_time_and_moves_it_for_no_other(bad: str, place: int) -> None:
    """Unreadable, in seconds, of 1970 or 9999, a year off: wherever it stands, the others keep theirs."""
    good = [line(str(START + i * 1000)) for i in range(20)]
    lines = [*good[:place], bad, *good[place:]]
    times = written(lines)

    del times[place]
    assert all(abs(time - START - i * 1000) <= 1000 for i, time in enumerate(times))


def test_two_lines_ahead_of_the_log_do_not_move_it() -> None:
    """Wrong clocks come in pairs too."""
    wrong = line(str(START + 30 * DAY))

    assert [START, START, START, *[START + i for i in range(10)]] == written(
        [line(str(START)), wrong, wrong, *[line(str(START + i)) for i in range(10)]]
    )


@pytest.mark.parametrize("gap_days", [2, 10, 100])
def test_a_quiet_log_keeps_its_times(gap_days: int) -> None:
    """Calls days apart are no outliers: not in the middle, and not at the ends."""
    for count in (1, 2, 3, 12):
        times = [START + i * gap_days * DAY for i in range(count)]

        assert times == written([line(str(time)) for time in times])


def test_a_burst_after_a_long_pause_keeps_its_times() -> None:
    """A gap between two busy hours is where the log went on."""
    times = [START + i * 1000 for i in range(30)] + [START + 30 * DAY + i * 1000 for i in range(30)]

    assert times == written([line(str(time)) for time in times])


def test_unreadable_lines_at_the_start_wait_for_the_first_time() -> None:
    """They must not be written "now", or every call of an old log would be a day off."""
    assert [START] * 31 == written(["garbage"] * 30 + [line(str(START))])


def test_a_log_without_any_time_is_written_now() -> None:
    """Something has to be its time."""
    assert {int(NOW.timestamp() * 1000)} == set(written(["garbage"] * 3))
    assert [] == written([])


def test_endless_garbage_does_not_pile_up() -> None:
    """The wait for the first time is bounded: memory does not grow with the log."""
    events = log_events(("garbage" for _ in iter(int, 1)), NOW)

    assert "garbage" == next(events).message


@pytest.mark.parametrize("seed", range(20))
def test_disorder_within_seconds_is_never_an_outlier(seed: int) -> None:
    """Each log event is at most the disorder away from its call."""
    chance = random.Random(seed)
    times = sorted(
        (START + chance.randrange(5 * DAY) for _ in range(300)),
        key=lambda time: time + chance.randrange(60_000),
    )

    stamps = written([line(str(time)) for time in times])

    assert stamps == sorted(stamps)
    assert all(0 <= stamp - time <= 60_000 for stamp, time in zip(stamps, times, strict=True))
