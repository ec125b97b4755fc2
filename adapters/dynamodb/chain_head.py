"""The head of the chain of what decides billing: one item of the counters table, apart from the bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from adapters.dynamodb.layout import CHAIN, HEAD
from adapters.dynamodb.table import Table
from metering.proof.billing_chain import NO_HEAD, Head

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_IS_LATER: Final = "attribute_not_exists(#number) OR #number < :number"


class DynamoDBChainHead:
    """The port `HeadStore` on the counters table. Transient and Misconfigured are the errors of both."""

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._table = Table(dynamodb, table_name)

    def read(self) -> Head:
        """The last head that was kept."""
        item = self._table.get((CHAIN, HEAD), consistent=True)
        return NO_HEAD if item is None else Head(int(item["number"]["N"]), item["sha256"]["S"])

    def keep(self, head: Head) -> None:
        """Keep a head, unless a later one is kept."""
        self._table.put_if(
            {
                "pk": {"S": CHAIN},
                "sk": {"S": HEAD},
                "number": {"N": str(head.number)},
                "sha256": {"S": head.sha256},
            },
            _IS_LATER,
            {"#number": "number"},
            {":number": {"N": str(head.number)}},
        )
