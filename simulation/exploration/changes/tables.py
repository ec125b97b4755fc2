"""What the tables of a simulated store hold, as values that can be compared, and the other way round."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from metering.counters.ports import Claim, PageId, Progress, SliceId
from metering.period import Period
from metering.usage import Usage
from simulation.exploration.small_world import PERIODS, letter, times_counted
from simulation.protocol.store import Counted, CounterId, PageItem, SimulatedCounterItem, SimulatedStore

_Watermarks = tuple[tuple[str, int], ...]


class PageValue(NamedTuple):
    """A page of the ledger."""

    page: PageId
    claims: tuple[Claim, ...]
    watermarks: _Watermarks
    size: int
    expires_at: int


class CounterValue(NamedTuple):
    """A slice of a counter."""

    place: tuple[str, Period, int]
    totals: Usage
    parts: tuple[tuple[str, int], ...]
    watermarks: _Watermarks


class Tables(NamedTuple):
    """The ledger, the counters with their slices, and the progress of the shards."""

    ledger: tuple[PageValue, ...] = ()
    counters: tuple[CounterValue, ...] = ()
    slices: tuple[SliceId, ...] = ()
    progress: tuple[Progress, ...] = ()


def read_tables(store: SimulatedStore) -> Tables:
    """What a store holds."""
    return Tables(
        tuple(
            PageValue(page, tuple(one.claims), _sorted(one.watermarks), one.size, one.expires_at)
            for page, one in sorted(store.ledger.items.items())
        ),
        tuple(
            CounterValue(place, one.totals, _sorted(one.parts), _sorted(one.watermarks))
            for place, one in sorted(store.counters.items.items())
        ),
        tuple(sorted(store.slices.items)),
        tuple(one for _, one in sorted(store.progress.items.items())),
    )


def fill(store: SimulatedStore, tables: Tables) -> None:
    """Let an empty store hold that."""
    for page in tables.ledger:
        item = PageItem([*page.claims], dict(page.watermarks), page.size, page.expires_at)
        store.ledger.items[page.page] = item
    for one in tables.counters:
        store.counters.items[one.place] = SimulatedCounterItem(
            one.totals, dict(one.parts), dict(one.watermarks)
        )
    store.slices.items |= set(tables.slices)
    store.progress.items |= {one.shard_id: one for one in tables.progress}


def miscounted(
    counted: Mapping[CounterId, Counted], key: str, days: Sequence[str], required: int
) -> str | None:
    """Which event a counter of a key holds twice, or lacks though it is required: a bit each. `days` has the
    day of each event.
    """
    for event, day in enumerate(days):
        for period in (day[:7], day):
            found = counted.get((key, Period(period)))
            times = 0 if found is None else times_counted(found.totals, event)
            if times > 1:
                return f"{letter(event)} is counted {times} times in {key} {period}"
            if times == 0 and required >> event & 1:
                return f"Lambda is done with {letter(event)}, which is missing in {key} {period}"
    return None


def held(counted: Mapping[CounterId, Counted], key: str, events: int, period: str = PERIODS[0]) -> str:
    """The events that a counter of a key holds, in words."""
    found = counted.get((key, Period(period)))
    names = [
        letter(event)
        for event in range(events)
        for _ in range(0 if found is None else times_counted(found.totals, event))
    ]
    return " ".join(names) or "nothing"


def _sorted(values: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(values.items()))
