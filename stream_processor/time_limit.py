"""How long an invocation may go on writing, so that it ends in time and gives the rest of its batch back.

A batch of very many new keys, or spread over very many time slots, or a table that answers slowly, may take
longer than the function may run. Then Lambda would end it without an answer and repeat the batch in halves,
over and over. Instead nothing new is begun after a time. Writes are made in the order of the records, so that
all that lie before the first missing one are done, and Lambda repeats from there: each attempt moves on.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

RESERVED_SECONDS: Final = 40.0
"""Of an invocation's time, for requests that are under way and for the report of what was counted."""
ALERT_SECONDS: Final = 30.0
"""So long before its end no more thresholds are claimed. A group of them takes 20 seconds, if all is slow."""


class TimeLimit:
    """The time of the invocation that is running. Before the first one there is no limit."""

    def __init__(self, steady: Callable[[], float]) -> None:
        """`steady` gives seconds since any start."""
        self._steady = steady
        self._claims_until = self._increments_until = self._alerts_until = float("inf")
        self.was_reached = False
        """Whether this invocation has left something undone for want of time."""

    def begin(self, seconds_left: float) -> None:
        """An invocation begins that may take so long. Half of its time is for claims at most: what is claimed
        and not counted would only be claimed again.
        """
        now, useful = self._steady(), max(0.0, seconds_left - RESERVED_SECONDS)
        self._claims_until = now + useful / 2
        self._increments_until = now + useful
        self._alerts_until = now + seconds_left - ALERT_SECONDS
        self.was_reached = False

    def is_over_for_claims(self) -> bool:
        """Whether no more events are claimed."""
        return self._is_over(self._claims_until)

    def is_over_for_increments(self) -> bool:
        """Whether nothing more is added to counters."""
        return self._is_over(self._increments_until)

    def is_over_for_alerts(self) -> bool:
        """Whether no more thresholds are claimed."""
        return self._is_over(self._alerts_until)

    def _is_over(self, until: float) -> bool:
        is_over = self._steady() >= until
        self.was_reached = self.was_reached or is_over
        return is_over
