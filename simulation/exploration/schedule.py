"""What may happen next in a small world, and what must hold in each of its states."""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from metering.counters.ports import SliceId
from metering.period import month_of
from metering.usage import NO_USAGE, Usage
from simulation.exploration.items import StoreItems
from simulation.exploration.programs import Node, Port, Programs, Request
from simulation.exploration.small_world import PERIODS, SmallWorld, letter, times_counted
from simulation.protocol.meter import Meter


class Happening(StrEnum):
    """What happens in a step."""

    BATCH_BEGUN = "a batch is begun"
    ANSWERED = "a write is made and answered"
    UNANSWERED = "a write gets no answer"
    """A fault. The write is made at any later moment, or never."""
    LANDED = "a write is made that got no answer"
    LEFT_ALONE = "a process is given up for lost"
    """A fault. It goes on at any later moment as far as it may, or never; Lambda repeats its batch."""
    SETTLED = "Lambda takes the answer"
    READ_AGAIN = "the shard is read again from an older checkpoint"
    """A fault."""
    GIVEN_UP = "Lambda gives records up"
    """A fault."""
    DAYS_PASSED = "two days pass"
    """A fault."""
    EXPIRED = "DynamoDB removes an item that has expired"


class Step(NamedTuple):
    """What happened, to whom, and the number of what it is about."""

    event: Happening
    shard: int = -1
    node: int = 0
    about: int = 0


class ReaderPlace(NamedTuple):
    """Where the mapping stands in a shard: the next record to read, and the node of the batch in flight."""

    position: int = 0
    node: int = 0


class WorldState(NamedTuple):
    """A moment. Everything in it is a number or a tuple of numbers: equal moments are equal tuples."""

    readers: tuple[ReaderPlace, ...]
    left_alone: tuple[int, ...]
    """Nodes of processes that Lambda has given up for lost, in order."""
    in_the_air: tuple[int, ...]
    """Writes without an answer that have not been made, in order."""
    items: tuple[int, ...]
    """What each place holds."""
    faults: int
    """So many may still strike."""
    pauses: int = 0
    excused: int = 0
    """The events of records that were given up, a bit each: they may be missing."""


