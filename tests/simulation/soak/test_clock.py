"""Time that passes only when somebody waits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from simulation.soak.clock import SoakClock

START = datetime(2026, 10, 1, tzinfo=UTC)


def test_the_driver_moves_time() -> None:
    """By what it waits; what is due on the way happens at its time."""
    clock, seen = SoakClock(START), []

    def on_due() -> None:
        seen.append(clock.seconds)
        clock.next_due += 20

    clock.next_due, clock.on_due = 10.0, on_due
    clock.sleep(35)
    clock.advance(30)  # has passed
    assert ([10.0, 30.0], START + timedelta(seconds=35)) == (seen, clock.now())


def test_jobs_wait_for_it() -> None:
    """And are done with what they do at a time before it moves on, however long that takes."""
    clock, seen = SoakClock(START), []

    def work() -> None:
        for _ in range(3):
            clock.sleep(60)
            seen.append(clock.seconds)

    clock.begin(work)
    clock.advance(130)
    assert ([60.0, 120.0], True) == (seen, clock.has_jobs)
    clock.advance(500)
    assert ([60.0, 120.0, 180.0], False) == (seen, clock.has_jobs)


def test_the_calendar_goes_on() -> None:
    """While no second passes: what waits is not woken by it."""
    clock, seen = SoakClock(START), []

    def work() -> None:
        clock.sleep(60)
        seen.append(clock.now())

    clock.begin(work)
    clock.skip(timedelta(days=62))
    assert (START + timedelta(days=62), 0.0, []) == (clock.now(), clock.seconds, seen)
    clock.advance(60)
    assert [START + timedelta(days=62, minutes=1)] == seen
