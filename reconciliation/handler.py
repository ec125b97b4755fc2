"""The Lambda function: by schedule, or for the month that an event names (`{"month": "2026-10"}`)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import boto3
from botocore.config import Config

from adapters.athena import Athena, Patience
from adapters.counter_reader import SEGMENTS, CounterReader
from adapters.error_objects import S3ErrorObjects
from adapters.settings import ReconciliationSettings
from adapters.telemetry import Telemetry, telemetry
from reconciliation.job import Reconciler, Sources
from reconciliation.report import Report
from reconciliation.schedule import months_of

Answer = list[dict[str, Any]]
Handler = Callable[[Mapping[str, Any], Any], Answer]


def handler(event: Mapping[str, Any], context: Any) -> Answer:
    """Reconcile the months that the event asks for.

    Raises:
        Misconfigured: no retry helps until the event or a setting is changed.
        Transient: AWS did not answer; nothing was changed.
    """
    return _deployed()(event, context)


def make_sources(settings: ReconciliationSettings, client: Callable[..., Any]) -> Sources:
    """What is read, on the deployment of the settings. `client` makes the boto3 client of a service, with a
    botocore `config`.
    """
    config = Config(
        max_pool_connections=SEGMENTS, retries={"mode": "standard", "total_max_attempts": 10}, read_timeout=60
    )
    s3 = client("s3", config=config)
    patience = Patience(time.sleep, time.monotonic)
    athena = client("athena", config=config)
    return Sources(
        Athena(athena, s3, patience, workgroup=settings.workgroup, database=settings.lake_database),
        CounterReader(client("dynamodb", config=config), settings.counters_table),
        S3ErrorObjects(s3, settings.lake_bucket),
    )


def make_handler(reconciler: Reconciler, tools: Telemetry) -> Handler:
    """The function around a reconciler. Lambda's request id names the run: a retry asks for no new query."""

    @tools.logger.inject_lambda_context
    @tools.tracer.capture_lambda_handler(capture_response=False)
    def handle(event: Mapping[str, Any], context: Any) -> Answer:
        months = months_of(event)
        reports = [reconciler.reconcile(month, run_id=context.aws_request_id) for month in months]
        for report in reports:
            _tell(tools, report)
        return [summary(report) for report in reports]

    return cast("Handler", handle)


def summary(report: Report) -> dict[str, Any]:
    """A report in a few numbers: what is logged and answered."""
    return {
        "month": report.month,
        "is_complete": report.is_complete,
        "missing": report.missing,
        "agrees": report.agrees,
        "differences": report.differences_found,
        "contradictions": report.contradictions_found,
        "counted": report.tally.total.counted.requests,
        "lake_events": report.lake_events,
        "lake_duplicates": report.lake_duplicates,
        "scanned_bytes": report.scanned_bytes,
        "queries": [proof.query_id for proof in report.proofs],
    }


@cache
def _deployed() -> Handler:
    sources = make_sources(ReconciliationSettings.from_environment(), boto3.session.Session().client)
    return make_handler(Reconciler(sources, lambda: datetime.now(UTC)), telemetry())


def _tell(tools: Telemetry, report: Report) -> None:
    """A month that is not over may differ without a fault: its metrics have names of their own."""
    kind = "" if report.is_complete else "Incomplete"
    tools.count(
        {
            f"{kind}Differences": report.differences_found,
            f"{kind}Contradictions": report.contradictions_found,
            "LakeDuplicates": report.lake_duplicates,
            "ScannedBytes": report.scanned_bytes,
        }
    )
    tell = tools.logger.info if report.agrees else tools.logger.warning
    tell("reconciliation", extra={"reconciliation": summary(report)})
