"""Quiet days and cuts, a few of them; `make simulate-sources` runs a thousand of each."""

from __future__ import annotations

import pytest

from metering.source.state import SourceState
from simulation.source.cuts import WARMED_UP, CutKind, SourceCut, run_cut, watched
from simulation.source.days import DAY, SourceDays


@pytest.fixture(scope="module")
def busy() -> tuple[SourceDays, SourceState]:
    """A week of a stage with some calls a minute, watched without a cut."""
    days = next(
        days for seed in range(1, 99) if 5 < (days := SourceDays(seed, WARMED_UP + DAY // 2)).rate < 50
    )
    state = SourceState()
    for _, one in watched(days, SourceState(), range(WARMED_UP - DAY, WARMED_UP)):
        state = one
    return days, state


def test_quiet_days_raise_nothing(busy: tuple[SourceDays, SourceState]) -> None:
    """Nights, delays, late metrics and calls that are never logged are no gap."""
    _, state = busy
    assert ((), ()) == (state.gaps, state.faults)
    assert len(state.legs) == 3
    assert len(state.arrivals.samples) > 12


@pytest.mark.parametrize("kind", CutKind)
def test_cuts_are_named_in_time(busy: tuple[SourceDays, SourceState], kind: CutKind) -> None:
    """Whatever is cut is named within five minutes where a setting or metric shows it, and an hour
    otherwise.
    """
    days, state = busy
    named = run_cut(days, state, range(WARMED_UP, WARMED_UP + DAY // 2), SourceCut(kind, WARMED_UP + 17))
    assert named.visible is not None
    assert named.is_in_time
