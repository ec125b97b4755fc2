"""Real processes on a real engine, a bounded version: `make chaos` is the long one."""

from __future__ import annotations

import random

import pytest

from simulation.processes.crash_test import run


@pytest.mark.exhaustive
def test_killed(dynamodb_local: str) -> None:
    """Processes are killed between any two writes and run twice at once, and every counter is right."""
    result = run(calls=6_000, kills=4, seed=random.Random(6).randrange(1000), dynamodb=dynamodb_local)
    assert [] == result.differences
    assert result.kills > 0
    assert result.duplicate_deliveries > 0
    assert result.counters > 300
