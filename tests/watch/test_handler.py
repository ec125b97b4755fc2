"""The function in the local cloud: what it sends, what it finds, and what its alarms make of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from adapters.dynamodb.completeness import CompletenessBook, CompletenessReader
from adapters.dynamodb.hot_path.conditional_writes import client
from adapters.kinesis import KinesisStream
from adapters.s3.object_listing import S3Objects
from adapters.settings.functions import StreamProcessorSettings, WatchSettings
from adapters.telemetry import telemetry
from local_cloud.alarm_states import in_alarm
from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.lambda_.event_source_mapping import EventSourceMapping
from local_cloud.lambda_.function import LambdaContext, LambdaFunction
from local_cloud.log_metrics import metrics_in
from local_cloud.stack import LocalCloud
from metering.errors import Misconfigured
from stream_processor import handler as stream_processor
from watch.handler import Handler, make_handler, make_source_watch

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NAMESPACE = "UsageMeter/usage-meter"


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A stream of three shards and the buckets."""
    with LocalCloud({"StreamMode": "PROVISIONED", "ShardCount": 3}) as running:
        yield running


@pytest.fixture
def watch(cloud: LocalCloud) -> LambdaFunction:
    """The function as deployed."""
    settings = WatchSettings.from_environment(cloud.environment("WatchFunction"))
    handler = make_handler(
        settings,
        KinesisStream(cloud.client("kinesis"), settings.stream_name),
        CompletenessBook(cloud.client("dynamodb"), settings.counters_table),
        S3Objects(cloud.client("s3")),
        make_source_watch(settings, cloud.client),
        telemetry("watch", NAMESPACE),
        lambda: NOON,
    )
    return cloud.function("WatchFunction", handler)


def counting(cloud: LocalCloud) -> stream_processor.Handler:
    """The stream processor on the cloud's tables."""
    settings = StreamProcessorSettings.from_environment(cloud.environment("StreamProcessorFunction"))
    where = {
        "endpoint_url": cloud.endpoint.endpoint_url,
        "region_name": cloud.endpoint.region,
        "aws_access_key_id": "local",
        "aws_secret_access_key": "local",
    }
    processor = stream_processor.make_processor(settings, client(settings.write_concurrency, **where))
    return stream_processor.make_handler(processor, telemetry("stream_processor", NAMESPACE))


