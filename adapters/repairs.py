"""Counters corrected in DynamoDB: a transaction of the addition and its audit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from adapters.counter_reader import counter_of
from adapters.dynamodb import Item
from adapters.errors import translate
from adapters.models import counter_pk, counter_sk, part_attribute, repair_pk, repair_sk
from metering.correction import Audit, Correction, Fate, Held, HeldCounters, HeldSlice
from metering.counter import Counter
from metering.errors import Misconfigured, Transient
from metering.period import Period
from metering.usage import NO_USAGE, TOTALS

NOT_YET_FOR_THIS_REPORT: Final = "attribute_not_exists(pk)"
MOST_ACTIONS: Final = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""

_CANCELLED: Final = "TransactionCanceledException"
_CONDITION: Final = "ConditionalCheckFailed"
_NOTHING_WRONG: Final = "None"


class DynamoDBRepairs:
    """The port `CorrectionStore` on the counters table."""

    def __init__(self, dynamodb: Any, table_name: str) -> None:
        """`dynamodb` is a boto3 client."""
        self._dynamodb = dynamodb
        self._table_name = table_name

    def read(self, key: str, month: Period) -> HeldCounters:
        """The counters of a key in a month and its days, slice by slice, as they are now."""
        found: dict[Period, list[HeldSlice]] = {}
        for item in self._items(key, month):
            counter = counter_of(item)
            number = int(item["sk"]["S"].rpartition("#")[2])
            watermarks = {name: value["B"] for name, value in item.items() if "B" in value}
            found.setdefault(counter.period, []).append(HeldSlice(number, counter, watermarks))
        return {period: Held(tuple(slices)) for period, slices in found.items()}

    def write(self, one: Correction, held: Held, audit: Audit) -> Fate:
        """Add what a correction adds to slice 0, and put its audit, if every slice is still what was read.

        A transaction that DynamoDB cancels for another reason than a condition is one that met a live
        increment: nothing was written, and the counter has changed.
        """
        slices = {one.number: one.counter for one in held.slices}
        first = slices.pop(0, Counter(one.key, one.period, NO_USAGE))
        actions: list[dict[str, Any]] = [
            {"Update": self._update(one, first, exists=len(slices) < len(held.slices))},
            {"Put": self._audit(one, audit)},
        ]
        actions += [
            {"ConditionCheck": {**self._place(one, number), **_condition(counter)}}
            for number, counter in slices.items()
        ]
        if len(actions) > MOST_ACTIONS:
            raise Misconfigured(
                [f"{one.key} {one.period} has {len(held.slices)} slices: more than a repair takes"]
            )
        return self._transact(actions, f"{one.key} {one.period}")

    def _transact(self, actions: list[dict[str, Any]], what: str) -> Fate:
        try:
            self._dynamodb.transact_write_items(TransactItems=actions)
        except (ClientError, BotoCoreError) as error:
            if not isinstance(error, ClientError) or error.response["Error"]["Code"] != _CANCELLED:
                raise translate(error, f"TransactWriteItems of {self._table_name}") from error
            reasons = error.response.get("CancellationReasons", [])
            codes = {reason.get("Code", _NOTHING_WRONG) for reason in reasons} - {_NOTHING_WRONG}
            if codes <= {_CONDITION, "TransactionConflict"}:
                return Fate.CHANGED
            raise Transient(f"the repair of {what} was cancelled: {', '.join(sorted(codes))}") from error
        return Fate.WRITTEN

    def _place(self, one: Correction, number: int) -> dict[str, Any]:
        key = {"pk": {"S": counter_pk(one.key)}, "sk": {"S": counter_sk(one.period, number)}}
        return {"TableName": self._table_name, "Key": key}

    def _update(self, one: Correction, first: Counter, *, exists: bool) -> dict[str, Any]:
        """The addition to slice 0, whose totals may become negative where another slice has too much."""
        totals = zip(TOTALS, msgspec.structs.astuple(one.usage), strict=True)
        added = {name: amount for name, amount in totals if amount}
        added |= {part_attribute(one.period, part): count for part, count in one.parts.items()}
        request = {**self._place(one, 0), **(_condition(first) if exists else _absent())}
        names = {f"#a{index}": name for index, name in enumerate(added)}
        values = {f":a{index}": {"N": str(amount)} for index, amount in enumerate(added.values())}
        request["UpdateExpression"] = "ADD " + ", ".join(
            f"#a{index} :a{index}" for index in range(len(added))
        )
        request["ExpressionAttributeNames"] = {**request.get("ExpressionAttributeNames", {}), **names}
        request["ExpressionAttributeValues"] = {**request.get("ExpressionAttributeValues", {}), **values}
        return request

    def _audit(self, one: Correction, audit: Audit) -> dict[str, Any]:
        item = {
            "pk": {"S": repair_pk(one.key)},
            "sk": {"S": repair_sk(one.period, audit.report)},
            "before": {"S": _told(one.before)},
            "after": {"S": _told(one.after)},
            "reason": {"S": audit.reason},
            "report": {"S": audit.report},
            "who": {"S": audit.who},
            "at": {"S": audit.at},
        }
        return {
            "TableName": self._table_name,
            "Item": item,
            "ConditionExpression": NOT_YET_FOR_THIS_REPORT,
        }

    def _items(self, key: str, month: Period) -> Iterator[Item]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression="pk = :pk AND begins_with(sk, :month)",
            ExpressionAttributeValues={":pk": {"S": counter_pk(key)}, ":month": {"S": month}},
            ConsistentRead=True,
        )
        try:
            for page in pages:
                yield from page["Items"]
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"Query of {self._table_name}") from error


def _absent() -> dict[str, Any]:
    return {"ConditionExpression": "attribute_not_exists(pk)"}


def _condition(counter: Counter) -> dict[str, Any]:
    """That an item still has these totals and parts. A call changes its requests and its fingerprint at
    least; a total or part that is absent is none.
    """
    totals = zip(TOTALS, msgspec.structs.astuple(counter.usage), strict=True)
    held: Mapping[str, int] = {
        **dict(totals),
        **{part_attribute(counter.period, part): count for part, count in counter.parts.items()},
    }
    return {
        "ConditionExpression": " AND ".join(
            _still(index, amount) for index, amount in enumerate(held.values())
        ),
        "ExpressionAttributeNames": {f"#c{index}": name for index, name in enumerate(held)},
        "ExpressionAttributeValues": {
            f":c{index}": {"N": str(amount)} for index, amount in enumerate(held.values())
        },
    }


def _still(index: int, amount: int) -> str:
    same = f"#c{index} = :c{index}"
    return same if amount else f"(attribute_not_exists(#c{index}) OR {same})"


def _told(counter: Counter) -> str:
    """Totals and parts as JSON, for who reads the audit."""
    document = {**msgspec.structs.asdict(counter.usage), "parts": dict(sorted(counter.parts.items()))}
    return msgspec.json.encode(document).decode()
