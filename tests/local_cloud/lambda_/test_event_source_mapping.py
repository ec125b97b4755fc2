"""The event source mapping between the local Kinesis and a function."""

import base64
import itertools
import json
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.lambda_.event_source_mapping import (
    EventSourceMapping,
    MappingFailedError,
    MappingInvocation,
    MappingSettings,
)
from local_cloud.lambda_.function import LambdaFunction

_numbers = itertools.count()


class Shop:
    """A stream, a function that keeps what it is given, and mappings between them."""

    def __init__(self, endpoint: LocalEndpoint, shards: int = 2) -> None:
        self.name = f"mapped-{next(_numbers)}"
        self.kinesis = endpoint.client("kinesis")
        self.s3 = endpoint.client("s3")
        self.kinesis.create_stream(StreamName=self.name, ShardCount=shards)
        summary = self.kinesis.describe_stream_summary(StreamName=self.name)["StreamDescriptionSummary"]
        self.arn = summary["StreamARN"]
        self.events: list[dict[str, Any]] = []

    def put(self, count: int, **where: str) -> list[str]:
        """Put records of the texts 0, 1, 2, ... and return their sequence numbers."""
        return [
            self.kinesis.put_record(StreamName=self.name, PartitionKey=str(i), Data=str(i).encode(), **where)[
                "SequenceNumber"
            ]
            for i in range(count)
        ]

    def keep(self, event: dict[str, Any], _context: Any) -> None:
        """A handler that succeeds."""
        self.events.append(event)

    def mapping(
        self, handler: Callable[[dict[str, Any], Any], Any] | None = None, **settings: Any
    ) -> EventSourceMapping:
        """A mapping with these properties to ``handler``."""
        properties = {"EventSourceArn": self.arn, "StartingPosition": "TRIM_HORIZON", **settings}
        function = LambdaFunction("meter", handler or self.keep, arn="arn:aws:lambda:::function:meter")
        return EventSourceMapping(
            function, MappingSettings.from_properties(properties), kinesis=self.kinesis, s3=self.s3
        )

    @property
    def seen(self) -> list[str]:
        """The sequence numbers handled, in order."""
        return [record["kinesis"]["sequenceNumber"] for event in self.events for record in event["Records"]]


@pytest.fixture
def shop(endpoint: LocalEndpoint) -> Shop:
    """One with two shards."""
    return Shop(endpoint)


def run(mapping: EventSourceMapping) -> None:
    """Step until nothing is left to do."""
    while mapping.step():
        pass


def test_an_invocation_holds_records_of_one_shard_in_order(shop: Shop) -> None:
    """Every record arrives once, with its data, and a shard's order is kept."""
    put = shop.put(100)

    run(shop.mapping(BatchSize=7))

    assert sorted(put) == sorted(shop.seen)
    for event in shop.events:
        shards = {record["eventID"].partition(":")[0] for record in event["Records"]}
        assert 1 == len(shards)
        assert len(event["Records"]) <= 7
    for shard in ("shardId-000000000000", "shardId-000000000001"):
        own = [r["kinesis"] for e in shop.events for r in e["Records"] if r["eventID"].startswith(shard)]
        assert own == sorted(own, key=lambda record: int(record["sequenceNumber"]))
    texts = {base64.b64decode(r["kinesis"]["data"]) for e in shop.events for r in e["Records"]}
    assert {str(i).encode() for i in range(100)} == texts


def test_latest_skips_what_is_already_there(shop: Shop) -> None:
    """A mapping that starts at LATEST sees what is put after it started, also in later shards."""
    shop.put(10)
    mapping = shop.mapping(StartingPosition="LATEST")
    mapping.step()
    shop.kinesis.split_shard(
        StreamName=shop.name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**125)
    )
    put = shop.put(10)

    run(mapping)

    assert sorted(put) == sorted(shop.seen)


def test_a_parent_is_drained_before_its_children_start(shop: Shop) -> None:
    """Split and merge: a record of a child never comes before one of its parents, retries included."""
    failing = random.Random(3)

    def sometimes(event: dict[str, Any], context: Any) -> None:
        if failing.random() < 0.4:
            raise RuntimeError("again")
        shop.keep(event, context)

    put = shop.put(40)
    shop.kinesis.split_shard(
        StreamName=shop.name, ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**126)
    )
    put += shop.put(40)
    shop.kinesis.merge_shards(
        StreamName=shop.name,
        ShardToMerge="shardId-000000000003",
        AdjacentShardToMerge="shardId-000000000001",
    )
    put += shop.put(40)
    mapping = shop.mapping(sometimes, BatchSize=5)
    with mapping:
        mapping.drain(60)

    assert sorted(put) == sorted(shop.seen)
    order = [r["eventID"].partition(":")[0][-1] for e in shop.events for r in e["Records"]]
    first = {shard: order.index(shard) for shard in "01234"}
    last = {shard: len(order) - 1 - order[::-1].index(shard) for shard in "01234"}
    for parent, child in [("0", "2"), ("0", "3"), ("3", "4"), ("1", "4")]:
        assert last[parent] < first[child]


def test_a_reported_failure_is_retried_from_its_number(shop: Shop) -> None:
    """The records before it are not handled again."""
    put = shop.put(6, ExplicitHashKey="0")
    answers = iter([{"batchItemFailures": [{"itemIdentifier": put[4]}, {"itemIdentifier": put[2]}]}, {}])

    def handler(event: dict[str, Any], context: Any) -> Any:
        shop.keep(event, context)
        return next(answers)

    with shop.mapping(handler, FunctionResponseTypes=["ReportBatchItemFailures"]) as mapping:
        mapping.drain(30)

    assert [put, put[2:]] == [[r["kinesis"]["sequenceNumber"] for r in e["Records"]] for e in shop.events]
    assert (6, 2, 1) == (
        mapping.progress.processed,
        mapping.progress.invocations,
        mapping.progress.failed_invocations,
    )


