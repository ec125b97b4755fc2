"""What log groups bring is counted once, whatever becomes of the write that counts it."""

from __future__ import annotations

import pytest

from simulation.protocol.world_of_arrivals import BROKEN_ARRIVALS, ArrivalMeter, ArrivalWorld


def test_seeds() -> None:
    """The counters are exact as ever, and no log event is missing or there twice at any reading. Among the
    writes were some that came after another attempt's.
    """
    faults, refused = {}, 0
    for seed in range(1, 13):
        world = ArrivalWorld(seed)
        result = world.run()
        refused += world.brought.refused
        if result.differences or result.untrue:
            faults[seed] = result.differences + result.untrue
    assert {} == faults
    assert refused


@pytest.mark.parametrize("meter", BROKEN_ARRIVALS, ids=lambda meter: meter.name)
def test_caught(meter: ArrivalMeter) -> None:
    """One of the first thousand seeds shows that a rule is broken; the counters are exact all the same."""
    for seed in range(1, 1_001):
        result = ArrivalWorld(seed, meter).run()
        assert [] == result.differences
        if result.untrue:
            return
    pytest.fail(f"nobody saw: {meter.breaks}")
