"""The layouts of the ledger in the course of time: a change holds for the events of a later time only.

An event must always meet the same items, in whatever process and however late a copy of it comes. So the
layout is a function of the event's own time, and the history of layouts is stored beside the claims. A layout
that is new in the settings is appended to it, and holds from two days later on. No event of that time can
have been claimed yet, since a call's time lies at most a day after it was logged; by then all processes have
read the history again.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import datetime
from typing import Final

from metering.counters.ledger_layout import LayoutHistory, LayoutStore, LedgerLayout
from metering.counters.ports import Status

AHEAD_MS: Final = 2 * 86_400_000
"""A change holds from so long after it was made. An event is up to 26 hours ahead of its arrival: CloudWatch
Logs takes log events that are two hours early, and a call's time lies within a day of its log event's.
"""
REMEMBERED_SECONDS: Final = 3600.0
"""So long the history is believed to be all."""


class LayoutBook:
    """What one process knows of the history: a :class:`metering.counters.ledger_layout.LayoutSource`."""

    def __init__(self, store: LayoutStore, wanted: LedgerLayout, clock: Callable[[], datetime]) -> None:
        """`wanted` is the layout of the settings. It is appended once in the life of a process: while a
        deployment goes on, processes with other settings must not take turns.
        """
        self._store = store
        self._wanted = wanted
        self._clock = clock
        self._history: LayoutHistory | None = None
        self._read_at = -math.inf
        self._has_appended = False

    def known(self) -> LayoutHistory | None:
        """The history, read again after an hour; None: the store does not answer."""
        now = self._clock().timestamp()
        if self._history is None or not 0 <= now - self._read_at < REMEMBERED_SECONDS:
            self._history = self._read(now)
            self._read_at = now
        return self._history

    def _read(self, now: float) -> LayoutHistory | None:
        history = self._store.begin(self._wanted).history
        if history is None or self._has_appended or history.entries[-1][1] == self._wanted:
            return history
        since = begins_at(history, self._wanted, round(now * 1000))
        answer = self._store.append(history, since, self._wanted)
        self._has_appended = answer.status is Status.WRITTEN
        return answer.history


def begins_at(history: LayoutHistory, layout: LedgerLayout, now_ms: int) -> int:
    """When a layout can begin to hold: later than any event that may be claimed by now, later than what is
    planned already, and where slots of both layouts end. So no page is one of two layouts.
    """
    since, last = history.entries[-1]
    step = math.lcm(last.slot_ms, layout.slot_ms)
    return (max(now_ms + AHEAD_MS, since) // step + 1) * step
