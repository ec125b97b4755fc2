"""Counting what Python executes."""

from __future__ import annotations

import sys

import pytest

from benchmarks.harness.instructions import executed


def test_every_call() -> None:
    """What called functions execute counts too, each time."""

    def once() -> int:
        return sum(number for number in range(10))

    def twice() -> None:
        once()
        once()

    assert executed(twice) > 2 * (executed(once) - 10) > 100


def test_caches_are_filled() -> None:
    """What happens in the first run only is not counted."""
    done: list[int] = []

    def work() -> None:
        if not done:
            done.extend(number for number in range(10_000))

    assert executed(work) < 50


def test_ends() -> None:
    """Nothing is traced afterwards, also when the work fails."""
    runs: list[int] = []

    def work() -> None:
        runs.append(1)
        assert len(runs) < 2, "only the first run succeeds"

    with pytest.raises(AssertionError, match="only the first run"):
        executed(work)
    assert (2, None) == (len(runs), sys.gettrace())
