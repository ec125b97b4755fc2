"""Worlds in which settings, layouts, mappings and lines change: every counter holds what was sent."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

import pytest

from simulation.protocol.world_of_changes import BROKEN_CHANGING, ChangingMeter, ChangingWorld, Disturbance

WITHIN = 1_000
CAUGHT_AT = {"claims-by-retention": 211}
"""The first seed that shows what a variant breaks: the search begins with it."""


def test_seeds() -> None:
    """The first seeds show no difference, and among them is every change."""
    changes: Counter[StrEnum] = Counter()
    faults = {}
    for seed in range(1, 21):
        result = ChangingWorld(seed).run()
        changes += result.injected
        if result.differences or result.untrue:
            faults[seed] = result.differences + result.untrue
    assert {} == faults
    assert set(Disturbance) <= set(changes)


@pytest.mark.parametrize("meter", BROKEN_CHANGING, ids=lambda meter: meter.name)
def test_caught(meter: ChangingMeter) -> None:
    """One of the first thousand seeds shows that a rule is broken."""
    seeds = dict.fromkeys((CAUGHT_AT.get(meter.name, 1), *range(1, WITHIN + 1)))
    assert any(ChangingWorld(seed, meter).run().differences for seed in seeds), f"nobody saw: {meter.breaks}"


def test_same_again() -> None:
    """A seed always gives the same run."""
    runs = [ChangingWorld(4, keep_schedule=True).run() for _ in range(2)]
    assert runs[0] == runs[1]
