"""The command: what it prints, and what it exits with."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from simulation.exploration import __main__ as command
from simulation.exploration.families import FAMILIES
from simulation.exploration.family import Family
from simulation.exploration.small_world import SmallShard, SmallWorld

_TINY = Family("tiny", "one record", (SmallWorld((SmallShard(0, ((0,),)),), faults=0),))


@pytest.fixture(autouse=True)
def arguments(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The command line, with a family that takes no time."""
    monkeypatch.setitem(FAMILIES, "tiny", _TINY)
    line = ["exploration", "--kept", str(tmp_path / "kept.json")]
    monkeypatch.setattr(sys, "argv", line)
    return line


def test_table(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Progress on stderr, a line for each family and the sum on stdout."""
    arguments += ["--family", "tiny", "--workers", "1"]
    assert 0 == command.main()
    shown = capsys.readouterr()
    assert "1 of 1 worlds" in shown.err
    assert "8 distinct states, 0 worlds with a broken promise" in shown.out
    arguments += ["--anew", "--json"]
    assert 0 == command.main()
    (result,) = json.loads(capsys.readouterr().out)
    assert ("tiny", 8, None) == (result["family"], result["states"], result["story"])


def test_story(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A broken meter's shortest fault, step by step."""
    arguments += ["--story", "no-condition"]
    assert 0 == command.main()
    shown = capsys.readouterr().out
    assert "given up for lost; Lambda will repeat its batch." in shown
    assert "So a is counted 2 times in shop 2026-10." in shown
