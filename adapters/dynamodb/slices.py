"""The slices of the counters of each month, one item a month in the counters table."""

from __future__ import annotations

from collections.abc import Sequence

from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, UpdateRequest
from adapters.dynamodb.layout import SLICES
from metering.counters.ports import SliceId, Status


class DynamoDBSlices:
    """The port `SliceRegistry` on the counters table."""

    def __init__(self, table_name: str, updates: ConditionalUpdates) -> None:
        self._table_name = table_name
        self._updates = updates

    def register(self, slices: Sequence[SliceId]) -> list[Status]:
        """Register slices: see :class:`metering.counters.ports.SliceRegistry`."""
        answers = self._updates.run([self._request(one) for one in slices])
        return [answer.status for answer in answers]

    def _request(self, one: SliceId) -> UpdateRequest:
        return {
            "TableName": self._table_name,
            "Key": {"pk": {"S": SLICES}, "sk": {"S": one.month}},
            "UpdateExpression": "ADD #numbers :number",
            "ExpressionAttributeNames": {"#numbers": "numbers"},
            "ExpressionAttributeValues": {":number": {"NS": [str(one.number)]}},
        }
