"""The stream of deliveries, as its watch needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from adapters.errors import translated
from metering.counters.heartbeat import Heartbeat, Landed, ListedShard

if TYPE_CHECKING:
    from types_boto3_kinesis import KinesisClient
    from types_boto3_kinesis.type_defs import (
        ListShardsInputTypeDef,
        ListShardsOutputTypeDef,
        PutRecordsResultEntryTypeDef,
        ShardTypeDef,
    )

_AT_ONCE = 500
"""https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html"""


def kinesis_client() -> KinesisClient:
    """A client that gives up within 7 seconds: two attempts of 3 seconds, and a pause."""
    config = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.session.Session().client("kinesis", config=config)


def made_at(kinesis: KinesisClient, stream_arn: str) -> int:
    """When a stream was made, in epoch milliseconds.

    Raises:
        Transient, Misconfigured: the stream cannot be described.
    """
    with translated(f"describe_stream_summary of {stream_arn}"):
        answer = kinesis.describe_stream_summary(StreamARN=stream_arn)
    return round(answer["StreamDescriptionSummary"]["StreamCreationTimestamp"].timestamp() * 1000)


class KinesisStream:
    """The shards of a stream, and a way to put a record into each."""

    def __init__(self, kinesis: KinesisClient, stream_name: str) -> None:
        self._kinesis = kinesis
        self._stream_name = stream_name

    def shards(self) -> list[ListedShard]:
        """All shards with records that have not expired: those that take records, and closed ones.

        Raises:
            Transient, Misconfigured: the stream cannot be listed.
        """
        return [_listed(shard) for page in self._pages_of_shards() for shard in page["Shards"]]

    def retention(self) -> timedelta:
        """How long the stream keeps its records.

        Raises:
            Transient, Misconfigured: the stream cannot be described.
        """
        with translated(f"describe_stream_summary of stream {self._stream_name}"):
            answer = self._kinesis.describe_stream_summary(StreamName=self._stream_name)
        return timedelta(hours=answer["StreamDescriptionSummary"]["RetentionPeriodHours"])

    def put(self, records: Sequence[Heartbeat]) -> list[Landed | None]:
        """Put records, each into the shard of its hash key, and say where they came to lie; None: refused.

        Raises:
            Transient, Misconfigured: none of a request was taken.
        """
        return [
            landed
            for start in range(0, len(records), _AT_ONCE)
            for landed in self._put(records[start : start + _AT_ONCE])
        ]

    def _pages_of_shards(self) -> Iterator[ListShardsOutputTypeDef]:
        """Kinesis takes a token or the name of the stream, never both."""
        request: ListShardsInputTypeDef = {"StreamName": self._stream_name}
        while request:
            with translated(f"list_shards of stream {self._stream_name}"):
                page = self._kinesis.list_shards(**request)
            yield page
            request = {"NextToken": page["NextToken"]} if page.get("NextToken") else {}

    def _put(self, records: Sequence[Heartbeat]) -> list[Landed | None]:
        with translated(f"put_records of stream {self._stream_name}"):
            answer = self._kinesis.put_records(
                StreamName=self._stream_name,
                Records=[
                    {
                        "Data": record.data,
                        "PartitionKey": record.partition_key,
                        "ExplicitHashKey": record.explicit_hash_key,
                    }
                    for record in records
                ],
            )
        return [_landed(one) for one in answer["Records"]]


def _listed(shard: ShardTypeDef) -> ListedShard:
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_Shard.html"""
    parents = (shard.get("ParentShardId"), shard.get("AdjacentParentShardId"))
    numbers = shard["SequenceNumberRange"]
    last = numbers.get("EndingSequenceNumber")
    return ListedShard(
        shard["ShardId"],
        shard["HashKeyRange"]["StartingHashKey"],
        is_open=last is None,
        parents=tuple(parent for parent in parents if parent),
        first_position=int(numbers["StartingSequenceNumber"]),
        last_position=None if last is None else int(last),
    )


def _landed(result: PutRecordsResultEntryTypeDef) -> Landed | None:
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecordsResultEntry.html"""
    if result.get("ErrorCode"):
        return None
    return Landed(result["ShardId"], int(result["SequenceNumber"]))
