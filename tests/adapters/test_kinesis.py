"""The stream as its watch sees it, on the local Kinesis."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from adapters.kinesis import KinesisStream, made_at
from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.kinesis.api import KinesisService
from metering.counters.heartbeat import Heartbeat, Landed
from metering.errors import Misconfigured


@pytest.fixture(scope="module")
def endpoint() -> Iterator[LocalEndpoint]:
    """An endpoint with a stream of five shards."""
    with LocalEndpoint() as running:
        running.take_over(KinesisService(running.account_id, running.region))
        running.client("kinesis").create_stream(StreamName="calls", ShardCount=5)
        yield running


@pytest.fixture
def client(endpoint: LocalEndpoint) -> Any:
    """A client that keeps the requests that it was asked for."""
    return endpoint.client("kinesis")


def test_retention(client: Any) -> None:
    """How long records stay is what is set now; of a stream that is not there nobody knows."""
    assert timedelta(days=1) == KinesisStream(client, "calls").retention()
    client.increase_stream_retention_period(StreamName="calls", RetentionPeriodHours=72)
    assert timedelta(days=3) == KinesisStream(client, "calls").retention()
    with pytest.raises(Misconfigured, match="describe_stream_summary of stream nowhere"):
        KinesisStream(client, "nowhere").retention()


class TestShards:
    def test_pages(self, client: Any) -> None:
        """All pages are read, each by the token of the one before it."""

        def at_most_two(params: dict[str, Any], **_other: Any) -> None:
            if "NextToken" not in params:
                params["MaxResults"] = 2

        client.meta.events.register("before-parameter-build.kinesis.ListShards", at_most_two)
        shards = KinesisStream(client, "calls").shards()
        assert [f"shardId-00000000000{number}" for number in range(5)] == [one.shard_id for one in shards]
        assert "0" == shards[0].starting_hash_key

    def test_resharded(self, client: Any) -> None:
        """Closed shards are listed too, and whose children the others are."""
        client.create_stream(StreamName="changing", ShardCount=2)
        client.split_shard(
            StreamName="changing", ShardToSplit="shardId-000000000000", NewStartingHashKey=str(2**100)
        )
        client.merge_shards(
            StreamName="changing",
            ShardToMerge="shardId-000000000003",
            AdjacentShardToMerge="shardId-000000000001",
        )
        found = KinesisStream(client, "changing").shards()
        assert [
            (0, False, ()),
            (1, False, ()),
            (2, True, ("shardId-000000000000",)),
            (3, False, ("shardId-000000000000",)),
            (4, True, ("shardId-000000000003", "shardId-000000000001")),
        ] == [(int(one.shard_id[8:]), one.is_open, one.parents) for one in found]
        (landed,) = KinesisStream(client, "changing").put([Heartbeat(b"beat", "any", "0")])
        assert landed is not None
        assert landed.position >= found[2].first_position > found[0].first_position > 0
        assert [one.is_open for one in found] == [one.last_position is None for one in found]
        ended = found[0].last_position or 0
        assert found[0].first_position < ended < landed.position

    def test_made_at(self, client: Any) -> None:
        """When a stream was made, by its ARN; of one that is not there it is an error."""
        reported = client.describe_stream_summary(StreamName="calls")["StreamDescriptionSummary"]
        made = reported["StreamCreationTimestamp"].timestamp()
        assert round(made * 1000) == made_at(client, reported["StreamARN"])
        with pytest.raises(Misconfigured, match="describe_stream_summary of"):
            made_at(client, reported["StreamARN"] + "-elsewhere")

    def test_no_such_stream(self, client: Any) -> None:
        """A stream that is not there is a setting to change, and the error names it."""
        with pytest.raises(Misconfigured, match="list_shards of stream elsewhere"):
            KinesisStream(client, "elsewhere").shards()


class TestPut:
    def test_many(self, client: Any) -> None:
        """A request holds 500 records at most; 1,200 take three."""
        records = [Heartbeat(b"beat", "any", "0")] * 1200
        sizes: list[int] = []
        client.meta.events.register(
            "provide-client-params.kinesis.PutRecords",
            lambda params, **_other: sizes.append(len(params["Records"])),
        )
        landed = KinesisStream(client, "calls").put(records)
        assert ["shardId-000000000000"] * 1200 == [one.shard_id for one in landed if one is not None]
        assert [500, 500, 200] == sizes

    def test_refused_records(self, client: Any) -> None:
        """A record that its shard refuses lies nowhere, the others where Kinesis says."""
        answers = [
            {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"},
            {"ShardId": "shardId-000000000007", "SequenceNumber": "4711"},
        ]
        client.meta.events.register(
            "after-call.kinesis.PutRecords",
            lambda parsed, **_other: parsed.update(FailedRecordCount=1, Records=answers),
        )
        landed = KinesisStream(client, "calls").put([Heartbeat(b"beat", "any", "0")] * 2)
        assert [None, Landed("shardId-000000000007", 4711)] == landed
