"""What all shards have brought, log group by log group: read from the progress of the shards."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from adapters.dynamodb.item_content import number_of
from adapters.dynamodb.layout import ARRIVED_PREFIX, COMPLETE, PROGRESS
from adapters.dynamodb.table import Table
from metering.source.arrivals import Arrived

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_MINUTE_MS: Final = 60_000


class ArrivalReader:
    """Reads the log groups of one account."""

    def __init__(self, dynamodb: DynamoDBClient, table_name: str, account: str) -> None:
        self._table = Table(dynamodb, table_name)
        self._prefix = f"{ARRIVED_PREFIX}{account}/"

    def read(self) -> Arrived | None:
        """What they have brought; None: the table was restored to an earlier time. Up to when all of it is
        there is not known while an open shard has no progress.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        open_shards: set[str] = set()
        arrived_at: dict[str, int] = {}
        events: Counter[str] = Counter()
        for item in self._table.query(PROGRESS):
            shard = item["sk"]["S"]
            if shard == COMPLETE:
                if "restored" in item:
                    return None
                open_shards = {one["S"] for one in item["open"]["L"]}
                continue
            arrived_at[shard] = number_of(item, "arrived_at")
            for name in item:
                if name.startswith(self._prefix):
                    events[name.removeprefix(self._prefix)] += number_of(item, name)
        is_known = open_shards and open_shards <= arrived_at.keys()
        through = min(arrived_at[shard] for shard in open_shards) // _MINUTE_MS if is_known else None
        return Arrived(tuple(sorted(arrived_at)), through, events)