def test_given_up_records_lie_in_the_failure_bucket(shop: Shop) -> None:
    """A poisoned record is isolated by bisecting, lands in S3 with its data, and the rest is processed."""
    bucket = f"failures-{shop.name}"
    shop.s3.create_bucket(Bucket=bucket)
    put = shop.put(9, ExplicitHashKey="0")

    def handler(event: dict[str, Any], context: Any) -> None:
        if any(record["kinesis"]["sequenceNumber"] == put[5] for record in event["Records"]):
            raise SystemExit(1)
        shop.keep(event, context)

    with shop.mapping(
        handler,
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=2,
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:s3:::{bucket}"}},
    ) as mapping:
        mapping.drain(30)

    assert [*put[:5], *put[6:]] == shop.seen
    (entry,) = shop.s3.list_objects_v2(Bucket=bucket)["Contents"]
    document = json.loads(shop.s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
    assert (put[5], 1, "RetryAttemptsExhausted", 3) == (
        document["KinesisBatchInfo"]["startSequenceNumber"],
        document["KinesisBatchInfo"]["batchSize"],
        document["requestContext"]["condition"],
        document["requestContext"]["approximateInvokeCount"],
    )
    assert put[5] == json.loads(document["payload"])["Records"][0]["kinesis"]["sequenceNumber"]
    assert entry["Key"].startswith(f"aws/lambda/{mapping.id}/shardId-000000000000/")
    assert (8, 1) == (mapping.progress.processed, mapping.progress.discarded)


def test_draining_covers_what_was_put_before_and_no_window(shop: Shop) -> None:
    """It returns at once although the window is five minutes, and waits for no record put after it began."""
    stopping = threading.Event()
    mapping = shop.mapping(MaximumBatchingWindowInSeconds=300, BatchSize=10_000)
    put = shop.put(50)

    def go_on() -> None:
        while not stopping.is_set():
            shop.put(1)

    producer = threading.Thread(target=go_on)
    with mapping:
        producer.start()
        began = time.monotonic()
        mapping.drain(240)
        took = time.monotonic() - began
        seen = set(shop.seen)
        stopping.set()
        producer.join()

    assert set(put) <= seen
    assert took < 240, "it waited for the window"


def test_stopping_leaves_the_rest_in_the_stream(shop: Shop) -> None:
    """Stop ends the thread; a new mapping from the start sees everything again."""
    put = shop.put(5)
    with shop.mapping(MaximumBatchingWindowInSeconds=300):
        time.sleep(0.1)
    assert [] == shop.seen

    run(mapping := shop.mapping())

    assert sorted(put) == sorted(shop.seen)
    assert 5 == mapping.progress.processed


def test_each_invocation_is_reported(endpoint: LocalEndpoint) -> None:
    """The terminal view follows the mapping by this callback."""
    shop, reported = Shop(endpoint, shards=1), list[MappingInvocation]()
    shop.put(5)
    settings = MappingSettings.from_properties(
        {"EventSourceArn": shop.arn, "StartingPosition": "TRIM_HORIZON", "BatchSize": 2}
    )
    function = LambdaFunction("meter", shop.keep, arn="arn:aws:lambda:::function:meter")
    mapping = EventSourceMapping(
        function, settings, kinesis=shop.kinesis, s3=shop.s3, on_invocation=reported.append
    )

    run(mapping)
    with mapping:
        mapping.drain(30)

    assert [2, 2, 1] == [len(invocation.processed) for invocation in reported]


def test_a_fault_of_the_mapping_is_not_silent(shop: Shop) -> None:
    """When its thread dies, whoever waits for it gets an error."""
    mapping = shop.mapping()
    mapping.start()
    shop.kinesis.delete_stream(StreamName=shop.name)

    with pytest.raises(MappingFailedError):
        mapping.drain(30)
    with pytest.raises(MappingFailedError):
        mapping.stop()


def test_waiting_for_a_function_that_never_succeeds_ends(shop: Shop) -> None:
    """A drain has a limit."""

    def handler(_event: Any, _context: Any) -> None:
        raise RuntimeError("always")

    shop.put(1)
    with shop.mapping(handler) as mapping, pytest.raises(TimeoutError, match="processed=0"):
        mapping.drain(0.5)


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"ParallelizationFactor": 2}, "ParallelizationFactor"),
        ({"StartingPosition": "AT_TIMESTAMP"}, "AT_TIMESTAMP"),
        ({"DestinationConfig": {"OnFailure": {"Destination": "arn:aws:sqs:::q"}}}, "arn:aws:sqs:::q"),
    ],
)
def test_a_setting_that_cannot_be_honoured_is_named(setting: dict[str, Any], named: str) -> None:
    """Better no local cloud than one that differs from what is deployed."""
    properties = {"EventSourceArn": "arn", "StartingPosition": "TRIM_HORIZON", **setting}

    with pytest.raises(ValueError, match=named):
        MappingSettings.from_properties(properties)


def test_absent_settings_are_lambdas_defaults() -> None:
    """100 records, no window, endless retries, no bisecting."""
    settings = MappingSettings.from_properties({"EventSourceArn": "arn", "StartingPosition": "LATEST"})

    policy = settings.policy
    assert (100, 0, False, None, None, False) == (
        policy.batch_size,
        policy.window.total_seconds(),
        policy.bisect,
        policy.retry_attempts,
        policy.record_age,
        policy.reports_item_failures,
    )
