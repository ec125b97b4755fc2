"""The stack of the template on one machine: its resources, made through boto3 as CloudFormation would make
them.

moto's own CloudFormation leaves out subscription filters, Glue and Firehose and calls the stack complete.
"""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from local_cloud.athena.api import AthenaService, WorkGroup
from local_cloud.endpoint.metric_counts import MetricCounts
from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.firehose.delivery_stream import DeliveryStream, FirehoseDelivery
from local_cloud.firehose.settings import DeliverySettings
from local_cloud.kinesis.api import KinesisService
from local_cloud.kinesis.stream import Stream
from local_cloud.kinesis.subscription_delivery import SubscriptionDelivery, register
from local_cloud.lambda_.event_source_mapping import EventSourceMapping, MappingInvocation, MappingSettings
from local_cloud.lambda_.function import Handler, LambdaFunction
from local_cloud.log_query import LogQueries
from local_cloud.playback.clock import LogClock
from local_cloud.template.document import STACK_NAME, Stack
from local_cloud.template.intrinsics import UnresolvableError

TABLES = ("CountersTable", "LedgerTable")
BUCKETS = ("LakeBucket", "FailureBucket")

_TABLE_SETTINGS = ("AttributeDefinitions", "KeySchema", "BillingMode")
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class NotOnThisMachineError(Exception):
    """An external DynamoDB is not on this machine; its tables are replaced, so that is refused."""


