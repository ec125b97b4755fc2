"""The simulated store, item by item: each write of the protocol changes one item and sees no other."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any, Final

from metering.counters.ports import Append, Increment, Progress, SliceId
from metering.usage import NO_USAGE
from simulation.exploration.programs import Numbers, Port, Request
from simulation.exploration.small_world import NOON_MS, SmallWorld
from simulation.protocol.meter import Meter
from simulation.protocol.store import PageItem, SimulatedCounterItem, SimulatedStore

PAUSE_MS: Final = 2 * 86_400_000
"""Two days: what the records of a stream that keeps them for one day, and repetitions of a delivery, take."""


class StoreItems:
    """The items of a world's tables. A place is an item's number, a state is the number of what it holds; 0
    is an item that does not exist.
    """

    def __init__(self, meter: Meter, world: SmallWorld, requests: Numbers, answers: Numbers) -> None:
        self.places = Numbers()
        self.states = Numbers()
        self._meter = meter
        self._lines = [
            ([world.shards[parent].id for parent in shard.parents], [shard.id])
            for shard in world.shards
            if shard.parents
        ]
        self._requests = requests
        self._answers = answers
        self._written: dict[tuple[int, int, int], tuple[int, int]] = {}
        self._place_of: dict[int, int] = {}

    def place_of(self, request: int) -> int:
        """The place that a write goes to."""
        found = self._place_of.get(request)
        if found is None:
            found = self._place_of[request] = self.places.of(_place(self._requests[request]))
        return found

    def write(self, state: int, request: int, pauses: int) -> tuple[int, int]:
        """Write to an item: what it holds then, and the answer."""
        key = (state, request, pauses)
        found = self._written.get(key)
        if found is None:
            found = self._written[key] = self._write(self.states[state], self._requests[request], pauses)
        return found

    def is_expired(self, state: int, pauses: int) -> bool:
        """Whether DynamoDB may remove a page of the ledger."""
        expires_at: int = self.states[state][3]
        return expires_at * 1000 <= NOON_MS + pauses * PAUSE_MS

    def _write(self, held: Any, request: Request, pauses: int) -> tuple[int, int]:
        store = self._meter.store(lambda: NOON_MS + pauses * PAUSE_MS)
        if not isinstance(store, SimulatedStore):
            raise TypeError(f"{self._meter.name} has no simulated store")
        for parents, children in self._lines:
            store.resharded(parents, children)
        after, answer = _WRITES[request.port](store, held, request.content)
        return self.states.of(after), self._answers.of((request.port, answer))


def _place(request: Request) -> Hashable:
    match request.port:
        case Port.LEDGER:
            return (request.port, request.content.page)
        case Port.COUNTERS:
            one = request.content
            return (request.port, one.key, one.period, one.slice)
        case Port.PROGRESS:
            return (request.port, request.content.shard_id)
        case _:
            return (request.port, request.content)


def _append(store: SimulatedStore, held: Any, append: Append) -> tuple[Any, Any]:
    pages = store.ledger.items
    if held is not None:
        claims, watermarks, size, expires_at = held
        pages[append.page] = PageItem(list(claims), dict(watermarks), size, expires_at)
    (answer,) = store.ledger.append([append])
    page = pages.get(append.page)
    if page is None:
        return None, answer
    return (tuple(page.claims), _sorted(page.watermarks), page.size, page.expires_at), answer


def _add(store: SimulatedStore, held: Any, increment: Increment) -> tuple[Any, Any]:
    place = (increment.key, increment.period, increment.slice)
    items = store.counters.items
    if held is not None:
        totals, parts, watermarks = held
        items[place] = SimulatedCounterItem(totals, dict(parts), dict(watermarks))
    (answer,) = store.counters.add([increment])
    item = items.get(place)
    if item is None:
        return None, answer
    # Totals matter to thresholds, which nobody looks for here: ways that differ in them alone are one way.
    seen = answer._replace(totals=NO_USAGE, parts={})
    return (item.totals, _sorted(item.parts), _sorted(item.watermarks)), seen


def _register(store: SimulatedStore, _held: Any, one: SliceId) -> tuple[Any, Any]:
    (answer,) = store.slices.register([one])
    return one, answer


def _note(store: SimulatedStore, held: Any, progress: Progress) -> tuple[Any, Any]:
    if held is not None:
        store.progress.items[progress.shard_id] = held
    store.progress.note(progress)
    return store.progress.items[progress.shard_id], None


def _sorted(values: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(values.items()))


_WRITES: Final[Mapping[Port, Callable[[SimulatedStore, Any, Any], tuple[Any, Any]]]] = {
    Port.LEDGER: _append,
    Port.COUNTERS: _add,
    Port.SLICES: _register,
    Port.PROGRESS: _note,
}
