"""The time of a soak. It passes when the meter waits, and not while this machine computes.

One thread, the driver, moves time on: by the script, and by what it waits for itself. Jobs are threads that
wait for that time. Before time moves on, every job has finished or waits, so that a soak takes the same
course on a fast machine and on a busy one.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta


class SoakClock:
    """Seconds since the start, at most `speed` times as fast as real ones (None: as fast as can be)."""

    def __init__(self, start: datetime, speed: float | None = None) -> None:
        """`start` is aware and UTC. Whoever makes a clock is its driver."""
        self.start = start
        self.seconds = 0.0
        self.next_due = float("inf")
        """The next time at which :attr:`on_due` is to be called."""
        self.on_due: Callable[[], None] = lambda: None
        """Called in the driver when :attr:`next_due` is reached, however time is moved; it sets the next."""
        self._skipped = timedelta(0)
        self._speed = speed
        self._began = time.monotonic()
        self._driver = threading.get_ident()
        self._jobs: set[int] = set()
        self._changed = threading.Condition()
        self._busy = 0
        self._sleepers: list[float] = []

    def now(self) -> datetime:
        """The time (aware, UTC)."""
        return self.start + self._skipped + timedelta(seconds=self.seconds)

    def skip(self, time: timedelta) -> None:
        """Let the calendar go on while no second passes: nobody waits less for it. By the driver only."""
        self._skipped += time

    def monotonic(self) -> float:
        """The seconds since the start, as a function."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Wait: the driver moves time on, a job waits for it, and threads of neither go on at once."""
        me = threading.get_ident()
        if me == self._driver:
            self.advance(self.seconds + seconds)
        elif me in self._jobs:
            self._await(self.seconds + seconds)

    def advance(self, until: float) -> None:
        """Move time on to a second since the start; to one that has passed, not at all. By the driver
        only.
        """
        while (stop := min(self.next_due, *self._sleepers, until)) < until or stop == self.next_due:
            self._move(stop)
            if stop == self.next_due:
                self.on_due()
        self._move(until)

    def begin(self, work: Callable[[], None]) -> None:
        """Begin a job, and let it run until it waits. By the driver only."""
        with self._changed:
            self._busy += 1
        threading.Thread(target=self._run, args=[work], name="soak-job", daemon=True).start()
        self._settle()

    @property
    def has_jobs(self) -> bool:
        """Whether a job is not finished."""
        return bool(self._jobs)

    def _run(self, work: Callable[[], None]) -> None:
        me = threading.get_ident()
        self._jobs.add(me)
        try:
            work()
        finally:
            self._jobs.discard(me)
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _await(self, until: float) -> None:
        with self._changed:
            self._sleepers.append(until)
            self._busy -= 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: until <= self.seconds)

    def _move(self, to: float) -> None:
        if self._speed is not None:
            time.sleep(max(0.0, self._began + to / self._speed - time.monotonic()))
        with self._changed:
            self.seconds = max(self.seconds, to)
            awake = [until for until in self._sleepers if until <= self.seconds]
            self._sleepers = [until for until in self._sleepers if until > self.seconds]
            self._busy += len(awake)
            self._changed.notify_all()
        self._settle()

    def _settle(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._busy == 0)
