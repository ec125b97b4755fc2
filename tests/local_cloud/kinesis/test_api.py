"""The local Kinesis as boto3 sees it."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from local_cloud.endpoint.server import LocalEndpoint

_numbers = itertools.count()


@pytest.fixture
def kinesis(endpoint: LocalEndpoint) -> Any:
    """A plain boto3 client."""
    return endpoint.client("kinesis")


@pytest.fixture
def stream(kinesis: Any) -> str:
    """A new stream of two shards."""
    name = f"calls-{next(_numbers)}"
    kinesis.create_stream(StreamName=name, ShardCount=2)
    kinesis.get_waiter("stream_exists").wait(StreamName=name)
    return name


def shards(kinesis: Any, stream: str) -> list[dict[str, Any]]:
    """All shards that ListShards returns."""
    found: list[dict[str, Any]] = kinesis.list_shards(StreamName=stream)["Shards"]
    return found


def read_all(
    kinesis: Any, stream: str, shard_id: str, limit: int = 1000
) -> tuple[list[bytes], dict[str, Any]]:
    """The data of a shard's records from the start, and the last answer of GetRecords."""
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON"
    )
    answer: dict[str, Any] = {"NextShardIterator": iterator["ShardIterator"], "MillisBehindLatest": 1}
    data: list[bytes] = []
    while answer.get("NextShardIterator") and (answer["MillisBehindLatest"] or data == []):
        answer = kinesis.get_records(ShardIterator=answer["NextShardIterator"], Limit=limit)
        data += [record["Data"] for record in answer["Records"]]
        if not answer["Records"]:
            break
    return data, answer


def error_code(error: pytest.ExceptionInfo[ClientError]) -> str:
    """The code of an AWS error."""
    return str(error.value.response["Error"]["Code"])


def test_binary_data_comes_back_as_it_was_put(kinesis: Any, stream: str) -> None:
    """PutRecord, PutRecords and GetRecords keep data, key, order and a 56-digit sequence number."""
    before = datetime.now(UTC) - timedelta(milliseconds=1)  # times of arrival are whole milliseconds
    first = kinesis.put_record(StreamName=stream, PartitionKey="k", Data=bytes(range(256)))
    second = kinesis.put_records(StreamName=stream, Records=[{"PartitionKey": "k", "Data": b"2"}])["Records"][
        0
    ]

    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=first["ShardId"], ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = kinesis.get_records(ShardIterator=iterator)["Records"]

    assert [bytes(range(256)), b"2"] == [record["Data"] for record in records]
    assert [first["SequenceNumber"], second["SequenceNumber"]] == [r["SequenceNumber"] for r in records]
    assert {56} == {len(record["SequenceNumber"]) for record in records}
    assert before <= records[0]["ApproximateArrivalTimestamp"] <= datetime.now(UTC)


def test_a_closed_shard_ends_with_a_null_iterator_and_names_its_children(kinesis: Any, stream: str) -> None:
    """After a split the parent is read to its end; the end says which shards go on."""
    parent = shards(kinesis, stream)[0]["ShardId"]
    for i in range(20):
        kinesis.put_record(StreamName=stream, PartitionKey=str(i), Data=b"x", ExplicitHashKey="7")
    kinesis.split_shard(StreamName=stream, ShardToSplit=parent, NewStartingHashKey=str(2**120))

    data, last = read_all(kinesis, stream, parent, limit=6)

    assert 20 == len(data)
    assert "NextShardIterator" not in last
    assert [[parent], [parent]] == [child["ParentShards"] for child in last["ChildShards"]]
    assert [("0", str(2**120 - 1)), (str(2**120), str(2**127 - 1))] == [
        (child["HashKeyRange"]["StartingHashKey"], child["HashKeyRange"]["EndingHashKey"])
        for child in last["ChildShards"]
    ]


