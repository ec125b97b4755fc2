"""Leases in DynamoDB: one item for a limit of a key, one UpdateItem for each change of it.

An item of an earlier period is overwritten by the first lease of the next, so that none has to be removed. It
has up to 50 bytes for each authorizer that holds a lease: a change costs 1 write unit up to about 15 of them.
"""

from __future__ import annotations

from collections.abc import Mapping

from adapters.dynamodb.hot_path.conditional_writes import (
    AttributeValue,
    ConditionalUpdates,
    Item,
    UpdateAnswer,
    UpdateRequest,
)
from adapters.dynamodb.item_content import decoding
from adapters.dynamodb.layout import lease_pk
from metering.counters.ports import Status
from metering.period import Period
from metering.quotas.ports import (
    Lease,
    LeaseAnswer,
    LeaseChange,
    LeasePlace,
    LeaseRecord,
    LeaseStatus,
    spent_slot,
)

NO_SHEET = "attribute_not_exists(#period)"
EARLIER_PERIOD = "#period < :period"
SAME_PERIOD = "#period = :period"
ENOUGH_ROOM = "#granted <= :room"
LEASE_IS_OPEN = "attribute_exists(#leases.#closed)"
LEASE_IS_NEW = "attribute_not_exists(#leases.#opened)"
UNCHANGED = "#period = :period AND #granted = :old_granted AND #leases = :old_leases AND #spent = :old_spent"

_NAMES = {"#period": "period", "#granted": "granted", "#leases": "leases", "#spent": "spent"}
_STATUS = {
    Status.WRITTEN: LeaseStatus.WRITTEN,
    Status.REFUSED: LeaseStatus.REFUSED,
    Status.UNAVAILABLE: LeaseStatus.UNAVAILABLE,
}


class DynamoDBLeases:
    """The port `LeaseStore` on the counters table."""

    def __init__(self, table_name: str, updates: ConditionalUpdates) -> None:
        self._table_name = table_name
        self._updates = updates

    def begin(self, place: LeasePlace, sheet: LeaseRecord) -> LeaseAnswer:
        """Begin a period's lease record: see :class:`metering.quotas.ports.LeaseStore`."""
        return self._update(
            place, _write_sheet(), f"{NO_SHEET} OR {EARLIER_PERIOD}", _NAMES, _sheet_values(sheet)
        )

    def take(self, take: LeaseChange) -> LeaseAnswer:
        """Change a lease record by one lease or two: see :class:`metering.quotas.ports.LeaseStore`."""
        change = _Change(take)
        return self._update(take.place, change.expression, change.condition, change.names, change.values)

    def replace(self, place: LeasePlace, old: LeaseRecord, new: LeaseRecord) -> LeaseAnswer:
        """Put another lease record in place of one: see :class:`metering.quotas.ports.LeaseStore`."""
        before: Item = {
            ":old_granted": {"N": str(old.granted)},
            ":old_leases": _leases(old.leases),
            ":old_spent": _spent(old.spent),
        }
        return self._update(place, _write_sheet(), UNCHANGED, _NAMES, {**_sheet_values(new), **before})

    def _update(
        self,
        place: LeasePlace,
        expression: str,
        condition: str,
        names: Mapping[str, str],
        values: Item,
    ) -> LeaseAnswer:
        request: UpdateRequest = {
            "TableName": self._table_name,
            "Key": {"pk": {"S": lease_pk(place.key)}, "sk": {"S": place.limit}},
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ReturnValues": "ALL_NEW",
        }
        (answer,) = self._updates.run([request])
        return _answer(answer)


class _Change:
    """The expressions of a :class:`LeaseChange`."""

    def __init__(self, take: LeaseChange) -> None:
        closed, lease = take.closed, take.lease
        delta = (lease.amount if lease else 0) - (closed.unspent if closed else 0)
        self.names = {name: _NAMES[name] for name in ("#period", "#granted")}
        self.values: dict[str, AttributeValue] = {
            ":period": {"S": take.period},
            ":room": {"N": str(take.room)},
            ":delta": {"N": str(delta)},
        }
        self._sets = ["#granted = #granted + :delta"]
        self._removals: list[str] = []
        self._conditions = [SAME_PERIOD, ENOUGH_ROOM]
        if lease is not None and take.lease_id is not None:
            self._open(take.lease_id, lease)
        if closed is not None:
            self._close(closed.lease_id, spent_slot(closed.at), closed.spent)
        for number, slot in enumerate(take.forget):
            self._forget(number, slot)

    @property
    def expression(self) -> str:
        removals = f" REMOVE {', '.join(self._removals)}" if self._removals else ""
        return f"SET {', '.join(self._sets)}{removals}"

    @property
    def condition(self) -> str:
        return " AND ".join(self._conditions)

    def _open(self, lease_id: str, lease: Lease) -> None:
        self.names |= {"#leases": "leases", "#opened": lease_id}
        self.values[":lease"] = _lease(lease)
        self._sets.append("#leases.#opened = :lease")
        self._conditions.append(LEASE_IS_NEW)

    def _close(self, lease_id: str, slot: int, spent: int) -> None:
        self.names |= {"#leases": "leases", "#closed": lease_id}
        self._removals.append("#leases.#closed")
        self._conditions.append(LEASE_IS_OPEN)
        if spent:
            self.names |= {"#spent": "spent", "#slot": str(slot)}
            self.values |= {":spent": {"N": str(spent)}, ":zero": {"N": "0"}}
            self._sets.append("#spent.#slot = if_not_exists(#spent.#slot, :zero) + :spent")

    def _forget(self, number: int, slot: int) -> None:
        self.names |= {"#spent": "spent", f"#old{number}": str(slot)}
        self._removals.append(f"#spent.#old{number}")


def _write_sheet() -> str:
    return "SET #period = :period, #granted = :granted, #leases = :leases, #spent = :spent"


def _sheet_values(sheet: LeaseRecord) -> dict[str, AttributeValue]:
    return {
        ":period": {"S": sheet.period},
        ":granted": {"N": str(sheet.granted)},
        ":leases": _leases(sheet.leases),
        ":spent": _spent(sheet.spent),
    }


def _leases(leases: Mapping[str, Lease]) -> AttributeValue:
    return {"M": {lease_id: _lease(lease) for lease_id, lease in leases.items()}}


def _lease(lease: Lease) -> AttributeValue:
    return {"L": [{"N": str(lease.amount)}, {"N": str(lease.expires_at)}]}


def _spent(spent: Mapping[int, int]) -> AttributeValue:
    return {"M": {str(slot): {"N": str(amount)} for slot, amount in spent.items()}}


def _answer(answer: UpdateAnswer) -> LeaseAnswer:
    return LeaseAnswer(_STATUS[answer.status], sheet_of(answer.item) if answer.item else None)


def sheet_of(item: Item) -> LeaseRecord:
    """The lease record that an item holds.

    Raises:
        UnreadableItem: it holds none.
    """
    with decoding(item):
        return LeaseRecord(
            Period(item["period"]["S"]),
            int(item["granted"]["N"]),
            {lease_id: _lease_of(value["L"]) for lease_id, value in item["leases"]["M"].items()},
            {int(slot): int(amount["N"]) for slot, amount in item["spent"]["M"].items()},
        )


def _lease_of(value: list[AttributeValue]) -> Lease:
    amount, expires_at = (int(number["N"]) for number in value)
    return Lease(amount, expires_at)
