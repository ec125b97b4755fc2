"""The ports of storage in memory: what :mod:`metering.counters.ports` says, and nothing else.

Each port performs one write after the other; faults are put around it by :mod:`simulation.protocol.faults`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from metering.counters.completeness import Knowledge, Positions
from metering.counters.ports import (
    Append,
    Claim,
    CounterAnswer,
    Counters,
    Increment,
    Ledger,
    LedgerAnswer,
    Page,
    PageId,
    Progress,
    ProgressLog,
    SliceId,
    SliceRegistry,
    Status,
    expires_at,
)
from metering.counters.slices import slice_of
from metering.period import Period, is_day, month_of
from metering.usage import NO_USAGE, Usage
from watch.tasks import CompletenessStore

LEDGER_TTL_SECONDS = 172_800
"""The template's, for a stream that keeps its records for a day: retention and one day more."""


class Counted(NamedTuple):
    """What a counter holds over all of its slices."""

    totals: Usage
    parts: Mapping[str, int]
    """Requests of each part of the period that has any."""


CounterId = tuple[str, Period]
"""A key and a month or day."""

_POSITIONS_OF_A_RECORD = 1 << 16
"""A claim's position is the sequence number of its record so many times, and some."""


class SentEvent(NamedTuple):
    """An event that was put into the stream, and the counters that it belongs to."""

    hash: int
    counters: tuple[CounterId, ...]


class Store(Protocol):
    """The storage of one simulated world."""

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        ...

    @property
    def slices(self) -> SliceRegistry:
        """The slices of the counters."""
        ...

    @property
    def counters(self) -> Counters:
        """The counters."""
        ...

    @property
    def progress(self) -> ProgressLog:
        """The progress of the shards."""
        ...

    @property
    def completeness(self) -> CompletenessStore:
        """What the watch knows."""
        ...

    def counted(self) -> Mapping[CounterId, Counted]:
        """Every counter that there is."""
        ...

    def unregistered(self) -> Sequence[SliceId]:
        """The slices to which something was added before they were registered, as far as can be seen."""
        ...

    def holds(self, event: SentEvent) -> bool:
        """Whether all of its counters hold an event, as far as the store can tell."""
        ...

    def expired(self, now_ms: int) -> Sequence[PageId]:
        """The pages of the ledger whose time to live has passed: DynamoDB may remove them from now on."""
        ...

    def remove(self, page: PageId) -> None:
        """Remove a page, as DynamoDB does some time after it expired."""
        ...

    def resharded(self, parents: Sequence[str], children: Sequence[str]) -> None:
        """Called after a change of shards, of which a right store need not know."""
        ...


@dataclass(slots=True)
class PageItem:
    """A page of the ledger."""

    claims: list[Claim] = field(default_factory=list)
    watermarks: dict[str, int] = field(default_factory=dict)
    size: int = 0
    expires_at: int = 0
    """Epoch seconds."""


