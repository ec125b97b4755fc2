"""The end of the demo: all months that the log touches, reconciled by the shipped job."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from adapters.deployment import Deployment
from local_cloud.stack import LocalCloud
from metering.counters.counter import Counter
from metering.outcome import Outcome, outcome_of_key
from metering.period import Period, ends_at
from reconciliation.model.report import Report
from reconciliation.ports import CounterSource
from reconciliation.reconcile import Reconciler, Sources
from reconciliation.wiring import make_breakdowns, make_sources, make_traffic

ALL_EVENTS = "SELECT count(*) AS lake_rows, count(DISTINCT eventid) AS events FROM api_gateway_logs"

_RUN = "demo"

OnMonth = Callable[[Period], None]


@dataclass(frozen=True, slots=True)
class DemoProof:
    """What the reconciliation found, and what the lake holds as a whole."""

    reports: tuple[Report, ...]
    """One for each month, in order."""
    keys: int
    """API keys with a counter in any of the months."""
    lake_rows: int
    lake_events: int
    """Rows with ids of their own."""


def prove(cloud: LocalCloud, months: Iterable[Period], on_month: OnMonth) -> DemoProof:
    """Reconcile months; `on_month` is called before each.

    Raises:
        MeterError: something could not be read.
    """
    settings = Deployment(cloud.stack.outputs).reconciliation
    sources, breakdowns = make_sources(settings, cloud.client), make_breakdowns(settings, cloud.client)
    counters = _NotingKeys(sources.counters)
    whole = Sources(sources.queries, counters, sources.error_prefix, objects=sources.objects)
    reconciler = Reconciler(whole, cloud.clock.now, allow_incomplete=True)  # the last month goes on
    reports = []
    for month in months:
        on_month(month)
        reports.append(reconciler.reconcile(month, run_id=_RUN))
        breakdowns.publish(month, min(cloud.clock.now(), ends_at(month)), run_id=_RUN)
    replace(make_traffic(settings, cloud.client, cloud.clock.now), delivered=None).publish(run_id=_RUN)
    ((lake_rows, lake_events),) = sources.queries.run(ALL_EVENTS, run_id=_RUN).rows()
    return DemoProof(tuple(reports), len(counters.keys), lake_rows, lake_events)


class _NotingKeys:
    """Counters as they are read, and the API keys among them: a key may have several months."""

    def __init__(self, source: CounterSource) -> None:
        self.keys: set[str] = set()
        self._source = source

    def of_period(self, period: Period) -> Iterator[Counter]:
        for counter in self._source.of_period(period):
            if outcome_of_key(counter.key) is Outcome.METERED:
                self.keys.add(counter.key)
            yield counter
