"""The stream of deliveries, as its watch needs it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from adapters.errors import translate
from metering.heartbeat import Heartbeat, OpenShard

_AT_ONCE = 500
"""https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html"""


class KinesisStream:
    """The open shards of a stream, and a way to put a record into each."""

    def __init__(self, kinesis: Any, stream_name: str) -> None:
        self._kinesis = kinesis
        self._stream_name = stream_name

    def open_shards(self) -> list[OpenShard]:
        """All shards that take records.

        Raises:
            Transient, Misconfigured: the stream cannot be listed.
        """
        return [
            OpenShard(shard["ShardId"], shard["HashKeyRange"]["StartingHashKey"])
            for page in self._pages_of_shards()
            for shard in page["Shards"]
        ]

    def put(self, records: Sequence[Heartbeat]) -> int:
        """Put records, each into the shard of its hash key, and say how many were taken.

        Raises:
            Transient, Misconfigured: none of a request was taken.
        """
        return sum(self._put(records[i : i + _AT_ONCE]) for i in range(0, len(records), _AT_ONCE))

    def _pages_of_shards(self) -> Iterator[dict[str, Any]]:
        """Kinesis takes a token or the name of the stream, never both."""
        request: dict[str, Any] = {"StreamName": self._stream_name, "ShardFilter": {"Type": "AT_LATEST"}}
        while request:
            page = self._call("list_shards", **request)
            yield page
            request = {"NextToken": page["NextToken"]} if page.get("NextToken") else {}

    def _put(self, records: Sequence[Heartbeat]) -> int:
        answer = self._call(
            "put_records",
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
        return len(records) - int(answer["FailedRecordCount"])

    def _call(self, operation: str, **request: Any) -> Any:
        try:
            return getattr(self._kinesis, operation)(**request)
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"{operation} of stream {self._stream_name}") from error
