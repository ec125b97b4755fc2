"""The Lambda function. A schedule names the task: `{"task": "heartbeat"}`, `{"task": "inspection"}` or
`{"task": "source"}`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import boto3
from botocore.config import Config

from adapters.cloudwatch import MetricReader
from adapters.dynamodb.arrivals import ArrivalReader
from adapters.dynamodb.completeness import CompletenessBook
from adapters.dynamodb.refusals import RefusalReader
from adapters.dynamodb.source import SourceBook
from adapters.kinesis import KinesisStream
from adapters.s3.object_listing import S3Objects
from adapters.settings.functions import WatchSettings
from adapters.source.counts import SourceMetrics
from adapters.source.stage_finder import MeteredStages
from adapters.source.stages import StageSettings
from adapters.source.subscriptions import SubscriptionFilters
from adapters.telemetry import Telemetry, telemetry
from metering.errors import Misconfigured, Transient
from watch.source import SourceWatch
from watch.tasks import (
    InspectionStore,
    ObjectCounter,
    ShardStream,
    forget_closed,
    inspect_and_settle,
    send_heartbeats,
)

Numbers = dict[str, int]
"""Metrics by name; they are the function's answer, too."""

Handler = Callable[[Mapping[str, Any], Any], Numbers]


def handler(event: Mapping[str, Any], context: Any) -> Numbers:
    """Do the task that the event names.

    Raises:
        Misconfigured: there is no such task, or no retry helps until a setting is changed.
        Transient: AWS did not answer; the next event comes soon.
    """
    return _deployed()(event, context)


def make_handler(  # noqa: PLR0913, PLR0917 - settings, four services, tools and a clock
    settings: WatchSettings,
    stream: ShardStream,
    completeness: InspectionStore,
    objects: ObjectCounter,
    source: SourceWatch,
    tools: Telemetry,
    clock: Callable[[], datetime],
) -> Handler:
    """The function on a stream, what is known of its completeness, two buckets, and the source."""

    tasks = _Tasks(settings, stream, completeness, objects, source, tools, clock)

    @tools.logger.inject_lambda_context
    def handle(event: Mapping[str, Any], _context: Any) -> Numbers:
        numbers = tasks.do(str(event.get("task")))
        tools.count(numbers)
        return numbers

    return cast("Handler", handle)


@dataclass(frozen=True, slots=True)
class _Tasks:
    """What the function does, with the services that it does it to."""

    settings: WatchSettings
    stream: ShardStream
    completeness: InspectionStore
    objects: ObjectCounter
    source: SourceWatch
    tools: Telemetry
    clock: Callable[[], datetime]

    def do(self, task: str) -> Numbers:
        """Do a task; its numbers."""
        match task:
            case "heartbeat":
                return self._heartbeat()
            case "inspection":
                return self._inspection()
            case "source":
                return self._source()
        raise Misconfigured([f"the event's task is {task!r}: it must be heartbeat, inspection or source"])

    def _heartbeat(self) -> Numbers:
        pulse = send_heartbeats(self.stream, self.completeness, self.clock())
        if isinstance(pulse.trouble, Misconfigured):
            raise pulse.trouble
        if pulse.trouble is not None:
            self.tools.logger.warning(
                "complete_through does not advance", extra={"reason": str(pulse.trouble)}
            )
        return {"OpenShards": pulse.shards, "HeartbeatsSent": pulse.sent}

    def _inspection(self) -> Numbers:
        buckets = self.settings.failure_bucket, self.settings.lake_bucket
        found, trouble = inspect_and_settle(self.objects, self.completeness, *buckets)
        if trouble is not None:
            self.tools.logger.warning("no time is settled", extra={"reason": str(trouble)})
        numbers = {"FailedBatches": found.failed_batches, "ErrorObjects": found.error_objects}
        return numbers | {"ShardsForgotten": self._forgotten()}

    def _forgotten(self) -> int:
        try:
            return forget_closed(self.stream, self.completeness, self.clock())
        except Transient as error:
            self.tools.logger.warning("progress of closed shards stays", extra={"reason": str(error)})
            return 0

    def _source(self) -> Numbers:
        state = self.source.look(self.clock())
        reasons = [*state.faults, *(gap.sentence for gap in state.ongoing(state.checked))]
        if reasons:
            self.tools.logger.warning("calls do not reach the stream", extra={"reasons": reasons})
        return {"SourceGaps": len(reasons), "SourceStages": len(state.stages)}


def make_source_watch(settings: WatchSettings, client: Callable[[str], Any]) -> SourceWatch:
    """The watch of the source; `client` makes the boto3 client of a service by its name."""
    return SourceWatch(
        settings.log_groups,
        settings.stream_arn,
        SubscriptionFilters(client("logs")),
        MeteredStages(StageSettings(client("apigateway"), client("apigatewayv2"))),
        SourceMetrics(MetricReader(client("cloudwatch")), settings.filter_name),
        RefusalReader(client("dynamodb"), settings.counters_table),
        SourceBook(client("dynamodb"), settings.counters_table),
        ArrivalReader(client("dynamodb"), settings.counters_table, settings.stream_arn.split(":")[4]),
    )


@cache
def _deployed() -> Handler:
    """Requests give up within 9 seconds: those of a run fit into the function's time, and the next run
    comes in a minute.
    """
    settings = WatchSettings.from_environment()
    session = boto3.session.Session()
    client: Any = session.client
    config = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
    return make_handler(
        settings,
        KinesisStream(session.client("kinesis", config=config), settings.stream_name),
        CompletenessBook(
            session.client("dynamodb", config=config), settings.counters_table, settings.ledger_table
        ),
        S3Objects(session.client("s3", config=config)),
        make_source_watch(settings, lambda name: client(name, config=config)),
        telemetry(),
        lambda: datetime.now(UTC),
    )
