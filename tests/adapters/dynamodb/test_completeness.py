"""What is known of completeness, in DynamoDB: on AWS's own engine."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.dynamodb.completeness import CompletenessBook, CompletenessReader, _item
from adapters.dynamodb.layout import PROGRESS
from adapters.dynamodb.progress import DynamoDBProgress
from adapters.dynamodb.table import Table, key_of
from metering.counters.completeness import (
    MOST_MARKS,
    Completeness,
    Cut,
    Heartbeats,
    Knowledge,
    ShardProgress,
    after_heartbeats,
)
from metering.counters.heartbeat import Landed, ListedShard
from metering.counters.ports import Progress
from metering.errors import Misconfigured
from tests.tables import Tables, create_tables

LONGEST = 10**129 - 1
NOON_MS = 1_795_521_600_000
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
A, B = "shardId-000000000000", "shardId-000000000001"


@pytest.fixture
def tables(dynamodb_local: str) -> Tables:
    """Tables of their own."""
    return create_tables(dynamodb_local)


@pytest.fixture
def book(tables: Tables) -> CompletenessBook:
    """The watch's way to them."""
    return CompletenessBook(tables.dynamodb, tables.counters)


def note(tables: Tables, shard_id: str, position: int, arrived_at_ms: int) -> None:
    """The stream processor's progress."""
    DynamoDBProgress(tables.counters, tables.updates()).note(Progress(shard_id, position, arrived_at_ms))


class TestBook:
    def test_empty(self, book: CompletenessBook) -> None:
        """At first nothing is known."""
        assert (Knowledge(), {}) == book.load()

    def test_round_trip(self, tables: Tables, book: CompletenessBook) -> None:
        """What was saved is loaded, sequence numbers of any length too, with the progress of the shards."""
        note(tables, A, LONGEST, NOON_MS)
        known = Knowledge(1, 5, None, (Cut(7, None, {A: LONGEST}), Cut(9, 3, {A: 1, B: 2})), (A, B))
        assert book.save(known)
        assert (known, {A: LONGEST}) == book.load()

    def test_two_at_once(self, book: CompletenessBook) -> None:
        """Of two that follow the same version, the second is refused, and changes nothing."""
        assert book.save(Knowledge(1, through=1))
        assert book.save(Knowledge(2, through=2))
        assert not book.save(Knowledge(2, through=3))
        assert 2 == book.load()[0].through

    def test_most_shards(self, book: CompletenessBook) -> None:
        """All marks that are kept fit an item, with sequence numbers as long as any."""
        shards = [f"shardId-{number:012d}" for number in range(MOST_MARKS)]
        known = Knowledge(1, NOON_MS, NOON_MS, (Cut(1, 1, dict.fromkeys(shards, LONGEST)),), tuple(shards))
        assert book.save(known)
        assert (known, {}) == book.load()

    def test_forget(self, tables: Tables, book: CompletenessBook) -> None:
        """Progress is removed where it is older than a time; what is newer, or not there, stays as it is."""
        for shard_id, arrived_at in ((A, NOON_MS - 1), (B, NOON_MS)):
            note(tables, shard_id, 1, arrived_at)
        assert 1 == book.forget([A, B, "shardId-000000000009"], NOON_MS)
        assert {B: 1} == book.load()[1]
        assert 0 == book.forget([], NOON_MS)

    def test_no_table(self, tables: Tables) -> None:
        """A table that is not there is a setting to change, and the error names it."""
        nowhere = CompletenessBook(tables.dynamodb, "nowhere")
        with pytest.raises(Misconfigured, match="Query of nowhere"):
            nowhere.load()
        with pytest.raises(Misconfigured, match="PutItem of nowhere"):
            nowhere.save(Knowledge(1))
        with pytest.raises(Misconfigured, match="DeleteItem of nowhere"):
            nowhere.forget([A], NOON_MS)


