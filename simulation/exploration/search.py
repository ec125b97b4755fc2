"""Breadth first through every state of a small world: what is found first is the shortest way to it."""

from __future__ import annotations

import marshal
from dataclasses import dataclass
from typing import NamedTuple

import xxhash

from simulation.exploration.schedule import ReaderPlace, Schedules, Step, WorldState
from simulation.exploration.small_world import SmallWorld
from simulation.protocol.meter import Meter


class Violation(NamedTuple):
    """A state that breaks a promise, and the shortest way to it."""

    promise: str
    way: tuple[Step, ...]
    schedules: Schedules
    """What the numbers in the steps belong to."""


@dataclass(slots=True)
class Explored:
    """What a search has found."""

    states: int = 0
    """Distinct ones."""
    steps: int = 0
    """Ways from one state to the next."""
    depth: int = 0
    """Of the state that is farthest from the start."""
    is_complete: bool = False
    """Whether every state was seen that can be reached."""
    violation: Violation | None = None


def explore(
    world: SmallWorld,
    meter: Meter,
    *,
    deepest: int | None = None,
    is_folded: bool = False,
) -> Explored:
    """Go through the states of a world until one breaks a promise, or as deep as is said."""
    schedules = Schedules(world, meter, is_folded=is_folded)
    found = _search(schedules, deepest)
    if found.violation is not None:
        found.violation = _shortest(Schedules(world, meter, is_folded=is_folded), found.depth)
    return found


def _search(schedules: Schedules, deepest: int | None) -> Explored:
    found = Explored()
    frontier = [_packed(schedules.start)]
    seen = {_digest(frontier[0])}
    while frontier:
        reached: list[bytes] = []
        for before in frontier:
            for _, after in schedules.steps(_unpacked(before)):
                found.steps += 1
                packed = _packed(after)
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


def _shortest(schedules: Schedules, depth: int) -> Violation:
    """The same search once more, which remembers how each state was reached."""
    came_from: dict[bytes, tuple[bytes, Step] | None] = {_packed(schedules.start): None}
    frontier = [schedules.start]
    for _ in range(depth):
        reached: list[WorldState] = []
        for state in frontier:
            before = _packed(state)
            for step, after in schedules.steps(state):
                packed = _packed(after)
                if packed in came_from:
                    continue
                came_from[packed] = (before, step)
                reached.append(after)
                promise = schedules.violation(after)
                if promise is not None:
                    return Violation(promise, _way(came_from, packed), schedules)
        frontier = reached
    raise AssertionError(f"{schedules.world}: what was found at depth {depth} is not found again")


def _way(came_from: dict[bytes, tuple[bytes, Step] | None], last: bytes) -> tuple[Step, ...]:
    steps: list[Step] = []
    at = came_from[last]
    while at is not None:
        steps.append(at[1])
        at = came_from[at[0]]
    return tuple(reversed(steps))


def _packed(state: WorldState) -> bytes:
    """A state as bytes. Version 2 of the format has no references, so that equal states give equal bytes."""
    return marshal.dumps((tuple(map(tuple, state.readers)), *state[1:]), 2)


def _unpacked(packed: bytes) -> WorldState:
    readers, *rest = marshal.loads(packed)  # noqa: S302 - our own bytes, of this process
    return WorldState(tuple(map(ReaderPlace._make, readers)), *rest)


def _digest(packed: bytes) -> int:
    """The name of a state among those that were seen. In one of 370,000 searches through ten million states
    two share a name, and one of them is left out.
    """
    return xxhash.xxh3_64_intdigest(packed)
