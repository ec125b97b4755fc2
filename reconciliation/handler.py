"""The Lambda function: by schedule, or for the month that an event names (`{"month": "2026-10"}`); with
`"allow_incomplete": true` though it is not complete on both paths.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, cast

import boto3

from adapters.settings import ReconciliationSettings
from adapters.telemetry import Telemetry, telemetry
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler
from reconciliation.report.publication import Published, ReportPublisher
from reconciliation.report.verdict import verdict
from reconciliation.schedule import allows_incomplete, months_of, run_of
from reconciliation.wiring import make_reports, make_sources, make_witnesses, utc_now

Answer = list[dict[str, Any]]
Handler = Callable[[Mapping[str, Any], Any], Answer]


def handler(event: Mapping[str, Any], context: Any) -> Answer:
    """Reconcile the months that the event asks for, and publish their reports.

    Raises:
        Misconfigured: no retry helps until the event or a setting is changed.
        Transient: AWS did not answer; what was done holds, and the event can be repeated.
    """
    return _deployed()(event, context)


def make_handler(publisher: ReportPublisher, tools: Telemetry) -> Handler:
    """The function around a publisher. The event names the run: repeated, it gives its report again."""

    @tools.logger.inject_lambda_context
    def handle(event: Mapping[str, Any], context: Any) -> Answer:
        run_id, is_allowed = run_of(event, context.aws_request_id), allows_incomplete(event)
        answer = []
        for month in months_of(event):
            published = publisher.publish(month, run_id=run_id, allow_incomplete=is_allowed)
            answer.append(result := summary(published))
            _publish_metrics(tools, published.report, result)
        return answer

    return cast("Handler", handle)


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
        "queries": [proof.query_id for proof in report.proofs],
    }


@cache
def _deployed() -> Handler:
    settings, client = ReconciliationSettings.from_environment(), boto3.session.Session().client
    sources = make_sources(settings, client)._replace(witnesses=make_witnesses(settings, client))
    reconciler = Reconciler(sources, utc_now)
    return make_handler(ReportPublisher(make_reports(settings, client), reconciler, utc_now), telemetry())


def _publish_metrics(tools: Telemetry, report: Report, result: Mapping[str, Any]) -> None:
    """What was not complete when it was compared may differ without a fault: its metrics have names of their
    own.
    """
    kind = "" if report.is_settled else "Incomplete"
    tools.count(
        {
            f"{kind}Drift": report.differences_found + report.altered_rows + report.contradictions_found,
            f"{kind}Differences": report.differences_found + report.altered_rows,
            f"{kind}Contradictions": report.contradictions_found,
            "Refused": int(report.refused),
            "LakeDuplicates": report.lake_duplicates,
            "ScannedBytes": report.scanned_bytes,
        }
    )
    log = tools.logger.info if report.agrees else tools.logger.warning
    log("reconciliation", extra={"reconciliation": result})
