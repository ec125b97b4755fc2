"""What may happen next at a small month end.

The processor counts a record in one step, or stops after any of its writes; a run of the watch is one step.
What may happen within these is explored beside this: :mod:`simulation.exploration.schedule` and
:mod:`simulation.exploration.completeness.schedule`. An operator's readings and writes are steps; the barrier
of a repair puts its heartbeats with the reading before them, and its wait ends when they are counted.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from metering.billing_rule import BillingRule
from metering.counters.completeness import Knowledge
from metering.errors import Misconfigured
from simulation.exploration.changes.tables import Tables, read_tables
from simulation.exploration.month_end.archives import archiving_of
from simulation.exploration.month_end.contents import MonthEndContents
from simulation.exploration.month_end.moment import (
    HEARTBEAT,
    NOT_BEGUN,
    MonthEndState,
    MonthEndStep,
    StreamNow,
    appended,
    with_one,
)
from simulation.exploration.month_end.operator_steps import OperatorSteps
from simulation.exploration.month_end.promises import MonthEndPromises
from simulation.exploration.month_end.small_month import (
    OVER_AFTER,
    MonthEndEvent,
    SmallMonth,
    Work,
    record,
    time_at,
)
from simulation.exploration.small_world import ONE_PAGE
from simulation.month_end.meter import MonthEndMeter
from simulation.month_end.scene import GaveUpError, Ports
from simulation.protocol.store import SimulatedStore
from stream_processor.processor import Processor
from watch.tasks import send_heartbeats

OTHER_RULE: Final = BillingRule("2xx")
"""By which no call is billable that was answered."""
_WRITES: Final = 3
"""Of a record: its claim, and its two counters."""


class MonthEndSchedules:
    """All steps of a small world."""

    def __init__(self, world: SmallMonth, meter: MonthEndMeter) -> None:
        self.world = world
        self._meter = meter
        self._contents = MonthEndContents(world, meter)
        self.operators = self._contents.operators
        self._operator_steps = OperatorSteps(self._contents)
        self._promises = MonthEndPromises(self._contents)
        self._counted: dict[tuple[Any, ...], int] = {}
        self._expired = (0,) * len(world.shards)
        self._start = self._after(world.before)
        if world.is_archived:
            self._expired = self._start.positions

    @property
    def start(self) -> MonthEndState:
        """What has happened at the beginning."""
        return self._start

    def _after(self, before: Sequence[MonthEndEvent]) -> MonthEndState:
        places = (0,) * len(self.world.shards)
        state = MonthEndState(
            clock=0,
            shards=((),) * len(places),
            put=places,
            positions=places,
            delivered=places,
            tables=self._contents.tables.of(Tables()),
            known=self._contents.knowledge.of(Knowledge()),
            highest=0,
            audits=self._contents.audits.of(()),
            lake=self.operators.lakes.of(()),
            backup=(),
            operators=(NOT_BEGUN,) * len(self.world.work),
            month=self.operators.months.of("open"),
            runs=before.count(MonthEndEvent.WATCHED) + self.world.runs,
            right=0,
            excused=0,
            called_complete=0,
            faults=len(before),
        )
        for event in before:
            found = [after for step, after in self._all(state) if step.event is event]
            state = found[0] if found else state
            while event in (MonthEndEvent.COUNTED, MonthEndEvent.DELIVERED):
                found = [after for step, after in self._all(state) if step.event is event]
                if not found:
                    break
                state = found[0]
        return state._replace(faults=self.world.faults, runs=self.world.runs)

    def packed(self, state: MonthEndState) -> bytes:
        """A state as bytes: equal states give equal bytes."""
        return marshal.dumps(tuple(state), 2)

    def unpacked(self, packed: bytes) -> MonthEndState:
        """The state that bytes are of."""
        return MonthEndState(*marshal.loads(packed))  # noqa: S302 - our own bytes, of this process

    def steps(self, state: MonthEndState) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        """Everything that may happen next, each with the state after it."""
        for step, after in self._all(state):
            found = self._contents.found_in(after.tables, after.mark)[0] & ~after.excused
            yield step, after._replace(right=after.right | found)

    def _all(self, state: MonthEndState) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        for place in range(len(self.world.shards)):
            yield from self._comes(state, place)
            yield from self._is_counted(state, place)
            yield from self._is_delivered(state, place)
        yield from self._of_time(state)
        for step, after in self._faulty(state) if state.faults else ():
            if step.event in self.world.kinds:
                yield step, after._replace(faults=state.faults - 1)
        yield from self._rows_back(state)
        for place in range(len(state.operators)):
            yield from self._operator_steps.of_place(state, place)

    def violation(self, state: MonthEndState) -> str | None:
        """Which promise a state breaks, if any."""
        return self._promises.violation(state)

    def store(self, tables: int) -> SimulatedStore:
        """A store that holds that."""
        return self._contents.store(tables)

    def complete_through(self, state: MonthEndState) -> int | None:
        """What a reader gets now, in epoch milliseconds."""
        return self._contents.complete_through(state)

    def operator(self, state: MonthEndState, place: int) -> int:
        """The number of the moment of an operator, who may begin now; 0: not now, or no more."""
        return self._operator_steps.operator(state, place)

    # the stream, its counting, and Firehose

    def _comes(self, state: MonthEndState, place: int) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        records = self.world.shards[place]
        if state.put[place] < len(records):
            after = appended(state, place, records[state.put[place]], state.clock)
            put = with_one(state.put, place, state.put[place] + 1)
            yield MonthEndStep(MonthEndEvent.PUT, place), after._replace(put=put, clock=state.clock + 1)

    def _is_counted(self, state: MonthEndState, place: int) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        position = state.positions[place]
        if position < len(state.shards[place]):
            tables = self._count(state, place, -1, is_other=False)
            positions = with_one(state.positions, place, position + 1)
            yield (
                MonthEndStep(MonthEndEvent.COUNTED, place),
                state._replace(tables=tables, positions=positions),
            )

    def _is_delivered(self, state: MonthEndState, place: int) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        came = state.shards[place]
        if state.delivered[place] == len(came):
            return
        rows = dict(self.operators.lakes[state.lake])
        fresh = (
            {event for event, _ in came[state.delivered[place] :]}
            - {HEARTBEAT}
            - self._contents.delivered(state)
        )
        lake = self._contents.lake(rows | dict.fromkeys(fresh, 0))
        delivered = with_one(state.delivered, place, len(came))
        yield MonthEndStep(MonthEndEvent.DELIVERED, place), state._replace(lake=lake, delivered=delivered)

    def _count(self, state: MonthEndState, place: int, writes: int, *, is_other: bool) -> int:
        """The tables after a record was counted, whole or up to so many of its writes."""
        position = state.positions[place]
        event, came = state.shards[place][position]
        key = (state.tables, place, position, event, came, writes, is_other)
        if key not in self._counted:
            store = self._contents.store(state.tables)
            ledger = self._meter.ledger(store.ledger)
            rule = OTHER_RULE if is_other else BillingRule()
            ports: Any = (ledger, store.slices, store.counters, store.progress)
            if writes >= 0:
                ports = (Ports(store, writes),) * 4
            with suppress(GaveUpError):
                Processor(*ports, layout=ONE_PAGE, rule=rule).process(
                    [record(place, position + 1, event, came)]
                )
            self._counted[key] = self._contents.tables.of(read_tables(store))
        return self._counted[key]

    # time, and the watch

    def _of_time(self, state: MonthEndState) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        if state.clock < OVER_AFTER:
            yield MonthEndStep(MonthEndEvent.TIME_PASSED), state._replace(clock=state.clock + OVER_AFTER)
        if state.runs:
            yield MonthEndStep(MonthEndEvent.WATCHED), self._watched(state)
        if self.world.is_backed_up and not state.backup:
            kept = (state.tables, state.known, state.audits, state.mark)
            yield MonthEndStep(MonthEndEvent.BACKED_UP), state._replace(backup=(kept, state.positions))

    def _watched(self, state: MonthEndState) -> MonthEndState:
        stream = StreamNow(state)
        book = self._contents.completeness(state)
        with suppress(Misconfigured):
            send_heartbeats(stream, book, time_at(state.clock))
        known = book.known
        return stream.state._replace(
            known=self._contents.knowledge.of(known),
            highest=max(state.highest, known.version),
            clock=state.clock + 1,
            runs=state.runs - 1,
        )

    # what goes wrong

    def _faulty(self, state: MonthEndState) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        for place, position in enumerate(state.positions):
            if position < len(state.shards[place]) and state.shards[place][position][0] != HEARTBEAT:
                yield from self._faulty_batch(state, place)
            for older in range(self._expired[place], position):
                yield (
                    MonthEndStep(MonthEndEvent.SET_BACK, place, older),
                    state._replace(positions=with_one(state.positions, place, older)),
                )
        for place, number in enumerate(state.operators):
            if number > 0 and self.operators.moments[number].request is not None:
                yield (
                    MonthEndStep(MonthEndEvent.KILLED, place),
                    state._replace(operators=with_one(state.operators, place, NOT_BEGUN)),
                )
        if state.backup:
            yield from self._restored(state)
        rows = dict(self.operators.lakes[state.lake])
        known = self._contents.found_in(state.tables, state.mark)[0] & ~state.excused
        for event, is_altered in rows.items():
            if not is_altered and known >> event & 1:
                others = {one: form for one, form in rows.items() if one != event}
                yield (
                    MonthEndStep(MonthEndEvent.ROW_LOST, about=event),
                    state._replace(lake=self._contents.lake(others)),
                )
                yield (
                    MonthEndStep(MonthEndEvent.ROW_ALTERED, about=event),
                    state._replace(lake=self._contents.lake(rows | {event: 1})),
                )

    def _faulty_batch(self, state: MonthEndState, place: int) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        position = state.positions[place]
        event, _ = state.shards[place][position]
        for writes in range(self.world.least_writes, _WRITES + 1):
            tables = self._count(state, place, writes, is_other=False)
            if writes:
                yield MonthEndStep(MonthEndEvent.STOPPED, place, writes), state._replace(tables=tables)
                other = self._count(state, place, writes, is_other=True)
                yield MonthEndStep(MonthEndEvent.OTHERWISE, place, writes), state._replace(tables=other)
            if event not in self._contents.struck(state):
                positions = with_one(state.positions, place, position + 1)
                given_up = state._replace(
                    tables=tables, positions=positions, excused=state.excused | 1 << event
                )
                yield MonthEndStep(MonthEndEvent.GIVEN_UP, place, writes), given_up

    def _restored(self, state: MonthEndState) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        (tables, known, audits, mark), positions = state.backup
        mark = archiving_of(self._meter).mark_restored(state.mark, mark)
        operators = tuple(self._without_look_up(*one) for one in enumerate(state.operators))
        back = state._replace(tables=tables, known=known, audits=audits, mark=mark, operators=operators)
        counted = self._contents.found_in(tables, mark)[0]
        if state.excused & ~counted & state.right == 0:
            yield (
                MonthEndStep(MonthEndEvent.RESTORED),
                back._replace(positions=positions, right=state.right & counted),
            )
        lost = state.right & ~counted
        is_later = self._contents.knowledge[state.known].version > self._contents.knowledge[known].version
        if is_later and not any(lost >> event & 1 for event in self._contents.struck(state)):
            yield (
                MonthEndStep(MonthEndEvent.RESTORED_ALONE),
                back._replace(right=state.right & counted, excused=state.excused | lost),
            )

    def _without_look_up(self, place: int, number: int) -> int:
        """An operator after a restore, which takes minutes: a look-up that had begun has failed."""
        is_look_up = self.world.work[place] is Work.LOOK_UP
        has_ended = number <= 0 or self.operators.moments[number].request is None
        return number if has_ended or not is_look_up else NOT_BEGUN

    def _rows_back(self, state: MonthEndState) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        rows = dict(self.operators.lakes[state.lake])
        for event in sorted(self._contents.struck(state)):
            yield (
                MonthEndStep(MonthEndEvent.ROW_BACK, about=event),
                state._replace(lake=self._contents.lake(rows | {event: 0})),
            )