def test_an_open_shard_never_ends(kinesis: Any, stream: str) -> None:
    """An open shard gives a next iterator, and it sees what is put later."""
    shard = shards(kinesis, stream)[0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="LATEST")[
        "ShardIterator"
    ]
    empty = kinesis.get_records(ShardIterator=iterator)
    kinesis.put_record(StreamName=stream, PartitionKey="k", Data=b"late", ExplicitHashKey="0")

    later = kinesis.get_records(ShardIterator=empty["NextShardIterator"])

    assert ([], 0) == (empty["Records"], empty["MillisBehindLatest"])
    assert [b"late"] == [record["Data"] for record in later["Records"]]
    assert "ChildShards" not in later


def test_shards_are_listed_parents_first_with_their_lineage(kinesis: Any, stream: str) -> None:
    """Split and merge: the listing keeps closed shards, with parents before children and an ending number."""
    one, two = (shard["ShardId"] for shard in shards(kinesis, stream))
    kinesis.split_shard(StreamName=stream, ShardToSplit=one, NewStartingHashKey="1000")
    kinesis.merge_shards(StreamName=stream, ShardToMerge="shardId-000000000003", AdjacentShardToMerge=two)

    listed = shards(kinesis, stream)

    assert [f"shardId-{n:012d}" for n in range(5)] == [shard["ShardId"] for shard in listed]
    assert [one, one] == [listed[2]["ParentShardId"], listed[3]["ParentShardId"]]
    assert (listed[3]["ShardId"], two) == (listed[4]["ParentShardId"], listed[4]["AdjacentParentShardId"])
    assert [True, True, False, True, False] == [
        "EndingSequenceNumber" in shard["SequenceNumberRange"] for shard in listed
    ]
    pages = kinesis.list_shards(StreamName=stream, MaxResults=2)
    rest = kinesis.list_shards(NextToken=pages["NextToken"])
    assert [shard["ShardId"] for shard in listed[2:]] == [shard["ShardId"] for shard in rest["Shards"]]
    latest = kinesis.list_shards(StreamName=stream, ShardFilter={"Type": "AT_LATEST"})["Shards"]
    assert [listed[2]["ShardId"], listed[4]["ShardId"]] == [shard["ShardId"] for shard in latest]


def test_iterators_start_where_they_are_reported(kinesis: Any, stream: str) -> None:
    """At and after a sequence number, and at a time."""
    put = [
        kinesis.put_record(StreamName=stream, PartitionKey="k", Data=str(i).encode(), ExplicitHashKey="0")
        for i in range(4)
    ]

    def read(**start: Any) -> list[bytes]:
        iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=put[0]["ShardId"], **start)[
            "ShardIterator"
        ]
        return [record["Data"] for record in kinesis.get_records(ShardIterator=iterator)["Records"]]

    number = put[1]["SequenceNumber"]
    assert [b"1", b"2", b"3"] == read(ShardIteratorType="AT_SEQUENCE_NUMBER", StartingSequenceNumber=number)
    assert [b"2", b"3"] == read(ShardIteratorType="AFTER_SEQUENCE_NUMBER", StartingSequenceNumber=number)
    assert [] == read(ShardIteratorType="AT_TIMESTAMP", Timestamp=datetime.now(UTC) + timedelta(hours=1))
    assert 4 == len(read(ShardIteratorType="AT_TIMESTAMP", Timestamp=datetime.now(UTC) - timedelta(hours=1)))


