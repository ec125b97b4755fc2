"""The comparison has teeth: every deliberately broken meter is caught."""

from __future__ import annotations

import pytest

from simulation.meter import Meter
from simulation.variants import BROKEN, METERS
from simulation.variants_of_watch import BROKEN_WATCHES
from simulation.world import World

WITHIN = 1_000


def caught_by(meter: Meter) -> int | None:
    """The first seed that shows a difference."""
    return next((seed for seed in range(1, WITHIN + 1) if World(seed, meter).run().differences), None)


@pytest.mark.parametrize("meter", BROKEN, ids=lambda meter: meter.name)
def test_caught(meter: Meter) -> None:
    """One of the first thousand seeds shows that a rule is broken."""
    assert caught_by(meter) is not None, f"nobody saw that {meter.breaks}"


@pytest.mark.parametrize("meter", BROKEN_WATCHES, ids=lambda meter: meter.name)
def test_watch_caught(meter: Meter) -> None:
    """One of the first thousand seeds shows a reader that a watch says too much, or less than before."""
    seeds = range(1, WITHIN + 1)
    untrue = next((seed for seed in seeds if World(seed, meter).run().untrue), None)
    assert untrue is not None, f"nobody saw that {meter.breaks}"


def test_names() -> None:
    """Each breaks a rule of its own, and has a name of its own."""
    broken = (*BROKEN, *BROKEN_WATCHES)
    assert len(broken) + 1 == len(METERS)
    assert len(broken) == len({meter.breaks for meter in broken})
    assert len(BROKEN) >= 10
