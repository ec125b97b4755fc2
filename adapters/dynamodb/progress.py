"""The progress of the shards in DynamoDB: one item a shard, in the counters table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, UpdateRequest
from adapters.dynamodb.item_content import number_of, position_of
from adapters.dynamodb.layout import PROGRESS, encode_position
from adapters.dynamodb.table import Table
from metering.counters.ports import Progress

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient


def highest_position(dynamodb: DynamoDBClient, table_name: str, before: int) -> int:
    """The highest position at which the counting of a shard stands, of shards whose last counted record came
    before a time in epoch milliseconds; -1 if there is none.

    Raises:
        Transient, Misconfigured: the table cannot be read.
    """
    items = [one for one in Table(dynamodb, table_name).query(PROGRESS) if "position" in one]
    old = (position_of(one, "position") for one in items if number_of(one, "arrived_at") < before)
    return max(old, default=-1)


class DynamoDBProgress:
    """The port `ProgressLog` on the counters table."""

    def __init__(self, table_name: str, updates: ConditionalUpdates) -> None:
        self._table_name = table_name
        self._updates = updates

    def note(self, progress: Progress) -> None:
        """Keep the progress unless a later one is there. If the table does not answer, the next will do."""
        self._updates.run([self._request(progress)])

    def _request(self, progress: Progress) -> UpdateRequest:
        return {
            "TableName": self._table_name,
            "Key": {"pk": {"S": PROGRESS}, "sk": {"S": progress.shard_id}},
            "UpdateExpression": "SET #position = :position, #arrived_at = :arrived_at",
            "ConditionExpression": "attribute_not_exists(#position) OR #position < :position",
            "ExpressionAttributeNames": {"#position": "position", "#arrived_at": "arrived_at"},
            "ExpressionAttributeValues": {
                ":position": {"B": encode_position(progress.position)},
                ":arrived_at": {"N": str(progress.arrived_at_ms)},
            },
        }
