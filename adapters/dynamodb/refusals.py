"""Why batches of the stream are refused, in the counters table: the last reason, and when that was."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates
from adapters.dynamodb.layout import REFUSED, REFUSED_BATCH
from adapters.dynamodb.table import Table

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

LASTS: Final = timedelta(minutes=15)
"""For so long a refusal is a matter of now: Lambda sends a refused batch again within minutes."""


class DynamoDBRefusals:
    """Writes it."""

    def __init__(self, table_name: str, updates: ConditionalUpdates, clock: Callable[[], datetime]) -> None:
        self._table_name = table_name
        self._updates = updates
        self._clock = clock

    def note(self, reason: str) -> None:
        """Keep why a batch is refused. If the table does not answer, the next refusal will do."""
        self._updates.run(
            [
                {
                    "TableName": self._table_name,
                    "Key": {"pk": {"S": REFUSED}, "sk": {"S": REFUSED_BATCH}},
                    "UpdateExpression": "SET #reason = :reason, #at = :at",
                    "ExpressionAttributeNames": {"#reason": "reason", "#at": "at"},
                    "ExpressionAttributeValues": {
                        ":reason": {"S": reason},
                        ":at": {"N": str(int(self._clock().timestamp()))},
                    },
                }
            ]
        )


class RefusalReader:
    """Reads it."""

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._table = Table(dynamodb, table_name)

    def reason(self, now: datetime) -> str | None:
        """Why a batch was refused in the last minutes; None: none was.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        for item in self._table.query(REFUSED):
            at = datetime.fromtimestamp(int(item["at"]["N"]), UTC)
            return item["reason"]["S"] if now - at < LASTS else None
        return None
