"""The comparison has teeth: every deliberately broken meter is caught."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simulation.protocol.broken_meters import BROKEN, METERS
from simulation.protocol.broken_watches import BROKEN_WATCHES
from simulation.protocol.meter import Meter
from simulation.protocol.world import World, WorldResult

WITHIN = 1_000
CAUGHT_AT = {
    "over-reshard": 10,
    "page-by-page": 116,
    "highest-failure": 11,
    "one-cut": 425,
    "open-shards": 101,
    "refused-forgotten": 157,
    "first-shard": 41,
    "last-writer": 62,
}
"""The first seed that shows what a variant breaks, where it is none of the first few: the search begins with
it. Where it no longer shows it, the search goes through all others, and only takes longer.
"""


def caught_by(meter: Meter, shows: Callable[[WorldResult], object]) -> int | None:
    """A seed whose result shows that the meter is broken."""
    seeds = dict.fromkeys((CAUGHT_AT.get(meter.name, 1), *range(1, WITHIN + 1)))
    return next((seed for seed in seeds if shows(World(seed, meter).run())), None)


@pytest.mark.parametrize("meter", BROKEN, ids=lambda meter: meter.name)
def test_caught(meter: Meter) -> None:
    """One of the first thousand seeds shows that a rule is broken."""
    assert caught_by(meter, lambda result: result.differences), f"nobody saw that {meter.breaks}"


@pytest.mark.parametrize("meter", BROKEN_WATCHES, ids=lambda meter: meter.name)
def test_watch_caught(meter: Meter) -> None:
    """One of the first thousand seeds shows a reader that a watch says too much, or less than before."""
    assert caught_by(meter, lambda result: result.untrue), f"nobody saw that {meter.breaks}"


def test_search() -> None:
    """The search begins at the known seed, and comes to all others where that one shows nothing."""
    tried: list[int] = []

    def shows_in_third(result: WorldResult) -> bool:
        tried.append(result.seed)
        return result.seed == 3

    assert 3 == caught_by(METERS["over-reshard"], shows_in_third)
    assert [10, 1, 2, 3] == tried


def test_known_seeds() -> None:
    """Every known seed belongs to a variant that there is."""
    assert set(CAUGHT_AT) <= {meter.name for meter in METERS.values()}


def test_names() -> None:
    """Each breaks a rule of its own, and has a name of its own."""
    broken = (*BROKEN, *BROKEN_WATCHES)
    assert len(broken) + 1 == len(METERS)
    assert len(broken) == len({meter.breaks for meter in broken})
    assert len(BROKEN) >= 10
