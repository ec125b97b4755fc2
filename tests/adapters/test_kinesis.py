"""The stream as its watch sees it, on the local Kinesis."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.kinesis import KinesisStream
from local_cloud.kinesis import KinesisService
from local_cloud.server import LocalEndpoint
from metering.errors import Misconfigured
from metering.heartbeat import Heartbeat


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


class TestOpenShards:
    def test_pages(self, client: Any) -> None:
        """All pages are read, each by the token of the one before it."""

        def at_most_two(params: dict[str, Any], **_other: Any) -> None:
            if "NextToken" not in params:
                params["MaxResults"] = 2

        client.meta.events.register("before-parameter-build.kinesis.ListShards", at_most_two)
        shards = KinesisStream(client, "calls").open_shards()
        assert [f"shardId-00000000000{number}" for number in range(5)] == [one.shard_id for one in shards]
        assert "0" == shards[0].starting_hash_key

    def test_no_such_stream(self, client: Any) -> None:
        """A stream that is not there is a setting to change, and the error names it."""
        with pytest.raises(Misconfigured, match="list_shards of stream elsewhere"):
            KinesisStream(client, "elsewhere").open_shards()


class TestPut:
    def test_many(self, client: Any) -> None:
        """A request holds 500 records at most; 1,200 take three."""
        records = [Heartbeat(b"beat", "any", "0")] * 1200
        sizes: list[int] = []
        client.meta.events.register(
            "provide-client-params.kinesis.PutRecords",
            lambda params, **_other: sizes.append(len(params["Records"])),
        )
        assert 1200 == KinesisStream(client, "calls").put(records)
        assert [500, 500, 200] == sizes

    def test_refused_records(self, client: Any) -> None:
        """Records that a shard refuses are not counted as sent."""
        client.meta.events.register(
            "after-call.kinesis.PutRecords",
            lambda parsed, **_other: parsed.update(FailedRecordCount=1),
        )
        assert 1 == KinesisStream(client, "calls").put([Heartbeat(b"beat", "any", "0")] * 2)
