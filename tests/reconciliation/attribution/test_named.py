"""The real log: it reconciles to zero, and what is done to it then is named to the call or the counter."""

from __future__ import annotations

import uuid
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec
import pytest

from metering.calls.call import Call
from metering.calls.event_id import event_hash
from metering.counters.counter import Counter
from metering.period import Period, day_of, hour_at
from metering.usage import Usage
from reconciliation.model.causes import Cause
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler
from tests.reconciliation.month_end import AFTER, OCTOBER, Deployment, running
from tests.reconciliation.real_month import (
    HeldCounters,
    by_object,
    is_here,
    land,
    log,
    real_calls,
    real_events,
)

pytestmark = pytest.mark.skipif(not is_here(), reason="the real log is not on this machine")


class Month(NamedTuple):
    """The log on all sides, and the calls of a busy key in one of its hours."""

    deployment: Deployment
    objects: dict[tuple[Period, int], list[Call]]
    counters: HeldCounters
    changed: set[tuple[Period, int]]

    def reconcile(self, month: str = OCTOBER, *, with_log: bool = True) -> Report:
        """Compare a month."""
        sources = self.deployment.sources._replace(counters=self.counters)
        reconciler = Reconciler(sources if with_log else sources._replace(log=None), lambda: AFTER)
        return reconciler.reconcile(Period(month), run_id=uuid.uuid4().hex)

    def place_of(self, call: Call) -> tuple[Period, int]:
        """Where a call lies in the lake."""
        return next(place for place, calls in self.objects.items() if any(one is call for one in calls))

    def land(self, place: tuple[Period, int], calls: Sequence[Call]) -> None:
        """Change an object until the test is over."""
        self.changed.add(place)
        land(self.deployment, place, calls)


@pytest.fixture(scope="module")
def filled() -> Iterator[Month]:
    """The log as it was counted and delivered."""
    for deployment in running():
        log(deployment, real_events())
        objects = by_object(real_calls())
        for place, of_place in objects.items():
            land(deployment, place, of_place)
        yield Month(deployment, objects, HeldCounters(real_calls()), set())


@pytest.fixture
def month(filled: Month) -> Iterator[Month]:
    """The same, put right again after the test."""
    yield filled
    while filled.changed:
        place = filled.changed.pop()
        land(filled.deployment, place, filled.objects[place])


def a_call(number: int = 3000) -> Call:
    """One of October's."""
    call = real_calls()[number]
    assert hour_at(call.time_ms).startswith(OCTOBER)
    return call


def busiest_hour() -> tuple[str, Period, list[Call]]:
    """The key and the hour of October with the most calls, and these."""
    counts = Tally(
        (call.key, hour_at(call.time_ms))
        for call in real_calls()
        if hour_at(call.time_ms).startswith(OCTOBER)
    )
    (key, hour), _ = counts.most_common(1)[0]
    return key, hour, [call for call in real_calls() if (call.key, hour_at(call.time_ms)) == (key, hour)]


def test_it_reconciles_to_zero(month: Month) -> None:
    """Both months."""
    reports = [month.reconcile(one) for one in ("2026-10", "2026-11")]
    assert [(True, 7184, []), (True, 2816, [])] == [
        (report.agrees, report.lake_events, report.findings) for report in reports
    ]


def test_a_row_deleted(month: Month) -> None:
    """The call is named: the log and the counter have it."""
    lost = a_call()
    place = month.place_of(lost)
    month.land(place, [call for call in month.objects[place] if call is not lost])
    (finding,) = month.reconcile().findings
    assert (Cause.LOST_IN_LAKE, lost.event_id, lost.key, lost.usage) == (
        finding.cause,
        finding.event_id,
        finding.key,
        finding.usage,
    )


def test_an_object_doubled(month: Month) -> None:
    """Nothing differs, and the object is named with its calls."""
    place = (Period("2026-10-30"), 1)
    doubled = month.objects[place]
    copy = land(month.deployment, (place[0], 9), doubled)
    report = month.reconcile()
    month.deployment.remove(copy)
    assert report.agrees
    assert len(doubled) == report.lake_duplicates
    (repeated,) = report.repeated_objects
    assert (copy, copy.replace("part-9", "part-1"), len(doubled)) == (
        repeated.object,
        repeated.copy_of,
        repeated.rows,
    )
    assert {Cause.DUPLICATE} == {finding.cause for finding in report.findings}
    assert {call.event_id for call in doubled} >= {finding.event_id for finding in report.findings}
    assert min(len(doubled), 1000) == report.findings_found


def test_an_event_swapped_for_another_of_equal_sums(month: Month) -> None:
    """Both are named: the one that is gone, and the one that nobody logged."""
    gone = a_call()
    other = msgspec.structs.replace(gone, event_id="swapped=", event_hash=event_hash("swapped="))
    place = month.place_of(gone)
    month.land(place, [other if call is gone else call for call in month.objects[place]])
    found = month.reconcile().findings
    assert {(Cause.LOST_IN_LAKE, gone.event_id), (Cause.FOREIGN_ROW, "swapped=")} == {
        (finding.cause, finding.event_id) for finding in found
    }
    assert 2 == len(found)


