"""What may happen next at a small month end, and what must hold in each of its states.

The processor counts a record in one step, or stops after any of its writes; a run of the watch is one step.
What may happen within these is explored beside this: :mod:`simulation.exploration.schedule` and
:mod:`simulation.exploration.completeness.schedule`. An operator's readings and writes are steps; the barrier
of a repair puts its heartbeats with the reading before them, and its wait ends when they are counted.
"""

from __future__ import annotations

import marshal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from metering.billing_rule import BillingRule
from metering.counters.completeness import Knowledge, through
from metering.counters.heartbeat import Heartbeat, Landed, ListedShard
from metering.errors import Misconfigured
from metering.proof.correction import Fate
from metering.proof.month_state import Closing, State
from metering.usage import NO_USAGE, Usage, total
from reconciliation.closing import decode_usage
from simulation.exploration.changes.tables import Tables, fill, read_tables
from simulation.exploration.month_end.operator_runs import (
    Correcting,
    MonthTables,
    OperatorMoment,
    OperatorRequest,
    OperatorRuns,
)
from simulation.exploration.month_end.small_month import (
    CALLED,
    LAST_DAY,
    OCTOBER,
    OVER_AFTER,
    MonthEndEvent,
    SmallMonth,
    listed,
    ms_at,
    record,
    time_at,
    usage_of,
)
from simulation.exploration.programs import Numbers
from simulation.exploration.small_world import NOON_MS, ONE_PAGE, letter, times_counted
from simulation.month_end.firehose import PERIOD_MS, FirehosePoints, SimulatedCloudWatch
from simulation.month_end.meter import MonthEndMeter
from simulation.month_end.scene import GaveUpError, Ports
from simulation.month_end.stores import CountersOfMonths, VersionedCompleteness
from simulation.protocol.meter import simulated_store
from simulation.protocol.store import SimulatedCompleteness, SimulatedProgress, SimulatedStore
from stream_processor.processor import Processor
from watch.tasks import send_heartbeats

HEARTBEAT: Final = -1
"""In place of an event."""
OTHER_RULE: Final = BillingRule("2xx")
"""By which no call is billable that was answered."""
_WRITES: Final = 3
"""Of a record: its claim, and its two counters."""
_NOT_BEGUN, _ENDED = 0, -1


class MonthEndStep(NamedTuple):
    """What happened: in which shard, to which event or by which operator; and after how many writes, or from
    which place on.
    """

    event: MonthEndEvent
    place: int = -1
    about: int = -1


class MonthEndState(NamedTuple):
    """A moment. Everything in it is a number or a tuple of numbers."""

    clock: int
    """In seconds since the noon of October 31st."""
    shards: tuple[tuple[tuple[int, int], ...], ...]
    """By shard: the event of each record, and when it came."""
    put: tuple[int, ...]
    """By shard: records of the world that have come."""
    positions: tuple[int, ...]
    """By shard: records that the mapping has passed."""
    delivered: tuple[int, ...]
    """By shard: records that Firehose has delivered."""
    tables: int
    known: int
    highest: int
    """Version that the watch ever wrote."""
    audits: int
    lake: int
    backup: tuple[tuple[int, ...], ...]
    """Tables, known and audits; and the positions. Empty: there is none."""
    operators: tuple[int, ...]
    month: int
    """Its state, by number."""
    runs: int
    """Of the watch."""
    right: int
    """The events that were counted once and never given up, a bit each: they stay so."""
    excused: int
    """The events that were given up, or that a restored table lacks: they may be missing."""
    called_complete: int
    """The latest time before which the lake was called complete, in epoch milliseconds."""
    faults: int