class LocalCloud:
    """An endpoint with the template's resources in it, as a context manager.

    The functions are not deployed: :meth:`function` and :meth:`mapping` run a handler of this process with
    the settings that the template gives its function. Time to live is not set on tables: an engine deletes by
    the real time, not by the log's.
    """

    def __init__(
        self,
        parameters: Mapping[str, object] | None = None,
        *,
        dynamodb_endpoint: str | None = None,
        clock: LogClock | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Choose the template's ``parameters`` and, instead of moto's, a DynamoDB on this machine. ``now`` is
        the time of Kinesis, Lambda and Firehose, by which records arrive, wait and grow old.

        Raises:
            NotOnThisMachineError: ``dynamodb_endpoint`` is elsewhere.
        """
        if dynamodb_endpoint and urlsplit(dynamodb_endpoint).hostname not in _LOOPBACK:
            raise NotOnThisMachineError(
                f"the DynamoDB at {dynamodb_endpoint} is not on this machine: use 127.0.0.1"
            )
        self.endpoint = LocalEndpoint(clock, dynamodb_endpoint)
        self._parameters = dict(parameters or {})
        self._now = now

    def __enter__(self) -> Self:
        self.endpoint.__enter__()
        try:
            self._provision()
        except BaseException:
            self.endpoint.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.endpoint.close()

    @property
    def clock(self) -> LogClock:
        """The time of CloudWatch Logs."""
        return self.endpoint.clock

    @property
    def log_group(self) -> str:
        """The name of the access log's group."""
        return self.stack.output("AccessLogGroupName")

    @property
    def stream(self) -> Stream:
        """The stream of deliveries itself, for what AWS does with it: delivering and scaling."""
        return self.kinesis.stream(self.stack.name("CallStream"))

    def client(self, service_name: str, **options: Any) -> Any:
        """A boto3 client of this cloud; ``options`` are boto3's, such as ``config``."""
        return self.endpoint.client(service_name, **options)

    def environment(self, function: str) -> dict[str, str]:
        """The environment of a function: its variables in the template, and the way to this cloud."""
        return {**self.endpoint.environment, **self.stack.environment(function)}

    def function(self, logical_id: str, handler: Handler) -> LambdaFunction:
        """The function with ``handler`` as its code; its name, time-out and memory are the template's."""
        properties = self.stack.resource(logical_id)
        return LambdaFunction(
            self.stack.name(logical_id),
            handler,
            arn=self.stack.arn(logical_id),
            timeout_seconds=float(properties["Timeout"]),
            memory_mb=int(properties["MemorySize"]),
        )

    def mapping(
        self,
        function: str,
        event: str,
        handler: Handler,
        on_invocation: Callable[[MappingInvocation], None] | None = None,
    ) -> EventSourceMapping:
        """The event source mapping that the template makes of a function's ``event``; not started yet."""
        return EventSourceMapping(
            self.function(function, handler),
            MappingSettings.from_properties(self.stack.resource(function + event)),
            kinesis=self.client("kinesis"),
            s3=self.client("s3"),
            on_invocation=on_invocation or (lambda _invocation: None),
            now=self._now,
            version=self._stream_version,
        )

    def delivery_stream(
        self,
        handler: Handler,
        on_delivered: Callable[[FirehoseDelivery], None] | None = None,
        *,
        within: timedelta | None = None,
    ) -> DeliveryStream:
        """The template's delivery stream into the lake, with ``handler`` as its transform; not started yet.

        It delivers what is put into the stream from this call on. Nothing waits for longer than ``within`` in
        its buffers, which may be less than Firehose takes: for a log that is played in seconds.
        """
        name = "LakeDeliveryStream"
        settings = DeliverySettings.from_properties(
            self.stack.name(name), self.stack.arn(name), self.stack.resource(name)
        )
        return DeliveryStream(
            self.function("FirehoseTransformFunction", handler),
            settings if within is None else settings.hurried(within),
            client=self.client,
            on_delivered=on_delivered or (lambda _delivery: None),
            now=self._now,
            version=self._stream_version,
        )

    def _stream_version(self) -> object:
        return self.stream.version

    def publish(self) -> None:
        """Let CloudFormation describe the stack: by its outputs and parameters, commands find their way."""
        parameters, outputs = self.stack.parameters, self.stack.outputs
        template = {
            "Parameters": {name: {"Type": "String"} for name in parameters},
            "Resources": {},
            "Outputs": {name: {"Value": value} for name, value in outputs.items()},
        }
        self.client("cloudformation").create_stack(
            StackName=STACK_NAME,
            TemplateBody=json.dumps(template),
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
            ],
        )

    def _provision(self) -> None:
        """Make the resources; the subscription comes last, so that nothing flows before all is there."""
        endpoint = self.endpoint
        self.stack = Stack(self._parameters, region=endpoint.region, account=endpoint.account_id)
        if faults := self.stack.broken_rules:
            raise UnresolvableError(" ".join(faults))
        self.kinesis = KinesisService(endpoint.account_id, endpoint.region, self._now)
        self.deliveries = SubscriptionDelivery(endpoint.region, endpoint.account_id, self.kinesis)
        endpoint.take_over(self.kinesis)
        register(self.deliveries)
        self._count_log_events()
        LogQueries(endpoint)
        self._create_buckets()
        self.create_tables()
        self._create_lake_table()
        endpoint.take_over(
            AthenaService(self.client, [WorkGroup.from_properties(self.stack.resource("AthenaWorkGroup"))])
        )
        self._create_stream()
        self._create_log_group()
        self._subscribe()

    def _count_log_events(self) -> None:
        """Count what log groups take in and forward, as CloudWatch Logs does."""
        self.counts = MetricCounts(self.client, self.clock.now)

        def taken_in(log_group: str, events: int) -> None:
            self.counts.add("AWS/Logs", "IncomingLogEvents", {"LogGroupName": log_group}, events)

        def forwarded(log_group: str, filter_name: str, events: int) -> None:
            names = {"LogGroupName": log_group, "DestinationType": "Kinesis", "FilterName": filter_name}
            self.counts.add("AWS/Logs", "ForwardedLogEvents", names, events)

        self.endpoint.on_log_events = taken_in
        self.deliveries.on_forwarded = forwarded

    def _create_buckets(self) -> None:
        s3 = self.client("s3")
        for bucket in BUCKETS:
            s3.create_bucket(Bucket=self.stack.name(bucket))

    def create_tables(self) -> None:
        """Make the tables; those of an earlier run are replaced."""
        dynamodb = self.client("dynamodb")
        for table in TABLES:
            name, properties = self.stack.name(table), self.stack.resource(table)
            with suppress(dynamodb.exceptions.ResourceNotFoundException):
                dynamodb.delete_table(TableName=name)
            settings = {setting: properties[setting] for setting in _TABLE_SETTINGS}
            dynamodb.create_table(TableName=name, **settings)

    def _create_lake_table(self) -> None:
        glue = self.client("glue")
        glue.create_database(DatabaseInput=self.stack.resource("LakeDatabase")["DatabaseInput"])
        table = self.stack.resource("LakeTable")
        glue.create_table(DatabaseName=table["DatabaseName"], TableInput=table["TableInput"])

    def _create_stream(self) -> None:
        kinesis, properties = self.client("kinesis"), self.stack.resource("CallStream")
        name = self.stack.name("CallStream")
        shards = {"ShardCount": int(properties["ShardCount"])} if "ShardCount" in properties else {}
        kinesis.create_stream(StreamName=name, StreamModeDetails=properties["StreamModeDetails"], **shards)
        hours = int(properties["RetentionPeriodHours"])
        kinesis.increase_stream_retention_period(StreamName=name, RetentionPeriodHours=hours)
        kinesis.start_stream_encryption(StreamName=name, **properties["StreamEncryption"])

    def _create_log_group(self) -> None:
        self.client("logs").create_log_group(logGroupName=self.log_group)

    def _subscribe(self) -> None:
        properties = self.stack.resource("AccessLogSubscription")
        self.client("logs").put_subscription_filter(
            logGroupName=properties["LogGroupName"],
            filterName=properties["FilterName"],
            filterPattern=properties["FilterPattern"],
            destinationArn=properties["DestinationArn"],
            roleArn=properties["RoleArn"],
            distribution=properties["Distribution"],
        )
