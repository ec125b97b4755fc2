"""The heaviest keys of a month in DynamoDB: a list for each shard, in the counters table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.dynamodb.hot_path.conditional_writes import (
    AttributeValue,
    ConditionalUpdates,
    Item,
    UpdateRequest,
)
from adapters.dynamodb.item_content import decoding, number_of
from adapters.dynamodb.layout import heaviest_pk
from adapters.dynamodb.table import Table
from metering.counters.ports import Status, TopKeysList
from metering.counters.slices import slice_of
from metering.counters.top_keys import candidates
from metering.period import Period

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


class DynamoDBTopKeys:
    """The port `HeaviestStore` on the counters table."""

    def __init__(self, table_name: str, updates: ConditionalUpdates) -> None:
        self._table_name = table_name
        self._updates = updates

    def put(self, heaviest: TopKeysList) -> tuple[Status, TopKeysList]:
        """Put a list in place of the version before it; where another version is there, that one is
        returned.
        """
        (answer,) = self._updates.run([self._request(heaviest)])
        if answer.status is not Status.REFUSED:
            return answer.status, heaviest
        version = number_of(answer.item, "version") if answer.item else 0
        return Status.REFUSED, heaviest._replace(version=version, totals=_totals(answer.item))

    def _request(self, heaviest: TopKeysList) -> UpdateRequest:
        totals: dict[str, AttributeValue] = {
            key: {"N": str(requests)} for key, requests in heaviest.totals.items()
        }
        is_first = heaviest.version == 1
        return {
            "TableName": self._table_name,
            "Key": {"pk": {"S": heaviest_pk(heaviest.month)}, "sk": {"S": heaviest.shard_id}},
            "UpdateExpression": "SET #totals = :totals, #version = :version",
            "ConditionExpression": "attribute_not_exists(#version)" if is_first else "#version = :before",
            "ExpressionAttributeNames": {"#totals": "totals", "#version": "version"},
            "ExpressionAttributeValues": {
                ":totals": {"M": totals},
                ":version": {"N": str(heaviest.version)},
                **({} if is_first else {":before": {"N": str(heaviest.version - 1)}}),
            },
        }


class TopKeysReader:
    """Reads which keys may be the heaviest of a month; their counters say which are."""

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._table = Table(dynamodb, table_name)

    def keys(self, month: Period) -> list[str]:
        """The heaviest keys on the lists of all shards, by one Query for each 1 MB of lists: 100 and some,
        and at most :data:`metering.counters.top_keys.CANDIDATES`, the heaviest first as far as the lists
        know. They are a minute old.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        lists = self._table.query(heaviest_pk(month), consistent=False)
        return candidates((slice_of(one["sk"]["S"]), _totals(one)) for one in lists)


def _totals(item: Item) -> dict[str, int]:
    with decoding(item):
        return {key: int(requests["N"]) for key, requests in item.get("totals", {"M": {}})["M"].items()}
