"""The Lambda function. A schedule names the task: `{"task": "heartbeat"}` or `{"task": "inspection"}`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

import boto3

from adapters.kinesis import KinesisStream
from adapters.objects import S3Objects
from adapters.settings import WatchSettings
from adapters.telemetry import Telemetry, telemetry
from metering.errors import Misconfigured
from watch.tasks import ObjectCounter, ShardStream, beat, inspect

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


def make_handler(
    settings: WatchSettings,
    stream: ShardStream,
    objects: ObjectCounter,
    tools: Telemetry,
    clock: Callable[[], datetime],
) -> Handler:
    """The function on a stream and two buckets."""

    @tools.logger.inject_lambda_context
    @tools.tracer.capture_lambda_handler(capture_response=False)
    def handle(event: Mapping[str, Any], _context: Any) -> Numbers:
        numbers = do(str(event.get("task")))
        tools.count(numbers)
        return numbers

    def do(task: str) -> Numbers:
        match task:
            case "heartbeat":
                pulse = beat(stream, clock())
                return {"OpenShards": pulse.shards, "HeartbeatsSent": pulse.sent}
            case "inspection":
                found = inspect(objects, settings.failure_bucket, settings.lake_bucket)
                return {"FailedBatches": found.failed_batches, "ErrorObjects": found.error_objects}
        raise Misconfigured([f"the event's task is {task!r}: it must be heartbeat or inspection"])

    return cast("Handler", handle)


@cache
def _deployed() -> Handler:
    settings = WatchSettings.from_environment()
    session = boto3.session.Session()
    stream = KinesisStream(session.client("kinesis"), settings.stream_name)
    return make_handler(
        settings, stream, S3Objects(session.client("s3")), telemetry(), lambda: datetime.now(UTC)
    )
