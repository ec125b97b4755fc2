"""Worlds whose stream is made anew: higher numbers count, lower ones are refused."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

import pytest

from simulation.protocol.world_of_streams import BROKEN_STREAMS, Replacement, StreamMeter, StreamWorld

WITHIN = 1_000


def test_seeds() -> None:
    """The first seeds show no difference, and among them are both kinds of numbers."""
    replaced: Counter[StrEnum] = Counter()
    faults = {}
    for seed in range(1, 41):
        result = StreamWorld(seed).run()
        replaced += result.injected
        if result.differences or result.untrue:
            faults[seed] = result.differences + result.untrue
    assert {} == faults
    assert set(Replacement) <= set(replaced)


@pytest.mark.parametrize("meter", BROKEN_STREAMS, ids=lambda meter: meter.name)
def test_caught(meter: StreamMeter) -> None:
    """One of the first thousand seeds shows that a rule is broken."""
    seeds = range(1, WITHIN + 1)
    assert any(StreamWorld(seed, meter).run().differences for seed in seeds), f"nobody saw: {meter.breaks}"
