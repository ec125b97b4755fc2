"""The busiest keys, by the totals that the counters return."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from metering.counters.ports import Increment
from metering.outcome import Outcome, outcome_of_key
from metering.period import Period, is_month
from metering.usage import Usage


class BusiestKeys:
    """Keeps what each month counter held after the latest increment of it: `BatchReport.totals`."""

    def __init__(self) -> None:
        self._requests: dict[str, dict[tuple[Period, int], int]] = {}
        self._lock = threading.Lock()

    def note(self, totals: Iterable[tuple[Increment, Usage]]) -> None:
        """Learn from a batch."""
        with self._lock:
            for increment, after in totals:
                if is_month(increment.period) and outcome_of_key(increment.key) is Outcome.METERED:
                    counters = self._requests.setdefault(increment.key, {})
                    place = (increment.period, increment.slice)
                    counters[place] = max(after.requests, counters.get(place, 0))

    def top(self, count: int) -> list[tuple[str, int]]:
        """The keys with the most requests, over all months."""
        with self._lock:
            requests = {key: sum(places.values()) for key, places in self._requests.items()}
        return sorted(requests.items(), key=lambda entry: (-entry[1], entry[0]))[:count]
