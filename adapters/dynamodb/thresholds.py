"""Thresholds that were reached: what is known of them in the counters table.

An item `told:<key>` holds the state of the crossings of a month, or of a day and its hours: an attribute
for each, named `<period> <metric> <amount> <threshold>`, that is a claim (shard and time) or says that it was
published.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import takewhile
from typing import TYPE_CHECKING, Final, TypeVar

from adapters.dynamodb.hot_path.conditional_writes import (
    AttributeValue,
    ConditionalUpdates,
    Item,
    UpdateAnswer,
    UpdateRequest,
)
from adapters.dynamodb.item_content import decoding
from adapters.dynamodb.layout import (
    ACCOUNT_SK,
    PLAN,
    SLICES,
    UNPUBLISHED,
    account_pk,
    assignment_pk,
    counter_pk,
    counter_sk,
    notifications_pk,
)
from adapters.dynamodb.plan_content import decode_account, decode_assignment, decode_plan
from adapters.dynamodb.quotas import counted_of, slices_of_item
from adapters.dynamodb.table import ALL, Table, below, from_on
from metering.counters.ports import Status
from metering.errors import Transient, UnreadableItem
from metering.period import Period, day_of, is_month
from metering.quotas.decision import Counted
from metering.quotas.plan import AccountKeys, Assignment, Plan
from metering.quotas.ports import ClaimStatus, KeyPlan, Notification, SharedPlan, ThresholdCrossing
from metering.quotas.threshold import decode_crossing, encode_crossing

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

NOT_CLAIMED: Final = "attribute_not_exists(#crossing)"
CLAIMED_BY_SHARD: Final = "#crossing.#shard = :shard"
CLAIM_IS_STALE: Final = "#crossing.#at < :stale"

DEFERRED_AT_ONCE: Final = 100
"""So many crossings that wait are read at a time: ten requests of EventBridge publish them."""


Place = tuple[str, Period, int]

Value = TypeVar("Value")


class DynamoDBNotifications:
    """The port `NotificationStore` on the counters table."""

    def __init__(
        self,
        table_name: str,
        dynamodb: DynamoDBClient,
        updates: ConditionalUpdates,
        default_plan: str | None = None,
    ) -> None:
        """`default_plan` is that of keys without a plan of their own, as for the authorizer."""
        self._table_name = table_name
        self._table = Table(dynamodb, table_name)
        self._default_plan = default_plan
        self._updates = updates

    def plans_of(self, keys: Sequence[str]) -> dict[str, KeyPlan | UnreadableItem]:
        """The plans of those keys that have one: see :class:`metering.quotas.ports.NotificationStore`."""
        places = {(assignment_pk(key), key): key for key in keys}
        items = self._table.get_all(places)
        found = {places[place]: _read(decode_assignment, item) for place, item in items.items()}
        default = self._default_plan
        usual = {} if default is None else {key: Assignment(key, default) for key in keys}
        return self._with_plans({**usual, **found})

    def accounts_of(self, names: Sequence[str]) -> dict[str, SharedPlan | UnreadableItem]:
        """The plans of those accounts that have one: see :class:`metering.quotas.ports.NotificationStore`."""
        places = {(account_pk(name), ACCOUNT_SK): name for name in names}
        items = self._table.get_all(places)
        accounts = {
            name: _read(partial(decode_account, name), items[place])
            for place, name in places.items()
            if place in items
        }
        planned = self._with_plans(
            {
                name: one if isinstance(one, UnreadableItem) else one.assignment
                for name, one in accounts.items()
            }
        )
        keys = {name: one.keys for name, one in accounts.items() if isinstance(one, AccountKeys)}
        return {
            name: one if isinstance(one, UnreadableItem) else SharedPlan(one, keys[name])
            for name, one in planned.items()
        }

    def slices_of(self, months: Sequence[Period]) -> dict[Period, frozenset[int]]:
        """The slices of each month: see :class:`metering.quotas.ports.NotificationStore`."""
        items = self._table.get_all(((SLICES, month) for month in months), consistent=True)
        return {month: slices_of_item(items.get((SLICES, month))) for month in months}

    def totals_of(self, places: Sequence[Place]) -> dict[Place, Counted | UnreadableItem]:
        """What slices hold by now: see :class:`metering.quotas.ports.NotificationStore`."""
        keys = {place: (counter_pk(place[0]), counter_sk(place[1], place[2])) for place in places}
        items = self._table.get_all(keys.values(), consistent=True)
        return {
            place: _read(partial(_counted_in, place[1]), items[key])
            for place, key in keys.items()
            if key in items
        }

    def claim(self, notifications: Sequence[Notification]) -> list[ClaimStatus]:
        """Claim crossings: see :class:`metering.quotas.ports.NotificationStore`."""
        answers = self._updates.run([self._claim(one) for one in notifications])
        return [_claimed(one.crossing, answer) for one, answer in zip(notifications, answers, strict=True)]

    def mark_published(self, crossings: Sequence[ThresholdCrossing]) -> list[bool]:
        """Mark crossings as published: see :class:`metering.quotas.ports.NotificationStore`."""
        return self._written(
            self._update(
                _place(one),
                "SET #crossing = :told",
                {"#crossing": _name(one)},
                {":told": {"M": {"told": {"N": "1"}}}},
            )
            for one in crossings
        )

    def defer(self, crossings: Sequence[ThresholdCrossing]) -> list[bool]:
        """Keep crossings for later: see :class:`metering.quotas.ports.NotificationStore`."""
        return self._written(
            self._update(
                (UNPUBLISHED, one.id),
                "SET #content = :content",
                {"#content": "content"},
                {":content": {"S": encode_crossing(one)}},
            )
            for one in crossings
        )

    def deferred(self, start: str = "") -> list[ThresholdCrossing | UnreadableItem]:
        """Crossings that wait, from an id on: see :class:`metering.quotas.ports.NotificationStore`."""
        found = list(self._table.first(UNPUBLISHED, DEFERRED_AT_ONCE, from_on(start) if start else ALL))
        if start and len(found) < DEFERRED_AT_ONCE:
            found += self._table.first(UNPUBLISHED, DEFERRED_AT_ONCE - len(found), below(start))
        return [_read(_crossing, item) for item in found]

    def settle(self, crossings: Sequence[ThresholdCrossing]) -> list[bool]:
        """Remove crossings from those that wait: see :class:`metering.quotas.ports.NotificationStore`.

        After a request without an answer no other is made: what is not removed is found again.
        """
        removed = len(list(takewhile(self._remove, crossings)))
        return [number < removed for number in range(len(crossings))]

    def _with_plans(
        self, assignments: Mapping[str, Assignment | UnreadableItem | None]
    ) -> dict[str, KeyPlan | UnreadableItem]:
        """Assignments with their plans, those of plans that are there."""
        named = {one.plan for one in assignments.values() if isinstance(one, Assignment)}
        items = self._table.get_all((PLAN, name) for name in named)
        plans = {name: _read(decode_plan, item) for (_, name), item in items.items()}
        found: dict[str, KeyPlan | UnreadableItem] = {}
        for holder, one in assignments.items():
            plan = plans.get(one.plan) if isinstance(one, Assignment) else one
            if isinstance(one, Assignment) and isinstance(plan, Plan):
                found[holder] = KeyPlan(one, plan)
            elif isinstance(plan, UnreadableItem):
                found[holder] = plan
        return found

    def _claim(self, one: Notification) -> UpdateRequest:
        crossing = one.crossing
        shard, at = AttributeValue(S=one.shard_id), AttributeValue(N=str(one.now))
        request = self._update(
            _place(crossing),
            "SET #crossing = :claim",
            {"#crossing": _name(crossing), "#shard": "shard", "#at": "at"},
            {
                ":claim": {"M": {"shard": shard, "at": at}},
                ":shard": shard,
                ":stale": {"N": str(one.stale_before)},
            },
        )
        request["ConditionExpression"] = f"{NOT_CLAIMED} OR {CLAIMED_BY_SHARD} OR {CLAIM_IS_STALE}"
        return request

    def _update(
        self, place: tuple[str, str], expression: str, names: Mapping[str, str], values: Item
    ) -> UpdateRequest:
        pk, sk = place
        return {
            "TableName": self._table_name,
            "Key": {"pk": {"S": pk}, "sk": {"S": sk}},
            "UpdateExpression": expression,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }

    def _written(self, requests: Iterable[UpdateRequest]) -> list[bool]:
        return [answer.status is Status.WRITTEN for answer in self._updates.run(list(requests))]

    def _remove(self, crossing: ThresholdCrossing) -> bool:
        try:
            self._table.delete((UNPUBLISHED, crossing.id))
        except Transient:
            return False
        return True


def _read(decode: Callable[[Item], Value], item: Item) -> Value | UnreadableItem:
    """What an item holds, or why that cannot be read: one item must not stop all others."""
    try:
        return decode(item)
    except UnreadableItem as error:
        return error


def _counted_in(period: Period, item: Item) -> Counted:
    return counted_of([(period, item)])


def _crossing(item: Item) -> ThresholdCrossing:
    with decoding(item):
        return decode_crossing(item["content"]["S"])


def _place(crossing: ThresholdCrossing) -> tuple[str, str]:
    """The item of a crossing: that of its month, or of its day."""
    period = crossing.period
    return notifications_pk(crossing.key), period if is_month(period) else day_of(period)


def _name(crossing: ThresholdCrossing) -> str:
    return f"{crossing.period} {crossing.metric} {crossing.amount} {crossing.threshold}"


def _claimed(crossing: ThresholdCrossing, answer: UpdateAnswer) -> ClaimStatus:
    match answer.status:
        case Status.WRITTEN:
            return ClaimStatus.OURS
        case Status.UNAVAILABLE:
            return ClaimStatus.UNAVAILABLE
        case Status.REFUSED:
            return ClaimStatus.PUBLISHED if _is_published(crossing, answer.item) else ClaimStatus.TAKEN


def _is_published(crossing: ThresholdCrossing, item: Item) -> bool:
    return "told" in item.get(_name(crossing), {}).get("M", {})