class MonthEndSchedules:
    """All steps of a small world."""

    def __init__(self, world: SmallMonth, meter: MonthEndMeter) -> None:
        self.world = world
        self.operators = OperatorRuns(world, meter)
        self.tables = Numbers()
        self.knowledge = Numbers()
        self.audits = Numbers()
        self._meter = meter
        self._truths = [usage_of(event) for event in range(world.events)]
        self._counted: dict[tuple[Any, ...], int] = {}
        self._found: dict[int, tuple[int, str | None]] = {}
        self._start = self._after(world.before)

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
            tables=self.tables.of(Tables()),
            known=self.knowledge.of(Knowledge()),
            highest=0,
            audits=self.audits.of(()),
            lake=self.operators.lakes.of(()),
            backup=(),
            operators=(_NOT_BEGUN,) * len(self.world.work),
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
            found = self._found_in(after.tables)[0] & ~after.excused
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
            yield from self._works(state, place)

    # the stream, its counting, and Firehose

    def _comes(self, state: MonthEndState, place: int) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        records = self.world.shards[place]
        if state.put[place] < len(records):
            after = _appended(state, place, records[state.put[place]], state.clock)
            put = _with(state.put, place, state.put[place] + 1)
            yield MonthEndStep(MonthEndEvent.PUT, place), after._replace(put=put, clock=state.clock + 1)

    def _is_counted(self, state: MonthEndState, place: int) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        position = state.positions[place]
        if position < len(state.shards[place]):
            tables = self._count(state, place, -1, is_other=False)
            positions = _with(state.positions, place, position + 1)
            yield (
                MonthEndStep(MonthEndEvent.COUNTED, place),
                state._replace(tables=tables, positions=positions),
            )

    def _is_delivered(self, state: MonthEndState, place: int) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        came = state.shards[place]
        if state.delivered[place] == len(came):
            return
        rows = dict(self.operators.lakes[state.lake])
        fresh = {event for event, _ in came[state.delivered[place] :]} - {HEARTBEAT} - self._delivered(state)
        lake = self._lake(rows | dict.fromkeys(fresh, 0))
        delivered = _with(state.delivered, place, len(came))
        yield MonthEndStep(MonthEndEvent.DELIVERED, place), state._replace(lake=lake, delivered=delivered)

    def _delivered(self, state: MonthEndState) -> set[int]:
        """The events that came to the lake."""
        return {
            event
            for came, end in zip(state.shards, state.delivered, strict=True)
            for event, _ in came[:end]
            if event != HEARTBEAT
        }

    def _lake(self, rows: dict[int, int]) -> int:
        return self.operators.lakes.of(tuple(sorted(rows.items())))

    def _count(self, state: MonthEndState, place: int, writes: int, *, is_other: bool) -> int:
        """The tables after a record was counted, whole or up to so many of its writes."""
        position = state.positions[place]
        event, came = state.shards[place][position]
        key = (state.tables, place, position, event, came, writes, is_other)
        if key not in self._counted:
            store = self.store(state.tables)
            ledger = self._meter.ledger(store.ledger)
            rule = OTHER_RULE if is_other else BillingRule()
            ports: Any = (ledger, store.slices, store.counters, store.progress)
            if writes >= 0:
                ports = (Ports(store, writes),) * 4
            with suppress(GaveUpError):
                Processor(*ports, layout=ONE_PAGE, rule=rule).process(
                    [record(place, position + 1, event, came)]
                )
            self._counted[key] = self.tables.of(read_tables(store))
        return self._counted[key]

    def store(self, tables: int) -> SimulatedStore:
        """A store that holds that."""
        store = simulated_store(lambda: NOON_MS)
        fill(store, self.tables[tables])
        return store

    # time, and the watch

    def _of_time(self, state: MonthEndState) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        if state.clock < OVER_AFTER:
            yield MonthEndStep(MonthEndEvent.TIME_PASSED), state._replace(clock=state.clock + OVER_AFTER)
        if state.runs:
            yield MonthEndStep(MonthEndEvent.WATCHED), self._watched(state)
        if self.world.is_backed_up and not state.backup:
            kept = (state.tables, state.known, state.audits)
            yield MonthEndStep(MonthEndEvent.BACKED_UP), state._replace(backup=(kept, state.positions))

    def _watched(self, state: MonthEndState) -> MonthEndState:
        stream = _Stream(state)
        book = self._completeness(state)
        with suppress(Misconfigured):
            send_heartbeats(stream, book, time_at(state.clock))
        known = book.known
        return stream.state._replace(
            known=self.knowledge.of(known),
            highest=max(state.highest, known.version),
            clock=state.clock + 1,
            runs=state.runs - 1,
        )

    def _completeness(self, state: MonthEndState) -> SimulatedCompleteness:
        progress = SimulatedProgress()
        progress.items |= {one.shard_id: one for one in self.tables[state.tables].progress}
        is_noticed = MonthEndEvent.RESTORED_ALONE in self.world.kinds
        book = self._meter.completeness(progress) if is_noticed else SimulatedCompleteness(progress)
        book.known = self.knowledge[state.known]
        if isinstance(book, VersionedCompleteness):
            book._highest = state.highest  # noqa: SLF001 - what no restore takes back
        return book

    def complete_through(self, state: MonthEndState) -> int | None:
        """What a reader gets now, in epoch milliseconds."""
        return through(*self._completeness(state).load())

    # what goes wrong

    def _faulty(self, state: MonthEndState) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        for place, position in enumerate(state.positions):
            if position < len(state.shards[place]) and state.shards[place][position][0] != HEARTBEAT:
                yield from self._faulty_batch(state, place)
            for older in range(position):
                yield (
                    MonthEndStep(MonthEndEvent.SET_BACK, place, older),
                    state._replace(positions=_with(state.positions, place, older)),
                )
        if state.backup:
            yield from self._restored(state)
        rows = dict(self.operators.lakes[state.lake])
        known = self._found_in(state.tables)[0] & ~state.excused
        for event, is_altered in rows.items():
            if not is_altered and known >> event & 1:
                others = {one: form for one, form in rows.items() if one != event}
                yield (
                    MonthEndStep(MonthEndEvent.ROW_LOST, about=event),
                    state._replace(lake=self._lake(others)),
                )
                yield (
                    MonthEndStep(MonthEndEvent.ROW_ALTERED, about=event),
                    state._replace(lake=self._lake(rows | {event: 1})),
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
            if event not in self._struck(state):
                positions = _with(state.positions, place, position + 1)
                given_up = state._replace(
                    tables=tables, positions=positions, excused=state.excused | 1 << event
                )
                yield MonthEndStep(MonthEndEvent.GIVEN_UP, place, writes), given_up

    def _struck(self, state: MonthEndState) -> set[int]:
        """The events whose row is lost or altered: of these somebody else must know."""
        rows = dict(self.operators.lakes[state.lake])
        return {event for event in self._delivered(state) if rows.get(event, 1)}

    def _restored(self, state: MonthEndState) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        (tables, known, audits), positions = state.backup
        back = state._replace(tables=tables, known=known, audits=audits)
        counted = self._found_in(tables)[0]
        if state.excused & ~counted & state.right == 0:
            yield (
                MonthEndStep(MonthEndEvent.RESTORED),
                back._replace(positions=positions, right=state.right & counted),
            )
        lost = state.right & ~counted
        is_later = self.knowledge[state.known].version > self.knowledge[known].version
        if is_later and not any(lost >> event & 1 for event in self._struck(state)):
            yield (
                MonthEndStep(MonthEndEvent.RESTORED_ALONE),
                back._replace(right=state.right & counted, excused=state.excused | lost),
            )

    def _rows_back(self, state: MonthEndState) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        rows = dict(self.operators.lakes[state.lake])
        for event in sorted(self._struck(state)):
            yield (
                MonthEndStep(MonthEndEvent.ROW_BACK, about=event),
                state._replace(lake=self._lake(rows | {event: 0})),
            )

    # the operator

    def _works(self, state: MonthEndState, place: int) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        number = self.operator(state, place)
        if not number:
            return
        moment: OperatorMoment = self.operators.moments[number]
        if moment.request is None:
            return
        found = self._performed(state, number)
        if found is None:
            return
        after, answer = found
        number = self.operators.answered(number, moment.request, answer)
        following: OperatorMoment = self.operators.moments[number]
        if following.request is OperatorRequest.HEARTBEATS:
            after, answer = self._put(after)
            number = self.operators.answered(number, OperatorRequest.HEARTBEATS, answer)
            following = self.operators.moments[number]
        is_over = following.request is None
        step = MonthEndStep(MonthEndEvent.WORKED, place, number)
        yield step, after._replace(operators=_with(after.operators, place, _ENDED if is_over else number))

    def operator(self, state: MonthEndState, place: int) -> int:
        """The number of the moment of an operator, who may begin now; 0: not now, or no more."""
        found = state.operators[place]
        if found != _NOT_BEGUN:
            return max(found, 0)
        bits = sum(1 << event for event in self._delivered(state) if not state.excused >> event & 1)
        return self.operators.begun(place, state.clock, bits) if self._may_begin(state) else 0

    def _may_begin(self, state: MonthEndState) -> bool:
        if not self.world.in_order:
            return True
        ends = tuple(len(came) for came in state.shards)
        all_put = all(put == len(one) for put, one in zip(state.put, self.world.shards, strict=True))
        is_whole = not self._struck(state)
        return all_put and is_whole and ends == state.positions == state.delivered and not state.faults

    def _performed(self, state: MonthEndState, number: int) -> tuple[MonthEndState, int] | None:
        moment: OperatorMoment = self.operators.moments[number]
        content = self.operators.contents[number]
        performed: dict[OperatorRequest | None, Callable[[], tuple[MonthEndState, int] | None]] = {
            OperatorRequest.PATHS: lambda: self._looked(state),
            OperatorRequest.LAKE: lambda: (state, state.lake),
            OperatorRequest.TABLES: lambda: self._tables_read(state, content),
            OperatorRequest.CORRECT: lambda: self._corrected(state, content),
            OperatorRequest.MONTH: lambda: (state, state.month),
            OperatorRequest.BEGIN: lambda: self._with_month(state, "open", "1", content),
            OperatorRequest.SEAL: lambda: self._with_month(
                state, content[0], f"{int(content[0]) + 1}", content[1]
            ),
        }
        return performed[moment.request]()

    def _looked(self, state: MonthEndState) -> tuple[MonthEndState, int]:
        reported = self._meter.delivered(
            SimulatedCloudWatch(self._points(state)), lambda: time_at(state.clock)
        )
        delivered = _ms(reported.complete_through())
        answer = self.operators.paths.of((self.complete_through(state), delivered))
        return state._replace(called_complete=max(state.called_complete, delivered or 0)), answer

    def _points(self, state: MonthEndState) -> FirehosePoints:
        """What CloudWatch has by now: Firehose holds nothing, and is behind by what it has not read."""
        now = ms_at(state.clock)
        came = [one for shard in state.shards for one in shard]
        unread = [
            ms_at(at)
            for shard, end in zip(state.shards, state.delivered, strict=True)
            for _, at in shard[end:]
        ]
        at = now - PERIOD_MS
        behind = float(max(0, at - min(unread))) if unread else 0.0
        sent = Counter(ms_at(at) // PERIOD_MS * PERIOD_MS for event, at in came if event != HEARTBEAT)
        return FirehosePoints([(now - PERIOD_MS, 0.0)], [(now - 2 * PERIOD_MS, behind)], sent, now)

    def _tables_read(self, state: MonthEndState, awaited: dict[str, int]) -> tuple[MonthEndState, int] | None:
        """None: it waits, for its heartbeats are not passed."""
        tables: Tables = self.tables[state.tables]
        positions = {one.shard_id: one.position for one in tables.progress}
        if any(positions.get(shard, 0) < mark for shard, mark in awaited.items()):
            return None
        return state, self.operators.tables.of(MonthTables(tables.counters, tables.progress))

    def _put(self, state: MonthEndState) -> tuple[MonthEndState, int]:
        stream = _Stream(state)
        landed = stream.put_all()
        return stream.state, self.operators.landed.of(tuple(landed))

    def _corrected(self, state: MonthEndState, content: Correcting) -> tuple[MonthEndState, int]:
        store = self.store(state.tables)
        months = CountersOfMonths(store.counters)
        months.audits = set(self.audits[state.audits])
        fate: Fate = months.write(*content)
        after = state._replace(
            tables=self.tables.of(read_tables(store)), audits=self.audits.of(tuple(sorted(months.audits)))
        )
        return after, self.operators.fates.of(fate)

    def _with_month(
        self, state: MonthEndState, wanted: str, tag: str, closing: bytes
    ) -> tuple[MonthEndState, int]:
        found = self.operators.months[state.month]
        is_next = found[0] == wanted if found != "open" else wanted == "open"
        if not is_next:
            return state, 0
        return state._replace(month=self.operators.months.of((tag, closing))), 1

    # what must hold

    def violation(self, state: MonthEndState) -> str | None:
        """Which promise a state breaks, if any."""
        checks: tuple[Callable[[MonthEndState], str | None], ...] = (
            self._wrong_counters,
            self._wrongly_complete,
            self._wrongly_sealed,
            self._left_wrong,
        )
        return next((wrong for check in checks if (wrong := check(state)) is not None), None)

    def _found_in(self, tables: int) -> tuple[int, str | None]:
        """The events that both counters hold once, and nothing else, a bit each; and which is twice."""
        if tables not in self._found:
            counted = self.store(tables).counted()
            bits, twice = (1 << self.world.events) - 1, ""
            for period in (OCTOBER, LAST_DAY):
                found = counted.get((CALLED, period))
                usage = NO_USAGE if found is None else found.totals
                held, more = self._events_in(usage)
                bits &= held
                if more is not None and not twice:
                    times = times_counted(usage, more)
                    twice = f"{letter(more)} is counted {times} times in {CALLED} {period}"
            self._found[tables] = bits, twice or None
        return self._found[tables]

    def _events_in(self, usage: Usage) -> tuple[int, int | None]:
        """The events that a usage is the sum of; none, if there are no such. And one that is in it twice."""
        times = [times_counted(usage, event) for event in range(self.world.events)]
        twice = next((event for event, number in enumerate(times) if number > 1), None)
        bits = sum(1 << event for event, number in enumerate(times) if number)
        whole = total(truth for event, truth in enumerate(self._truths) if bits >> event & 1)
        return (bits if usage == whole else 0), twice

    def _wrong_counters(self, state: MonthEndState) -> str | None:
        """Nothing is counted twice, what was counted stays so, and what Lambda is done with is counted."""
        if self._has_other_rules:
            return None
        held, twice = self._found_in(state.tables)
        if twice is not None:
            return twice
        missing = state.right & ~held
        if missing:
            return f"{_letters(missing)} was counted rightly in {CALLED}, and is not any more"
        missing = self._passed(state) & ~held & ~state.excused
        return f"Lambda is done with {_letters(missing)}, which is missing in {CALLED}" if missing else None

    @property
    def _has_other_rules(self) -> bool:
        return MonthEndEvent.OTHERWISE in self.world.kinds

    def _passed(self, state: MonthEndState) -> int:
        """The events all of whose records Lambda is done with."""
        bits, waiting = 0, 0
        for came, position in zip(state.shards, state.positions, strict=True):
            for index, (event, _) in enumerate(came):
                if event != HEARTBEAT and index < position:
                    bits |= 1 << event
                elif event != HEARTBEAT:
                    waiting |= 1 << event
        return bits & ~waiting

    def _wrongly_complete(self, state: MonthEndState) -> str | None:
        """What came before the lake was called complete is in it; and likewise in the counters."""
        delivered = self._delivered(state)
        reached = self.complete_through(state) or 0
        held = self._found_in(state.tables)[0]
        for event, at in self._came(state).items():
            if ms_at(at) < state.called_complete and event not in delivered:
                return f"the lake is called complete, and {letter(event)} had come, which is not in it"
            is_counted = (held | state.excused) >> event & 1 or self._has_other_rules
            if ms_at(at) < reached and not is_counted:
                return f"`complete_through` is later than {letter(event)} came, which is not counted"
            if ms_at(at) < reached and self._is_in_a_hole(state, event, held):
                return f"`complete_through` is later than {letter(event)} came, which a restore has lost"
        return None

    def _is_in_a_hole(self, state: MonthEndState, event: int, held: int) -> bool:
        """Whether a restored table lacks an event; in such worlds nothing else is excused."""
        is_alone = self.world.kinds == (MonthEndEvent.RESTORED_ALONE,)
        return is_alone and bool(state.excused & ~held & 1 << event)

    def _came(self, state: MonthEndState) -> dict[int, int]:
        """When each event came first, in seconds."""
        found: dict[int, int] = {}
        for event, at in (one for came in state.shards for one in came if one[0] != HEARTBEAT):
            found[event] = min(at, found.get(event, at))
        return found

    def _wrongly_sealed(self, state: MonthEndState) -> str | None:
        """A sealed month bills what was called, as far as it had come when the closing began, or later."""
        month = self.operators.months[state.month]
        if month == "open" or (closing := _decoded(month[1])).state is not State.SEALED:
            return None
        usage = decode_usage(self.operators.kept[closing.usage]).get(CALLED, NO_USAGE)
        held, twice = self._events_in(usage)
        if twice is not None or (usage != NO_USAGE and not held):
            return f"{OCTOBER} is sealed with {usage.requests} calls of {CALLED}, which nobody made so"
        place = int(closing.report.rpartition("-")[2])
        required = self._required(state, place) & ~held
        if required:
            return f"{OCTOBER} is sealed without {_letters(required)}"
        return None

    def _required(self, state: MonthEndState, place: int) -> int:
        """What an operator who has sealed must have billed: what was in the lake when he began."""
        number = state.operators[place]
        moment: OperatorMoment = self.operators.moments[max(number, 0)]
        return moment.delivered if number > 0 else 0

    def _left_wrong(self, state: MonthEndState) -> str | None:
        """Where all is in order and an operator has the log, his repairs leave every counter right."""
        if not self.world.in_order or any(one != _ENDED for one in state.operators) or not state.operators:
            return None
        everything = (1 << self.world.events) - 1
        if self._found_in(state.tables)[0] == everything:
            return None
        return f"all is in order and the repair has ended, and the counters of {CALLED} are not right"


class _Stream:
    """The stream as the watch and a repair see it."""

    def __init__(self, state: MonthEndState) -> None:
        self.state = state

    def shards(self) -> Sequence[ListedShard]:
        return listed(len(self.state.shards))

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        return self.put_all()[: len(records)]

    def put_all(self) -> list[Landed]:
        for place in range(len(self.state.shards)):
            self.state = _appended(self.state, place, HEARTBEAT, self.state.clock)
        return [
            Landed(one.shard_id, len(came))
            for one, came in zip(self.shards(), self.state.shards, strict=True)
        ]


def _appended(state: MonthEndState, place: int, event: int, at: int) -> MonthEndState:
    return state._replace(shards=_with(state.shards, place, (*state.shards[place], (event, at))))


def _with(values: tuple[Any, ...], place: int, value: object) -> tuple[Any, ...]:
    return (*values[:place], value, *values[place + 1 :])


def _ms(time: datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * 1000)


def _decoded(content: bytes) -> Closing:
    return msgspec.json.decode(content, type=Closing)


def _letters(bits: int) -> str:
    return " and ".join(letter(event) for event in range(bits.bit_length()) if bits >> event & 1)
