"""The steps of an operator: what is read and written for him, and what he gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime

from metering.proof.correction import Fate
from simulation.exploration.changes.tables import Tables, read_tables
from simulation.exploration.month_end.contents import MonthEndContents
from simulation.exploration.month_end.moment import (
    ENDED,
    HEARTBEAT,
    NOT_BEGUN,
    MonthEndState,
    MonthEndStep,
    StreamNow,
    with_one,
)
from simulation.exploration.month_end.operator_runs import (
    Correcting,
    MonthTables,
    OperatorMoment,
    OperatorRequest,
)
from simulation.exploration.month_end.small_month import MonthEndEvent, ms_at, time_at
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
        yield step, after._replace(operators=with_one(after.operators, place, ENDED if is_over else number))

    def operator(self, state: MonthEndState, place: int) -> int:
        """The number of the moment of an operator, who may begin now; 0: not now, or no more."""
        found = state.operators[place]
        if found != NOT_BEGUN:
            return max(found, 0)
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


def _ms(time: datetime | None) -> int | None:
    return None if time is None else round(time.timestamp() * 1000)
