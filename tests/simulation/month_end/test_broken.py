"""The comparison has teeth: every deliberately broken month end is caught."""

from __future__ import annotations

import pytest

from simulation.month_end.broken import BROKEN_MONTH_ENDS
from simulation.month_end.meter import MonthEndMeter
from simulation.month_end.world import MonthEndWorld

WITHIN = 1_000
CAUGHT_AT = {"claims-presumed": 11, "marks-too-early": 473}
"""The first seed that shows what a variant breaks: the search begins with it."""


@pytest.mark.parametrize("meter", BROKEN_MONTH_ENDS, ids=lambda meter: meter.name)
def test_caught(meter: MonthEndMeter) -> None:
    """One of the first thousand seeds shows that a rule is broken."""
    seeds = dict.fromkeys((CAUGHT_AT.get(meter.name, 1), *range(1, WITHIN + 1)))
    results = (MonthEndWorld(seed, meter).run() for seed in seeds)
    assert any(one.differences or one.untrue for one in results), f"nobody saw that {meter.breaks}"


def test_names() -> None:
    """Each breaks a rule of its own; every known seed belongs to one."""
    assert len(BROKEN_MONTH_ENDS) == len({meter.breaks for meter in BROKEN_MONTH_ENDS})
    assert set(CAUGHT_AT) <= {meter.name for meter in BROKEN_MONTH_ENDS}
