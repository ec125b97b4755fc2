"""What the tables and EventBridge hold in a small world of thresholds, and what a request makes of it.

The counters and the store of thresholds are those of the simulation, filled for each request.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from metering.quotas.ports import ThresholdCrossing
from metering.usage import Usage
from simulation.exploration.thresholds.attempts import ThresholdPort, ThresholdRequest
from simulation.protocol.store import SimulatedCounterItem, SimulatedCounters
from simulation.quotas.broken_watches import ThresholdMeter
from simulation.quotas.thresholds import NotificationsInMemory, Place, PublishedEvents

_MUCH_LATER: Final = datetime(2100, 1, 1, tzinfo=UTC)


class CounterHeld(NamedTuple):
    """A slice of a counter."""

    place: Place
    totals: Usage
    parts: tuple[tuple[str, int], ...]
    watermarks: tuple[tuple[str, int], ...]


class Held(NamedTuple):
    """What is stored, and what was published."""

    counters: tuple[CounterHeld, ...] = ()
    claims: tuple[tuple[str, tuple[str, int] | None], ...] = ()
    """By id of the crossing: shard and time; None: published."""
    waiting: tuple[ThresholdCrossing, ...] = ()
    published: tuple[tuple[str, int], ...] = ()
    """By id, how often."""

    @property
    def requests(self) -> Counter[str]:
        """Of each key."""
        found: Counter[str] = Counter()
        for one in self.counters:
            found[one.place[0]] += one.totals.requests
        return found


class _Tables:
    """The same, to be written to."""

    def __init__(self, held: Held) -> None:
        self.counters = SimulatedCounters()
        for place, totals, parts, watermarks in held.counters:
            self.counters.items[place] = SimulatedCounterItem(totals, dict(parts), dict(watermarks))
        self.store = NotificationsInMemory(self.counters)
        self.store.claims.update(held.claims)
        self.store.waiting.update({one.id: one for one in held.waiting})
        self.published = PublishedEvents()
        self.published.events.update(dict(held.published))

    @property
    def held(self) -> Held:
        """What is there now."""
        counters = sorted(self.counters.items.items())
        return Held(
            tuple(
                CounterHeld(place, one.totals, _pairs(one.parts), _pairs(one.watermarks))
                for place, one in counters
            ),
            _pairs(self.store.claims),
            tuple(one for _, one in sorted(self.store.waiting.items())),
            _pairs(self.published.events),
        )


def made(held: Held, request: ThresholdRequest) -> tuple[Held, object]:
    """What is held after a request is made, and its answer."""
    tables = _Tables(held)
    answer = _MADE[request.port](tables, request.content)
    return tables.held, answer


def later(held: Held, meter: ThresholdMeter) -> Held:
    """When EventBridge takes everything, all claims are old, and somebody has a batch."""
    tables = _Tables(held)
    for _ in held.waiting:
        meter.watch(tables.store, tables.published, lambda: _MUCH_LATER).look([])
    return tables.held


_MADE: Final[dict[ThresholdPort, Callable[[_Tables, Any], object]]] = {
    ThresholdPort.ADD: lambda tables, one: tables.counters.add([one])[0],
    ThresholdPort.TOTALS: lambda tables, places: tables.store.totals_of(places),
    ThresholdPort.CLAIM: lambda tables, one: tables.store.claim([one])[0],
    ThresholdPort.PUBLISH: lambda tables, one: tables.published.publish([one])[0],
    ThresholdPort.MARK: lambda tables, one: tables.store.mark_published([one])[0],
    ThresholdPort.DEFER: lambda tables, one: tables.store.defer([one])[0],
    ThresholdPort.DEFERRED: lambda tables, start: tables.store.deferred(start),
    ThresholdPort.SETTLE: lambda tables, one: tables.store.settle([one])[0],
}


def _pairs(mapping: Any) -> tuple[Any, ...]:
    return tuple(sorted(mapping.items(), key=lambda pair: pair[0]))
