"""One event id with two times, which API Gateway never gives: it is named, and nothing follows by itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from metering.calls.delivery import LogEvent
from metering.period import Period
from reconciliation.closing import NotProvenError
from reconciliation.model.causes import Cause
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler
from reconciliation.repair.trust import scope_of
from tests.factories import line
from tests.reconciliation.month_end import AFTER, OCTOBER, Deployment, call, running
from tests.reconciliation.real_month import log
from tests.reconciliation.repair.repairing import counters, repairer, run
from tests.reconciliation.test_closing import Office

TWICE = (
    (call("keys=", "2026-10-03T10:00:00", "acme"), call("keys=", "2026-10-20T17:30:00", "rival")),
    (call("days=", "2026-10-04T10:00:00", "acme"), call("days=", "2026-10-21T17:30:00", "acme")),
    (call("hours=", "2026-10-05T10:00:00", "acme"), call("hours=", "2026-10-05T17:30:00", "acme")),
)
"""Under two keys; on two days; on one."""
PLACES = {
    ("acme", "2026-10-03"),
    ("rival", "2026-10-20"),
    ("acme", "2026-10-04"),
    ("acme", "2026-10-21"),
    ("acme", "2026-10-05"),
}


class Compared(NamedTuple):
    """The month, and what is said of it."""

    deployment: Deployment
    with_log: Report
    without_log: Report


@pytest.fixture(scope="module")
def compared() -> Iterator[Compared]:
    """Each call is delivered once, counted, landed and logged."""
    for deployment in running():
        calls = sorted((one for pair in TWICE for one in pair), key=lambda one: one.time_ms)
        for number, one in enumerate(calls):
            deployment.count([one])
            deployment.land([one], name=f"part-{number}")
            text = line(
                extendedRequestId=one.event_id,
                apiKeyId=one.key,
                requestTimeEpoch=str(one.time_ms),
                responseLength="1024",
                requestLength="0",
                responseLatency="50",
            )
            log(deployment, [LogEvent(f"{number:056d}", one.time_ms + 300, text)], f"stage-{number}")
        sources = deployment.sources
        reports = [
            Reconciler(some, lambda: AFTER).reconcile(Period(OCTOBER), run_id=run())
            for some in (sources, sources._replace(log=None))
        ]
        yield Compared(deployment, *reports)


def test_named(compared: Compared) -> None:
    """It is two calls in the counters and one in the lake, and every place of it is named: with the log and
    without.
    """
    for report in compared[1:]:
        assert not report.agrees
        places = {(one.key, one.period) for one in report.findings if one.cause is Cause.DIFFERING_COPIES}
        assert places == PLACES
        assert {one.event_id for one in report.findings} == {pair[0].event_id for pair in TWICE}


def test_nothing_is_taken(compared: Compared) -> None:
    """A repair leaves both calls in the counters, whatever reason it is given to lower them."""
    before = counters(compared.deployment)
    for report in compared[1:]:
        prepared = repairer(compared.deployment).prepare(scope_of(report, "differs", "they hold too much"))
        assert [] == [plan for plan in prepared.plans() if plan.corrections]
    assert before == counters(compared.deployment)


def test_not_closed(compared: Compared) -> None:
    """The month is not closed without a reason; then the call that the lake counts is billed, once."""
    for report in compared[1:]:
        with pytest.raises(NotProvenError):
            Office(compared.deployment, report=report).close()
    office = Office(compared.deployment, report=compared.with_log)
    assert "the first call is the real one" == office.close(accept="the first call is the real one").accepted
    sealed = {key: one.requests for key, one in office.months.sealed_usage(OCTOBER).items()}
    assert {"acme": 3, "rival": 0} == sealed
