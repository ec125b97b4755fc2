"""The two tasks on stand-ins for the stream and the buckets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from metering.billing_rule import BillingRule
from metering.heartbeat import Heartbeat, OpenShard, control_message, heartbeats
from metering.record import StreamRecord, read_record
from watch.tasks import Inspection, Pulse, beat, inspect

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SHARDS = [OpenShard("shardId-000000000002", "0"), OpenShard("shardId-000000000003", str(2**127))]


class FullStream:
    """A stream that takes as many records of each request as it has room for."""

    def __init__(self, shards: Sequence[OpenShard], room: int = 1000) -> None:
        self._shards = shards
        self._room = room
        self.records: list[Heartbeat] = []

    def open_shards(self) -> Sequence[OpenShard]:
        return self._shards

    def put(self, records: Sequence[Heartbeat]) -> int:
        self.records += records[: self._room]
        return len(records[: self._room])


class Buckets:
    """Counts of objects by bucket and prefix."""

    def __init__(self, counts: dict[tuple[str, str], int]) -> None:
        self._counts = counts

    def count(self, bucket: str, prefix: str) -> int:
        return self._counts[bucket, prefix]


class TestHeartbeat:
    def test_one_for_each_shard(self) -> None:
        """Each open shard gets one, by its own hash key."""
        stream = FullStream(SHARDS)
        assert Pulse(shards=2, sent=2) == beat(stream, NOON)
        assert ["0", str(2**127)] == [record.explicit_hash_key for record in stream.records]

    def test_refused(self) -> None:
        """A shard that refuses it is missed in the count; nothing is sent again."""
        stream = FullStream(SHARDS, room=1)
        assert Pulse(shards=2, sent=1) == beat(stream, NOON)

    def test_changes_no_counter(self) -> None:
        """The stream processor reads it as a control message, which has no calls."""
        record = StreamRecord("shardId-000000000002", 1, control_message(NOON), 0)
        read = read_record(record, BillingRule(""))
        assert (1, [], 0, 0) == (read.control, read.calls, read.undecodable, read.log_events)

    def test_same_bytes(self) -> None:
        """The same moment gives the same bytes, in every shard."""
        (first, second) = heartbeats(SHARDS, NOON)
        assert first.data == second.data == control_message(NOON)

    def test_no_shard(self) -> None:
        """Without shards there is nothing to send."""
        assert Pulse(0, 0) == beat(FullStream([]), NOON)


class TestInspection:
    def test_both_prefixes(self) -> None:
        """Given-up batches and errors of the lake are counted where AWS puts them."""
        buckets = Buckets({("failures", "aws/lambda/"): 3, ("lake", "errors/"): 1})
        assert Inspection(failed_batches=3, error_objects=1) == inspect(buckets, "failures", "lake")