@pytest.mark.parametrize(
    "total", ["requests", pytest.param("latency_ms", marks=pytest.mark.exhaustive), "fingerprint"]
)
@pytest.mark.parametrize("of_month", [False, True])
def test_one_added_to_a_counter(month: Month, total: str, of_month: bool) -> None:
    """The counter is named, of the day or of the month."""
    call = a_call()
    period = OCTOBER if of_month else day_of(hour_at(call.time_ms))
    month.counters.add(Counter(call.key, period, Usage(**{total: 1})))
    report = month.reconcile()
    month.counters.add(Counter(call.key, period, Usage(**{total: -1})))
    assert [(Cause.COUNTER_EDITED, call.key, period)] == [
        (finding.cause, finding.key, finding.period) for finding in report.findings
    ]
    (finding,) = report.findings
    assert finding.usage is not None
    assert 1 == getattr(finding.usage, total)


def test_an_hour_dropped_from_the_lake(month: Month) -> None:
    """Each of its calls is named."""
    key, hour, dropped = busiest_hour()
    names = {call.event_id for call in dropped}
    for place, calls in month.objects.items():
        kept = [call for call in calls if call.event_id not in names]
        if len(kept) < len(calls):
            month.land(place, kept)
    report = month.reconcile()
    assert {(Cause.LOST_IN_LAKE, call.event_id) for call in dropped} == {
        (finding.cause, finding.event_id) for finding in report.findings
    }
    assert {(key, day_of(hour))} == {(finding.key, finding.period) for finding in report.findings}
    assert len(dropped) == report.findings_found


def test_an_hour_dropped_from_the_counters(month: Month) -> None:
    """Each of its calls is named: their rows lie in the lake, and both counters lack them."""
    _, hour, dropped = busiest_hour()
    month.counters.count(dropped, -1)
    report = month.reconcile()
    month.counters.count(dropped)
    assert {(Cause.NOT_COUNTED, call.event_id) for call in dropped} == {
        (finding.cause, finding.event_id) for finding in report.findings
    }
    assert {day_of(hour)} == {finding.period for finding in report.findings}


def test_a_call_on_neither_side(month: Month) -> None:
    """Counters and lake agree about it: only the log knows, and is asked where something else differs."""
    lost, other = (call for call in busiest_hour()[2][:2])
    place = month.place_of(lost)
    month.land(place, [call for call in month.objects[place] if call not in (lost, other)])
    month.counters.count([lost], -1)
    report = month.reconcile()
    month.counters.count([lost])
    assert {(Cause.LOST, lost.event_id), (Cause.LOST_IN_LAKE, other.event_id)} == {
        (finding.cause, finding.event_id) for finding in report.findings
    }


Alter = Callable[[Call], Call]

ALTERED: dict[str, Alter] = {
    "its id": lambda call: msgspec.structs.replace(call, event_id="other="),
    "its hash": lambda call: msgspec.structs.replace(call, event_hash=call.event_hash ^ 1),
    "its size": lambda call: msgspec.structs.replace(call, response_bytes=(call.response_bytes or 0) + 1),
    "its key": lambda call: msgspec.structs.replace(call, key="another"),
    "its hour": lambda call: msgspec.structs.replace(call, time_ms=call.time_ms - 3_600_000),
    "its day": lambda call: msgspec.structs.replace(call, time_ms=call.time_ms + 86_400_000),
}
LIKE_ANOTHER = {"its hash", "its size", "its hour"}


@pytest.mark.parametrize(
    "what",
    [pytest.param(one, marks=pytest.mark.exhaustive) if one in LIKE_ANOTHER else one for one in ALTERED],
)
def test_a_row_altered(month: Month, what: str) -> None:
    """Whatever of it: the call is named as it was logged."""
    call = a_call()
    place = month.place_of(call)
    changed = [ALTERED[what](one) if one is call else one for one in month.objects[place]]
    month.land(place, changed)
    report = month.reconcile()
    assert [(Cause.ROW_ALTERED, call.event_id)] == [
        (finding.cause, finding.event_id) for finding in report.findings
    ]
    assert not report.agrees
    (finding,) = report.findings
    assert 1 == len(finding.objects)


def test_without_the_log(month: Month) -> None:
    """A single call is named by its hash, and all that it came to."""
    lost = a_call()
    place = month.place_of(lost)
    month.land(place, [call for call in month.objects[place] if call is not lost])
    (finding,) = month.reconcile(with_log=False).findings
    assert (Cause.LOST_IN_LAKE, None, lost.event_hash, lost.usage) == (
        finding.cause,
        finding.event_id,
        finding.event_hash,
        finding.usage,
    )
