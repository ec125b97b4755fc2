"""What may happen next to the count of what log groups bring, which is written with the progress of a shard.

A watch may read the shard's item at any moment, so that every state is such a reading: it shows exactly what
the records bring that are counted by then. More would hide a loss, less would be an alarm without a reason.
"""

from __future__ import annotations

import marshal
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

from metering.counters.ports import Progress
from simulation.exploration.arrivals.arrivals_world import SHARD, ArrivalsWorld, arrived_at
from simulation.exploration.arrivals.attempts import Attempt, Attempts
from simulation.exploration.programs import Numbers
from simulation.protocol.world_of_arrivals import ArrivalMeter, ArrivalsInMemory


class ArrivalEvent(StrEnum):
    """What happens in a step."""

    BEGUN = "a batch of any length begins"
    WRITTEN = "an attempt writes, and gets the answer"
    UNANSWERED = "a write gets no answer; it is made at any later moment, or never"
    """A fault."""
    SENT_AGAIN = "the same, and the process sends it once more"
    """A fault."""
    LANDED = "a write without an answer is made"
    REPORTED = "Lambda gets the report of an attempt"
    GIVEN_UP = "an attempt is given up for lost; it goes on at any later moment, or never"
    """A fault."""
    READ_AGAIN = "the shard is read again from an older record"
    """A fault."""


class ArrivalStep(NamedTuple):
    """What happened."""

    event: ArrivalEvent
    subject: int = 0
    """The attempt or the write, by number; where Lambda reads again, the index of the record."""
    end: int = 0
    """Of a batch that begins, the index behind its last record."""
    is_given_up: bool = False
    """Whether Lambda no longer waits for the attempt."""


class ArrivalState(NamedTuple):
    """A moment. Everything in it is a number or a tuple of numbers."""

    position: int
    """The index of the next record that Lambda hands out."""
    attempt: int
    """The one that Lambda waits for; 0: there is none."""
    zombies: tuple[int, ...]
    """The attempts that were given up, and have not ended."""
    flying: tuple[int, ...]
    """Writes without an answer, by number."""
    item: int
    """What the table holds of the shard, by number."""
    faults: int


class ShardItem(NamedTuple):
    """The item of the shard."""

    position: int = 0
    """The record that is noted; 0: there is no item."""
    events: tuple[tuple[str, int], ...] = ()
    """Of each log group."""


