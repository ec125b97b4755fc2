"""The counters in DynamoDB: one UpdateItem an increment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import msgspec

from adapters.dynamodb.hot_path.conditional_writes import (
    ConditionalUpdates,
    Item,
    UpdateAnswer,
    UpdateRequest,
)
from adapters.dynamodb.item_content import DECODING_ERRORS, number_of, position_of
from adapters.dynamodb.layout import (
    counter_pk,
    counter_sk,
    encode_position,
    part_attribute,
    watermark_attribute,
)
from metering.counters.ports import CounterAnswer, Increment, Status
from metering.errors import UnreadableItem
from metering.period import is_day
from metering.usage import TOTALS, Usage

FIRST_BATCH_OF_SHARD = "attribute_not_exists(#w)"
LATER_THAN_WATERMARK = "#w < :first"


class DynamoDBCounters:
    """The port `Counters` on the counters table."""

    def __init__(
        self, table_name: str, updates: ConditionalUpdates, is_over: Callable[[], bool] | None = None
    ) -> None:
        """`is_over` says when no more is to be added."""
        self._table_name = table_name
        self._updates = updates
        self._is_over = is_over

    def add(self, increments: Sequence[Increment]) -> list[CounterAnswer]:
        """Add to several counters at a time: see :class:`metering.counters.ports.Counters`.

        They are written in the order of their first records. Where time is over, those that are missing are
        the last ones, and all records before them are in.
        """
        order = sorted(range(len(increments)), key=lambda number: increments[number].first)
        requests = [_request(self._table_name, increments[number]) for number in order]
        written = dict(zip(order, self._updates.run(requests, self._is_over), strict=True))
        return [_answer(increment, written[number]) for number, increment in enumerate(increments)]


def _request(table_name: str, increment: Increment) -> UpdateRequest:
    """The update of one counter. A total of 0 is left out: it would change nothing and cost bytes."""
    totals = zip(TOTALS, msgspec.structs.astuple(increment.totals), strict=True)
    added = {name: amount for name, amount in totals if amount}
    added |= {part_attribute(increment.period, part): count for part, count in increment.parts.items()}
    names, expression = _addition(tuple(added))
    values: Item = {f":{index}": {"N": str(amount)} for index, amount in enumerate(added.values())}
    return {
        "TableName": table_name,
        "Key": {
            "pk": {"S": counter_pk(increment.key)},
            "sk": {"S": counter_sk(increment.period, increment.slice)},
        },
        "UpdateExpression": expression,
        "ConditionExpression": f"{FIRST_BATCH_OF_SHARD} OR {LATER_THAN_WATERMARK}",
        "ExpressionAttributeNames": {**names, "#w": watermark_attribute(increment.shard_id)},
        "ExpressionAttributeValues": {
            **values,
            ":first": {"B": encode_position(increment.first)},
            ":last": {"B": encode_position(increment.last)},
        },
        "ReturnValues": "ALL_NEW",
    }


@lru_cache(maxsize=4096)
def _addition(attributes: tuple[str, ...]) -> tuple[dict[str, str], str]:
    """The names and the expression of an update that adds to these attributes; most updates share one."""
    names = {f"#{index}": name for index, name in enumerate(attributes)}
    additions = ", ".join(f"#{index} :{index}" for index in range(len(attributes)))
    return names, f"SET #w = :last ADD {additions}"


def _answer(increment: Increment, answer: UpdateAnswer) -> CounterAnswer:
    if answer.status is Status.UNAVAILABLE:
        return CounterAnswer(Status.UNAVAILABLE)
    refused = answer.status is Status.REFUSED
    watermark = _watermark(answer.item, increment.shard_id) if refused else None
    try:
        return CounterAnswer(answer.status, watermark, usage_of(answer.item), _hours(increment, answer.item))
    except UnreadableItem as error:
        return CounterAnswer(answer.status, watermark, unreadable=str(error))


def _hours(increment: Increment, item: Item) -> dict[str, int]:
    """The requests of a day's item in the hours of an increment."""
    if not is_day(increment.period):
        return {}
    return {part: number_of(item, f"h{part}") for part in increment.parts if f"h{part}" in item}


def _watermark(item: Item, shard_id: str) -> int | None:
    """Where a refusal has none that can be read, nobody knows what is in: that stops the shard."""
    name = watermark_attribute(shard_id)
    return position_of(item, name) if name in item else None


def usage_of(item: Item) -> Usage:
    """The totals of a counter's item.

    Raises:
        UnreadableItem: one of them is no whole number.
    """
    try:
        return Usage(*(int(item[name]["N"]) if name in item else 0 for name in TOTALS))
    except DECODING_ERRORS:
        return Usage(*(number_of(item, name) if name in item else 0 for name in TOTALS))
