"""The Lambda function: by schedule, or for the month that an event names (`{"month": "2026-10"}`); with
`"allow_incomplete": true` though it is not complete on both paths. An event `{"task": "traffic"}` adds up the
calls of all keys by hour instead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final, cast

import boto3

from adapters.settings.functions import ReconciliationSettings
from adapters.telemetry import Telemetry, telemetry
from metering.counters.traffic import MonthTraffic
from metering.period import ends_at
from reconciliation.attribution.budget import Budget
from reconciliation.breakdown import BreakdownPublisher
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler
from reconciliation.report.publication import Published, ReportPublisher
from reconciliation.report.verdict import verdict
from reconciliation.schedule import allows_incomplete, months_of, run_of
from reconciliation.traffic import TrafficPublisher
from reconciliation.wiring import (
    make_breakdowns,
    make_error_memory,
    make_reports,
    make_sources,
    make_traffic,
    make_witnesses,
    utc_now,
)

RESERVED_SECONDS: Final = 120.0
"""Of an invocation's time, for requests that are under way when an investigation ends, and for the report."""

TRAFFIC_TASK: Final = "traffic"

Answer = list[dict[str, Any]]
Handler = Callable[[Mapping[str, Any], Any], Answer]


def handler(event: Mapping[str, Any], context: Any) -> Answer:
    """Reconcile the months that the event asks for, and publish their reports.

    Raises:
        Misconfigured: no retry helps until the event or a setting is changed.
        Transient: AWS did not answer; what was done holds, and the event can be repeated.
    """
    return _deployed()(event, context)


def make_handler(
    publisher: ReportPublisher,
    tools: Telemetry,
    budget: Budget | None = None,
    breakdowns: BreakdownPublisher | None = None,
    traffic: TrafficPublisher | None = None,
) -> Handler:
    """The function around a publisher. The event names the run: repeated, it gives its report again. `budget`
    is that of the reconciler: it gets what is left of the invocation's time. `breakdowns` publishes the calls
    by endpoint of months that were compared, once all reports are there; `traffic` the calls by hour.
    """

    @tools.logger.inject_lambda_context
    def handle(event: Mapping[str, Any], context: Any) -> Answer:
        if traffic is not None and event.get("task") == TRAFFIC_TASK:
            return [_added_up(month) for month in traffic.publish(run_id=context.aws_request_id)]
        run_id, is_allowed = run_of(event, context.aws_request_id), allows_incomplete(event)
        reports: list[Report] = []
        answer, months = [], months_of(event)
        for done, month in enumerate(months):
            if budget is not None:
                seconds_left = context.get_remaining_time_in_millis() / 1000
                budget.ends_in(seconds_left - RESERVED_SECONDS, parts=len(months) - done)
            metrics = _Metrics(tools)
            published = publisher.publish(
                month, run_id=run_id, allow_incomplete=is_allowed, on_compared=metrics.publish
            )
            metrics.publish(published.report)
            reports.append(published.report)
            answer.append(result := summary(published))
            log = tools.logger.info if published.report.agrees else tools.logger.warning
            log("reconciliation", extra={"reconciliation": result})
        if breakdowns is not None:
            for report in reports:
                _publish_calls(breakdowns, report, run_id)
        return answer

    return cast("Handler", handle)


def _added_up(month: MonthTraffic) -> dict[str, Any]:
    return {"month": month.month, "until": month.until.isoformat(), "hours": len(month.hours)}


def _publish_calls(breakdowns: BreakdownPublisher, report: Report, run_id: str) -> None:
    """The calls by endpoint up to where a month was compared; of a month that was refused nothing."""
    if not report.refused:
        until = report.compared_until or min(ends_at(report.month), report.started_at)
        breakdowns.publish(report.month, until, run_id=run_id)


def summary(published: Published) -> dict[str, Any]:
    """A report in a few numbers: what is logged and answered."""
    report = published.report
    return {
        "month": report.month,
        "verdict": verdict(report).conclusion,
        "page": published.place,
        "is_own": published.is_own,
        "refused": report.refused,
        "is_settled": report.is_settled,
        "compared_until": None if report.compared_until is None else report.compared_until.isoformat(),
        "is_complete": report.is_complete,
        "missing": report.missing,
        "agrees": report.agrees,
        "differences": report.differences_found,
        "contradictions": report.contradictions_found,
        "altered_rows": report.altered_rows,
        "causes": report.causes,
        "counted": report.tally.total.counted.requests,
        "lake_events": report.lake_events,
        "lake_duplicates": report.lake_duplicates,
        "scanned_bytes": report.scanned_bytes,
        "investigation_ended": report.investigation_ended,
        "queries": [proof.query_id for proof in report.proofs],
    }


@cache
def _deployed() -> Handler:
    settings, client = ReconciliationSettings.from_environment(), boto3.session.Session().client
    budget = Budget()
    sources = make_sources(settings, client, budget=budget)._replace(
        witnesses=make_witnesses(settings, client), error_memory=make_error_memory(settings, client)
    )
    reconciler = Reconciler(sources, utc_now, budget=budget)
    publisher = ReportPublisher(make_reports(settings, client), reconciler, utc_now)
    return make_handler(
        publisher, telemetry(), budget, make_breakdowns(settings, client), make_traffic(settings, client)
    )


class _Metrics:
    """The metrics of one report: published with the comparison, then what the investigation adds to them."""

    def __init__(self, tools: Telemetry) -> None:
        self._tools = tools
        self._published: dict[str, int] | None = None

    def publish(self, report: Report) -> None:
        """Publish what is not published yet. What was not complete when it was compared may differ without a
        fault: its metrics have names of their own.
        """
        kind = "" if report.is_settled else "Incomplete"
        numbers = {
            f"{kind}Drift": report.differences_found + report.altered_rows + report.contradictions_found,
            f"{kind}Differences": report.differences_found + report.altered_rows,
            f"{kind}Contradictions": report.contradictions_found,
            "Refused": int(report.refused),
            "LakeDuplicates": report.lake_duplicates,
            "ScannedBytes": report.scanned_bytes,
        }
        if self._published is None:
            self._tools.count(numbers)
        elif further := report.scanned_bytes - self._published["ScannedBytes"]:
            self._tools.count({"ScannedBytes": further})
        self._published = numbers
