"""What the numbers of a moment are of: the tables, the lake, and what can be read from them."""

from __future__ import annotations

from metering.counters.completeness import through
from metering.usage import NO_USAGE, Usage, total
from simulation.exploration.changes.tables import fill
from simulation.exploration.month_end.archives import slices_out
from simulation.exploration.month_end.moment import HEARTBEAT, MonthEndState
from simulation.exploration.month_end.operator_runs import OperatorRuns
from simulation.exploration.month_end.small_month import (
    CALLED,
    LAST_DAY,
    OCTOBER,
    MonthEndEvent,
    SmallMonth,
    usage_of,
)
from simulation.exploration.programs import Numbers
from simulation.exploration.small_world import NOON_MS, letter, times_counted
from simulation.month_end.meter import MonthEndMeter
from simulation.month_end.stores import VersionedCompleteness
from simulation.protocol.meter import simulated_store
from simulation.protocol.store import SimulatedCompleteness, SimulatedProgress, SimulatedStore


class MonthEndContents:
    """All that the moments of a world hold, by number."""

    def __init__(self, world: SmallMonth, meter: MonthEndMeter) -> None:
        self.world = world
        self.meter = meter
        self.operators = OperatorRuns(world, meter)
        self.tables = Numbers()
        self.knowledge = Numbers()
        self.audits = Numbers()
        self._truths = [usage_of(event) for event in range(world.events)]
        self._found: dict[tuple[int, int], tuple[int, str | None]] = {}

    def store(self, tables: int) -> SimulatedStore:
        """A store that holds that."""
        store = simulated_store(lambda: NOON_MS)
        fill(store, self.tables[tables])
        return store

    def complete_through(self, state: MonthEndState) -> int | None:
        """What a reader gets now, in epoch milliseconds."""
        return through(*self.completeness(state).load())

    def completeness(self, state: MonthEndState) -> SimulatedCompleteness:
        """What the watch knows."""
        progress = SimulatedProgress()
        progress.items |= {one.shard_id: one for one in self.tables[state.tables].progress}
        is_noticed = MonthEndEvent.RESTORED_ALONE in self.world.kinds
        book = self.meter.completeness(progress) if is_noticed else SimulatedCompleteness(progress)
        book.known = self.knowledge[state.known]
        if isinstance(book, VersionedCompleteness):
            book._highest = state.highest  # noqa: SLF001 - what no restore takes back
        return book

    def delivered(self, state: MonthEndState) -> set[int]:
        """The events that came to the lake."""
        return {
            event
            for came, end in zip(state.shards, state.delivered, strict=True)
            for event, _ in came[:end]
            if event != HEARTBEAT
        }

    def struck(self, state: MonthEndState) -> set[int]:
        """The events whose row is lost or altered: of these somebody else must know."""
        rows = dict(self.operators.lakes[state.lake])
        return {event for event in self.delivered(state) if rows.get(event, 1)}

    def lake(self, rows: dict[int, int]) -> int:
        """The number of a lake with these rows."""
        return self.operators.lakes.of(tuple(sorted(rows.items())))

    def found_in(self, tables: int, mark: int = 0) -> tuple[int, str | None]:
        """The events that both counters hold once, and nothing else, a bit each, with what is out of the
        table by the mark of an archive; and which is twice.
        """
        if (tables, mark) not in self._found:
            counted = self.store(tables).counted()
            bits, twice = (1 << self.world.events) - 1, ""
            out = slices_out(self.operators.marks[mark], self.operators.kept)
            for period in (OCTOBER, LAST_DAY):
                found = counted.get((CALLED, period))
                usage = NO_USAGE if found is None else found.totals
                usage += total(row.counter.usage for row in out if row.counter.period == period)
                held, more = self.events_in(usage)
                bits &= held
                if more is not None and not twice:
                    times = times_counted(usage, more)
                    twice = f"{letter(more)} is counted {times} times in {CALLED} {period}"
            self._found[tables, mark] = bits, twice or None
        return self._found[tables, mark]

    def events_in(self, usage: Usage) -> tuple[int, int | None]:
        """The events that a usage is the sum of; none, if there are no such. And one that is in it twice."""
        times = [times_counted(usage, event) for event in range(self.world.events)]
        twice = next((event for event, number in enumerate(times) if number > 1), None)
        bits = sum(1 << event for event, number in enumerate(times) if number)
        whole = total(truth for event, truth in enumerate(self._truths) if bits >> event & 1)
        return (bits if usage == whole else 0), twice
