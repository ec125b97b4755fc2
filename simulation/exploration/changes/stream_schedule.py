"""What may happen next to a stream that is made again, and to the processes that count it.

The guard is the shipped one, each of its requests a step. Its batch, if it passes, is counted in one step by
the shipped processor: what may happen within is explored in :mod:`simulation.exploration.schedule`. As in
:mod:`simulation.protocol.world_of_streams` a stream is deleted when nothing of it is under way; what was not
counted of it goes with it.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from metering.billing_rule import BillingRule
from metering.calls.record import StreamRecord
from metering.counters.ports import CountedStream
from simulation.exploration.changes.guard_runs import (
    NO_REPLY,
    GuardedProcesses,
    GuardRequest,
    GuardVerdict,
    ProcessMoment,
)
from simulation.exploration.changes.stream_world import CALLED, StreamsWorld, first_number, made_at
from simulation.exploration.changes.tables import Tables, fill, miscounted, read_tables
from simulation.exploration.programs import Numbers
from simulation.exploration.small_world import NOON_MS, ONE_PAGE, PERIODS
from simulation.protocol.meter import simulated_store
from simulation.protocol.store import SimulatedStore
from simulation.protocol.world_of_streams import StreamMeter
from stream_processor.processor import Processor


class StreamEvent(StrEnum):
    """What happens in a step."""

    HANDED = "a process gets a batch"
    ANSWERED = "the guard gets an answer"
    UNANSWERED = "the guard gets no answer"
    """A fault."""
    COUNTED = "the batch is counted"
    LEFT = "the batch is refused, or repeated"
    ENDED = "a process is ended, and another one takes its place"
    """A fault."""
    READ_AGAIN = "a shard is read again from its start"
    """A fault."""
    MADE_HIGHER = "the stream is made again, with higher numbers"
    MADE_LOWER = "the stream is made again, with lower numbers"


class StreamStep(NamedTuple):
    """What happened, to which process, or in which shard."""

    event: StreamEvent
    place: int = -1
    shard: int = -1


class StreamState(NamedTuple):
    """A moment. Everything in it is a number or a tuple of numbers."""

    stream: int
    first: int
    """Where its sequence numbers begin."""
    positions: tuple[int, ...]
    """By shard: the next record to read."""
    batches: tuple[int, ...]
    """By process: the shard of its batch; -1: none."""
    processes: tuple[int, ...]
    identity: int
    """The stream that the tables count, by number."""
    tables: int
    done: int
    """The events that Lambda is done with, a bit each."""
    faults: int


class StreamSchedules:
    """All steps of a small world."""

    def __init__(self, world: StreamsWorld, meter: StreamMeter) -> None:
        self.world = world
        self.processes = GuardedProcesses(meter)
        self.identities = Numbers()
        self.tables = Numbers()
        self._counted: dict[tuple[int, StreamRecord], int] = {}
        self._wrong: dict[tuple[int, int], str | None] = {}

    @property
    def start(self) -> StreamState:
        """The stream was made, and nothing is counted."""
        return StreamState(
            stream=0,
            first=first_number(0, is_higher=True),
            positions=(0,) * self.world.shards,
            batches=(-1,) * self.world.processes,
            processes=(self.processes.begun(),) * self.world.processes,
            identity=self.identities.of("none"),
            tables=self.tables.of(Tables()),
            done=0,
            faults=self.world.faults,
        )

    def packed(self, state: StreamState) -> bytes:
        """A state as bytes: equal states give equal bytes."""
        return marshal.dumps(tuple(state), 2)

    def unpacked(self, packed: bytes) -> StreamState:
        """The state that bytes are of."""
        return StreamState(*marshal.loads(packed))  # noqa: S302 - our own bytes, of this process

    def steps(self, state: StreamState) -> Iterator[tuple[StreamStep, StreamState]]:
        """Everything that may happen next, each with the state after it."""
        for place, shard in enumerate(state.batches):
            yield from self._idle(state, place) if shard < 0 else self._busy(state, place, shard)
            if state.faults:
                ended = _with_process(state, place, self.processes.begun(), -1)
                yield StreamStep(StreamEvent.ENDED, place), ended._replace(faults=state.faults - 1)
        if state.faults:
            for shard, position in enumerate(state.positions):
                if position and shard not in state.batches:
                    again = _with_position(state, shard, 0)._replace(faults=state.faults - 1)
                    yield StreamStep(StreamEvent.READ_AGAIN, shard=shard), again
        if state.stream + 1 < self.world.streams and all(shard < 0 for shard in state.batches):
            yield StreamStep(StreamEvent.MADE_HIGHER), self._made_again(state, is_higher=True)
            yield StreamStep(StreamEvent.MADE_LOWER), self._made_again(state, is_higher=False)

    def _made_again(self, state: StreamState, *, is_higher: bool) -> StreamState:
        stream = state.stream + 1
        first = first_number(stream, is_higher=is_higher)
        return state._replace(stream=stream, first=first, positions=(0,) * self.world.shards)

    def _idle(self, state: StreamState, place: int) -> Iterator[tuple[StreamStep, StreamState]]:
        for shard, position in enumerate(state.positions):
            if position < self.world.records and shard not in state.batches:
                record = self.world.record(state.stream, state.first, shard, position)
                handed = self.processes.handed(state.processes[place], record)
                yield (
                    StreamStep(StreamEvent.HANDED, place, shard),
                    _with_process(state, place, handed, shard),
                )

    def _busy(self, state: StreamState, place: int, shard: int) -> Iterator[tuple[StreamStep, StreamState]]:
        number = state.processes[place]
        moment: ProcessMoment = self.processes.moments[number]
        if moment.request is not None:
            identity, answer = self._performed(state, moment)
            yield (
                StreamStep(StreamEvent.ANSWERED, place, shard),
                self._gone_on(state._replace(identity=identity), place, answer),
            )
            if state.faults:
                spent = state._replace(faults=state.faults - 1)
                yield StreamStep(StreamEvent.UNANSWERED, place, shard), self._gone_on(spent, place, NO_REPLY)
            return
        left = _with_process(state, place, self.processes.left(number), -1)
        if moment.verdict is not GuardVerdict.PASSED or moment.record is None:
            yield StreamStep(StreamEvent.LEFT, place, shard), left
            return
        done = state.done | 1 << self.world.event(state.stream, shard, state.positions[shard])
        after = _with_position(left, shard, state.positions[shard] + 1)
        tables = self._count(state.tables, moment.record)
        yield StreamStep(StreamEvent.COUNTED, place, shard), after._replace(tables=tables, done=done)

    def _gone_on(self, state: StreamState, place: int, answer: object) -> StreamState:
        number = self.processes.answered(state.processes[place], answer)
        return _with_process(state, place, number, state.batches[place])

    def _performed(self, state: StreamState, moment: ProcessMoment) -> tuple[int, object]:
        content = self.processes.contents[moment.content]
        found = self.identities[state.identity]
        match moment.request:
            case GuardRequest.KEEP:
                kept = CountedStream(content) if found == "none" else found
                return self.identities.of(kept), kept
            case GuardRequest.MADE_AT:
                return state.identity, made_at(state.stream)
            case GuardRequest.HIGHEST:
                progress = self.tables[state.tables].progress
                counted = (one.position for one in progress if one.arrived_at_ms < content)
                return state.identity, max(counted, default=-1)
            case _:
                before, stream = content
                kept = stream if found == before else found
                return self.identities.of(kept), kept

    def store(self, tables: int) -> SimulatedStore:
        """A store that holds that."""
        store = simulated_store(lambda: NOON_MS)
        fill(store, self.tables[tables])
        return store

    def _count(self, tables: int, record: StreamRecord) -> int:
        place = (tables, record)
        if place not in self._counted:
            store = self.store(tables)
            ports = (store.ledger, store.slices, store.counters, store.progress)
            Processor(*ports, layout=ONE_PAGE, rule=BillingRule()).process([record])
            self._counted[place] = self.tables.of(read_tables(store))
        return self._counted[place]

    def violation(self, state: StreamState) -> str | None:
        """Which promise a state breaks, if any: what Lambda is done with is counted, and nothing twice."""
        place = (state.tables, state.done)
        if place not in self._wrong:
            counted = self.store(state.tables).counted()
            self._wrong[place] = miscounted(counted, CALLED, [PERIODS[1]] * self.world.events, state.done)
        return self._wrong[place]


def _with_process(state: StreamState, place: int, number: int, shard: int) -> StreamState:
    return state._replace(
        processes=(*state.processes[:place], number, *state.processes[place + 1 :]),
        batches=(*state.batches[:place], shard, *state.batches[place + 1 :]),
    )


def _with_position(state: StreamState, shard: int, position: int) -> StreamState:
    return state._replace(positions=(*state.positions[:shard], position, *state.positions[shard + 1 :]))
