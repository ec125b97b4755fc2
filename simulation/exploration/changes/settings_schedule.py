"""What may happen next while days pass, old lines come, and processes with other settings take turns.

The book of layouts is the shipped one, each of its requests a step; a batch of one record is counted in one
step by the shipped processor. A day is the unit of time: within it a process goes by what it has read.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from metering.billing_rule import BillingRule
from metering.counters.ledger_layout import LayoutAnswer, LayoutHistory
from metering.counters.ports import Status
from simulation.exploration.changes.layout_runs import LayoutMoment, LayoutProcesses, LayoutRequest
from simulation.exploration.changes.settings_world import CALLED, READ_FOR_DAYS, SettingsWorld, now_ms
from simulation.exploration.changes.tables import Tables, fill, miscounted, read_tables
from simulation.exploration.programs import Numbers
from simulation.protocol.store import SimulatedStore
from simulation.protocol.world_of_changes import ChangingMeter
from stream_processor.processor import Processor


class SettingsEvent(StrEnum):
    """What happens in a step."""

    HANDED = "a process gets a batch"
    ANSWERED = "the table answers"
    UNANSWERED = "the table does not answer"
    """A fault."""
    COUNTED = "the batch is counted"
    LEFT = "the batch is repeated"
    ENDED = "a process is ended, and another one takes its place"
    """A fault, unless the settings were changed since it began."""
    READ_AGAIN = "a shard is read again from its start"
    """A fault."""
    CHANGED = "the settings are changed"
    DAY_PASSED = "a day passes"
    EXPIRED = "DynamoDB removes a page that has expired"


class SettingsStep(NamedTuple):
    """What happened, to which process or page, or in which shard."""

    event: SettingsEvent
    place: int = -1
    shard: int = -1


class SettingsState(NamedTuple):
    """A moment. Everything in it is a number or a tuple of numbers."""

    day: int
    settings: int
    positions: tuple[int, ...]
    """By shard: the next record to read."""
    batches: tuple[int, ...]
    """By process: the shard of its batch; -1: none."""
    processes: tuple[int, ...]
    history: int
    """The layouts in the table, by number; 0: none."""
    tables: int
    done: int
    """The events that Lambda is done with, a bit each."""
    faults: int


class SettingsSchedules:
    """All steps of a small world."""

    def __init__(self, world: SettingsWorld, meter: ChangingMeter) -> None:
        self.world = world
        self.processes = LayoutProcesses(meter)
        self.tables = Numbers()
        self._meter = meter
        self._counted: dict[tuple[int, int, int, int, int], int] = {}
        self._wrong: dict[tuple[int, int], str | None] = {}

    @property
    def start(self) -> SettingsState:
        """Nothing has happened."""
        return SettingsState(
            day=0,
            settings=0,
            positions=(0,) * len(self.world.shards),
            batches=(-1,) * self.world.processes,
            processes=(self.processes.begun(0),) * self.world.processes,
            history=0,
            tables=self.tables.of(Tables()),
            done=0,
            faults=self.world.faults,
        )

    def packed(self, state: SettingsState) -> bytes:
        """A state as bytes: equal states give equal bytes."""
        return marshal.dumps(tuple(state), 2)

    def unpacked(self, packed: bytes) -> SettingsState:
        """The state that bytes are of."""
        return SettingsState(*marshal.loads(packed))  # noqa: S302 - our own bytes, of this process

    def steps(self, state: SettingsState) -> Iterator[tuple[SettingsStep, SettingsState]]:
        """Everything that may happen next, each with the state after it."""
        for place, shard in enumerate(state.batches):
            yield from self._idle(state, place) if shard < 0 else self._busy(state, place, shard)
            yield from self._ended(state, place)
        if state.faults:
            for shard, position in enumerate(state.positions):
                if position and shard not in state.batches:
                    again = _with_position(state, shard, 0)._replace(faults=state.faults - 1)
                    yield SettingsStep(SettingsEvent.READ_AGAIN, shard=shard), again
        yield from self._of_time(state)

    def _of_time(self, state: SettingsState) -> Iterator[tuple[SettingsStep, SettingsState]]:
        if self.world.is_changed and not state.settings:
            yield SettingsStep(SettingsEvent.CHANGED), state._replace(settings=1)
        if state.day < self.world.last_day and all(shard < 0 for shard in state.batches):
            yield SettingsStep(SettingsEvent.DAY_PASSED), state._replace(day=state.day + 1)
        tables: Tables = self.tables[state.tables]
        for place, page in enumerate(tables.ledger):
            if page.expires_at * 1000 <= now_ms(state.day):
                ledger = (*tables.ledger[:place], *tables.ledger[place + 1 :])
                left = self.tables.of(tables._replace(ledger=ledger))
                yield SettingsStep(SettingsEvent.EXPIRED, place), state._replace(tables=left)

    def _ended(self, state: SettingsState, place: int) -> Iterator[tuple[SettingsStep, SettingsState]]:
        moment: LayoutMoment = self.processes.moments[state.processes[place]]
        is_old = moment.settings != state.settings
        if is_old or state.faults:
            ended = _with_process(state, place, self.processes.begun(state.settings), -1)
            yield (
                SettingsStep(SettingsEvent.ENDED, place),
                ended._replace(faults=state.faults - (not is_old)),
            )

    def _idle(self, state: SettingsState, place: int) -> Iterator[tuple[SettingsStep, SettingsState]]:
        for shard, position in enumerate(state.positions):
            if self._may_be_read(state, shard, position) and shard not in state.batches:
                handed = self.processes.handed(state.processes[place], state.day)
                yield (
                    SettingsStep(SettingsEvent.HANDED, place, shard),
                    _with_process(state, place, handed, shard),
                )

    def _may_be_read(self, state: SettingsState, shard: int, position: int) -> bool:
        records = self.world.shards[shard]
        return position < len(records) and 0 <= state.day - records[position].day <= READ_FOR_DAYS

    def _busy(
        self, state: SettingsState, place: int, shard: int
    ) -> Iterator[tuple[SettingsStep, SettingsState]]:
        number = state.processes[place]
        moment: LayoutMoment = self.processes.moments[number]
        if moment.request is not None:
            history, answer = self._performed(state, moment)
            gone_on = self.processes.answered(number, answer)
            yield (
                SettingsStep(SettingsEvent.ANSWERED, place, shard),
                _with_process(state._replace(history=history), place, gone_on, shard),
            )
            if state.faults:
                silent = self.processes.answered(number, LayoutAnswer(Status.UNAVAILABLE))
                yield (
                    SettingsStep(SettingsEvent.UNANSWERED, place, shard),
                    _with_process(state._replace(faults=state.faults - 1), place, silent, shard),
                )
            return
        left = _with_process(state, place, self.processes.left(number), -1)
        if not moment.history:
            yield SettingsStep(SettingsEvent.LEFT, place, shard), left
            return
        position = state.positions[shard]
        done = state.done | 1 << self.world.shards[shard][position].event
        tables = self._count(state, moment.history, shard)
        after = _with_position(left, shard, position + 1)
        yield SettingsStep(SettingsEvent.COUNTED, place, shard), after._replace(tables=tables, done=done)

    def _performed(self, state: SettingsState, moment: LayoutMoment) -> tuple[int, LayoutAnswer]:
        content = self.processes.contents[moment.content]
        if moment.request is LayoutRequest.BEGIN:
            history = state.history or self.processes.histories.of(content.known())
            return history, LayoutAnswer(Status.WRITTEN, self.processes.histories[history])
        known, since_ms, layout = content
        found: LayoutHistory = self.processes.histories[state.history]
        if known != found:
            return state.history, LayoutAnswer(Status.REFUSED, found)
        appended = LayoutHistory((*found.entries, (since_ms, layout)))
        return self.processes.histories.of(appended), LayoutAnswer(Status.WRITTEN, appended)

    def store(self, tables: int, day: int = 0) -> SimulatedStore:
        """A store that holds that."""
        store = self._meter.store(lambda: now_ms(day))
        if not isinstance(store, SimulatedStore):
            raise TypeError(f"{self._meter.name} has no simulated store")
        fill(store, self.tables[tables])
        return store

    def _count(self, state: SettingsState, history: int, shard: int) -> int:
        position = state.positions[shard]
        place = (state.tables, state.day, history, shard, position)
        if place not in self._counted:
            store = self.store(state.tables, state.day)
            ports = (store.ledger, store.slices, store.counters, store.progress)
            layout = _Known(self.processes.histories[history])
            Processor(*ports, layout=layout, rule=BillingRule()).process([self.world.record(shard, position)])
            self._counted[place] = self.tables.of(read_tables(store))
        return self._counted[place]

    def violation(self, state: SettingsState) -> str | None:
        """Which promise a state breaks, if any: what Lambda is done with is counted, and nothing twice."""
        place = (state.tables, state.done)
        if place not in self._wrong:
            counted = self.store(state.tables).counted()
            self._wrong[place] = miscounted(counted, CALLED, self.world.days(), state.done)
        return self._wrong[place]


class _Known:
    """The port `LayoutSource`: a history that is known."""

    def __init__(self, history: LayoutHistory) -> None:
        self._history = history

    def known(self) -> LayoutHistory | None:
        return self._history


def _with_process(state: SettingsState, place: int, number: int, shard: int) -> SettingsState:
    return state._replace(
        processes=(*state.processes[:place], number, *state.processes[place + 1 :]),
        batches=(*state.batches[:place], shard, *state.batches[place + 1 :]),
    )


def _with_position(state: SettingsState, shard: int, position: int) -> SettingsState:
    return state._replace(positions=(*state.positions[:shard], position, *state.positions[shard + 1 :]))
