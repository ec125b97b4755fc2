"""Counters corrected in DynamoDB: a transaction of the addition and its audit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from adapters.dynamodb.conditions import (
    ABSENT,
    Condition,
    assignment,
    binaries,
    named,
    numbers,
    unchanged,
)
from adapters.dynamodb.counter_reader import counter_of
from adapters.dynamodb.hot_path.conditional_writes import Item
from adapters.dynamodb.layout import (
    SLICES,
    counter_pk,
    counter_sk,
    encode_position,
    part_attribute,
    repair_pk,
    repair_sk,
    watermark_attribute,
)
from adapters.dynamodb.table import ACTIONS_AT_ONCE, Cancelled, Table, beginning, key_of
from metering.counters.counter import Counter
from metering.counters.slices import slice_of
from metering.errors import Misconfigured, Transient
from metering.period import Period, month_of
from metering.proof.correction import Audit, Correction, Fate, Held, HeldCounters, HeldSlice
from metering.usage import TOTALS

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import (
        ConditionCheckTypeDef,
        PutTypeDef,
        TransactWriteItemTypeDef,
        UpdateTypeDef,
    )

NOT_YET_FOR_THIS_REPORT: Final = "attribute_not_exists(pk)"
_NO_MARKS: Final[Mapping[str, int]] = {}
_COUNTER_CHANGED: Final = {"ConditionalCheckFailed", "TransactionConflict"}


class DynamoDBRepairs:
    """The port `CorrectionStore` on the counters table."""

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._table = Table(dynamodb, table_name)

    def read(self, key: str, month: Period) -> HeldCounters:
        """The counters of a key in a month and its days, slice by slice, as they are now."""
        found: dict[Period, list[HeldSlice]] = {}
        for item in self._table.query(counter_pk(key), beginning(month)):
            counter = counter_of(item)
            number = int(item["sk"]["S"].rpartition("#")[2])
            watermarks = {name: value["B"] for name, value in item.items() if "B" in value}
            found.setdefault(counter.period, []).append(HeldSlice(number, counter, watermarks))
        return {period: Held(tuple(slices)) for period, slices in found.items()}

    def write(self, one: Correction, held: Held, audit: Audit, marks: Mapping[str, int] = _NO_MARKS) -> Fate:
        """Add what a correction adds to slice 0, raise watermarks to the marks, each in its shard's slice,
        and put the audit, if every slice is still what was read. Further slices are registered, in case
        nobody has: slice 0 makes up for them, and who reads registered slices alone must read them, too.

        A transaction that DynamoDB cancels for another reason than a condition is one that met a live
        increment: nothing was written, and the counter has changed.
        """
        slices = {one.number: one for one in held.slices}
        raised = _raised(marks, slices)
        actions: list[TransactWriteItemTypeDef] = [
            {"Update": self._update(one, slices.pop(0, None), raised.pop(0, {}))},
            {"Put": self._audit(one, audit)},
        ]
        for number in sorted({*slices, *raised}):
            condition = unchanged(slices[number].counter) if number in slices else ABSENT
            if number in raised:
                actions.append({"Update": self._raise(one, number, condition, raised[number])})
            else:
                actions.append({"ConditionCheck": self._check(one, number, condition)})
        if further := sorted(number for number in {*slices, *raised} if number):
            actions.append({"Update": self._registration(month_of(one.period), further)})
        if len(actions) > ACTIONS_AT_ONCE:
            raise Misconfigured(
                [f"{one.key} {one.period} has {len(held.slices)} slices: more than a repair takes"]
            )
        return self._transact(actions, f"{one.key} {one.period}")

    def _transact(self, actions: list[TransactWriteItemTypeDef], what: str) -> Fate:
        try:
            self._table.transact(actions)
        except Cancelled as error:
            if error.reasons <= _COUNTER_CHANGED:
                return Fate.CHANGED
            raise Transient(f"the repair of {what} was cancelled: {error}") from error
        return Fate.WRITTEN

    def _check(self, one: Correction, number: int, condition: Condition) -> ConditionCheckTypeDef:
        return {
            "TableName": self._table.name,
            "Key": _key(one, number),
            "ConditionExpression": condition.expression,
            "ExpressionAttributeNames": condition.names,
            "ExpressionAttributeValues": condition.values,
        }

    def _raise(
        self, one: Correction, number: int, condition: Condition, watermarks: Mapping[str, bytes]
    ) -> UpdateTypeDef:
        """Higher watermarks of a slice to which nothing is added. One that was absent holds nothing else."""
        update: UpdateTypeDef = {
            "TableName": self._table.name,
            "Key": _key(one, number),
            "UpdateExpression": assignment(watermarks),
            "ConditionExpression": condition.expression,
            "ExpressionAttributeNames": {**condition.names, **named("#w", watermarks)},
            "ExpressionAttributeValues": {**condition.values, **binaries(":w", watermarks.values())},
        }
        return update

    def _registration(self, month: Period, numbers: Iterable[int]) -> UpdateTypeDef:
        """The numbers of slices, added to those that are known of a month."""
        return {
            "TableName": self._table.name,
            "Key": key_of((SLICES, month)),
            "UpdateExpression": "ADD #numbers :numbers",
            "ExpressionAttributeNames": {"#numbers": "numbers"},
            "ExpressionAttributeValues": {":numbers": {"NS": [str(number) for number in numbers]}},
        }

    def _update(
        self, one: Correction, first: HeldSlice | None, watermarks: Mapping[str, bytes]
    ) -> UpdateTypeDef:
        """The addition to slice 0, whose totals may become negative where another slice has too much."""
        totals = zip(TOTALS, msgspec.structs.astuple(one.usage), strict=True)
        added = {name: amount for name, amount in totals if amount}
        added |= {part_attribute(one.period, part): count for part, count in one.parts.items()}
        condition = ABSENT if first is None else unchanged(first.counter)
        addition = "ADD " + ", ".join(f"#a{index} :a{index}" for index in range(len(added)))
        return {
            "TableName": self._table.name,
            "Key": _key(one, 0),
            "UpdateExpression": f"{assignment(watermarks)} {addition}".strip(),
            "ConditionExpression": condition.expression,
            "ExpressionAttributeNames": {
                **condition.names,
                **named("#a", added),
                **named("#w", watermarks),
            },
            "ExpressionAttributeValues": {
                **condition.values,
                **numbers(":a", added.values()),
                **binaries(":w", watermarks.values()),
            },
        }

    def _audit(self, one: Correction, audit: Audit) -> PutTypeDef:
        item: Item = {
            "pk": {"S": repair_pk(one.key)},
            "sk": {"S": repair_sk(one.period, audit.report)},
            "before": {"S": _counter_text(one.before)},
            "after": {"S": _counter_text(one.after)},
            "reason": {"S": audit.reason},
            "report": {"S": audit.report},
            "who": {"S": audit.who},
            "at": {"S": audit.at},
        }
        return {
            "TableName": self._table.name,
            "Item": item,
            "ConditionExpression": NOT_YET_FOR_THIS_REPORT,
        }


def _raised(marks: Mapping[str, int], slices: Mapping[int, HeldSlice]) -> dict[int, dict[str, bytes]]:
    """The watermarks that are higher than those of a counter, by slice."""
    found: dict[int, dict[str, bytes]] = {}
    for shard_id, mark in sorted(marks.items()):
        number, name, position = slice_of(shard_id), watermark_attribute(shard_id), encode_position(mark)
        held = slices[number].watermarks.get(name, b"") if number in slices else b""
        if position > held:
            found.setdefault(number, {})[name] = position
    return found


def _key(one: Correction, number: int) -> Item:
    return key_of((counter_pk(one.key), counter_sk(one.period, number)))


def _counter_text(counter: Counter) -> str:
    """Totals and parts as JSON, for who reads the audit."""
    document = {**msgspec.structs.asdict(counter.usage), "parts": dict(sorted(counter.parts.items()))}
    return msgspec.json.encode(document).decode()
