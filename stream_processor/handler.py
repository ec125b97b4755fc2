"""The Lambda function: what comes from outside is put together here, and only here."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, cast

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, client
from adapters.dynamodb.layouts import DynamoDBLayouts
from adapters.dynamodb.ledger import DynamoDBLedger, DynamoDBLedgerPages
from adapters.dynamodb.progress import DynamoDBProgress, highest_position
from adapters.dynamodb.refusals import DynamoDBRefusals
from adapters.dynamodb.slices import DynamoDBSlices
from adapters.dynamodb.stream_identity import DynamoDBStreamIdentity
from adapters.dynamodb.thresholds import DynamoDBNotifications
from adapters.dynamodb.top_keys import DynamoDBTopKeys
from adapters.event_bus import EventBridge, event_bus_client
from adapters.kinesis import kinesis_client, made_at
from adapters.settings.functions import StreamProcessorSettings
from adapters.telemetry import Telemetry, telemetry
from metering.calls.notes import metrics_of
from metering.counters.ledger_layout import LedgerLayout
from metering.counters.top_keys import TopKeys
from metering.quotas.ports import ThresholdPublisher
from stream_processor.full_pages import FullPages
from stream_processor.kinesis_event import BatchResponse, answer, beginning_of, read_event, stream_of
from stream_processor.layout_book import LayoutBook
from stream_processor.processor import BatchReport, Processor
from stream_processor.stream_guard import StreamGuard
from stream_processor.thresholds import LimitWatch
from stream_processor.time_limit import TimeLimit

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

Handler = Callable[[Mapping[str, Any], Any], BatchResponse]


def handler(event: Mapping[str, Any], context: Any) -> BatchResponse:
    """Count a batch of the stream. Lambda repeats it from the sequence number in the answer, if there is one.

    Raises:
        Misconfigured: no retry helps until a setting is changed.
    """
    return _deployed()(event, context)


def make_processor(
    settings: StreamProcessorSettings,
    dynamodb: DynamoDBClient,
    publisher: ThresholdPublisher | None = None,
    limit: TimeLimit | None = None,
) -> Processor:
    """The processor on the tables of the settings. Thresholds are looked for if there is a publisher; `limit`
    is the time of each invocation.
    """
    limit = limit or TimeLimit(time.monotonic)
    updates = ConditionalUpdates(dynamodb, settings.write_concurrency)
    store = DynamoDBNotifications(settings.counters_table, dynamodb, updates, settings.default_plan)
    ledger = DynamoDBLedger(
        settings.ledger_table,
        updates,
        clock=lambda: datetime.now(UTC),
        is_over=limit.is_over_for_claims,
    )
    pages = DynamoDBLedgerPages(settings.ledger_table, dynamodb, is_over=limit.is_over_for_claims)
    progress = DynamoDBProgress(settings.counters_table, updates)
    return Processor(
        FullPages(ledger, time.monotonic, pages),
        DynamoDBSlices(settings.counters_table, updates),
        DynamoDBCounters(settings.counters_table, updates, limit.is_over_for_increments),
        progress,
        layout=LayoutBook(
            DynamoDBLayouts(settings.ledger_table, updates),
            LedgerLayout(settings.ledger_slot_seconds * 1000, settings.ledger_lanes),
            lambda: datetime.now(UTC),
        ),
        rule=settings.rule,
        limits=None
        if publisher is None
        else LimitWatch(store, publisher, lambda: datetime.now(UTC), limit.is_over_for_alerts),
        heaviest=TopKeys(DynamoDBTopKeys(settings.counters_table, updates), lambda: datetime.now(UTC)),
        arrivals=progress,
    )


def make_handler(  # noqa: PLR0913 - the processor, what was published, two clocks and a guard
    processor: Processor,
    tools: Telemetry,
    on_batch: Callable[[BatchReport], None] = lambda _report: None,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    *,
    limit: TimeLimit | None = None,
    guard: StreamGuard | None = None,
) -> Handler:
    """The function around a processor. `on_batch` is called with what became of each batch, `limit` with how
    long each invocation may take. `guard` lets the batches of one stream pass; None: those of any.
    """
    limit = limit or TimeLimit(time.monotonic)

    @tools.logger.inject_lambda_context
    def handle(event: Mapping[str, Any], context: Any) -> BatchResponse:
        limit.begin(context.get_remaining_time_in_millis() / 1000)
        if guard is not None:
            guard.check(stream_of(event), *beginning_of(event))
        report = processor.process(read_event(event))
        _publish(tools, report, clock(), is_in_time=not limit.was_reached)
        on_batch(report)
        return answer(report.failed_from)

    return cast("Handler", handle)


@cache
def _deployed() -> Handler:
    return deployed_handler(lambda stream_arn: made_at(kinesis_client(), stream_arn))


def deployed_handler(created_at: Callable[[str], int]) -> Handler:
    """The function by its environment. `created_at` says when a stream was made, by its ARN."""
    settings = StreamProcessorSettings.from_environment()
    publisher = EventBridge(event_bus_client, settings.alert_source)
    dynamodb = client(settings.write_concurrency)
    limit = TimeLimit(time.monotonic)
    one_by_one = ConditionalUpdates(dynamodb, 1)
    guard = StreamGuard(
        DynamoDBStreamIdentity(settings.ledger_table, one_by_one),
        created_at,
        partial(highest_position, dynamodb, settings.counters_table),
        DynamoDBRefusals(settings.counters_table, one_by_one, lambda: datetime.now(UTC)).note,
    )
    processor = make_processor(settings, dynamodb, publisher, limit)
    deployed = make_handler(processor, telemetry(), limit=limit, guard=guard)
    gc.freeze()  # what is loaded by now stays: looking through it again would take a tenth of a batch's time
    return deployed


def _publish(tools: Telemetry, report: BatchReport, now: datetime, *, is_in_time: bool) -> None:
    """The metrics of a batch, and what is worth a line in the log."""
    tools.count(
        {
            "Records": report.records,
            "LogEvents": report.log_events,
            "ControlMessages": report.control,
            "Metered": report.metered,
            "Unattributed": report.unattributed,
            "Malformed": report.malformed,
            "Undecodable": report.undecodable,
            **metrics_of(report.notes),
            "Duplicates": report.duplicates,
            "IncrementsRefused": report.refused,
            "BatchesCutShort": int(report.failed_from is not None and is_in_time),
            "BatchesGivenBack": int(report.failed_from is not None and not is_in_time),
            "ThresholdsTold": len(report.limits.published),
            "ThresholdsDeferred": report.limits.deferred,
            "StoredItemsUnreadable": len(report.unreadable),
            **_lag(report, now),
        }
    )
    if report.limits.errors:
        tools.logger.warning("thresholds are not published", extra={"reasons": report.limits.errors[:3]})
    if report.unreadable:
        tools.logger.warning("stored items cannot be read", extra={"items": report.unreadable[:3]})
    if report.undecodable or report.failed_from is not None:
        tools.logger.warning(
            "batch",
            extra={
                "records": report.records,
                "undecodable": report.undecodable,
                "repeat_from": str(report.failed_from) if report.failed_from is not None else None,
            },
        )


def _lag(report: BatchReport, now: datetime) -> dict[str, int]:
    """How late the counters are: the age of the last record that is in, as the progress has it."""
    if report.counted_through_ms is None:
        return {}
    return {"CountersLagMilliseconds": max(0, round(now.timestamp() * 1000) - report.counted_through_ms)}