class TestHeartbeat:
    def test_reaches_every_open_shard(self, cloud: LocalCloud, watch: LambdaFunction) -> None:
        """After a split the closed parent gets none and both children do."""
        (first, *_) = cloud.stream.open_shards()
        cloud.stream.split(first.id, first.first_hash + 2**100)
        before = {shard.id: len(shard.records) for shard in cloud.stream.shards.values()}
        assert {"OpenShards": 4, "HeartbeatsSent": 4} == watch.invoke({"task": "heartbeat"})
        after = {shard.id: len(shard.records) for shard in cloud.stream.shards.values()}
        grown = {shard_id for shard_id in after if after[shard_id] > before[shard_id]}
        assert {shard.id for shard in cloud.stream.open_shards()} == grown

    def test_alarm_when_the_consumer_stops(
        self, cloud: LocalCloud, watch: LambdaFunction, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A stopped consumer raises the alarm within 6 minutes; while it runs there is none."""
        alarm = cloud.stack.resource("HeartbeatMissingAlarm")
        periods: list[list[float]] = []
        states: list[bool] = []

        def pass_periods(count: int, consumer: EventSourceMapping | None) -> None:
            for _ in range(count):
                for _minute in range(alarm["Metrics"][0]["MetricStat"]["Period"] // 60):
                    watch.invoke({"task": "heartbeat"})
                    if consumer:
                        consumer.drain()
                periods.append(counted_heartbeats(capsys.readouterr().out))
                states.append(in_alarm(alarm, periods))

        with cloud.mapping("StreamProcessorFunction", "Calls", counting(cloud)) as mapping:
            pass_periods(3, mapping)
        pass_periods(2, None)
        with cloud.mapping("StreamProcessorFunction", "Calls", counting(cloud)) as mapping:
            pass_periods(2, mapping)
        assert [False] * 3 + [False, True] + [True, False] == states


class TestCompleteness:
    def test_two_runs(self, cloud: LocalCloud, watch: LambdaFunction) -> None:
        """What was in the stream before a run is known to be complete when the next run is counted."""
        reader = CompletenessReader(cloud.client("dynamodb"), cloud.stack.name("CountersTable"))
        with cloud.mapping("StreamProcessorFunction", "Calls", counting(cloud)) as mapping:
            for _ in range(3):
                watch.invoke({"task": "heartbeat"})
                mapping.drain()
        found = reader.read()
        assert found.complete_through == NOON
        assert [shard.id for shard in cloud.stream.open_shards()] == sorted(
            (shard.shard_id for shard in found.shards),
            key=lambda shard_id: cloud.stream.shard(shard_id).first_hash,
        )

    def test_without_the_table(self, cloud: LocalCloud, caplog: pytest.LogCaptureFixture) -> None:
        """A table that is not there is a setting to change: the function fails, after its heartbeats. One
        that does not answer is a warning in the log.
        """
        before = sum(len(shard.records) for shard in cloud.stream.shards.values())
        settings = WatchSettings.from_environment(cloud.environment("WatchFunction"))
        dynamodb = cloud.client("dynamodb")
        handler = make_handler(
            settings,
            KinesisStream(cloud.client("kinesis"), settings.stream_name),
            CompletenessBook(dynamodb, "nowhere"),
            S3Objects(cloud.client("s3")),
            make_source_watch(settings, cloud.client),
            telemetry("watch", NAMESPACE),
            lambda: NOON,
        )
        context = LambdaContext("watch", "arn:aws:kinesis:us-east-1:123456789012:stream/stream", "256", 0)
        with pytest.raises(Misconfigured, match="Query of nowhere"):
            handler({"task": "heartbeat"}, context)
        after = sum(len(shard.records) for shard in cloud.stream.shards.values())
        assert len(cloud.stream.open_shards()) == after - before

        def fail(**_request: Any) -> None:
            raise EndpointConnectionError(endpoint_url="nowhere")

        dynamodb.meta.events.register("before-send.dynamodb.Query", fail)
        answer = handler({"task": "heartbeat"}, context)
        assert answer["OpenShards"] == answer["HeartbeatsSent"] > 0
        assert ["complete_through does not advance"] == [
            record.message for record in caplog.records if record.levelname == "WARNING"
        ]


def counted_heartbeats(log: str) -> list[float]:
    """The metric of the alarm, from the stream processor's log."""
    return [
        datum.value
        for datum in metrics_in(log)
        if (NAMESPACE, "stream_processor", "ControlMessages") == datum[:3]
    ]


def numbers(failed_batches: int, error_objects: int) -> dict[str, int]:
    """What an inspection finds while every shard is listed."""
    return {"FailedBatches": failed_batches, "ErrorObjects": error_objects, "ShardsForgotten": 0}


class TestInspection:
    def test_counts_what_waits(self, cloud: LocalCloud, watch: LambdaFunction) -> None:
        """A given-up batch and two objects of Firehose are found; the lake's own files are not."""
        s3 = cloud.client("s3")
        failures, lake = cloud.stack.name("FailureBucket"), cloud.stack.name("LakeBucket")
        assert numbers(0, 0) == watch.invoke({"task": "inspection"})
        s3.put_object(Bucket=failures, Key="aws/lambda/id/shardId-000000000000/batch", Body=b"")
        for key in ("errors/processing-failed/a", "errors/format-conversion-failed/b", "lake/c.parquet"):
            s3.put_object(Bucket=lake, Key=key, Body=b"")
        assert numbers(1, 2) == watch.invoke({"task": "inspection"})

    def test_without_the_table(self, cloud: LocalCloud, watch: LambdaFunction) -> None:
        """What waits is counted, whether or not the table answers."""
        dynamodb = cloud.client("dynamodb")

        def fail(**_request: Any) -> None:
            raise EndpointConnectionError(endpoint_url="nowhere")

        dynamodb.meta.events.register("before-send.dynamodb.Query", fail)
        settings = WatchSettings.from_environment(cloud.environment("WatchFunction"))
        handler = make_handler(
            settings,
            KinesisStream(cloud.client("kinesis"), settings.stream_name),
            CompletenessBook(dynamodb, settings.counters_table),
            S3Objects(cloud.client("s3")),
            make_source_watch(settings, cloud.client),
            telemetry("watch", NAMESPACE),
            lambda: NOON,
        )
        expected = watch.invoke({"task": "inspection"})
        assert expected == handler(
            {"task": "inspection"},
            LambdaContext("watch", "arn:aws:kinesis:us-east-1:123456789012:stream/stream", "256", 0),
        )

    def test_missing_bucket(self) -> None:
        """A bucket that is not there is a setting to change, and the error names it."""
        with (
            LocalEndpoint() as endpoint,
            pytest.raises(Misconfigured, match="ListObjectsV2 of nowhere/errors/"),
        ):
            S3Objects(endpoint.client("s3")).count("nowhere", "errors/")


class TestTask:
    def test_unknown(self, cloud: LocalCloud) -> None:
        """An event of another kind is refused, and the error says what it may be."""
        settings = WatchSettings(
            "counters",
            "ledger",
            "stream",
            "failures",
            "lake",
            "arn:aws:kinesis:us-east-1:123456789012:stream/stream",
            "filter",
            ("access-log",),
        )
        handler: Handler = make_handler(
            settings,
            KinesisStream(cloud.client("kinesis"), "stream"),
            CompletenessBook(cloud.client("dynamodb"), "counters"),
            S3Objects(cloud.client("s3")),
            make_source_watch(settings, cloud.client),
            telemetry("watch", NAMESPACE),
            lambda: NOON,
        )
        with pytest.raises(
            Misconfigured, match="task is 'backup': it must be heartbeat, inspection or source"
        ):
            handler(
                {"task": "backup"},
                LambdaContext("watch", "arn:aws:kinesis:us-east-1:123456789012:stream/stream", "256", 0),
            )
