"""Contests."""

from __future__ import annotations

import pytest

from benchmarks.harness.rounds import Contest


def test_contest() -> None:
    """Every contestant runs once a round, each round in another order; the first round does not count."""
    ran: list[str] = []
    contest = Contest({name: lambda name=name: ran.append(name) for name in "abc"}, rounds=3)  # type: ignore[misc] # a default binds the name
    assert ["abc", "bca", "cab", "abc"] == ["".join(ran[start : start + 3]) for start in range(0, 12, 3)]
    assert {"a": 3, "b": 3, "c": 3} == {name: len(seconds) for name, seconds in contest.seconds.items()}


def test_times_faster() -> None:
    """The ratio is taken within each round: a round in which all were slow changes nothing."""
    contest = Contest({"nobody": int}, rounds=1)
    contest.seconds = {"ours": [1.0, 1.0, 10.0], "theirs": [3.0, 4.0, 40.0]}
    assert 4.0 == contest.times_faster("ours", than="theirs")
    assert 0.25 == contest.times_faster("theirs", than="ours")
    assert 1.0 == contest.median("ours") == pytest.approx(1)
