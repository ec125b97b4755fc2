"""Archives in DynamoDB: the mark of each month, and the counters of days that leave the table and come back.

A batch of slices moves by one transaction with the mark's next number: so it is out of the table or in it,
whenever a job is stopped, and of two jobs at once one moves it. A slice that has got calls since it was
archived keeps these: what the archive has is taken from it, or added to it, and nothing else.

A table that was restored from a backup may be torn where a batch was moving: backups keep no order between
items. So a slice that is there though its batch is out is not added once more, or leaves when archiving goes
on; and one that is missing though its batch is in comes back from the archive.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/backuprestore_HowItWorks.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from adapters.dynamodb.conditions import (
    ABSENT,
    addition,
    amounts,
    assignment,
    binaries,
    named,
    numbers,
    unchanged,
)
from adapters.dynamodb.counter_reader import SEGMENTS, SLICE_MARK, counter_of
from adapters.dynamodb.hot_path.conditional_writes import AttributeValue, Item
from adapters.dynamodb.item_content import decoding, name_of
from adapters.dynamodb.layout import ARCHIVES, KEY_PREFIX, counter_pk, counter_sk, part_attribute
from adapters.dynamodb.table import Cancelled, Place, Table, between, key_of
from metering.errors import Misconfigured, Transient, UnreadableItem
from metering.period import Period, month_of
from metering.proof.archive import ROWS_OF_A_BATCH, ArchiveMark, StoredSlice, cut
from metering.usage import TOTALS

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import TransactWriteItemTypeDef, UpdateTypeDef

ATTEMPTS: Final = 5
"""Of a batch, some of whose counters were being changed."""
_IS_NEXT: Final = "attribute_not_exists(#version) OR (#batches = :none AND #version < :version)"
_CAN_END: Final = "#moved = :none AND #batches > :none AND #version = :version"
_OF_A_MARK: Final = {name: name.removeprefix("#") for name in ("#moved", "#batches", "#version")}
_CHANGED: Final = {"ConditionalCheckFailed", "TransactionConflict"}
_COUNTERS_OF: Final = "begins_with(pk, :key) AND begins_with(sk, :period)"
_NONE: Final[Mapping[str, bytes]] = {}

Slices = Mapping[Place, StoredSlice]
"""Slices that the table holds now."""


class DynamoDBArchives:
    """The port `ArchiveTable` on the counters table. Transient and Misconfigured are the errors of all."""

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._table = Table(dynamodb, table_name)

    def read(self, month: Period) -> ArchiveMark | None:
        """The mark of a month; None: nothing of it is archived."""
        return next((mark for mark in self.between(month, month) if not mark.has_ended), None)

    def between(self, first: Period, last: Period) -> list[ArchiveMark]:
        """The marks of those of some months that are or were archived, in order: by one Query."""
        return [_mark(item) for item in self._table.query(ARCHIVES, between(first, last))]

    def partly_archived(self) -> list[ArchiveMark]:
        """The marks of months of which some batches are out, and others are not, in order: by one Query."""
        marks = map(_mark, self._table.query(ARCHIVES))
        return [mark for mark in marks if not (mark.has_ended or mark.is_whole)]

    def begin(self, mark: ArchiveMark, who: str) -> None:
        """Write the mark of a month, unless it is archived. Its version follows that of the mark before."""
        for before in self.between(mark.month, mark.month):
            mark = mark._replace(version=before.version + 1)
        names = {name: _OF_A_MARK[name] for name in ("#version", "#batches")}
        values: Item = {":none": {"N": "0"}, ":version": {"N": str(mark.version)}}
        self._table.put_if({**_mark_item(mark), "who": {"S": who}}, _IS_NEXT, names, values)

    def end(self, mark: ArchiveMark) -> bool:
        """End a mark, if all of the month is in the table; whether it is not archived now."""
        values: Item = {":none": {"N": "0"}, ":version": {"N": str(mark.version)}}
        is_ended = self._table.put_if(_mark_item(mark.ended()), _CAN_END, _OF_A_MARK, values)
        return is_ended or self.read(mark.month) is None

    def slices(self, month: Period) -> Iterator[StoredSlice]:
        """All slices of the counters of a month and its days, in no order.

        Raises:
            UnreadableItem: an item is none, or holds more than the meter writes.
        """
        values = {":key": KEY_PREFIX, ":period": month}
        for page in self._table.scan(_COUNTERS_OF, values, (), SEGMENTS):
            yield from map(_slice, page.items)

    def move_out(self, mark: ArchiveMark, rows: Sequence[StoredSlice]) -> bool:
        """Take the next batch out of the table; whether the mark was still this one."""
        return self._moved(mark, 1, rows, self._leaving)

    def move_in(self, mark: ArchiveMark, rows: Sequence[StoredSlice]) -> bool:
        """Bring the last batch that is out back into the table; whether the mark was still this one."""
        return self._moved(mark, -1, rows, self._returning)

    def bring_missing(self, mark: ArchiveMark, rows: Sequence[StoredSlice]) -> bool:
        """Bring back those slices that the table lacks, of batches that are in it by the mark; whether the
        mark was still this one.
        """
        there = self._table.get_all(map(_place, rows), consistent=True)
        missing = [row for row in rows if _place(row) not in there]
        return all(self._done(mark, self._put, part) for part in cut(missing, ROWS_OF_A_BATCH))

    def remove_repeated(self, mark: ArchiveMark, rows: Sequence[StoredSlice]) -> int | None:
        """Remove those slices that the table holds as they were archived, of batches that are out of it by
        the mark; how many. None: the mark was not this one any more.
        """
        there = self._table.get_all(map(_place, rows), consistent=True)
        repeated = [row for row in rows if (held := there.get(_place(row))) and _is_same(_slice(held), row)]
        are_gone = all(self._done(mark, self._delete, part) for part in cut(repeated, ROWS_OF_A_BATCH))
        return len(repeated) if are_gone else None

    def _done(
        self,
        mark: ArchiveMark,
        action: Callable[[StoredSlice], TransactWriteItemTypeDef],
        rows: Sequence[StoredSlice],
    ) -> bool:
        """Do the same to some slices; whether the mark was still this one."""
        try:
            self._table.transact([self._unmoved(mark), *map(action, rows)])
        except Cancelled as error:
            if not error.reasons <= _CHANGED:
                raise Transient(f"counters of {mark.month} were not changed: {error}") from error
            if self.read(mark.month) != mark:
                return False
            raise Transient(f"counters of {mark.month} are being changed: run it again") from error
        return True

    def _moved(
        self,
        mark: ArchiveMark,
        step: int,
        rows: Sequence[StoredSlice],
        action: Callable[[StoredSlice, Slices | None], TransactWriteItemTypeDef],
    ) -> bool:
        there: Slices | None = None
        for _ in range(ATTEMPTS):
            actions = [self._counted(mark, step), *(action(row, there) for row in rows)]
            try:
                self._table.transact(actions)
            except Cancelled as error:
                if not error.reasons <= _CHANGED:
                    raise Transient(f"a batch of {mark.month} was not moved: {error}") from error
            else:
                return True
            if self.read(mark.month) != mark:
                return False
            items = self._table.get_all(map(_place, rows), consistent=True)
            there = {place: _slice(item) for place, item in items.items()}
        raise Transient(f"counters of {mark.month} are being changed all the time: run it again")

    def _counted(self, mark: ArchiveMark, step: int) -> TransactWriteItemTypeDef:
        """The mark after a batch, if it is still this one."""
        update: UpdateTypeDef = {
            "TableName": self._table.name,
            "Key": _mark_key(mark.month),
            "UpdateExpression": "SET #version = :next ADD #moved :step",
            "ConditionExpression": "#version = :version AND #moved = :moved AND #sha256 = :sha256",
            "ExpressionAttributeNames": {"#version": "version", "#moved": "moved", "#sha256": "sha256"},
            "ExpressionAttributeValues": {
                ":step": {"N": str(step)},
                ":next": {"N": str(mark.after(step).version)},
                ":version": {"N": str(mark.version)},
                ":moved": {"N": str(mark.moved)},
                ":sha256": {"S": mark.sha256},
            },
        }
        return {"Update": update}

    def _unmoved(self, mark: ArchiveMark) -> TransactWriteItemTypeDef:
        """The mark, if it is still this one."""
        return {
            "ConditionCheck": {
                "TableName": self._table.name,
                "Key": _mark_key(mark.month),
                "ConditionExpression": "#version = :version AND #sha256 = :sha256",
                "ExpressionAttributeNames": {"#version": "version", "#sha256": "sha256"},
                "ExpressionAttributeValues": {
                    ":version": {"N": str(mark.version)},
                    ":sha256": {"S": mark.sha256},
                },
            }
        }

    def _leaving(self, row: StoredSlice, there: Slices | None) -> TransactWriteItemTypeDef:
        """What takes a slice out: `there` is what the table holds; None: what was archived."""
        held = row if there is None else there.get(_place(row))
        if held is None:
            raise Misconfigured([_removed(row)])
        if not _is_same(held, row):
            return self._changed(row, held, amounts(row.counter, -1), _NONE)
        return self._delete(held)

    def _delete(self, row: StoredSlice) -> TransactWriteItemTypeDef:
        """What removes a slice, if it is still this one."""
        condition = unchanged(row.counter, row.watermarks)
        return {
            "Delete": {
                "TableName": self._table.name,
                "Key": key_of(_place(row)),
                "ConditionExpression": condition.expression,
                "ExpressionAttributeNames": condition.names,
                "ExpressionAttributeValues": condition.values,
            }
        }

    def _returning(self, row: StoredSlice, there: Slices | None) -> TransactWriteItemTypeDef:
        """What brings a slice back: `there` is what the table holds; None: nothing of these."""
        held = None if there is None else there.get(_place(row))
        if held is not None:
            higher = {
                name: mark for name, mark in row.watermarks.items() if mark > held.watermarks.get(name, b"")
            }
            added = {} if _is_same(held, row) else amounts(row.counter)
            return self._changed(row, held, added, higher)
        return self._put(row)

    def _put(self, row: StoredSlice) -> TransactWriteItemTypeDef:
        """A slice, if the table has nothing in its place."""
        return {
            "Put": {
                "TableName": self._table.name,
                "Item": _item(row),
                "ConditionExpression": ABSENT.expression,
            }
        }

    def _changed(
        self, row: StoredSlice, held: StoredSlice, added: Mapping[str, int], marks: Mapping[str, bytes]
    ) -> TransactWriteItemTypeDef:
        """Amounts added to a slice that holds more than was archived, if it is still what was read. A slice
        of watermarks alone may add nothing.
        """
        condition = unchanged(held.counter, held.watermarks)
        if not added and not marks:
            return {
                "ConditionCheck": {
                    "TableName": self._table.name,
                    "Key": key_of(_place(row)),
                    "ConditionExpression": condition.expression,
                    "ExpressionAttributeNames": condition.names,
                    "ExpressionAttributeValues": condition.values,
                }
            }
        return {
            "Update": {
                "TableName": self._table.name,
                "Key": key_of(_place(row)),
                "UpdateExpression": f"{assignment(marks)} {addition(added)}".strip(),
                "ConditionExpression": condition.expression,
                "ExpressionAttributeNames": {**condition.names, **named("#a", added), **named("#w", marks)},
                "ExpressionAttributeValues": {
                    **condition.values,
                    **numbers(":a", added.values()),
                    **binaries(":w", marks.values()),
                },
            }
        }


def _removed(row: StoredSlice) -> str:
    month = month_of(row.counter.period)
    return (
        f"the counter of {row.key} in {row.counter.period} was archived, and is not in the table, though its "
        "batch has not left it: it was removed, or the table was restored to a moment at which the month was "
        f"being archived. `usage-meter archive {month} --restore` brings it back, then "
        f"`usage-meter reconcile {month}` names what else is missing"
    )


def _mark(item: Item) -> ArchiveMark:
    with decoding(item):
        counts = (int(item[name]["N"]) for name in ("batches", "moved", "version"))
        return ArchiveMark(Period(item["sk"]["S"]), item["index"]["S"], item["sha256"]["S"], *counts)


def _mark_item(mark: ArchiveMark) -> Item:
    return {
        **_mark_key(mark.month),
        "index": {"S": mark.name},
        "sha256": {"S": mark.sha256},
        "batches": {"N": str(mark.batches)},
        "moved": {"N": str(mark.moved)},
        "version": {"N": str(mark.version)},
    }


def _mark_key(month: Period) -> dict[str, AttributeValue]:
    return key_of((ARCHIVES, str(month)))


def _place(row: StoredSlice) -> Place:
    return counter_pk(row.key), counter_sk(row.counter.period, row.number)


def _slice(item: Item) -> StoredSlice:
    """The slice that an item is.

    Raises:
        UnreadableItem: it is none, or holds what would be lost.
    """
    counter = counter_of(item)
    with decoding(item):
        number = int(item["sk"]["S"].rpartition(SLICE_MARK)[2])
    watermarks = {name: item[name]["B"] for name in sorted(item) if "B" in item[name]}
    known = {
        "pk",
        "sk",
        *TOTALS,
        *watermarks,
        *(part_attribute(counter.period, one) for one in counter.parts),
    }
    if further := sorted(item.keys() - known):
        raise UnreadableItem(name_of(item), f"{further[0]} is nothing that the meter writes")
    return StoredSlice(counter, number, watermarks)


def _item(row: StoredSlice) -> Item:
    """The item that a slice is. A total or part of 0 is left out: it is none."""
    found: dict[str, AttributeValue] = {
        **key_of(_place(row)),
        **{name: {"N": str(amount)} for name, amount in amounts(row.counter).items()},
        **{name: {"B": mark} for name, mark in row.watermarks.items()},
    }
    return found


def _is_same(one: StoredSlice, other: StoredSlice) -> bool:
    return (amounts(one.counter), one.watermarks) == (amounts(other.counter), other.watermarks)
