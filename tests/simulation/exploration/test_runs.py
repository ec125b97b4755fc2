"""Runs over families: results are kept, and those of other code count for nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.exploration import runs
from simulation.exploration.families import FAMILIES, SHORT
from simulation.exploration.family import AnyWorld, Family
from simulation.exploration.quotas.quota_world import NOON, LimitedWorld
from simulation.exploration.runs import Kept, WorldExplored, explored, run, total_states
from simulation.exploration.small_world import SmallShard, SmallWorld

_WORLDS = tuple(SmallWorld((SmallShard(number, ((0,),)),), faults=1) for number in (0, 1))
_FAMILY = Family("two", "two shards, each alone", _WORLDS)


def test_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A world that is finished is not explored again, until the code changes."""
    file = tmp_path / "kept" / "exploration.json"
    Kept(file).add(explored("two", _WORLDS[0]))
    again: list[AnyWorld] = []

    def noted(family: str, world: AnyWorld) -> WorldExplored:
        again.append(world)
        return explored(family, world)

    monkeypatch.setattr(runs, "explored", noted)
    results = list(run([_FAMILY], Kept(file), 1))
    assert [_WORLDS[1]] == again
    assert 2 * results[0].states == total_states(results)
    assert 2 == len(json.loads(file.read_text())["results"])

    monkeypatch.setattr(runs, "code_digest", lambda: "other code")
    list(run([_FAMILY], Kept(file), 1))
    assert [_WORLDS[1], *_WORLDS] == again


def test_limit() -> None:
    """A world of a limit is explored by its own steps."""
    world = LimitedWorld(amount=1, calls=1, times=(NOON,), faults=0)
    found = explored("limit", world)
    assert (5, 4, None) == (found.states, found.depth, found.story)


def test_families() -> None:
    """The short form is a part of the whole, and no world is in a family twice."""
    assert set(SHORT) < set(FAMILIES)
    for family in FAMILIES.values():
        names = [(str(world), world.faults) for world in family.worlds]
        assert len(names) == len(set(names)), family.name


def test_all_code_is_in_the_digest() -> None:
    """A result is kept for the code that gave it: each package of ours that a world runs is in its digest."""
    program = (
        "import simulation.exploration.runs, sys; print(*{name.partition('.')[0] for name in sys.modules})"
    )
    root = Path(str(runs.__file__)).parents[2]
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    ours = {name for name in loaded.stdout.split() if (root / name / "__init__.py").exists()}
    assert {"adapters", "simulation"} <= ours <= set(runs.CODE)
