"""The lists of heaviest keys, in DynamoDB: on AWS's own engine."""

from __future__ import annotations

import boto3
import pytest

from adapters.dynamodb.counter_reader import CounterReader
from adapters.dynamodb.slices import DynamoDBSlices
from adapters.dynamodb.top_keys import DynamoDBTopKeys, TopKeysReader
from metering.counters import top_keys
from metering.counters.ports import SliceId, Status, TopKeysList
from metering.errors import Misconfigured
from metering.period import Period
from tests.tables import Tables, create_tables

MONTH = Period("2026-11")


@pytest.fixture
def tables(dynamodb_local: str) -> Tables:
    """Tables of their own."""
    return create_tables(dynamodb_local)


@pytest.fixture
def lists(tables: Tables) -> DynamoDBTopKeys:
    """The stream processor's way to them."""
    return DynamoDBTopKeys(tables.counters, tables.updates())


def test_versions(lists: DynamoDBTopKeys) -> None:
    """A list follows the version before it; another one is refused, with what is stored."""
    first = TopKeysList(MONTH, "shard", 1, {"a key: <odd> \u00e9": 3})
    assert (Status.WRITTEN, first) == lists.put(first)
    assert (Status.REFUSED, first) == lists.put(first._replace(totals={"other": 1}))
    assert (Status.REFUSED, first) == lists.put(first._replace(version=3, totals={}))
    second = first._replace(version=2, totals={"b": 4})
    assert (Status.WRITTEN, second) == lists.put(second)
    assert (Status.REFUSED, second) == lists.put(first)


def test_keys(tables: Tables, lists: DynamoDBTopKeys) -> None:
    """The keys of all shards, the heaviest first, of this month only."""
    reader = TopKeysReader(tables.dynamodb, tables.counters)
    assert [] == reader.keys(MONTH)
    lists.put(TopKeysList(MONTH, "one", 1, {"a": 1, "b": 5}))
    lists.put(TopKeysList(MONTH, "two", 1, {"a": 9, "c": 4}))
    lists.put(TopKeysList(Period("2026-10"), "one", 1, {"d": 99}))
    assert ["a", "b", "c"] == reader.keys(MONTH)


def test_other_keys_on_every_list(
    tables: Tables, lists: DynamoDBTopKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many keys the shards list, few counters are read: each is a request's hundredth, a slice."""
    monkeypatch.setattr(top_keys, "CANDIDATES", 50)
    for shard in range(16, 20):
        keys = [f"key-{shard}-{number}" for number in range(50)]
        lists.put(TopKeysList(MONTH, f"shardId-{shard:012d}", 1, dict.fromkeys(keys, shard)))
    DynamoDBSlices(tables.counters, tables.updates()).register([SliceId(MONTH, 1)])
    requests: list[str] = []
    dynamodb = boto3.session.Session().client("dynamodb", **tables.where)  # type: ignore[call-overload]
    dynamodb.meta.events.register("before-call.dynamodb", lambda model, **_: requests.append(model.name))
    CounterReader(dynamodb, tables.counters).of_keys(
        TopKeysReader(dynamodb, tables.counters).keys(MONTH), MONTH
    )
    assert ["Query", "BatchGetItem", "BatchGetItem"] == requests


def test_no_table(tables: Tables) -> None:
    """A table that is not there is a setting to change, and the error names it."""
    with pytest.raises(Misconfigured, match="Query of nowhere"):
        TopKeysReader(tables.dynamodb, "nowhere").keys(MONTH)
