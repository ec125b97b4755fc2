"""Which worlds of the watch are explored."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from simulation.exploration.completeness.watch_world import WatchedWorld
from simulation.exploration.family import Family

_A: Final = (0,)


def _family(name: str, meaning: str, *worlds: WatchedWorld) -> Family:
    return Family(name, meaning, tuple(replace(world, name=name) for world in worlds))


WATCHED: Final = (
    _family(
        "watch-faults",
        "the watch of one to three shards under 1 fault, two runs at once under 2",
        WatchedWorld((_A, _A), runs=1, had_run=True, faults=1),
        WatchedWorld((_A, _A, ()), runs=1, had_run=True, is_split=True, faults=1),
        WatchedWorld((_A,), runs=2, had_run=True, faults=1),
        WatchedWorld(((),), runs=2, had_run=True, faults=2),
    ),
    _family(
        "watch-copies",
        "two events in both of two shards, in both orders",
        WatchedWorld(((0, 1), (1, 0)), runs=1, had_run=True),
    ),
    _family(
        "watch-runs",
        "two shards with a copy each, and two or three runs of the watch",
        WatchedWorld((_A, _A), runs=2),
        WatchedWorld((_A, _A), runs=2, had_run=True),
    ),
)

WATCHED_SHORT: Final = ("watch-faults", "watch-copies", "watch-runs")
"""What CI runs of them."""
