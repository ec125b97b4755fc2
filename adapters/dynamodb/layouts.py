"""The history of the ledger's layouts: one item of the ledger table, which never expires."""

from __future__ import annotations

from dataclasses import asdict

from adapters.dynamodb.hot_path.conditional_writes import (
    AttributeValue,
    ConditionalUpdates,
    Item,
    UpdateAnswer,
    UpdateRequest,
)
from adapters.dynamodb.item_content import decoding
from adapters.dynamodb.layout import LAYOUTS
from metering.counters.ledger_layout import LayoutAnswer, LayoutHistory, LedgerLayout
from metering.counters.ports import Status


class DynamoDBLayouts:
    """The port `LayoutStore` on the ledger table."""

    def __init__(self, table_name: str, updates: ConditionalUpdates) -> None:
        self._table_name = table_name
        self._updates = updates

    def begin(self, first: LedgerLayout) -> LayoutAnswer:
        """The history: see :class:`metering.counters.ledger_layout.LayoutStore`."""
        return self._update(
            {
                **self._request("SET #entries = if_not_exists(#entries, :first)"),
                "ExpressionAttributeValues": {":first": {"L": [_entry(0, first)]}},
            }
        )

    def append(self, known: LayoutHistory, since_ms: int, layout: LedgerLayout) -> LayoutAnswer:
        """Append a layout: see :class:`metering.counters.ledger_layout.LayoutStore`."""
        return self._update(
            {
                **self._request("SET #entries = list_append(#entries, :new)"),
                "ConditionExpression": "size(#entries) = :known",
                "ExpressionAttributeValues": {
                    ":new": {"L": [_entry(since_ms, layout)]},
                    ":known": {"N": str(len(known.entries))},
                },
            }
        )

    def _request(self, expression: str) -> UpdateRequest:
        return {
            "TableName": self._table_name,
            "Key": {"pk": {"S": LAYOUTS}},
            "UpdateExpression": expression,
            "ExpressionAttributeNames": {"#entries": "entries"},
            "ExpressionAttributeValues": {},
            "ReturnValues": "ALL_NEW",
        }

    def _update(self, request: UpdateRequest) -> LayoutAnswer:
        (answer,) = self._updates.run([request])
        return _answer(answer)


def _answer(answer: UpdateAnswer) -> LayoutAnswer:
    if answer.status is Status.UNAVAILABLE:
        return LayoutAnswer(answer.status)
    return LayoutAnswer(answer.status, history_of(answer.item))


def history_of(item: Item) -> LayoutHistory:
    """The history that an item holds.

    Raises:
        UnreadableItem: it holds none. Without it nobody knows where an event was claimed.
    """
    with decoding(item):
        return LayoutHistory(tuple(_read_entry(one["M"]) for one in item["entries"]["L"]))


def _read_entry(entry: Item) -> tuple[int, LedgerLayout]:
    numbers = {name: int(value["N"]) for name, value in entry.items()}
    return numbers.pop("since"), LedgerLayout(**numbers)


def _entry(since_ms: int, layout: LedgerLayout) -> AttributeValue:
    numbers = {"since": since_ms, **asdict(layout)}
    return {"M": {name: {"N": str(number)} for name, number in numbers.items()}}
