"""The shipped functions on a local cloud: what is written to the log group is counted, and lands; and the
watch runs, so that it is known how far everything is counted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from adapters.dynamodb.hot_path.conditional_writes import client
from adapters.event_bus import EventBridge
from adapters.settings.functions import FirehoseTransformSettings, StreamProcessorSettings
from firehose_transform.handler import make_handler as make_transform
from local_cloud.faults.chaos import Chaos
from local_cloud.firehose.delivery_stream import FirehoseDelivery
from local_cloud.lambda_.event_source_mapping import MappingInvocation
from local_cloud.lambda_.function import Handler
from local_cloud.stack import LocalCloud
from local_cloud.telemetry import quiet_telemetry
from local_cloud.watch_loop import WatchLoop
from metering.billing_rule import BillingRule
from stream_processor import handler as stream_processor
from stream_processor.processor import BatchReport, Processor

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

LONGEST_SECONDS = 3_600
"""A wait for the functions ends after so long: then something is stuck."""

_BEATS_TO_KNOW = 2
_SHORTEST_LAKE_BUFFER = timedelta(seconds=2)

MakeProcessor = Callable[[StreamProcessorSettings, Any], Processor]


@dataclass(frozen=True, slots=True)
class Listeners:
    """Called with what the functions did. Batches that hold nothing but heartbeats are left out."""

    on_batch: Callable[[BatchReport], None] = lambda _report: None
    on_invocation: Callable[[MappingInvocation], None] = lambda _invocation: None
    on_delivered: Callable[[FirehoseDelivery], None] = lambda _delivery: None


class Pipeline:
    """The functions with what feeds them, from :meth:`start` to :meth:`stop`."""

    def __init__(
        self,
        cloud: LocalCloud,
        listeners: Listeners,
        *,
        chaos: Chaos | None = None,
        make_processor: MakeProcessor | None = None,
    ) -> None:
        """Build the functions as in Lambda, with the environment that the template gives them.

        ``make_processor`` makes another stream processor than the shipped one.
        """
        self._cloud = cloud
        self._chaos = chaos
        self._settings = StreamProcessorSettings.from_environment(
            cloud.environment("StreamProcessorFunction")
        )
        processor = self._stream_processor(make_processor or self._shipped_processor, listeners)
        self.mapping = cloud.mapping("StreamProcessorFunction", "Calls", processor, listeners.on_invocation)
        self.delivery_stream = cloud.delivery_stream(
            self._firehose_transform(), listeners.on_delivered, within=_SHORTEST_LAKE_BUFFER
        )
        self._watch_loop = WatchLoop(cloud)
        if chaos is not None:
            chaos.disturb_deliveries(cloud)
            chaos.disturb_lake(self.delivery_stream)

    @property
    def rule(self) -> BillingRule:
        """Which calls are billed."""
        return self._settings.rule

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin to read the stream."""
        self.mapping.start()
        self.delivery_stream.start()
        self._watch_loop.start()

    def stop(self) -> None:
        """Finish what is in hand and stop.

        Raises:
            MappingFailedError, DeliveryFailedError: a fault of the local cloud had stopped it before.
        """
        self._watch_loop.stop()
        try:
            self.mapping.stop()
        finally:
            self.delivery_stream.stop()

    def drain(self) -> None:
        """Wait until all that is in the stream now is counted and has landed, and known to be so: by one run
        that has seen it, and one after.

        Raises:
            TimeoutError: that takes too long.
            MappingFailedError, DeliveryFailedError: a fault of the local cloud.
        """
        if self._chaos is not None:
            self._chaos.finish()
        for _ in range(_BEATS_TO_KNOW):
            self.mapping.drain(LONGEST_SECONDS)
            self._watch_loop.run_once()
        self.mapping.drain(LONGEST_SECONDS)
        self.delivery_stream.drain(LONGEST_SECONDS)

    def _stream_processor(self, make: MakeProcessor, listeners: Listeners) -> Handler:
        settings = self._settings
        dynamodb = client(settings.write_concurrency, **self._cloud.endpoint.access("dynamodb"))
        handler = stream_processor.make_handler(
            make(settings, dynamodb), quiet_telemetry("stream_processor"), _without_heartbeats(listeners)
        )
        if self._chaos is None:
            return handler
        self._chaos.disturb_writes(dynamodb.meta.events)
        return self._chaos.disturb(handler)

    def _shipped_processor(self, settings: StreamProcessorSettings, dynamodb: DynamoDBClient) -> Processor:
        """The processor as Lambda runs it, with the local cloud's EventBridge."""
        publisher = EventBridge(lambda: self._cloud.client("events"), settings.alert_source)
        return stream_processor.make_processor(settings, dynamodb, publisher)

    def _firehose_transform(self) -> Handler:
        environment = self._cloud.environment("FirehoseTransformFunction")
        settings = FirehoseTransformSettings.from_environment(environment)
        return make_transform(settings, quiet_telemetry("firehose_transform"))


def _without_heartbeats(listeners: Listeners) -> Callable[[BatchReport], None]:
    def notify(report: BatchReport) -> None:
        if report.log_events or report.undecodable or report.failed_from is not None:
            listeners.on_batch(report)

    return notify
