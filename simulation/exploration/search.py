"""Breadth first through every state of a small world: what is found first is the shortest way to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import xxhash

from simulation.exploration.schedule import Schedules, Step
from simulation.exploration.small_world import SmallWorld
from simulation.exploration.state_space import State, StateSpace, Step_co
from simulation.protocol.meter import Meter

World = TypeVar("World")
BuiltMeter = TypeVar("BuiltMeter")


@dataclass(frozen=True, slots=True)
class Violation(Generic[Step_co]):
    """A state that breaks a promise, and the shortest way to it."""

    promise: str
    way: tuple[Step_co, ...]
    schedules: StateSpace[Any, Step_co]
    """What the numbers in the steps belong to."""

    def narrated(
        self, title: str, sentence: Callable[[Any, Step_co, Any], str], beginning: Sequence[str] = ()
    ) -> str:
        """How the promise is broken, one numbered line a step: `sentence` says what happened between two
        states. `beginning` is what holds before the first step.
        """
        lines, state = [title, "", *beginning], self.schedules.start
        for number, step in enumerate(self.way, 1):
            after = next(after for one, after in self.schedules.steps(state) if one == step)
            lines.append(f"{number:3}. {sentence(state, step, after)}")
            state = after
        return "\n".join([*lines, "", f"     So {self.promise}."])


@dataclass(slots=True)
class Explored(Generic[Step_co]):
    """What a search has found."""

    states: int = 0
    """Distinct ones."""
    steps: int = 0
    """Ways from one state to the next."""
    depth: int = 0
    """Of the state that is farthest from the start."""
    is_complete: bool = False
    """Whether every state was seen that can be reached."""
    violation: Violation[Step_co] | None = None


def explore(
    world: SmallWorld,
    meter: Meter,
    *,
    deepest: int | None = None,
    is_folded: bool = False,
) -> Explored[Step]:
    """Go through the states of a world of the stream processor, as :func:`search` does."""
    return search(lambda: Schedules(world, meter, is_folded=is_folded), deepest)


def search(space: Callable[[], StateSpace[State, Step_co]], deepest: int | None = None) -> Explored[Step_co]:
    """Go through the states of a world until one breaks a promise, or as deep as is said."""
    found = _search(space(), deepest)
    if found.violation is not None:
        found.violation = _shortest(space(), found.depth)
    return found


class Searched(NamedTuple):
    """What a search has found, in a form that goes from one process to another."""

    states: int
    depth: int
    story: str | None
    """The shortest way to a broken promise, if there is one."""


def searched(
    schedules: Callable[[World, BuiltMeter], StateSpace[State, Step_co]],
    story: Callable[[BuiltMeter, Violation[Step_co]], str],
    world: World,
    meter: BuiltMeter,
    deepest: int | None = None,
) -> Searched:
    """Search all schedules of a meter in a world, and tell what is found."""
    found = search(lambda: schedules(world, meter), deepest)
    told = None if found.violation is None else story(meter, found.violation)
    return Searched(found.states, found.depth, told)


def _search(schedules: StateSpace[State, Step_co], deepest: int | None) -> Explored[Step_co]:
    found: Explored[Step_co] = Explored()
    frontier = [schedules.packed(schedules.start)]
    seen = {_digest(frontier[0])}
    while frontier:
        reached: list[bytes] = []
        for before in frontier:
            for _, after in schedules.steps(schedules.unpacked(before)):
                found.steps += 1
                packed = schedules.packed(after)
                digest = _digest(packed)
                if digest in seen:
                    continue
                seen.add(digest)
                reached.append(packed)
                promise = schedules.violation(after)
                if promise is not None:
                    found.depth += 1
                    found.states, found.violation = len(seen), Violation(promise, (), schedules)
                    return found
        found.states = len(seen)
        found.depth += bool(reached)
        if deepest is not None and found.depth >= deepest:
            return found
        frontier = reached
    found.is_complete = True
    return found


def _shortest(schedules: StateSpace[State, Step_co], depth: int) -> Violation[Step_co]:
    """The same search once more, which remembers how each state was reached."""
    came_from: dict[bytes, tuple[bytes, Step_co] | None] = {schedules.packed(schedules.start): None}
    frontier = [schedules.start]
    for _ in range(depth):
        reached: list[State] = []
        for state in frontier:
            before = schedules.packed(state)
            for step, after in schedules.steps(state):
                packed = schedules.packed(after)
                if packed in came_from:
                    continue
                came_from[packed] = (before, step)
                reached.append(after)
                promise = schedules.violation(after)
                if promise is not None:
                    return Violation(promise, _way(came_from, packed), schedules)
        frontier = reached
    raise AssertionError(f"what was found at depth {depth} is not found again")


def _way(came_from: dict[bytes, tuple[bytes, Step_co] | None], last: bytes) -> tuple[Step_co, ...]:
    steps: list[Step_co] = []
    at = came_from[last]
    while at is not None:
        steps.append(at[1])
        at = came_from[at[0]]
    return tuple(reversed(steps))


def _digest(packed: bytes) -> int:
    """The name of a state among those that were seen. In one of 370,000 searches through ten million states
    two share a name, and one of them is left out.
    """
    return xxhash.xxh3_64_intdigest(packed)
