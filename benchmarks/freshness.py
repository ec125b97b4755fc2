"""From the call put into the log group to its counter, hop by hop, on the local cloud with a window of 1 s.

Lines are written at their own pace; the counters are those of DynamoDB Local. A counter can be read as soon
as its write is answered, so that the last hop ends with the batch that the call is in.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from adapters.settings.functions import StreamProcessorSettings
from benchmarks.harness.figure import Figure, Size
from local_cloud.pipeline import Listeners, Pipeline
from local_cloud.playback.player import AccessLogPlayer, Pace
from local_cloud.playback.traffic import TrafficSettings, generate
from local_cloud.stack import LocalCloud
from metering.calls.record import StreamRecord
from stream_processor.handler import make_processor
from stream_processor.processor import BatchReport, Processor
from tests.dynamodb_local import running

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

RATE: Final = 50
PARAMETERS: Final = {"StreamMode": "PROVISIONED", "ShardCount": 1, "BatchingWindowSeconds": 1}
_PERCENTILE: Final = 0.99


@dataclass(slots=True)
class Journey:
    """When a delivery was where, in seconds of one clock."""

    put: float
    """Its PutLogEvents request was about to be sent."""
    in_stream: float = 0.0
    taken: float = 0.0
    """The function got it."""
    counted: float = 0.0
    """Its counters can be read."""


@dataclass(slots=True)
class Journeys:
    """All deliveries, by their data."""

    of: dict[bytes, Journey] = field(default_factory=dict)
    _put: float = 0.0

    def put_begins(self) -> None:
        """The next deliveries come from this request."""
        self._put = time.monotonic()

    def deliver(self, data: bytes) -> None:
        """One was put into the stream."""
        self.of[data] = Journey(self._put, in_stream=time.monotonic())

    def percentiles(self) -> dict[str, float]:
        """Seconds of each hop, and of the whole way, that all but 1 % of the deliveries do not exceed."""
        done = [one for one in self.of.values() if one.counted]
        return {
            "put to stream": _percentile([one.in_stream - one.put for one in done]),
            "stream to function": _percentile([one.taken - one.in_stream for one in done]),
            "function to counter": _percentile([one.counted - one.taken for one in done]),
            "put to counter": _percentile([one.counted - one.put for one in done]),
        }


class TimedProcessor:
    """The shipped processor, which notes when it got each delivery and when it had counted it."""

    def __init__(self, processor: Processor, journeys: Journeys) -> None:
        self._processor = processor
        self._journeys = journeys

    def process(self, batch: Sequence[StreamRecord]) -> BatchReport:
        """Count a batch."""
        taken = time.monotonic()
        report = self._processor.process(batch)
        counted = time.monotonic()
        for record in batch:
            if journey := self._journeys.of.get(record.data):  # heartbeats are nobody's
                journey.taken, journey.counted = taken, counted
        return report


def figures(size: Size) -> Iterator[Figure]:
    """The 99th percentile of the whole way."""
    seconds = size.of(30, 10)
    with running() as dynamodb:
        hops = measured(seconds, dynamodb)
    yield Figure(
        "freshness",
        f"call put to counter readable, 99 of 100, local cloud, {RATE} calls/s, window 1 s",
        "the window and a second",
        hops["put to counter"],
        2.0,
        unit="s",
        at_least=False,
        is_ratio=False,
        details={f"{hop}, s": taken for hop, taken in hops.items()},
    )


def measured(seconds: int, dynamodb: str) -> dict[str, float]:
    """The hops of some seconds of traffic."""
    journeys = Journeys()
    start = datetime.now(UTC)
    traffic = TrafficSettings(RATE * seconds, keys=40, start=start, span=timedelta(seconds=seconds))

    def timed(settings: StreamProcessorSettings, client: DynamoDBClient) -> Any:
        return TimedProcessor(make_processor(settings, client), journeys)

    with (
        LocalCloud(PARAMETERS, dynamodb_endpoint=dynamodb) as cloud,
        Pipeline(cloud, Listeners(), make_processor=timed) as pipeline,
    ):
        cloud.deliveries.listeners.append(lambda _stream, data: journeys.deliver(data))
        logs = cloud.client("logs")
        logs.meta.events.register("before-call.logs.PutLogEvents", lambda **_: journeys.put_begins())
        player = AccessLogPlayer(logs, cloud.clock, cloud.log_group, mean_lines=RATE // 10)
        for _ in player.play(generate(traffic), Pace(1.0)):
            pipeline.mapping.check()
        pipeline.drain()
    return journeys.percentiles()


def _percentile(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(_PERCENTILE * len(values)))]
