"""The shipped adapters as the store of a world, on a real DynamoDB engine. Seeds and oracle are the same."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from adapters.dynamodb.completeness import CompletenessBook
from adapters.dynamodb.counters import DynamoDBCounters, usage_of
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, client
from adapters.dynamodb.layout import (
    KEY_PREFIX,
    SLICES,
    key_of_pk,
    ledger_pk,
    part_attribute,
)
from adapters.dynamodb.ledger import DynamoDBLedger
from adapters.dynamodb.progress import DynamoDBProgress
from adapters.dynamodb.quotas import slices_of_item
from adapters.dynamodb.slices import DynamoDBSlices
from local_cloud.template.document import resource
from metering.counters.ports import PageId, SliceId
from metering.period import Period, month_of
from metering.usage import NO_USAGE
from simulation.protocol.meter import Clock
from simulation.protocol.store import LEDGER_TTL_SECONDS, Counted, CounterId, SentEvent

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CREATED = ("AttributeDefinitions", "KeySchema", "BillingMode")
_CREDENTIALS = {"aws_access_key_id": "local", "aws_secret_access_key": "local", "region_name": "us-east-1"}


class DynamoDBStore:
    """A :class:`simulation.protocol.store.Store` in two tables."""

    def __init__(
        self, dynamodb: DynamoDBClient, counters_table: str, ledger_table: str, clock: Clock
    ) -> None:
        updates = ConditionalUpdates(dynamodb, 1)
        self.ledger = DynamoDBLedger(
            ledger_table,
            updates,
            ttl_seconds=LEDGER_TTL_SECONDS,
            clock=lambda: _EPOCH + timedelta(milliseconds=clock()),
        )
        self.slices = DynamoDBSlices(counters_table, updates)
        self.counters = DynamoDBCounters(counters_table, updates)
        self.progress = DynamoDBProgress(counters_table, updates)
        self.completeness = CompletenessBook(dynamodb, counters_table)
        self._dynamodb = dynamodb
        self._counters_table = counters_table
        self._ledger_table = ledger_table

    def counted(self) -> Mapping[CounterId, Counted]:
        """Every counter that there is."""
        found: dict[CounterId, Counted] = {}
        for item in self._items(self._counters_table):
            if item["pk"]["S"].startswith(KEY_PREFIX):
                place = (key_of_pk(item["pk"]["S"]), Period(item["sk"]["S"].partition("#")[0]))
                totals, parts = found.get(place, (NO_USAGE, {}))
                added = {part: parts.get(part, 0) + count for part, count in _parts(item, place[1]).items()}
                found[place] = Counted(totals + usage_of(item), {**parts, **added})
        return found

    def unregistered(self) -> Sequence[SliceId]:
        """The slices that hold something and are not registered by now."""
        held: set[SliceId] = set()
        registered: set[SliceId] = set()
        for item in self._items(self._counters_table):
            pk, sk = item["pk"]["S"], item["sk"]["S"]
            if pk.startswith(KEY_PREFIX):
                period, _, number = sk.partition("#")
                held.add(SliceId(month_of(Period(period)), int(number)))
            elif pk == SLICES:
                registered |= {SliceId(Period(sk), number) for number in slices_of_item(item)}
        return sorted(one for one in held - registered if one.number)

    def holds(self, event: SentEvent) -> bool:  # noqa: ARG002 - the simulated store looks at the event
        """It cannot be determined for one event; a seed runs here as on the simulated store, which can."""
        return True

    def expired(self, now_ms: int) -> Sequence[PageId]:
        """The pages of the ledger whose time to live has passed."""
        return [
            PageId(*map(int, item["pk"]["S"].split("/")))
            for item in self._items(self._ledger_table)
            if int(item["expires_at"]["N"]) * 1000 <= now_ms
        ]

    def remove(self, page: PageId) -> None:
        """Remove a page."""
        self._dynamodb.delete_item(TableName=self._ledger_table, Key={"pk": {"S": ledger_pk(*page)}})

    def resharded(self, parents: Sequence[str], children: Sequence[str]) -> None:
        """Nothing follows from it."""

    def _items(self, table_name: str) -> Iterator[Mapping[str, Any]]:
        pages = self._dynamodb.get_paginator("scan")
        for page in pages.paginate(TableName=table_name, ConsistentRead=True):
            yield from page["Items"]


def _parts(item: Mapping[str, Any], period: Period) -> dict[str, int]:
    prefix = part_attribute(period, "")
    names = (name for name in item if name.startswith(prefix) and name[len(prefix) :].isdigit())
    return {name[len(prefix) :]: int(item[name]["N"]) for name in names}


@contextmanager
def dynamodb_store(endpoint: str) -> Iterator[Callable[[Clock], DynamoDBStore]]:
    """Tables of their own at a DynamoDB, for one world: a function from a clock to the store."""
    dynamodb = client(2, endpoint_url=endpoint, **_CREDENTIALS)
    suffix = uuid.uuid4().hex
    counters, ledger = f"counters-{suffix}", f"ledger-{suffix}"
    for name, logical_id in ((counters, "CountersTable"), (ledger, "LedgerTable")):
        properties = resource(logical_id)
        dynamodb.create_table(TableName=name, **{key: properties[key] for key in _CREATED})
    try:
        yield lambda clock: DynamoDBStore(dynamodb, counters, ledger, clock)
    finally:
        for name in (counters, ledger):
            dynamodb.delete_table(TableName=name)
        dynamodb.close()
