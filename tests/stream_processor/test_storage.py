"""The contract of storage: the shipped adapters with moto and with AWS's own engine."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from adapters.dynamodb.counters import DynamoDBCounters, usage_of
from adapters.dynamodb.hot_path.conditional_writes import Item
from adapters.dynamodb.layout import counter_pk, decode_position, part_attribute
from adapters.dynamodb.ledger import DynamoDBLedger, DynamoDBLedgerPages
from adapters.dynamodb.progress import DynamoDBProgress
from adapters.dynamodb.slices import DynamoDBSlices
from adapters.dynamodb.thresholds import DynamoDBNotifications
from metering.period import Period
from metering.usage import total
from tests.stream_processor.storage_contract import (
    CountersContract,
    LedgerContract,
    ProgressContract,
    SlicesContract,
    Store,
)
from tests.tables import Tables, create_tables

NOW = datetime(2026, 11, 5, tzinfo=UTC)


def dynamodb_store(endpoint: str) -> Store:
    """The shipped adapters on new tables."""
    tables = create_tables(endpoint)
    updates = tables.updates()
    return Store(
        DynamoDBLedger(tables.ledger, updates, clock=lambda: NOW),
        DynamoDBSlices(tables.counters, updates),
        DynamoDBCounters(tables.counters, updates),
        DynamoDBProgress(tables.counters, updates),
        usage=lambda key, period: total(usage_of(item) for item in slices(tables, key, period)),
        parts=lambda key, period: parts(tables, key, period),
        pages=DynamoDBLedgerPages(tables.ledger, tables.dynamodb),
        registered=lambda month: registered(tables, month),
        reached=lambda shard_id: reached(tables, shard_id),
    )


def slices(tables: Tables, key: str, period: Period) -> list[Item]:
    """The items of a counter."""
    answer = tables.dynamodb.query(
        TableName=tables.counters,
        KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
        ExpressionAttributeValues={":pk": {"S": counter_pk(key)}, ":sk": {"S": f"{period}#"}},
        ConsistentRead=True,
    )
    items: list[Item] = answer["Items"]
    return items


def parts(tables: Tables, key: str, period: Period) -> dict[str, int]:
    """The requests of each part of a period."""
    prefix = part_attribute(period, "")
    return {
        name.removeprefix(prefix): int(value["N"])
        for item in slices(tables, key, period)
        for name, value in item.items()
        if name.startswith(prefix) and name.removeprefix(prefix).isdigit()
    }


def registered(tables: Tables, month: Period) -> frozenset[int]:
    """The slices of a month, as thresholds and quota decisions have them."""
    reader = DynamoDBNotifications(tables.counters, tables.dynamodb, tables.updates())
    return reader.slices_of([month])[month]


def reached(tables: Tables, shard_id: str) -> tuple[int, int] | None:
    """The progress of a shard."""
    key = {"pk": {"S": "progress"}, "sk": {"S": shard_id}}
    item = tables.dynamodb.get_item(TableName=tables.counters, Key=key, ConsistentRead=True).get("Item")
    return item and (decode_position(item["position"]["B"]), int(item["arrived_at"]["N"]))


class OnMoto:
    """moto, one request at a time."""

    @pytest.fixture
    def store(self, moto: str) -> Store:
        return dynamodb_store(moto)


class OnDynamoDBLocal:
    """AWS's own engine."""

    @pytest.fixture
    def store(self, dynamodb_local: str) -> Store:
        return dynamodb_store(dynamodb_local)


class TestCountersOnMoto(OnMoto, CountersContract):
    """Counters on moto."""


class TestLedgerOnMoto(OnMoto, LedgerContract):
    """Ledger on moto."""


class TestSlicesOnMoto(OnMoto, SlicesContract):
    """Slices on moto."""


class TestProgressOnMoto(OnMoto, ProgressContract):
    """Progress on moto."""


class TestCountersOnDynamoDBLocal(OnDynamoDBLocal, CountersContract):
    """Counters on DynamoDB Local."""


class TestLedgerOnDynamoDBLocal(OnDynamoDBLocal, LedgerContract):
    """Ledger on DynamoDB Local."""


class TestSlicesOnDynamoDBLocal(OnDynamoDBLocal, SlicesContract):
    """Slices on DynamoDB Local."""


class TestProgressOnDynamoDBLocal(OnDynamoDBLocal, ProgressContract):
    """Progress on DynamoDB Local."""
