"""The hot paths execute no more instructions, and the handlers load no more, than is recorded."""

from __future__ import annotations

import pytest

from benchmarks import decoding, instructions
from benchmarks.instructions import COUNTS, MOST, recorded

BY_PROCESSES = "cold start, bytes loaded against boto3"
"""It starts Python once for each handler; the others count in this process."""


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.exhaustive] * (name == BY_PROCESSES)) for name in COUNTS]
)
def test_recorded(name: str) -> None:
    """Each count is at most a tenth more than is recorded. Where more is meant: `python -m
    benchmarks.instructions --record`.
    """
    assert COUNTS[name]() <= MOST * recorded()[name]


def test_names() -> None:
    """Everything that is counted is recorded, and nothing else."""
    assert set(COUNTS) == set(recorded())


def test_same_again() -> None:
    """The same work gives the same count."""
    assert instructions.decode() == instructions.decode()


def test_more_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that does more in Python for each call is seen: the one that one would write with Powertools."""
    name = "decode and fold, instructions a call"
    monkeypatch.setattr(decoding, "meter", decoding.powertools)
    assert COUNTS[name]() > MOST * recorded()[name]
