"""The shipped functions on a local cloud, stepped by hand, with disturbed clients, and measured as AWS
measures functions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider
from botocore.config import Config

from adapters.dynamodb.hot_path.conditional_writes import client
from adapters.dynamodb.plans import PlanBook
from adapters.event_bus import EventBridge
from adapters.settings.functions import (
    FirehoseTransformSettings,
    ReconciliationSettings,
    StreamProcessorSettings,
)
from adapters.telemetry import Telemetry
from firehose_transform.handler import make_handler as make_transform
from local_cloud.lambda_.event_source_mapping import MappingInvocation
from local_cloud.lambda_.function import FunctionError, Handler, LambdaFunction
from local_cloud.stack import LocalCloud
from local_cloud.watch_loop import watch_function
from metering.quotas.plan import Kind as LimitKind
from metering.quotas.plan import Limit, Plan, Span
from metering.usage import Metric as Quantity
from reconciliation.attribution.budget import Budget
from reconciliation.handler import make_handler as make_reconciliation
from reconciliation.reconcile import Reconciler
from reconciliation.report.publication import ReportPublisher
from reconciliation.wiring import make_reports, make_sources
from simulation.soak.clock import SoakClock
from simulation.soak.faults import ServiceFaults
from simulation.soak.metrics import MetricStore, NamedMetric
from simulation.soak.traffic import LIMIT
from stream_processor import handler as stream_processor
from stream_processor.time_limit import TimeLimit

PLAN: Final = "soak"
PARAMETERS: Final[dict[str, object]] = {
    "Monitoring": "full",
    "StreamMode": "PROVISIONED",
    "ShardCount": 2,
    "BatchingWindowSeconds": 1,
    "WriteConcurrency": 1,
    "LedgerSlotSeconds": 60,
    "FreshnessAlarmSeconds": 60,
    "QuotaDefaultPlan": PLAN,
}
"""All alarms; one writer, which waits in the soak's time; an alarm on calls that are a minute old."""

_LAKE_BUFFER: Final = timedelta(minutes=1)
"""Less than Firehose takes: what it could not deliver is to be found within the script."""
_LONGEST_REASON: Final = 200

_FROM_EVENTBRIDGE: Final = Config(
    connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2}
)
_FROM_THE_WATCH: Final = Config(
    connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
)
"""As :mod:`adapters.event_bus` and :mod:`watch.handler` have them for the clients of Lambda's environment."""


