"""The Lambda function. A schedule names the task: `{"task": "heartbeat"}` or `{"task": "inspection"}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import boto3
from botocore.config import Config

from adapters.dynamodb.completeness import CompletenessBook
from adapters.kinesis import KinesisStream
from adapters.s3.object_listing import S3Objects
from adapters.settings import WatchSettings
from adapters.telemetry import Telemetry, telemetry
from metering.errors import Misconfigured, Transient
from watch.tasks import ObjectCounter, ProgressStore, Pulse, ShardStream, beat, forget_closed, inspect

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


def make_handler(  # noqa: PLR0913, PLR0917 - settings, three services, tools and a clock
    settings: WatchSettings,
    stream: ShardStream,
    completeness: ProgressStore,
    objects: ObjectCounter,
    tools: Telemetry,
    clock: Callable[[], datetime],
) -> Handler:
    """The function on a stream, what is known of its completeness, and two buckets."""

    @tools.logger.inject_lambda_context
    def handle(event: Mapping[str, Any], _context: Any) -> Numbers:
        numbers = do(str(event.get("task")))
        tools.count(numbers)
        return numbers

    def do(task: str) -> Numbers:
        match task:
            case "heartbeat":
                return metrics(beat(stream, completeness, clock()))
            case "inspection":
                found = inspect(objects, settings.failure_bucket, settings.lake_bucket)
                numbers = {"FailedBatches": found.failed_batches, "ErrorObjects": found.error_objects}
                return numbers | {"ShardsForgotten": forgotten()}
        raise Misconfigured([f"the event's task is {task!r}: it must be heartbeat or inspection"])

    def forgotten() -> int:
        try:
            return forget_closed(stream, completeness, clock())
        except Transient as error:
            tools.logger.warning("progress of closed shards stays", extra={"reason": str(error)})
            return 0

    def metrics(pulse: Pulse) -> Numbers:
        if isinstance(pulse.trouble, Misconfigured):
            raise pulse.trouble
        if pulse.trouble is not None:
            tools.logger.warning("complete_through stands still", extra={"reason": str(pulse.trouble)})
        return {"OpenShards": pulse.shards, "HeartbeatsSent": pulse.sent}

    return cast("Handler", handle)


@cache
def _deployed() -> Handler:
    """Requests give up within 9 seconds: those of a beat fit into the function's time, and the next beat
    comes in a minute.
    """
    settings = WatchSettings.from_environment()
    session = boto3.session.Session()
    config = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
    return make_handler(
        settings,
        KinesisStream(session.client("kinesis", config=config), settings.stream_name),
        CompletenessBook(session.client("dynamodb", config=config), settings.counters_table),
        S3Objects(session.client("s3", config=config)),
        telemetry(),
        lambda: datetime.now(UTC),
    )