class ArrivalSchedules:
    """All steps of a small world."""

    def __init__(self, world: ArrivalsWorld, meter: ArrivalMeter) -> None:
        self.world = world
        self.attempts = Attempts(world.stream(), meter)
        self.items = Numbers()
        self._made: dict[tuple[int, int], tuple[int, int]] = {}

    @property
    def start(self) -> ArrivalState:
        """Nothing is counted."""
        return ArrivalState(0, 0, (), (), self.items.of(ShardItem()), self.world.faults)

    def packed(self, state: ArrivalState) -> bytes:
        """A state as bytes: equal states give equal bytes."""
        return marshal.dumps(tuple(state), 2)

    def unpacked(self, packed: bytes) -> ArrivalState:
        """The state that bytes are of."""
        return ArrivalState(*marshal.loads(packed))  # noqa: S302 - our own bytes, of this process

    def steps(self, state: ArrivalState) -> Iterator[tuple[ArrivalStep, ArrivalState]]:
        """Everything that may happen next, each with the state after it."""
        yield from self._waited_for(state) if state.attempt else self._begun(state)
        for number in sorted(set(state.zombies)):
            others = state._replace(zombies=_without(state.zombies, number))
            for step, after, zombie in self._writes(others, number):
                yield step._replace(is_given_up=True), self._with_zombie(after, zombie)
        for number in sorted(set(state.flying)):
            landed = state._replace(flying=_without(state.flying, number))
            yield ArrivalStep(ArrivalEvent.LANDED, number), landed._replace(item=self.made(state, number)[0])

    def attempt(self, number: int) -> Attempt:
        """An attempt, by number."""
        found: Attempt = self.attempts.attempts[number]
        return found

    def item(self, state: ArrivalState) -> ShardItem:
        """What the table holds."""
        found: ShardItem = self.items[state.item]
        return found

    def _begun(self, state: ArrivalState) -> Iterator[tuple[ArrivalStep, ArrivalState]]:
        for end in range(state.position + 1, len(self.world.records) + 1):
            begun = self.attempts.begun(state.position, end)
            yield ArrivalStep(ArrivalEvent.BEGUN, state.position, end), state._replace(attempt=begun)
        if state.faults:
            for position in range(state.position):
                again = state._replace(position=position, faults=state.faults - 1)
                yield ArrivalStep(ArrivalEvent.READ_AGAIN, position), again

    def _waited_for(self, state: ArrivalState) -> Iterator[tuple[ArrivalStep, ArrivalState]]:
        number, idle = state.attempt, state._replace(attempt=0)
        for step, after, attempt in self._writes(idle, number):
            yield step, after._replace(attempt=attempt)
        if not self.attempt(number).request:
            reported = idle._replace(position=self.attempt(number).done)
            yield ArrivalStep(ArrivalEvent.REPORTED, number), reported
        if state.faults:
            given_up = self._with_zombie(idle, number)
            yield ArrivalStep(ArrivalEvent.GIVEN_UP, number), given_up._replace(faults=state.faults - 1)

    def _writes(self, state: ArrivalState, number: int) -> Iterator[tuple[ArrivalStep, ArrivalState, int]]:
        """What may become of the next write of an attempt, each with the attempt after it."""
        request = self.attempt(number).request
        if not request:
            return
        item, answer = self.made(state, request)
        written = state._replace(item=item)
        yield ArrivalStep(ArrivalEvent.WRITTEN, number), written, self.attempts.answered(number, answer)
        if state.faults:
            flying = tuple(sorted((*state.flying, request)))
            spent = state._replace(flying=flying, faults=state.faults - 1)
            unanswered = self.attempts.unanswered(number)
            yield ArrivalStep(ArrivalEvent.UNANSWERED, number), spent, unanswered
            yield ArrivalStep(ArrivalEvent.SENT_AGAIN, number), spent, number

    def _with_zombie(self, state: ArrivalState, number: int) -> ArrivalState:
        """An attempt that has ended does nothing any more."""
        if not self.attempt(number).request:
            return state
        return state._replace(zombies=tuple(sorted((*state.zombies, number))))

    def made(self, state: ArrivalState, request: int) -> tuple[int, int]:
        """The item after a write is made, and its answer, by number."""
        place = (state.item, request)
        if place not in self._made:
            table = _filled(self.item(state))
            answer = table.update(self.attempts.requests[request])
            self._made[place] = self.items.of(_read(table)), self.attempts.answers.of(answer)
        return self._made[place]

    def violation(self, state: ArrivalState) -> str | None:
        """Which promise a state breaks, if any: the item shows what the records until its position bring."""
        item = self.item(state)
        shown, expected = dict(item.events), self.world.brought(item.position)
        for log_group in sorted({*shown, *expected}):
            found, right = shown.get(log_group, 0), expected.get(log_group, 0)
            if found != right:
                name = log_group.rpartition("/")[2]
                return (
                    f"the watch reads {found} log events of group {name} through record {item.position}, "
                    f"and those records brought {right}"
                )
        return None


def _filled(item: ShardItem) -> ArrivalsInMemory:
    """A table that holds an item."""
    table = ArrivalsInMemory()
    if item.position:
        table.items[SHARD] = Progress(SHARD, item.position, arrived_at(item.position))
        table.events[SHARD] = Counter(dict(item.events))
    return table


def _read(table: ArrivalsInMemory) -> ShardItem:
    """The item of a table that was written to."""
    events = table.events.get(SHARD, Counter())
    return ShardItem(table.items[SHARD].position, tuple(sorted(events.items())))


def _without(numbers: tuple[int, ...], number: int) -> tuple[int, ...]:
    place = numbers.index(number)
    return (*numbers[:place], *numbers[place + 1 :])