class SteppedMeter:
    """The functions of one local cloud."""

    def __init__(
        self,
        cloud: LocalCloud,
        clock: SoakClock,
        metrics: MetricStore,
        faults: ServiceFaults,
        on_invocation: Callable[[MappingInvocation], None],
    ) -> None:
        self._cloud = cloud
        self._clock = clock
        self._metrics = metrics
        self._faults = faults
        limit = Limit(Quantity.REQUESTS, Span.MONTH, LIMIT, LimitKind.SOFT, thresholds=(100,))
        PlanBook(cloud.stack.name("CountersTable"), cloud.client("dynamodb")).put_plan(
            Plan(PLAN, (limit,)), None
        )
        self.failures: Counter[str] = Counter()
        """Why invocations failed, and how often."""
        self._process = self._stream_processor()
        self.mapping = cloud.mapping(
            "StreamProcessorFunction",
            "Calls",
            self._measured("StreamProcessorFunction", self._invoke_process),
            on_invocation,
        )
        transform = make_transform(
            FirehoseTransformSettings.from_environment(cloud.environment("FirehoseTransformFunction")),
            self._telemetry("FirehoseTransformFunction"),
        )
        self.delivery = cloud.delivery_stream(
            self._measured("FirehoseTransformFunction", transform), within=_LAKE_BUFFER
        )
        self._watch = watch_function(
            cloud,
            self._telemetry("WatchFunction"),
            lambda service: faults.attach(cloud.client(service, config=_FROM_THE_WATCH)),
        )

    def _invoke_process(self, event: dict[str, Any], context: object) -> object:
        return self._process(event, context)

    def restart(self) -> None:
        """Begin with a new process of the stream processor, which remembers nothing."""
        self._process = self._stream_processor()

    def count(self, until: float) -> None:
        """Let the consumer read and count, as far as it gets without waiting, and begin nothing after a
        second since the start: each attempt at a service that hangs takes time.
        """
        while self._clock.seconds < until and self.mapping.step():
            pass

    def deliver(self) -> None:
        """Let Firehose read and deliver what is due."""
        while self.delivery.step():
            pass

    def watch(self, task: str) -> None:
        """Let the schedule invoke the watch. A failure is in the metrics, and the next run comes."""
        self._cloud.counts.send()
        self._try(self._watch, {"task": task}, "WatchFunction", task)

    def reconcile(self, month: str, run: str) -> list[dict[str, Any]] | None:
        """Invoke the reconciliation for a month that goes on: its answer; None if it failed. A run that is
        repeated has the same id.
        """
        event: dict[str, object] = {"month": month, "allow_incomplete": True}
        answer: list[dict[str, Any]] | None = self._try(
            self._reconciliation(), event, "ReconciliationFunction", run
        )
        return answer

    def measure_firehose(self) -> None:
        """Send what Firehose sends each minute."""
        self.delivery.publish_freshness()
        name = self._cloud.stack.name("LakeDeliveryStream")
        metric = NamedMetric("AWS/Firehose", "DeliveryToS3.DataFreshness", ("DeliveryStreamName", name))
        self._metrics.put(metric, self.delivery.age_of_oldest.total_seconds())

    def _try(self, function: LambdaFunction, event: dict[str, object], name: str, request_id: str) -> Any:
        try:
            answer = function.invoke(event, request_id)
        except FunctionError as error:
            self.failures[f"{name}: {error}"[:_LONGEST_REASON]] += 1
            self._note(name, "Errors", 1)
            return None
        self._note(name, "Errors", 0)
        return answer

    def _note(self, function: str, name: str, value: float) -> None:
        dimension = ("FunctionName", self._cloud.stack.name(function))
        self._metrics.put(NamedMetric("AWS/Lambda", name, dimension), value)

    def _measured(self, name: str, handler: Handler) -> Handler:
        """A handler, and what AWS measures of its invocations."""

        def measured(event: dict[str, Any], context: object) -> object:
            self._note(name, "Invocations", 1)
            if "Records" in event:
                last = event["Records"][-1]["kinesis"]["approximateArrivalTimestamp"]
                self._note(name, "IteratorAge", 1000 * (self._clock.now().timestamp() - last))
            try:
                answer = handler(event, context)
            except BaseException:
                self._note(name, "Errors", 1)
                raise
            self._note(name, "Errors", 0)
            return answer

        return measured

    def _stream_processor(self) -> Handler:
        environment = self._cloud.environment("StreamProcessorFunction")
        settings = StreamProcessorSettings.from_environment(environment)
        dynamodb = self._faults.attach(
            client(settings.write_concurrency, **self._cloud.endpoint.access("dynamodb"))
        )
        limit = TimeLimit(self._clock.monotonic)
        publisher = EventBridge(self._event_bus, settings.alert_source, steady=self._clock.monotonic)
        return stream_processor.make_handler(
            stream_processor.make_processor(settings, dynamodb, publisher, limit),
            self._telemetry("StreamProcessorFunction"),
            clock=self._clock.now,
            limit=limit,
        )

    def _event_bus(self) -> Any:
        return self._faults.attach(self._cloud.client("events", config=_FROM_EVENTBRIDGE))

    def _disturbed(self, service: str, **options: Any) -> Any:
        return self._faults.attach(self._cloud.client(service, **options))

    def _reconciliation(self) -> LambdaFunction:
        """The reconciliation in a process of its own: Lambda begins one where another is busy."""
        name = "ReconciliationFunction"
        settings = ReconciliationSettings.from_environment(self._cloud.environment(name))

        budget = Budget(self._clock.monotonic)
        reconciler = Reconciler(
            make_sources(settings, self._disturbed, self._clock.now, budget), self._clock.now, budget=budget
        )
        publisher = ReportPublisher(make_reports(settings, self._disturbed), reconciler, self._clock.now)
        return self._cloud.function(name, make_reconciliation(publisher, self._telemetry(name), budget))

    def _telemetry(self, function: str) -> Telemetry:
        """The telemetry that the function's environment asks for."""
        environment = self._cloud.environment(function)
        service = environment["POWERTOOLS_SERVICE_NAME"]
        provider = AmazonCloudWatchEMFProvider(
            namespace=environment["POWERTOOLS_METRICS_NAMESPACE"], service=service
        )
        return Telemetry(
            Logger(f"soak.{service}", level="CRITICAL"),
            Metrics(provider=provider),
            environment["METRICS"] == "all",
        )