def test_a_page_ends_at_the_limit_and_at_10_mib(kinesis: Any, stream: str) -> None:
    """GetRecords returns at most Limit records, and at most 10 MiB."""
    for _ in range(12):
        kinesis.put_record(StreamName=stream, PartitionKey="k", Data=b"x" * 1_000_000, ExplicitHashKey="0")
    shard = shards(kinesis, stream)[0]["ShardId"]
    iterator = kinesis.get_shard_iterator(StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON")

    page = kinesis.get_records(ShardIterator=iterator["ShardIterator"])
    rest = kinesis.get_records(ShardIterator=page["NextShardIterator"])

    assert (10, 2) == (len(page["Records"]), len(rest["Records"]))
    assert page["MillisBehindLatest"] > 0 == rest["MillisBehindLatest"]


def test_what_aws_refuses_is_refused(kinesis: Any, stream: str) -> None:
    """Unknown streams and shards, oversized records, bad iterators: AWS's errors, and not HTTP 500."""
    shard = shards(kinesis, stream)[0]["ShardId"]
    on_demand = f"{stream}-on-demand"
    kinesis.create_stream(StreamName=on_demand, StreamModeDetails={"StreamMode": "ON_DEMAND"})
    too_many = [{"PartitionKey": "k", "Data": b"x"}] * 501

    cases: list[tuple[str, Callable[[], object]]] = [
        (
            "ResourceNotFoundException",
            lambda: kinesis.put_record(StreamName="none", PartitionKey="k", Data=b""),
        ),
        ("ResourceInUseException", lambda: kinesis.create_stream(StreamName=stream, ShardCount=1)),
        ("InvalidArgumentException", lambda: kinesis.get_records(ShardIterator="no iterator")),
        ("ValidationException", lambda: kinesis.put_records(StreamName=stream, Records=too_many)),
        (
            "ValidationException",
            lambda: kinesis.put_record(StreamName=stream, PartitionKey="k", Data=b"x" * (1024 * 1024 + 1)),
        ),
        (
            "ResourceNotFoundException",
            lambda: kinesis.get_shard_iterator(
                StreamName=stream, ShardId="shardId-000000000077", ShardIteratorType="LATEST"
            ),
        ),
        (
            "InvalidArgumentException",
            lambda: kinesis.get_shard_iterator(
                StreamName=stream,
                ShardId=shard,
                ShardIteratorType="AT_SEQUENCE_NUMBER",
                StartingSequenceNumber="1",
            ),
        ),
        (
            "ValidationException",
            lambda: kinesis.split_shard(StreamName=on_demand, ShardToSplit=shard, NewStartingHashKey="9"),
        ),
        (
            "LimitExceededException",
            lambda: kinesis.update_shard_count(
                StreamName=stream, TargetShardCount=5, ScalingType="UNIFORM_SCALING"
            ),
        ),
        (
            "UnknownOperationException",
            lambda: kinesis.list_stream_consumers(StreamARN="arn:aws:kinesis:::stream/s"),
        ),
    ]
    for code, call in cases:
        with pytest.raises(ClientError) as error:
            call()
        assert code == error_code(error)


def test_a_stream_can_be_described_resized_and_deleted(kinesis: Any, stream: str) -> None:
    """The calls that provisioning makes."""
    kinesis.increase_stream_retention_period(StreamName=stream, RetentionPeriodHours=168)
    kinesis.start_stream_encryption(StreamName=stream, EncryptionType="KMS", KeyId="alias/aws/kinesis")
    kinesis.add_tags_to_stream(StreamName=stream, Tags={"a": "b"})
    kinesis.update_shard_count(StreamName=stream, TargetShardCount=4, ScalingType="UNIFORM_SCALING")

    summary = kinesis.describe_stream_summary(StreamName=stream)["StreamDescriptionSummary"]
    described = kinesis.describe_stream(StreamARN=summary["StreamARN"])["StreamDescription"]

    assert (168, "KMS", 4) == (
        summary["RetentionPeriodHours"],
        summary["EncryptionType"],
        summary["OpenShardCount"],
    )
    assert 6 == len(described["Shards"])
    assert [{"Key": "a", "Value": "b"}] == kinesis.list_tags_for_stream(StreamName=stream)["Tags"]
    kinesis.delete_stream(StreamName=stream)
    assert stream not in kinesis.list_streams()["StreamNames"]
