"""What an investigation may take, so that a month which differs everywhere does not cost its report."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

MOST_BYTES: Final = 10**12
"""Bytes of the lake that the queries of an investigation read: about 5 USD.
https://aws.amazon.com/athena/pricing/
"""
MOST_ROWS: Final = 1_000_000
"""Rows of the lake and lines of the log. What is found is no more, and fits into the function's memory."""


class Budget:
    """Time, bytes and rows of one investigation. Nothing new is begun once any of them is spent."""

    def __init__(
        self,
        steady: Callable[[], float] = time.monotonic,
        *,
        most_bytes: int = MOST_BYTES,
        most_rows: int = MOST_ROWS,
    ) -> None:
        """`steady` gives seconds since any start. Until :meth:`ends_in` there is no limit of time."""
        self._steady = steady
        self._most_bytes = most_bytes
        self._most_rows = most_rows
        self._bytes = self._rows = 0
        self._is_under_way = False
        self._end = self._ends_at = float("inf")
        self._parts = 1

    def ends_in(self, seconds: float, parts: int = 1) -> None:
        """All work ends in so many seconds. An investigation that begins before gets one of `parts` parts of
        what is left then.
        """
        self._end, self._parts = self._steady() + seconds, parts

    @contextmanager
    def investigation(self) -> Iterator[None]:
        """An investigation is under way: nothing of its budget is spent at its beginning."""
        now = self._steady()
        self._ends_at = now + max(0.0, self._end - now) / self._parts
        self._bytes = self._rows = 0
        self._is_under_way = True
        try:
            yield
        finally:
            self._is_under_way = False

    def spend(self, *, scanned_bytes: int = 0, rows: int = 0) -> None:
        """So much was read."""
        self._bytes += scanned_bytes
        self._rows += rows

    def seconds_left(self) -> float:
        """For the investigation that is under way; without one, no limit."""
        return max(0.0, self._ends_at - self._steady()) if self._is_under_way else float("inf")

    def is_over(self) -> bool:
        """Whether the time is over."""
        return self.seconds_left() <= 0

    def exhausted(self) -> str:
        """What of it is spent, as a sentence; empty: nothing."""
        if self.is_over():
            return "its time was over"
        if self._bytes >= self._most_bytes:
            return f"its queries had read {self._bytes:,} bytes, of {self._most_bytes:,}"
        if self._rows >= self._most_rows:
            return f"it had read {self._rows:,} rows and lines, of {self._most_rows:,}"
        return ""
