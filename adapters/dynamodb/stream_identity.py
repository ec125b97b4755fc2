"""The stream that the tables count: one item of the ledger table, which never expires."""

from __future__ import annotations

from typing import Final

from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, Item, UpdateRequest
from adapters.dynamodb.layout import decode_position, encode_position
from metering.counters.ports import CountedStream, Status
from metering.errors import Transient

STREAM: Final = "stream"
_MADE: Final = "SET #created = :created, #first = :first"
_NAMES: Final = {"#created": "created_at", "#first": "first"}


class DynamoDBStreamIdentity:
    """The port `StreamIdentity` on the ledger table."""

    def __init__(self, table_name: str, updates: ConditionalUpdates) -> None:
        self._table_name = table_name
        self._updates = updates

    def keep(self, stream_arn: str) -> CountedStream:
        """The stream that the tables count: this one, if there was none.

        Raises:
            Transient: the table does not answer.
        """
        return self._updated("SET #arn = if_not_exists(#arn, :arn)", None, {":arn": {"S": stream_arn}})

    def replace(self, before: CountedStream, stream: CountedStream) -> CountedStream:
        """Note when the stream was made, and where it begins, if nobody has noted something else: what is
        noted now.

        Raises:
            Transient: the table does not answer.
        """
        values: Item = {
            ":created": {"N": str(stream.created_at)},
            ":first": {"B": encode_position(stream.first or 0)},
        }
        if before.created_at is None:
            return self._updated(_MADE, "attribute_not_exists(#created)", values)
        values = {**values, ":before": {"N": str(before.created_at)}}
        return self._updated(_MADE, "#created = :before", values)

    def _updated(self, update: str, condition: str | None, values: Item) -> CountedStream:
        request: UpdateRequest = {
            "TableName": self._table_name,
            "Key": {"pk": {"S": STREAM}},
            "UpdateExpression": update,
            "ExpressionAttributeNames": {"#arn": "arn"} if condition is None else _NAMES,
            "ExpressionAttributeValues": values,
            "ReturnValues": "ALL_NEW",
        }
        if condition is not None:
            request["ConditionExpression"] = condition
        (answer,) = self._updates.run([request])
        if answer.status is Status.UNAVAILABLE:
            raise Transient(f"UpdateItem of {self._table_name}: it does not say which stream is counted")
        item = answer.item
        return CountedStream(
            item["arn"]["S"],
            int(item["created_at"]["N"]) if "created_at" in item else None,
            decode_position(item["first"]["B"]) if "first" in item else None,
        )
