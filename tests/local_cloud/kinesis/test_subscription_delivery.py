"""CloudWatch Logs' subscription filter puts deliveries into the local Kinesis."""

import gzip
import itertools
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.kinesis.api import MAX_RECORD_BYTES

_numbers = itertools.count()

Put = Callable[[list[str]], None]


@pytest.fixture
def group(endpoint: LocalEndpoint) -> str:
    """A log group with a log stream ``s``, subscribed by a stream of the same name."""
    name = f"group-{next(_numbers)}"
    kinesis, logs = endpoint.client("kinesis"), endpoint.client("logs")
    kinesis.create_stream(StreamName=name, ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"]["StreamARN"]
    logs.create_log_group(logGroupName=name)
    logs.create_log_stream(logGroupName=name, logStreamName="s")
    logs.put_subscription_filter(
        logGroupName=name,
        filterName="f",
        filterPattern="",
        destinationArn=arn,
        roleArn="arn:aws:iam::123456789012:role/logs",
    )
    return name


def write(endpoint: LocalEndpoint, group: str, messages: list[str]) -> None:
    """One PutLogEvents."""
    now = int(datetime.now(UTC).timestamp() * 1000)
    endpoint.client("logs").put_log_events(
        logGroupName=group,
        logStreamName="s",
        logEvents=[{"timestamp": now, "message": message} for message in messages],
    )


def deliveries(endpoint: LocalEndpoint, stream: str) -> list[bytes]:
    """The data of all records of a stream with one shard."""
    kinesis = endpoint.client("kinesis")
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId="shardId-000000000000", ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    return [record["Data"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]]


def read(data: bytes) -> dict[str, Any]:
    """A delivery as a consumer reads it."""
    delivery: dict[str, Any] = json.loads(gzip.decompress(data))
    return delivery


def test_a_request_becomes_one_gzip_delivery(endpoint: LocalEndpoint, group: str) -> None:
    """The envelope has the fields of CloudWatch Logs; any text is an event."""
    messages = ["plain", '{"a":1}', "\x00", "ü 😀", "-"]
    write(endpoint, group, messages)

    (delivery,) = map(read, deliveries(endpoint, group))

    assert messages == [event["message"] for event in delivery["logEvents"]]
    assert ("DATA_MESSAGE", group, "s", ["f"], endpoint.account_id) == (
        delivery["messageType"],
        delivery["logGroup"],
        delivery["logStream"],
        delivery["subscriptionFilters"],
        delivery["owner"],
    )


def test_event_ids_are_unique_over_requests(endpoint: LocalEndpoint, group: str) -> None:
    """A log event's id identifies it: moto counts on over requests, log streams and log groups."""
    for _ in range(5):
        write(endpoint, group, ["same"] * 10)

    ids = [event["id"] for data in deliveries(endpoint, group) for event in read(data)["logEvents"]]

    assert 50 == len(ids) == len(set(ids))


def test_a_delivery_over_one_mebibyte_is_cut(endpoint: LocalEndpoint, group: str) -> None:
    """Events that do not compress below Kinesis's limit arrive in several records, whole and in order."""
    noise = random.Random(1)
    messages = [f"{i} {noise.randbytes(90_000).hex()}" for i in range(15)]
    write(endpoint, group, messages)

    data = deliveries(endpoint, group)

    assert len(data) > 1
    assert max(map(len, data)) <= MAX_RECORD_BYTES
    assert messages == [event["message"] for part in data for event in read(part)["logEvents"]]


def test_a_filter_to_a_missing_stream_is_refused(endpoint: LocalEndpoint, group: str) -> None:
    """CloudWatch Logs tests the destination before it takes a filter."""
    with pytest.raises(ClientError, match="InvalidParameterException"):
        endpoint.client("logs").put_subscription_filter(
            logGroupName=group,
            filterName="g",
            filterPattern="",
            destinationArn=f"arn:aws:kinesis:{endpoint.region}:{endpoint.account_id}:stream/none",
            roleArn="arn:aws:iam::123456789012:role/logs",
        )


def test_another_endpoint(endpoint: LocalEndpoint) -> None:
    """An endpoint that is started meanwhile has moto's Kinesis: the registry is one for the process."""
    assert endpoint.client("kinesis").list_streams()["StreamNames"] is not None
    with LocalEndpoint() as another:
        assert [] == another.client("kinesis").list_streams()["StreamNames"]
