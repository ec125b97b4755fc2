"""The stream that the tables count: one item of the ledger table, which never expires."""

from __future__ import annotations

from typing import Final

from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates
from metering.counters.ports import Status
from metering.errors import Transient

STREAM: Final = "stream"


class DynamoDBStreamIdentity:
    """The port `StreamIdentity` on the ledger table."""

    def __init__(self, table_name: str, updates: ConditionalUpdates) -> None:
        self._table_name = table_name
        self._updates = updates

    def keep(self, stream_arn: str) -> str:
        """The ARN of the stream that the tables count: this one, if there was none.

        Raises:
            Transient: the table does not answer.
        """
        (answer,) = self._updates.run(
            [
                {
                    "TableName": self._table_name,
                    "Key": {"pk": {"S": STREAM}},
                    "UpdateExpression": "SET #arn = if_not_exists(#arn, :arn)",
                    "ExpressionAttributeNames": {"#arn": "arn"},
                    "ExpressionAttributeValues": {":arn": {"S": stream_arn}},
                    "ReturnValues": "ALL_NEW",
                }
            ]
        )
        if answer.status is Status.UNAVAILABLE:
            raise Transient(f"UpdateItem of {self._table_name}: it does not say which stream is counted")
        return answer.item["arn"]["S"]