class Schedules:
    """All steps of a small world."""

    MOST_PLACES = 16

    def __init__(self, world: SmallWorld, meter: Meter, *, is_folded: bool = False) -> None:
        """`is_folded` leaves out orders of steps that cannot matter, see :meth:`_of_one_shard`."""
        self.world = world
        self.stream = world.stream()
        self.programs = Programs(self.stream, meter.processor, world.layout)
        self.items = StoreItems(meter, world, self.programs.requests, self.programs.answers)
        self._is_folded = is_folded and not any(shard.parents for shard in world.shards)
        self._shard_of_request: dict[int, tuple[int, bool]] = {}
        self._place_of_shard = {shard.id: place for place, shard in enumerate(world.shards)}
        self._verdicts: dict[tuple[tuple[int, ...], int], str | None] = {}
        self._bits_from = [
            [self._bits(shard, position, len(records)) for position in range(len(records) + 1)]
            for shard, records in enumerate(self.stream)
        ]
        self._all = (1 << world.events) - 1
        self._expected = {(key, period) for key in world.keys_called for period in PERIODS}

    @property
    def start(self) -> WorldState:
        """Nothing has happened."""
        readers = (ReaderPlace(),) * len(self.stream)
        return WorldState(readers, (), (), (0,) * self.MOST_PLACES, self.world.faults)

    def packed(self, state: WorldState) -> bytes:
        """A state as bytes. Version 2 of the format has no references: equal states give equal bytes."""
        return marshal.dumps((tuple(map(tuple, state.readers)), *state[1:]), 2)

    def unpacked(self, packed: bytes) -> WorldState:
        """The state that bytes are of."""
        readers, *rest = marshal.loads(packed)  # noqa: S302 - our own bytes, of this process
        return WorldState(tuple(map(ReaderPlace._make, readers)), *rest)

    def steps(self, state: WorldState) -> Iterator[tuple[Step, WorldState]]:
        """Everything that may happen next, each with the state after it."""
        only = self._of_one_shard(state) if self._is_folded else None
        for shard, reader in enumerate(state.readers):
            if only is None or shard == only:
                yield from self._of_reader(state, shard, reader)
        for index, node in enumerate(state.left_alone):
            if index and node == state.left_alone[index - 1]:
                continue
            if only is None or self.programs.nodes[node].batch[0] == only:
                yield from self._of_lost(state, index, node)
        for index, request in enumerate(state.in_the_air):
            if index and request == state.in_the_air[index - 1]:
                continue
            if only is None or self._whose(request)[0] == only:
                yield self._of_late(state, index, request)
        if only is None:
            yield from self._of_time(state)

    def _of_one_shard(self, state: WorldState) -> int | None:
        """A shard whose steps may all be taken before those of the others, if there is one.

        Shards meet in the ledger only: increments of different shards commute, whatever they meet, for each
        shard has a watermark of its own, and a counter that is right or has too much stays so. So where none
        of a shard's next steps is a write of the ledger, every schedule in which others come first leads to
        the same state as one in which they come later.
        """
        shards = range(len(state.readers))
        busy = [False] * len(shards)
        claiming = [False] * len(shards)
        for shard, reader in enumerate(state.readers):
            if reader.node:
                busy[shard] = True
                claiming[shard] = self.programs.nodes[reader.node].claims
            else:
                busy[shard] = reader.position < len(self.stream[shard]) or state.faults > 0 < reader.position
        for number in state.left_alone:
            node = self.programs.nodes[number]
            busy[node.batch[0]] = True
            claiming[node.batch[0]] |= node.claims
        for request in state.in_the_air:
            shard, claims = self._whose(request)
            busy[shard] = True
            claiming[shard] |= claims
        return next((shard for shard in shards if busy[shard] and not claiming[shard]), None)

    def _whose(self, number: int) -> tuple[int, bool]:
        """The place of the shard that a write is for, and whether it is one of the ledger."""
        found = self._shard_of_request.get(number)
        if found is None:
            request: Request = self.programs.requests[number]
            claims = request.port is Port.LEDGER
            shard_id = request.content.claims[0].shard_id if claims else _shard_id(request)
            found = self._shard_of_request[number] = (self._place_of_shard.get(shard_id, 0), claims)
        return found

    def _of_reader(
        self, state: WorldState, shard: int, reader: ReaderPlace
    ) -> Iterator[tuple[Step, WorldState]]:
        return self._in_flight(state, shard, reader) if reader.node else self._idle(state, shard, reader)

    def _of_lost(self, state: WorldState, index: int, number: int) -> Iterator[tuple[Step, WorldState]]:
        others = state.left_alone[:index] + state.left_alone[index + 1 :]
        for step, after, moved in self._writes(state, -1, number):
            kept = others if moved.is_done else _with(others, step.node)
            yield step, after._replace(left_alone=kept)

    def _of_late(self, state: WorldState, index: int, request: int) -> tuple[Step, WorldState]:
        left = state.in_the_air[:index] + state.in_the_air[index + 1 :]
        items, _ = self._write(state, request)
        return Step(Happening.LANDED, about=request), state._replace(items=items, in_the_air=left)

    def _of_time(self, state: WorldState) -> Iterator[tuple[Step, WorldState]]:
        if state.pauses:
            yield from self._expiries(state)
        elif state.faults and self.world.days_pass:
            yield Step(Happening.DAYS_PASSED), state._replace(faults=state.faults - 1, pauses=1)

    def _idle(self, state: WorldState, shard: int, reader: ReaderPlace) -> Iterator[tuple[Step, WorldState]]:
        position, end = reader.position, len(self.stream[shard])
        if position < end and self._may_be_read(state, shard):
            for until in range(position + 1, end + 1):
                node = self.programs.begin((shard, position, until))
                yield (
                    Step(Happening.BATCH_BEGUN, shard, node),
                    _read(state, shard, ReaderPlace(position, node)),
                )
        if not state.faults:
            return
        spent = state._replace(faults=state.faults - 1)
        for older in range(position):
            yield Step(Happening.READ_AGAIN, shard, about=older), _read(spent, shard, ReaderPlace(older))
        if self.world.gives_up:
            for until in range(position + 1, end + 1):
                lost = self._bits(shard, position, until)
                after = _read(spent, shard, ReaderPlace(until))._replace(excused=state.excused | lost)
                yield Step(Happening.GIVEN_UP, shard, about=until), after

    def _may_be_read(self, state: WorldState, shard: int) -> bool:
        """Lambda reads a child when its parents are read to their end."""
        return all(
            state.readers[parent] == ReaderPlace(len(self.stream[parent]))
            for parent in self.world.shards[shard].parents
        )

    def _bits(self, shard: int, first: int, end: int) -> int:
        bits = 0
        for record in self.world.shards[shard].records[first:end]:
            for event in record:
                bits |= 1 << event
        return bits

    def _in_flight(
        self, state: WorldState, shard: int, reader: ReaderPlace
    ) -> Iterator[tuple[Step, WorldState]]:
        node: Node = self.programs.nodes[reader.node]
        if node.is_done:
            position = self._settled(node)
            yield (
                Step(Happening.SETTLED, shard, reader.node, position),
                _read(state, shard, ReaderPlace(position)),
            )
        else:
            for step, after, _ in self._writes(state, shard, reader.node):
                yield step, _read(after, shard, ReaderPlace(reader.position, step.node))
        if state.faults:
            spent = _read(state, shard, ReaderPlace(reader.position))._replace(faults=state.faults - 1)
            if not node.is_done:
                spent = spent._replace(left_alone=_with(state.left_alone, reader.node))
            yield Step(Happening.LEFT_ALONE, shard, reader.node), spent

    def _settled(self, node: Node) -> int:
        """Where the mapping reads on: at the lowest sequence number that failed, or behind the batch."""
        shard, first, end = node.batch
        if node.failed_from is None:
            return end
        numbers = [record.sequence_number for record in self.stream[shard][first:end]]
        return first + numbers.index(node.failed_from)

    def _writes(self, state: WorldState, shard: int, number: int) -> Iterator[tuple[Step, WorldState, Node]]:
        """The writes that a process may make next; the step has the node that it comes to."""
        node: Node = self.programs.nodes[number]
        for index, request in enumerate(node.requests):
            if node.answers[index]:
                continue
            items, answer = self._write(state, request)
            after = self.programs.after(number, index, answer)
            step = Step(Happening.ANSWERED, shard, after, request)
            yield step, state._replace(items=items), self.programs.nodes[after]
            if state.faults:
                port = self.programs.requests[request].port
                after = self.programs.after(number, index, self.programs.no_answer[port])
                step = Step(Happening.UNANSWERED, shard, after, request)
                spent = state._replace(faults=state.faults - 1, in_the_air=_with(state.in_the_air, request))
                yield step, spent, self.programs.nodes[after]

    def _write(self, state: WorldState, request: int) -> tuple[tuple[int, ...], int]:
        place = self.items.place_of(request)
        held = state.items[place]
        after, answer = self.items.write(held, request, state.pauses)
        if after == held:
            return state.items, answer
        return (*state.items[:place], after, *state.items[place + 1 :]), answer

    def _expiries(self, state: WorldState) -> Iterator[tuple[Step, WorldState]]:
        for place, held in enumerate(state.items):
            if held and self.items.places[place][0] is Port.LEDGER and self.items.is_expired(held, 1):
                items = (*state.items[:place], 0, *state.items[place + 1 :])
                yield Step(Happening.EXPIRED, about=place), state._replace(items=items)

    # what must hold

    def violation(self, state: WorldState) -> str | None:
        """Which promise a state breaks, if any.

        No counter ever holds an event twice. When Lambda is done with every record that holds an event, the
        event is counted, whatever processes may still do that were given up for lost.
        """
        passed = self._passed(state)
        key = (state.items, passed)
        if key not in self._verdicts:
            self._verdicts[key] = self._verdict(state, passed)
        return self._verdicts[key]

    def _passed(self, state: WorldState) -> int:
        """The events, a bit each, all of whose records Lambda is done with: they must be counted."""
        open_records = 0
        for shard, reader in enumerate(state.readers):
            open_records |= self._bits_from[shard][reader.position]
        return self._all & ~open_records & ~state.excused

    def _verdict(self, state: WorldState, passed: int) -> str | None:
        counters = self._found(state)
        for key, period in self._expected | counters.keys():
            wrong = self._wrong(key, period, counters.get((key, period), NO_USAGE), passed)
            if wrong is not None:
                return wrong
        return self._unregistered(state)

    def _wrong(self, key: str, period: str, usage: Usage, passed: int) -> str | None:
        name = f"{key} {period}"
        for event in self.world.events_of(key):
            times = times_counted(usage, event)
            if times > 1:
                return f"{letter(event)} is counted {times} times in {name}"
            if times == 0 and passed >> event & 1:
                return f"Lambda is done with {letter(event)}, which is missing in {name}"
        if passed == self._all and usage != self.world.truth(key):
            return f"Lambda is done, and {name} holds {usage} instead of {self.world.truth(key)}"
        return None

    def _found(self, state: WorldState) -> dict[tuple[str, str], Usage]:
        """Each counter over all of its slices."""
        found: dict[tuple[str, str], Usage] = {}
        for place in range(1, len(self.items.places)):
            name, held = self.items.places[place], state.items[place]
            if held and name[0] is Port.COUNTERS:
                counter = (name[1], name[2])
                found[counter] = found.get(counter, NO_USAGE) + self.items.states[held][0]
        return found

    def _unregistered(self, state: WorldState) -> str | None:
        for place in range(1, len(self.items.places)):
            name = self.items.places[place]
            if not state.items[place] or name[0] is not Port.COUNTERS or not name[3]:
                continue
            one = SliceId(month_of(name[2]), name[3])
            registered = self.items.places.known((Port.SLICES, one))
            if not registered or not state.items[registered]:
                return f"{name[1]} {name[2]} holds something in slice {name[3]}, which is not registered"
        return None


def _shard_id(request: Request) -> str:
    """A registration has no shard: it may be made at any moment, and makes no difference to other writes."""
    return "" if request.port is Port.SLICES else request.content.shard_id


def _read(state: WorldState, shard: int, reader: ReaderPlace) -> WorldState:
    readers = (*state.readers[:shard], reader, *state.readers[shard + 1 :])
    return state._replace(readers=readers)


def _with(numbers: tuple[int, ...], one: int) -> tuple[int, ...]:
    return tuple(sorted((*numbers, one)))
