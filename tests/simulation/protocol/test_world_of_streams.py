"""Worlds whose stream is made anew: higher numbers count, lower ones are refused."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

import pytest

from simulation.protocol import oracle
from simulation.protocol.world_of_streams import BROKEN_STREAMS, Replacement, StreamMeter, StreamWorld

WITHIN = 1_000
LATE_BARE_LINES = (5657, 5891, 6519)
"""They showed a difference while the oracle took a bare line for a call whenever it came."""


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


@pytest.mark.parametrize("seed", LATE_BARE_LINES)
def test_late_bare_lines(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare line that comes more than a day late, since its stream was made again, is malformed and nothing
    else. Each of these seeds has one: an oracle that takes it for a call sees a difference.
    """
    result = StreamWorld(seed).run()
    assert ([], []) == (result.differences, result.untrue)
    monkeypatch.setattr(oracle, "_at_arrival", lambda truth, _arrived_at_ms: truth)
    assert StreamWorld(seed).run().differences


@pytest.mark.parametrize("meter", BROKEN_STREAMS, ids=lambda meter: meter.name)
def test_caught(meter: StreamMeter) -> None:
    """One of the first thousand seeds shows that a rule is broken."""
    seeds = range(1, WITHIN + 1)
    assert any(StreamWorld(seed, meter).run().differences for seed in seeds), f"nobody saw: {meter.breaks}"
