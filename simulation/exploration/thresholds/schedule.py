"""What may happen next to thresholds that calls reach.

Promised in each state: nothing is published that the counters have not reached, and where nothing may go
wrong, nothing twice. When Lambda is done with all records, each threshold that the counters have reached is
published, or waits until somebody publishes it; whether what is still under way ever goes on.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import NamedTuple

from simulation.exploration.programs import Numbers
from simulation.exploration.thresholds.attempts import (
    READS,
    ThresholdAttempt,
    ThresholdAttempts,
    ThresholdPort,
    ThresholdRequest,
)
from simulation.exploration.thresholds.tables import Held, later, made
from simulation.exploration.thresholds.thresholds_world import ThresholdsWorld
from simulation.quotas.broken_watches import ThresholdMeter


class ThresholdEvent(StrEnum):
    """What happens in a step."""

    BEGUN = "a batch of any length begins"
    MADE = "an attempt makes a request, and gets the answer"
    UNANSWERED = "a request gets no answer; a write is made at any later moment, or never"
    """A fault."""
    SENT_AGAIN = "the same, and the process sends it once more"
    """A fault."""
    NOT_TAKEN = "EventBridge refuses an event"
    """A fault."""
    LANDED = "a write without an answer is made"
    REPORTED = "Lambda gets the report of an attempt"
    GIVEN_UP = "an attempt is given up for lost; it goes on at any later moment, or never"
    """A fault."""
    READ_AGAIN = "a shard is read again from an older record"
    """A fault."""
    LATER = "five minutes pass: who begins now takes claims over"
    """A fault."""


class ThresholdStep(NamedTuple):
    """What happened."""

    event: ThresholdEvent
    shard: int = 0
    """Its place."""
    subject: int = 0
    """The attempt or the write, by number; where Lambda begins or reads again, the index of the record."""
    end: int = 0
    """Of a batch that begins, the index behind its last record."""
    is_given_up: bool = False
    """Whether Lambda no longer waits for the attempt."""


class ThresholdState(NamedTuple):
    """A moment. Everything in it is a number or a tuple of numbers."""

    positions: tuple[int, ...]
    """Of each shard the index of the next record that Lambda hands out."""
    attempts: tuple[int, ...]
    """Of each shard the one that Lambda waits for; 0: there is none."""
    zombies: tuple[int, ...]
    """The attempts that were given up, and have not ended."""
    flying: tuple[int, ...]
    """Writes without an answer, by number."""
    held: int
    """What is stored and published, by number."""
    is_late: bool
    faults: int


_Steps = Iterator[tuple[ThresholdStep, ThresholdState]]


class ThresholdSchedules:
    """All steps of a small world."""

    def __init__(self, world: ThresholdsWorld, meter: ThresholdMeter) -> None:
        self.world = world
        self.attempts = ThresholdAttempts(world, meter)
        self._held = Numbers()
        self._meter = meter
        self._ends = tuple(len(shard.records) for shard in world.shards)
        self.made = cache(self._made)
        self._broken = cache(self._broken_by)

    @property
    def start(self) -> ThresholdState:
        """Nothing is counted."""
        none = (0,) * len(self.world.shards)
        return ThresholdState(
            none, none, (), (), self._held.of(Held()), is_late=False, faults=self.world.faults
        )

    def packed(self, state: ThresholdState) -> bytes:
        """A state as bytes: equal states give equal bytes."""
        return marshal.dumps(tuple(state), 2)

    def unpacked(self, packed: bytes) -> ThresholdState:
        """The state that bytes are of."""
        return ThresholdState(*marshal.loads(packed))  # noqa: S302 - our own bytes, of this process

    def steps(self, state: ThresholdState) -> _Steps:
        """Everything that may happen next, each with the state after it."""
        for shard in range(len(self._ends)):
            yield from self._waited_for(state, shard) if state.attempts[shard] else self._begun(state, shard)
        for number in sorted(set(state.zombies)):
            others = state._replace(zombies=_without(state.zombies, number))
            for step, after, zombie in self._requested(others, number):
                yield step._replace(is_given_up=True), self._with_zombie(after, zombie)
        for number in sorted(set(state.flying)):
            held = self.made(state.held, number)[0]
            landed = state._replace(flying=_without(state.flying, number), held=held)
            yield ThresholdStep(ThresholdEvent.LANDED, subject=number), landed
        if state.faults and not state.is_late:
            late = state._replace(is_late=True, faults=state.faults - 1)
            yield ThresholdStep(ThresholdEvent.LATER), late

    def attempt(self, number: int) -> ThresholdAttempt:
        """An attempt, by number."""
        found: ThresholdAttempt = self.attempts.attempts[number]
        return found

    def request(self, number: int) -> ThresholdRequest:
        """A request, by number."""
        found: ThresholdRequest = self.attempts.requests[number]
        return found

    def held(self, state: ThresholdState) -> Held:
        """What is stored and published."""
        found: Held = self._held[state.held]
        return found

    def violation(self, state: ThresholdState) -> str | None:
        """Which promise a state breaks, if any."""
        is_done = state.positions == self._ends and not any(state.attempts)
        broken: str | None = self._broken(state.held, is_done=is_done)
        return broken

    def _begun(self, state: ThresholdState, shard: int) -> _Steps:
        position = state.positions[shard]
        for end in range(position + 1, self._ends[shard] + 1):
            begun = self.attempts.begun(shard, position, end, is_late=state.is_late)
            step = ThresholdStep(ThresholdEvent.BEGUN, shard, position, end)
            yield step, state._replace(attempts=_with(state.attempts, shard, begun))
        if state.faults:
            for older in range(position):
                again = _with(state.positions, shard, older)
                step = ThresholdStep(ThresholdEvent.READ_AGAIN, shard, older)
                yield step, state._replace(positions=again, faults=state.faults - 1)

    def _waited_for(self, state: ThresholdState, shard: int) -> _Steps:
        number = state.attempts[shard]
        idle = state._replace(attempts=_with(state.attempts, shard, 0))
        for step, after, attempt in self._requested(idle, number):
            yield step, after._replace(attempts=_with(after.attempts, shard, attempt))
        if not self.attempt(number).request:
            positions = _with(state.positions, shard, self.attempt(number).done)
            yield ThresholdStep(ThresholdEvent.REPORTED, shard, number), idle._replace(positions=positions)
        if state.faults:
            given_up = self._with_zombie(idle, number)._replace(faults=state.faults - 1)
            yield ThresholdStep(ThresholdEvent.GIVEN_UP, shard, number), given_up

    def _requested(
        self, state: ThresholdState, number: int
    ) -> Iterator[tuple[ThresholdStep, ThresholdState, int]]:
        """What may become of the next request of an attempt, each with the attempt after it."""
        request, shard = self.attempt(number).request, self.attempt(number).shard
        if not request:
            return
        held, answer = self.made(state.held, request)
        after = self.attempts.answered(number, answer)
        yield ThresholdStep(ThresholdEvent.MADE, shard, number), state._replace(held=held), after
        if not state.faults:
            return
        spent, unanswered = state._replace(faults=state.faults - 1), self.attempts.unanswered(number)
        port = self.request(request).port
        if port is ThresholdPort.PUBLISH:
            yield ThresholdStep(ThresholdEvent.NOT_TAKEN, shard, number), spent, unanswered
        if port in READS:
            yield ThresholdStep(ThresholdEvent.UNANSWERED, shard, number), spent, unanswered
            return
        flying = spent._replace(flying=tuple(sorted((*state.flying, request))))
        yield ThresholdStep(ThresholdEvent.UNANSWERED, shard, number), flying, unanswered
        yield ThresholdStep(ThresholdEvent.SENT_AGAIN, shard, number), flying, number

    def _with_zombie(self, state: ThresholdState, number: int) -> ThresholdState:
        """An attempt that has ended does nothing any more."""
        if not self.attempt(number).request:
            return state
        return state._replace(zombies=tuple(sorted((*state.zombies, number))))

    def _made(self, held: int, request: int) -> tuple[int, int]:
        """What is held after a request is made, and its answer, by number."""
        one = self.request(request)
        after, answer = made(self._held[held], one)
        return self._held.of(after), self.attempts.answers.of((one.port, answer))

    def _broken_by(self, number: int, *, is_done: bool) -> str | None:
        held: Held = self._held[number]
        reached = self.world.reached(held.requests)
        for one, times in held.published:
            if one not in reached:
                return "a threshold is published that is not reached"
            if times > 1 and not self.world.faults:
                return f"that {reached[one]} is published {times} times, though nothing failed"
        published = dict(later(held, self._meter).published) if is_done else reached
        missing = [what for one, what in reached.items() if one not in published]
        return f"nobody ever hears that {missing[0]}" if missing else None


def _with(numbers: tuple[int, ...], place: int, number: int) -> tuple[int, ...]:
    return (*numbers[:place], number, *numbers[place + 1 :])


def _without(numbers: tuple[int, ...], number: int) -> tuple[int, ...]:
    place = numbers.index(number)
    return (*numbers[:place], *numbers[place + 1 :])
