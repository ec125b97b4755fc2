"""The demo while it runs."""

import io
import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from rich.console import Console

from cli.local import demo_view
from cli.local.demo_view import Rates, draw, line, watching
from local_cloud.demo.flow import Freshness
from local_cloud.demo.progress import Snapshot

SNAPSHOT = Snapshot(
    phase="playing the log",
    seconds=12.0,
    total=10_000,
    sent=5_000,
    counted=4_500,
    landed=4_000,
    log_time=datetime(2026, 10, 31, 12, tzinfo=UTC),
    freshness=Freshness(2_100, 3_000),
    busiest=[("[red]d0e96b5f16", 482)],
    faults={"crash_after_write": 3},
)
EMPTY = replace(
    SNAPSHOT,
    seconds=0.1,
    sent=0,
    counted=0,
    landed=0,
    log_time=None,
    freshness=Freshness(0, 0),
    busiest=[],
    faults={},
)


def drawn(now: Snapshot, rates: Rates) -> str:
    """The picture as text."""
    screen = Console(file=io.StringIO(), width=110, color_system=None)
    screen.print(draw(now, rates))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue()


def test_a_picture_shows_everything() -> None:
    """What was sent, counted and landed; how fresh; the busiest keys, whatever they are named; the faults."""
    picture = drawn(SNAPSHOT, Rates())

    for part in (
        *("playing the log", "2026-10-31 12:00 UTC", "5,000", "4,500", "4,000", "2.1 s after", "3.0 s (p99)"),
        *("[red]d0e96b5f16", "482", "crash after write", "3"),
    ):
        assert part in picture


def test_a_picture_of_nothing() -> None:
    """Before the first log event is sent."""
    picture = drawn(EMPTY, Rates())

    assert "landed in the lake" in picture
    assert "after the call" not in picture
    assert "busiest" not in picture


def test_a_line_shows_the_same() -> None:
    """For a pipe."""
    assert (
        " 12.0 s  playing the log: sent 5,000 of 10,000, counted 4,500, landed 4,000, "
        "counted after 2.1 s on this machine, faults 3"
    ) == line(SNAPSHOT)
    assert "  0.1 s  playing the log: sent 0 of 10,000, counted 0, landed 0" == line(EMPTY)


def test_rates_are_those_of_the_last_seconds() -> None:
    """What was long ago does not count."""
    rates = Rates()
    assert 0 == rates.of("sent")
    for seconds, sent in ((0.0, 0), (10.0, 1_000), (12.0, 1_400)):
        rates.note(replace(SNAPSHOT, seconds=seconds, sent=sent))

    assert 200 == rates.of("sent")


def test_a_terminal_is_drawn_anew() -> None:
    """And left clean."""
    terminal = {"TERM": "xterm-256color"}
    screen = Console(file=io.StringIO(), force_terminal=True, width=110, _environ=terminal)
    with watching(screen, lambda: SNAPSHOT):
        pass

    assert isinstance(screen.file, io.StringIO)
    assert "playing the log" in screen.file.getvalue()
    assert "\x1b[" in screen.file.getvalue()


def test_a_pipe_gets_a_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until all is done."""
    monkeypatch.setattr(demo_view, "SECONDS_BETWEEN_LINES", 0.01)
    screen = Console(file=io.StringIO(), width=110)
    shown: list[float] = []

    def snapshot() -> Snapshot:
        shown.append(time.monotonic())
        return SNAPSHOT

    with watching(screen, snapshot):
        while len(shown) < 2:
            time.sleep(0.01)

    assert isinstance(screen.file, io.StringIO)
    assert line(SNAPSHOT) == screen.file.getvalue().splitlines()[0]
    assert "\x1b" not in screen.file.getvalue()
