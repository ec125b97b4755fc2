"""Pages of the ledger that are only read; the rest of the ledger is in the contract of storage."""

from __future__ import annotations

from typing import Any, cast

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from adapters.dynamodb.ledger import DynamoDBLedgerPages
from metering.counters.ports import PageId
from metering.errors import UnreadableItem

PAGES = [PageId(357_000_000, lane) for lane in range(250)]


class Table:
    """DynamoDB with an item in each place, all of one size; requests fail, or leave keys unprocessed."""

    def __init__(self, error: Exception | None = None, *, most: int = 100) -> None:
        self.asked: list[int] = []
        self.size: dict[str, str] = {"N": "7"}
        self._error = error
        self._most = most

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's name
        keys = RequestItems["ledger"]["Keys"]
        self.asked.append(len(keys))
        if self._error is not None and len(self.asked) == 1:
            raise self._error
        items = [{**key, "size": self.size} for key in keys[: self._most]]
        left = {"ledger": {"Keys": keys[self._most :]}} if keys[self._most :] else {}
        return {"Responses": {"ledger": items}, "UnprocessedKeys": left}


def read(table: Table, is_over: bool = False) -> list[int | None]:
    """The sizes of all pages."""
    pages = DynamoDBLedgerPages("ledger", cast("Any", table), is_over=lambda: is_over).read(PAGES)
    return [page and page.size for page in pages]


def test_a_hundred_at_once() -> None:
    """As many as a request may name."""
    table = Table()
    assert [7] * 250 == read(table)
    assert [100, 100, 50] == table.asked


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url="https://dynamodb"),
        ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "BatchGetItem"),
        ClientError({"Error": {"Code": "ThrottlingException", "Message": "later"}}, "BatchGetItem"),
    ],
)
def test_unknown(error: Exception) -> None:
    """What cannot be read is not known, and stops nobody: the ledger itself is asked then."""
    assert [*[None] * 100, *[7] * 150] == read(Table(error))


def test_unprocessed() -> None:
    """What DynamoDB leaves out is not known; it is not asked again."""
    table = Table(most=90)
    assert 20 == read(table).count(None)
    assert 3 == len(table.asked)


def test_no_time_left() -> None:
    """Nothing is read when no more may be claimed."""
    table = Table()
    assert [None] * 250 == read(table, is_over=True)
    assert [] == table.asked


def test_unreadable() -> None:
    """A page that is not as it was written stops the shard, and is named."""
    table = Table()
    table.size = {"S": "large"}
    with pytest.raises(UnreadableItem, match="357000000"):
        read(table)
