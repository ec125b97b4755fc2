"""The lists of heaviest keys, in DynamoDB: on AWS's own engine."""

from __future__ import annotations

import pytest

from adapters.dynamodb.top_keys import DynamoDBTopKeys, TopKeysReader
from metering.counters.ports import Status, TopKeysList
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


def test_no_table(tables: Tables) -> None:
    """A table that is not there is a setting to change, and the error names it."""
    with pytest.raises(Misconfigured, match="Query of nowhere"):
        TopKeysReader(tables.dynamodb, "nowhere").keys(MONTH)
