"""The two tasks on stand-ins for the stream and the buckets."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from metering.billing_rule import BillingRule
from metering.calls.record import StreamRecord, read_record
from metering.counters.completeness import Cut, Knowledge, Positions
from metering.counters.heartbeat import Heartbeat, Landed, ListedShard, control_message, heartbeats
from metering.errors import MeterError, Misconfigured, Transient
from watch.tasks import (
    MOST_FORGOTTEN,
    Inspection,
    Pulse,
    forget_closed,
    inspect,
    inspect_and_settle,
    send_heartbeats,
)

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOON_MS = 1_795_521_600_000
SHARDS = [
    ListedShard("shardId-000000000001", "0", is_open=False),
    ListedShard("shardId-000000000002", "0", parents=("shardId-000000000001",)),
    ListedShard("shardId-000000000003", str(2**127), parents=("shardId-000000000001",)),
]


class FullStream:
    """A stream that takes as many records of each request as it has room for."""

    def __init__(self, shards: Sequence[ListedShard], room: int = 1000) -> None:
        self._shards = shards
        self._room = room
        self.records: list[Heartbeat] = []

    def shards(self) -> Sequence[ListedShard]:
        return self._shards

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        self.records += records[: self._room]
        return [
            Landed(record.partition_key, 7) if number < self._room else None
            for number, record in enumerate(records)
        ]


class Book:
    """What is known, unless it cannot be read or written."""

    def __init__(self, *, unread: MeterError | None = None, unwritten: MeterError | None = None) -> None:
        self.known = Knowledge()
        self._unread = unread
        self._unwritten = unwritten

    def load(self) -> tuple[Knowledge, Positions]:
        if self._unread:
            raise self._unread
        return self.known, {}

    def save(self, known: Knowledge) -> bool:
        if self._unwritten:
            raise self._unwritten
        self.known = known
        return True


class SettledBook(Book):
    """All before a time is counted."""

    def __init__(
        self,
        reached: int | None = NOON_MS,
        *,
        unread: MeterError | None = None,
        unwritten: MeterError | None = None,
    ) -> None:
        super().__init__(unread=unread, unwritten=unwritten)
        self.known = Knowledge(through=reached)
        self.settled: list[int] = []

    def settle(self, through: int) -> None:
        if self._unwritten:
            raise self._unwritten
        self.settled.append(through)


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
        assert Pulse(shards=2, sent=2) == send_heartbeats(stream, Book(), NOON)
        assert ["0", str(2**127)] == [record.explicit_hash_key for record in stream.records]

    def test_kept(self) -> None:
        """Where they came to lie is kept, with the time that the clock showed before."""
        book = Book()
        send_heartbeats(FullStream(SHARDS), book, NOON)
        marks = {"shardId-000000000002": 7, "shardId-000000000003": 7}
        assert (Cut(NOON_MS, None, marks),) == book.known.cuts

    def test_refused(self) -> None:
        """A shard that refuses it is missed in the count; nothing is sent again, and there is no cut."""
        stream, book = FullStream(SHARDS, room=1), Book()
        assert Pulse(shards=2, sent=1) == send_heartbeats(stream, book, NOON)
        assert (1, ()) == (book.known.version, book.known.cuts)

    @pytest.mark.parametrize("kind", ["unread", "unwritten"])
    @pytest.mark.parametrize("trouble", [Transient("no answer"), Misconfigured(["no such table"])])
    def test_without_storage(self, kind: str, trouble: MeterError) -> None:
        """The heartbeats go out whether or not the table answers; what was known stays."""
        stream, book = FullStream(SHARDS), Book(**{kind: trouble})
        assert Pulse(2, 2, trouble) == send_heartbeats(stream, book, NOON)
        assert (2, Knowledge()) == (len(stream.records), book.known)

    def test_changes_no_counter(self) -> None:
        """The stream processor reads it as a control message, which has no calls."""
        record = StreamRecord("shardId-000000000002", 1, control_message(NOON), 0)
        read = read_record(record, BillingRule(""))
        assert (1, [], 0, 0) == (read.control, read.calls, read.undecodable, read.log_events)

    def test_same_bytes(self) -> None:
        """The same moment gives the same bytes, in every shard."""
        first, second = heartbeats(SHARDS, NOON)
        assert first.data == second.data == control_message(NOON)

    def test_no_shard(self) -> None:
        """Without shards there is nothing to send."""
        assert Pulse(0, 0) == send_heartbeats(FullStream([]), Book(), NOON)


POSITIONS = {f"shardId-{number:012d}": number for number in range(5)}
"""Of shards 0 to 4, of which the stream lists 1 to 3."""


class TestForgetting:
    def test_gone(self) -> None:
        """What the stream no longer lists is forgotten, if nothing came from it for a day."""
        store = Progressed(Knowledge(), POSITIONS)
        assert 2 == forget_closed(FullStream(SHARDS), store, NOON)
        assert (["shardId-000000000000", "shardId-000000000004"], NOON_MS - 86_400_000) == store.forgotten

    def test_marked(self) -> None:
        """A shard in which a cut has a mark is kept: a reader may not have passed it."""
        known = Knowledge(cuts=(Cut(NOON_MS, None, {"shardId-000000000004": 4}),))
        store = Progressed(known, POSITIONS)
        assert 1 == forget_closed(FullStream(SHARDS), store, NOON)
        assert ["shardId-000000000000"] == store.forgotten[0]

    def test_some_at_a_time(self) -> None:
        """Of very many only some, so that an inspection ends in time."""
        store = Progressed(Knowledge(), {f"shardId-{number:012d}": 1 for number in range(100, 13_000)})
        assert MOST_FORGOTTEN == forget_closed(FullStream(SHARDS), store, NOON)


class Progressed(Book):
    """How far shards are; it notes which are forgotten."""

    def __init__(self, known: Knowledge, positions: Positions) -> None:
        super().__init__()
        self.known = known
        self.forgotten: tuple[list[str], int] = ([], 0)
        self._positions = positions

    def load(self) -> tuple[Knowledge, Positions]:
        return self.known, self._positions

    def forget(self, shard_ids: Sequence[str], before: int) -> int:
        self.forgotten = (list(shard_ids), before)
        return len(shard_ids)


class TestInspection:
    def test_both_prefixes(self) -> None:
        """Given-up batches and errors of the lake are counted where AWS puts them."""
        buckets = Buckets({("failures", "aws/lambda/"): 3, ("lake", "errors/"): 1})
        assert Inspection(failed_batches=3, error_objects=1) == inspect(buckets, "failures", "lake")

    @pytest.mark.parametrize(("failed", "reached"), [(0, NOON_MS), (0, None), (1, NOON_MS)])
    def test_settled(self, failed: int, reached: int | None) -> None:
        """Up to when everything is counted is kept where no batch waits that was given up."""
        book = SettledBook(reached)
        buckets = Buckets({("failures", "aws/lambda/"): failed, ("lake", "errors/"): 5})
        assert (Inspection(failed, 5), None) == inspect_and_settle(buckets, book, "failures", "lake")
        assert [NOON_MS] * (not failed and reached is not None) == book.settled

    def test_read_before_the_bucket(self) -> None:
        """What is counted while the bucket is listed is not settled: a batch before it may be given up."""
        book = SettledBook()

        class Counting(Buckets):
            def count(self, bucket: str, prefix: str) -> int:
                book.known = Knowledge(through=NOON_MS + 60_000)
                return super().count(bucket, prefix)

        buckets = Counting({("failures", "aws/lambda/"): 0, ("lake", "errors/"): 0})
        inspect_and_settle(buckets, book, "failures", "lake")
        assert [NOON_MS] == book.settled

    @pytest.mark.parametrize("is_read", [False, True])
    def test_not_settled(self, is_read: bool) -> None:
        """What waits is counted whether or not the table answers."""
        trouble = Transient("no answer")
        buckets = Buckets({("failures", "aws/lambda/"): 0, ("lake", "errors/"): 2})
        book = SettledBook(unwritten=trouble) if is_read else SettledBook(unread=trouble)
        assert (Inspection(0, 2), trouble) == inspect_and_settle(buckets, book, "failures", "lake")
        assert [] == book.settled
