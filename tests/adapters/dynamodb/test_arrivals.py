"""What shards have brought, in DynamoDB: each log event once, whatever becomes of a batch."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from adapters.dynamodb import progress as module
from adapters.dynamodb.arrivals import ArrivalReader
from adapters.dynamodb.completeness import CompletenessBook
from adapters.dynamodb.progress import DynamoDBProgress
from metering.counters.completeness import Knowledge
from metering.counters.ports import Arrivals, Progress
from tests.tables import Tables, create_tables

A, B = "shardId-000000000000", "shardId-000000000001"
NOON_MS = 1_795_521_600_000
NOON = NOON_MS // 60_000


@pytest.fixture
def tables(dynamodb_local: str) -> Tables:
    """Tables of their own."""
    return create_tables(dynamodb_local)


def test_each_once(tables: Tables) -> None:
    """Batches are cut in any way, repeated, cut again, and come from old places, by two processes in turn:
    what the shard has brought is what its records up to the last one bring.
    """
    drawn = random.Random(7)
    brought = [Counter({f"1/{group}": drawn.randrange(4) for group in "xy"}) for _ in range(60)]
    processes = [DynamoDBProgress(tables.counters, tables.updates(1)) for _ in range(2)]
    reached = 0
    while reached < len(brought):
        first = drawn.randrange(max(0, reached - 12), reached + 1)
        last = min(len(brought), first + drawn.randrange(1, 12))
        arrivals = [
            Arrivals(number + 1, brought[number]) for number in range(first, last) if brought[number].total()
        ]
        progress = Progress(A, last, NOON_MS + last)
        assert drawn.choice(processes).note_arrivals(progress, arrivals)
        reached = max(reached, last)
    total = sum(brought, Counter())
    found = ArrivalReader(tables.dynamodb, tables.counters, "1").read()
    assert found is not None
    assert {"x": total["1/x"], "y": total["1/y"]} == found.events


def test_read(tables: Tables) -> None:
    """All shards together, of one account; until when is known once each open shard has some progress."""
    log = DynamoDBProgress(tables.counters, tables.updates(1))
    reader = ArrivalReader(tables.dynamodb, tables.counters, "1")
    book = CompletenessBook(tables.dynamodb, tables.counters)
    assert ((), None, {}) == reader.read()
    assert book.save(Knowledge(1, open_shards=(A, B)))
    assert log.note_arrivals(Progress(A, 5, NOON_MS), [Arrivals(5, {"1/x": 3, "2/x": 50})])
    assert ((A,), None, {"x": 3}) == reader.read()
    log.note(Progress(B, 7, NOON_MS - 61_000))
    assert ((A, B), NOON - 2, {"x": 3}) == reader.read()
    assert book.save(Knowledge(2, open_shards=(A,), is_restored=False))
    assert ((A, B), NOON, {"x": 3}) == reader.read()
    tables.dynamodb.update_item(
        TableName=tables.counters,
        Key={"pk": {"S": "progress"}, "sk": {"S": "complete"}},
        UpdateExpression="SET restored = :yes",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )
    assert reader.read() is None


def test_nobody_stops_a_shard_by_names(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups beyond the most are not counted, and an item that is full takes the progress alone."""
    monkeypatch.setattr(module, "MOST_GROUPS", 2)
    log = DynamoDBProgress(tables.counters, tables.updates(1))
    many = [Arrivals(5, {f"1/{number}": 1 for number in range(5)})]
    assert log.note_arrivals(Progress(A, 5, NOON_MS), many)
    found = ArrivalReader(tables.dynamodb, tables.counters, "1").read()
    assert found is not None
    assert {"0": 1, "1": 1} == found.events
    tables.dynamodb.put_item(
        TableName=tables.counters,
        Item={"pk": {"S": "progress"}, "sk": {"S": B}, "full": {"S": "x" * (400 * 1024 - 100)}},
    )
    fresh = DynamoDBProgress(tables.counters, tables.updates(1))
    assert fresh.note_arrivals(Progress(B, 5, NOON_MS), [Arrivals(5, {f"1/{'y' * 60}": 1})])
    _, positions = CompletenessBook(tables.dynamodb, tables.counters).load()
    assert {A: 5, B: 5} == positions
