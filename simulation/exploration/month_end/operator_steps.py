"""The steps of an operator: what is read and written for him, and what he gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

from metering.proof.archive import ArchiveMark
from metering.proof.correction import Fate
from simulation.exploration.changes.tables import Tables, read_tables
from simulation.exploration.month_end.archives import Moving, archiving_of
from simulation.exploration.month_end.contents import MonthEndContents
from simulation.exploration.month_end.moment import (
    ENDED,
    HEARTBEAT,
    NOT_BEGUN,
    MonthEndState,
    MonthEndStep,
    OperatorRequest,
    StreamNow,
    with_one,
)
from simulation.exploration.month_end.operator_moment import (
    Correcting,
    MonthTables,
    OperatorMoment,
)
from simulation.exploration.month_end.small_month import MonthEndEvent, Work, ms_at, time_at
from simulation.month_end.firehose import PERIOD_MS, FirehosePoints, SimulatedCloudWatch
from simulation.month_end.stores import CountersOfMonths


class OperatorSteps:
    """All steps of the operators of a world."""

    def __init__(self, contents: MonthEndContents) -> None:
        self._contents = contents
        self._runs = contents.operators
        self._world = contents.world

    def of_place(self, state: MonthEndState, place: int) -> Iterator[tuple[MonthEndStep, MonthEndState]]:
        """The next step of an operator, if he can go on."""
        number = self.operator(state, place)
        if not number:
            return
        moment: OperatorMoment = self._runs.moments[number]
        if moment.request is None:
            return
        found = self._performed(state, number)
        if found is None:
            return
        after, answer = found
        number = self._runs.answered(number, moment.request, answer)
        following: OperatorMoment = self._runs.moments[number]
        if following.request is OperatorRequest.HEARTBEATS:
            after, answer = self._put(after)
            number = self._runs.answered(number, OperatorRequest.HEARTBEATS, answer)
            following = self._runs.moments[number]
        is_over = following.request is None
        step = MonthEndStep(MonthEndEvent.WORKED, place, number)
        is_shown = self._world.work[place] is Work.LOOK_UP
        end = number if is_shown or not is_over else ENDED
        yield step, after._replace(operators=with_one(after.operators, place, end))

    def operator(self, state: MonthEndState, place: int) -> int:
        """The number of the moment of an operator, who may begin now; 0: not now, or no more."""
        found = state.operators[place]
        if found != NOT_BEGUN:
            return max(found, 0)
        if self._world.work[place] is Work.LOOK_UP:
            bits = self._contents.found_in(state.tables, state.mark)[0]
            return self._runs.begun(place, state.clock, bits)
        bits = sum(1 << event for event in self._contents.delivered(state) if not state.excused >> event & 1)
        return self._runs.begun(place, state.clock, bits) if self._may_begin(state) else 0

    def _may_begin(self, state: MonthEndState) -> bool:
        if not self._world.in_order:
            return True
        ends = tuple(len(came) for came in state.shards)
        all_put = all(put == len(one) for put, one in zip(state.put, self._world.shards, strict=True))
        is_whole = not self._contents.struck(state)
        return all_put and is_whole and ends == state.positions == state.delivered and not state.faults

    def _performed(self, state: MonthEndState, number: int) -> tuple[MonthEndState, int] | None:
        moment: OperatorMoment = self._runs.moments[number]
        content = self._runs.contents[number]
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
            OperatorRequest.MARK: lambda: (state, state.mark),
            OperatorRequest.MARK_BEGUN: lambda: self._mark_begun(state, content),
            OperatorRequest.MARK_ENDED: lambda: self._mark_ended(state, content),
            OperatorRequest.MOVED: lambda: self._moved(state, content),
        }
        return performed[moment.request]()

    def _looked(self, state: MonthEndState) -> tuple[MonthEndState, int]:
        reported = self._contents.meter.delivered(
            SimulatedCloudWatch(self._points(state)), lambda: time_at(state.clock)
        )
        delivered = _ms(reported.complete_through())
        answer = self._runs.paths.of((self._contents.complete_through(state), delivered))
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
        tables: Tables = self._contents.tables[state.tables]
        positions = {one.shard_id: one.position for one in tables.progress}
        if any(positions.get(shard, 0) < mark for shard, mark in awaited.items()):
            return None
        return state, self._runs.tables.of(MonthTables(tables.counters, tables.progress))

    def _put(self, state: MonthEndState) -> tuple[MonthEndState, int]:
        stream = StreamNow(state)
        landed = stream.put_all()
        return stream.state, self._runs.landed.of(tuple(landed))

    def _corrected(self, state: MonthEndState, content: Correcting) -> tuple[MonthEndState, int]:
        store = self._contents.store(state.tables)
        months = CountersOfMonths(store.counters)
        months.audits = set(self._contents.audits[state.audits])
        fate: Fate = months.write(*content)
        after = state._replace(
            tables=self._contents.tables.of(read_tables(store)),
            audits=self._contents.audits.of(tuple(sorted(months.audits))),
        )
        return after, self._runs.fates.of(fate)

    def _with_month(
        self, state: MonthEndState, wanted: str, tag: str, closing: bytes
    ) -> tuple[MonthEndState, int]:
        found = self._runs.months[state.month]
        is_next = found[0] == wanted if found != "open" else wanted == "open"
        if not is_next:
            return state, 0
        return state._replace(month=self._runs.months.of((tag, closing))), 1

    def _mark_begun(self, state: MonthEndState, mark: ArchiveMark) -> tuple[MonthEndState, int]:
        before: ArchiveMark | None = self._runs.marks[state.mark]
        if before is None:
            return state._replace(mark=self._runs.marks.of(mark)), 1
        after = mark._replace(version=before.version + 1)
        return (state._replace(mark=self._runs.marks.of(after)) if before.has_ended else state), 1

    def _mark_ended(self, state: MonthEndState, ended: ArchiveMark) -> tuple[MonthEndState, int]:
        mark: ArchiveMark | None = self._runs.marks[state.mark]
        if mark is None or mark.has_ended:
            return state, 1
        if mark != ended or mark.moved:
            return state, 0
        return state._replace(mark=self._runs.marks.of(mark.ended())), 1

    def _moved(self, state: MonthEndState, moving: Moving) -> tuple[MonthEndState, int]:
        if self._runs.marks[state.mark] != moving.mark:
            return state, 0
        store = self._contents.store(state.tables)
        archiving_of(self._contents.meter).archives(store.counters).move(moving)
        mark = self._runs.marks.of(moving.mark.after(moving.step)) if moving.counts else state.mark
        return state._replace(tables=self._contents.tables.of(read_tables(store)), mark=mark), 1


def _ms(time: datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * 1000)
