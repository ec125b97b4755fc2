"""The command `python -m simulation`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from simulation.__main__ import main
from simulation.protocol.faults import Fault
from simulation.worlds import WORLDS


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command."""
    return Run(monkeypatch, capsys)


class Run:
    """The command with arguments: its exit code and what it prints."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def __call__(self, *arguments: str) -> tuple[int, str]:
        self._monkeypatch.setattr(sys, "argv", ["simulation", *arguments])
        try:
            code = main()
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        captured = self._capsys.readouterr()
        return code, captured.out + captured.err


def test_table(run: Run, tmp_path: Path) -> None:
    """It ends with the faults by their kind, and writes the same figures as JSON."""
    file = tmp_path / "figures.json"
    code, printed = run("--seeds", "8", "--first", "3", "--json", str(file))
    figures = json.loads(file.read_text())
    assert 0 == code
    assert list(WORLDS) == list(figures)
    assert [fault.value for fault in Fault] == list(figures["protocol"]["injected"])
    for name, found in figures.items():
        assert (8, 0, 0, {}) == (
            found["runs"],
            found["runs_with_differences"],
            found["runs_called_complete_too_early"],
            found["differences"],
        ), name
        for kind, count in found["injected"].items():
            assert f"{kind:46}{count:>14,}" in printed


def test_seed(run: Run) -> None:
    """One seed prints its schedule."""
    code, printed = run("--seed", "12")
    assert 0 == code
    assert "The schedule of seed 12:" in printed
    assert "shardId-" in printed


def test_difference(run: Run) -> None:
    """A difference makes it fail; counters, schedule and the way to run the seed again are printed."""
    code, printed = run("--seeds", "20", "--variant", "no-condition", "--workers", "1")
    assert 1 == code
    assert "of counters what is counted, less what was sent:" in printed
    assert "requests +" in printed
    assert "The schedule of seed" in printed
    assert "again: python -m simulation --world protocol --seed" in printed
    assert "--variant no-condition" in printed


def test_month_end(run: Run) -> None:
    """A broken month end is shown with its schedule, and how to run the seed again."""
    code, printed = run("--seeds", "4", "--variant", "sealed-unproven", "--workers", "1")
    assert 1 == code
    assert "is sealed with" in printed
    assert "again: python -m simulation --world month-end --seed" in printed
    assert "copy of a record in the same shard" not in printed


@pytest.mark.exhaustive
def test_several_processes(run: Run, tmp_path: Path) -> None:
    """The figures do not depend on how many processes there are."""
    files = [tmp_path / name for name in ("one", "two")]
    for workers, file in zip("12", files, strict=True):
        run("--seeds", "42", "--workers", workers, "--world", "protocol", "--json", str(file))
    one, two = (json.loads(file.read_text())["protocol"] | {"seconds": 0} for file in files)
    assert one == two


def test_no_dynamodb(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an engine it says how to get one."""
    monkeypatch.delenv("AWS_ENDPOINT_URL_DYNAMODB", raising=False)
    code, printed = run("--seeds", "1", "--dynamodb")
    assert 2 == code
    assert "python -m tests.dynamodb_local COMMAND" in printed


def test_help(run: Run) -> None:
    """The help has examples and names the variants."""
    code, printed = run("--help")
    assert 0 == code
    assert "python -m simulation --seed 4711" in printed
    assert "highest-failure" in printed
