"""Whether a planned correction still holds, by what the counters are now."""

from __future__ import annotations

import pytest

from metering.counters.counter import Counter
from metering.period import Period, days_of
from metering.proof.correction import Correction, Fate, Held, HeldSlice
from metering.usage import NO_USAGE, Usage
from reconciliation.repair.plan import RepairFigure, RepairPlan, correction_now

_MONTH, _DAY = Period("2026-10"), Period("2026-10-31")
_CALL = Usage(requests=1, billable=1, fingerprint=7)


def _counter(period: Period, usage: Usage) -> Counter:
    part = {_MONTH: "31", _DAY: "12"}[period]
    return Counter("shop", period, usage, {part: usage.requests} if usage.requests else {})


@pytest.mark.parametrize(
    ("on_day", "expected"),
    [(NO_USAGE, None), (_CALL, Fate.CHANGED)],
    ids=["day as it was", "day has the call"],
)
def test_month_whose_day_got_its_call(on_day: Usage, expected: Fate | None) -> None:
    """A month that is ahead of its day is lowered to it only if the day is still what it was: the batch that
    was half in when both were read may be in both now, and the month is right.
    """
    ahead = Correction(_counter(_MONTH, _CALL), _counter(_MONTH, NO_USAGE))
    before = {_MONTH: ahead.before, _DAY: _counter(_DAY, NO_USAGE)}
    plan = RepairPlan("shop", before, RepairFigure({}), (ahead,), tuple(days_of(_MONTH)))
    held = {
        _MONTH: Held((HeldSlice(0, ahead.before, {}),)),
        _DAY: Held((HeldSlice(0, _counter(_DAY, on_day), {}),)),
    }
    assert (expected or ahead) == correction_now(ahead, plan, held)