class SimulatedLedger:
    """The ports `Ledger` and `LedgerPages`. `clock` gives epoch milliseconds; pages expire by
    :func:`metering.counters.ports.expires_at`.
    """

    def __init__(
        self, clock: Callable[[], int] = lambda: 0, *, ttl_seconds: int = LEDGER_TTL_SECONDS
    ) -> None:
        self.items: dict[PageId, PageItem] = {}
        self.owners: dict[int, tuple[str, int]] = {}
        """By event hash: shard and sequence number of the first record that claimed it."""
        self._clock = clock
        self._ttl_seconds = ttl_seconds

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        """Append to several pages."""
        return [self._append(one) for one in appends]

    def read(self, pages: Sequence[PageId]) -> list[Page | None]:
        """The port `LedgerPages`."""
        found = map(self.items.get, pages)
        return [None if item is None else Page(tuple(item.claims), None, item.size) for item in found]

    def _append(self, append: Append) -> LedgerAnswer:
        item = self.items.get(append.page)
        if item is None:
            item = PageItem()
        shard_id = append.claims[0].shard_id
        if not self._takes(item, append, shard_id):
            return LedgerAnswer(Status.REFUSED, self._page(item, shard_id))
        self.items[append.page] = item
        self._write(item, append, shard_id)
        item.expires_at = self._expires_at(append, self._clock() // 1000)
        return LedgerAnswer(Status.WRITTEN, self._page(item, shard_id))

    def _takes(self, item: PageItem, append: Append, shard_id: str) -> bool:
        watermark = item.watermarks.get(shard_id)
        is_later = watermark is None or watermark < append.claims[0].position
        return is_later and item.size < append.full_at

    def _write(self, item: PageItem, append: Append, shard_id: str) -> None:
        item.claims += append.claims
        item.watermarks[shard_id] = append.claims[-1].position
        item.size += sum(claim.size for claim in append.claims)
        for claim in append.claims:
            place = (claim.shard_id, claim.position // _POSITIONS_OF_A_RECORD)
            for event_hash in claim.hashes:
                self.owners.setdefault(event_hash, place)

    def _expires_at(self, append: Append, now: int) -> int:
        return expires_at(append, now, self._ttl_seconds)

    def _page(self, item: PageItem, shard_id: str) -> Page:
        return Page(tuple(item.claims), item.watermarks.get(shard_id), item.size)


class SimulatedSlices:
    """The port `SliceRegistry`."""

    def __init__(self) -> None:
        self.items: set[SliceId] = set()

    def register(self, slices: Sequence[SliceId]) -> list[Status]:
        """Register slices."""
        self.items |= set(slices)
        return [Status.WRITTEN] * len(slices)

    def holds(self, one: SliceId) -> bool:
        """Whether a slice is registered; slice 0 needs not be."""
        return one.number == 0 or one in self.items

    def of(self, month: Period) -> frozenset[int]:
        """The slices of a month, slice 0 among them."""
        return frozenset({0} | {one.number for one in self.items if one.month == month})


@dataclass(slots=True)
class SimulatedCounterItem:
    """A slice of a counter."""

    totals: Usage = NO_USAGE
    parts: dict[str, int] = field(default_factory=dict)
    watermarks: dict[str, int] = field(default_factory=dict)


class SimulatedCounters:
    """The port `Counters`. It notes what is added to a slice that is not registered."""

    def __init__(self) -> None:
        self.items: dict[tuple[str, Period, int], SimulatedCounterItem] = {}
        self.slices = SimulatedSlices()
        self.unregistered: set[SliceId] = set()

    def add(self, increments: Sequence[Increment]) -> list[CounterAnswer]:
        """Add to several counters."""
        return [self._add(one) for one in increments]

    def usage(self, key: str, period: Period) -> Usage:
        """The totals of a key in a period, over all slices."""
        found = self.counted().get((key, period))
        return NO_USAGE if found is None else found.totals

    def parts(self, key: str, period: Period) -> Mapping[str, int]:
        """The requests of each part of a period that has any."""
        found = self.counted().get((key, period))
        return {} if found is None else found.parts

    def counted(self) -> dict[CounterId, Counted]:
        """Every counter."""
        found: dict[CounterId, Counted] = {}
        for (key, period, _), item in self.items.items():
            totals, parts = found.get((key, period), (NO_USAGE, {}))
            added = {part: parts.get(part, 0) + count for part, count in item.parts.items()}
            found[key, period] = Counted(totals + item.totals, {**parts, **added})
        return found

    def includes(self, counter: CounterId, shard_id: str, sequence_number: int) -> bool:
        """Whether a counter has what a record of a shard adds to it."""
        item = self.items.get((*counter, slice_of(shard_id)))
        return item is not None and item.watermarks.get(shard_id, -1) >= sequence_number

    def resharded(self, parents: Sequence[str], children: Sequence[str]) -> None:
        """A counter has nothing to know of it."""

    def _add(self, increment: Increment) -> CounterAnswer:
        place = (increment.key, increment.period, increment.slice)
        item = self.items.get(place)
        if item is None:
            item = SimulatedCounterItem()
        if not self._takes(item, increment):
            return CounterAnswer(
                Status.REFUSED, self._watermark(item, increment), item.totals, _hours(item, increment)
            )
        self.items[place] = item
        self._write(item, increment)
        return CounterAnswer(Status.WRITTEN, None, item.totals, _hours(item, increment))

    def _takes(self, item: SimulatedCounterItem, increment: Increment) -> bool:
        watermark = self._watermark(item, increment)
        return watermark is None or watermark < increment.first

    def _watermark(self, item: SimulatedCounterItem, increment: Increment) -> int | None:
        return item.watermarks.get(increment.shard_id)

    def _write(self, item: SimulatedCounterItem, increment: Increment) -> None:
        one = SliceId(month_of(increment.period), increment.slice)
        if not self.slices.holds(one):
            self.unregistered.add(one)
        item.totals += increment.totals
        for part, count in increment.parts.items():
            item.parts[part] = item.parts.get(part, 0) + count
        item.watermarks[increment.shard_id] = increment.last


def _hours(item: SimulatedCounterItem, increment: Increment) -> dict[str, int]:
    """The requests of a day in the hours of an increment."""
    if not is_day(increment.period):
        return {}
    return {part: item.parts[part] for part in increment.parts if part in item.parts}


class SimulatedProgress:
    """The port `ProgressLog`."""

    def __init__(self) -> None:
        self.items: dict[str, Progress] = {}

    def note(self, progress: Progress) -> None:
        """Keep the progress of a shard; never goes back."""
        found = self.items.get(progress.shard_id)
        if found is None or found.position < progress.position:
            self.items[progress.shard_id] = progress


class SimulatedCompleteness:
    """What :class:`watch.tasks.CompletenessStore` says."""

    def __init__(self, progress: SimulatedProgress) -> None:
        self.known = Knowledge()
        """As it is in the table."""
        self._progress = progress

    def load(self) -> tuple[Knowledge, Positions]:
        """What is known, and how far each shard is."""
        return self.known, {one.shard_id: one.position for one in self._progress.items.values()}

    def save(self, known: Knowledge) -> bool:
        """Only the next version is taken."""
        if known.version != self.known.version + 1:
            return False
        self.known = known
        return True


class SimulatedStore:
    """All of them: a :class:`Store`."""

    def __init__(
        self, ledger: SimulatedLedger, counters: SimulatedCounters, progress: SimulatedProgress
    ) -> None:
        self.ledger = ledger
        self.slices = counters.slices
        self.counters = counters
        self.progress = progress
        self.completeness = SimulatedCompleteness(progress)

    def counted(self) -> Mapping[CounterId, Counted]:
        """Every counter that there is."""
        return self.counters.counted()

    def unregistered(self) -> Sequence[SliceId]:
        """The slices to which something was added before they were registered."""
        return sorted(self.counters.unregistered)

    def holds(self, event: SentEvent) -> bool:
        """Whether the record that owns an event is in all of the event's counters."""
        owner = self.ledger.owners.get(event.hash)
        return owner is not None and all(self.counters.includes(one, *owner) for one in event.counters)

    def expired(self, now_ms: int) -> Sequence[PageId]:
        """The pages of the ledger whose time to live has passed."""
        return [page for page, item in self.ledger.items.items() if item.expires_at * 1000 <= now_ms]

    def remove(self, page: PageId) -> None:
        """Remove a page."""
        del self.ledger.items[page]

    def resharded(self, parents: Sequence[str], children: Sequence[str]) -> None:
        """Pass it on to the counters."""
        self.counters.resharded(parents, children)
