"""What a seed does stays the same: a seed that once showed a fault still shows it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import fields
from enum import StrEnum
from hashlib import sha256
from typing import Any

import pytest

from simulation.month_end.world import MonthEndWorld
from simulation.protocol.world import World
from simulation.protocol.world_of_changes import ChangingWorld
from simulation.protocol.world_of_streams import StreamWorld

SEEDS = (1, 2, 5)


def digest(figures: Mapping[str, object]) -> str:
    """A short digest of figures."""
    return sha256(repr(sorted(figures.items())).encode()).hexdigest()[:16]


def figures(result: Any, further: Counter[Any]) -> dict[str, object]:
    """What was counted of a seed: how often everything happened that its source of chance decides."""
    found = {one.name: getattr(result, one.name) for one in fields(result)}
    kinds: Counter[StrEnum] = found.pop("injected") + further
    return {**found, **{kind.value: count for kind, count in kinds.items()}}


def changing(seed: int) -> dict[str, object]:
    """A seed of the world of changes."""
    world = ChangingWorld(seed)
    return figures(world.run(), world.changes)


def of_streams(seed: int) -> dict[str, object]:
    """A seed of the world of streams."""
    world = StreamWorld(seed)
    return figures(world.run(), world.replaced)


WORLDS: Mapping[str, Callable[[int], dict[str, object]]] = {
    "protocol": lambda seed: figures(World(seed).run(), Counter()),
    "changes": changing,
    "streams": of_streams,
    "month-end": lambda seed: figures(MonthEndWorld(seed).run(), Counter()),
}
DIGESTS: Mapping[str, str] = {
    "protocol": "030822bec8419b74",
    "changes": "07020ad030d409aa",
    "streams": "2a0e698385f0160a",
    "month-end": "23280d74bfecfa0c",
}


@pytest.mark.parametrize("world", WORLDS)
def test_same_as_ever(world: str) -> None:
    """Events, records, invocations and faults of some seeds are those that they had when they were recorded.
    A change of the meter that asks the store for something else changes them: then they are recorded again,
    and the seeds that other tests and pages name are looked at. A faster simulation changes none.
    """
    found = {str(seed): digest(WORLDS[world](seed)) for seed in SEEDS}
    assert DIGESTS[world] == digest(found)