class TestRestored:
    """A counters table that was restored to an earlier time."""

    def test_is_noticed(self, tables: Tables) -> None:
        """The version that is kept beside the ledger shows it. Progress that is noted after the hole passes
        nothing; each run says so; and once progress was forgotten, only what is read from then on counts.
        """
        book = CompletenessBook(tables.dynamodb, tables.counters, tables.ledger)
        for version in (1, 2, 3, 4):
            assert book.save(Knowledge(version, 5, NOON_MS, (Cut(NOON_MS + 1, NOON_MS, {A: 10}),), (A,)))
        backup = Knowledge(2, 5, NOON_MS, (Cut(NOON_MS + 1, NOON_MS, {A: 10}),), (A,))
        Table(tables.dynamodb, tables.counters).delete(("progress", "complete"))
        tables.dynamodb.put_item(TableName=tables.counters, Item=_item(backup))
        note(tables, A, 99, NOON_MS)

        known, positions = book.load()
        assert (backup._replace(version=4, is_restored=True), {A: 99}) == (known, positions)
        later = after_heartbeats(
            known, positions, Heartbeats(NOON_MS, [ListedShard(A, "0")], [Landed(A, 100)])
        )
        with pytest.raises(Misconfigured, match=r"was restored to an earlier time.*`usage-meter resume`"):
            book.save(later)
        assert (5, True) == ((kept := book.load()[0]).through, kept.is_restored)
        reader = CompletenessReader(tables.dynamodb, tables.counters)
        found = reader.read()
        assert datetime(1970, 1, 1, 0, 0, 0, 5000, tzinfo=UTC) == found.complete_through
        assert found.is_restored

        assert book.resume(kept, [A])
        assert not reader.read().is_restored
        known, positions = book.load()
        assert (Knowledge(6, 5, open_shards=(A,)), {}) == (known, positions)
        assert book.save(
            after_heartbeats(known, {}, Heartbeats(NOON_MS, [ListedShard(A, "0")], [Landed(A, 100)]))
        )

    def test_a_table_that_was_lost(self, tables: Tables) -> None:
        """An empty table in its place is noticed, too; a new deployment is not taken for one."""
        book = CompletenessBook(tables.dynamodb, tables.counters, tables.ledger)
        assert Knowledge() == book.load()[0]
        assert book.save(Knowledge(1, 5))
        Table(tables.dynamodb, tables.counters).delete(("progress", "complete"))
        assert Knowledge(1, is_restored=True) == book.load()[0]


class TestReader:
    def test_nothing(self, tables: Tables) -> None:
        """Nothing is reported while nothing is known."""
        assert Completeness() == CompletenessReader(tables.dynamodb, tables.counters).read()

    def test_passed(self, tables: Tables, book: CompletenessBook) -> None:
        """A cut that is passed by now shows what it has seen; open shards with progress are reported."""
        book.save(Knowledge(1, 5, NOON_MS, (Cut(NOON_MS + 1, NOON_MS, {A: 10}),), (A, B)))
        note(tables, "shardId-000000000009", 1, 1)
        reader = CompletenessReader(tables.dynamodb, tables.counters)
        note(tables, A, 9, NOON_MS)
        assert datetime(1970, 1, 1, 0, 0, 0, 5000, tzinfo=UTC) == reader.read().complete_through
        note(tables, A, 10, NOON_MS)
        assert Completeness(NOON, (ShardProgress(A, NOON),)) == reader.read()

    def test_more_than_a_page(self, tables: Tables, book: CompletenessBook) -> None:
        """The progress of closed shards may fill a page: the open ones behind it are read too."""
        far = "shardId-000000000009"
        book.save(Knowledge(1, 5, NOON_MS, (Cut(NOON_MS + 1, NOON_MS, {far: 10}),), (far,)))
        for number in range(4):
            note(tables, f"shardId-{number:012d}", 1, 1)
            tables.dynamodb.update_item(
                TableName=tables.counters,
                Key=key_of((PROGRESS, f"shardId-{number:012d}")),
                UpdateExpression="SET padding = :padding",
                ExpressionAttributeValues={":padding": {"B": b" " * 300_000}},
            )
        note(tables, far, 10, NOON_MS)
        found = CompletenessReader(tables.dynamodb, tables.counters).read()
        assert Completeness(NOON, (ShardProgress(far, NOON),)) == found
        assert 5 == len(book.load()[1])
