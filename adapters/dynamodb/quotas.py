"""What decides on a call, read from the counters table: one BatchGetItem for each decision.

It costs half a read unit for each item: the plan of the key when it is not known yet, and the counter of a
month or a day for each slice. So it is 1 unit for a plan with limits by the month and by the hour or day, and
0.5 for one with limits of one length. A Query from the month's sort key to the day's would read the days
before as well.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Final

from adapters.dynamodb.counters import usage_of
from adapters.dynamodb.hot_path.conditional_writes import Item
from adapters.dynamodb.item_content import decoding, number_of
from adapters.dynamodb.layout import (
    ACCOUNT_SK,
    DIGEST_SK,
    PLAN,
    PROGRESS,
    SETTLED,
    SETTLED_TIME,
    SLICES,
    account_pk,
    assignment_pk,
    counter_pk,
    counter_sk,
    digest_pk,
    part_attribute,
)
from adapters.dynamodb.plan_content import decode_account, decode_assignment, decode_plan
from adapters.dynamodb.table import Place, Table
from metering.period import Period, is_day, month_of
from metering.quotas.decision import Counted
from metering.quotas.plan import AccountKeys, Plan
from metering.quotas.ports import Facts, Wanted
from metering.usage import Usage

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

SLICES_SECONDS: Final = 60.0
"""So long the slices of a month are believed to be all: a new one comes when a stream gets its 17th shard."""

CLOSED_SECONDS: Final = 86_400
"""A shard without progress for so long is closed: each open one has a heartbeat a minute."""


class DynamoDBQuotaStore:
    """The port `QuotaStore` on the counters table."""

    def __init__(
        self, table_name: str, dynamodb: DynamoDBClient, now: Callable[[], float] = time.monotonic
    ) -> None:
        """`now` returns seconds since any start."""
        self._table = Table(dynamodb, table_name)
        self._slices = SliceBook(now)

    def read(self, wanted: Wanted) -> Facts:
        """All that is wanted by one request, and a second one where a month has more slices than were known:
        see :class:`metering.quotas.ports.QuotaStore`.
        """
        months = {month_of(period) for period in wanted.periods}
        unsure = [month for month in months if self._slices.is_old(month)]
        places = {period: self._places(wanted.key, period) for period in wanted.periods}
        assignment = (assignment_pk(wanted.key), wanted.key)
        asked = [place for one in places.values() for place in one.values()]
        asked += [(SLICES, month) for month in unsure]
        if wanted.assignment:
            asked.append(assignment)
        if wanted.plan is not None:
            asked.append((PLAN, wanted.plan))
        items = self._table.get_all(asked)
        for month in unsure:
            self._slices.learn(month, slices_of_item(items.get((SLICES, month))))
        places = {period: self._places(wanted.key, period) for period in wanted.periods}
        if missing := {place for one in places.values() for place in one.values()} - set(asked):
            items |= self._table.get_all(missing)
        plan = items.get((PLAN, wanted.plan)) if wanted.plan is not None else None
        return Facts(
            counted=counted_of(
                (period, items[place])
                for period, one in places.items()
                for place in one.values()
                if place in items
            ),
            assignment=decode_assignment(items[assignment]) if assignment in items else None,
            plan=None if plan is None else decode_plan(plan),
        )

    def plan(self, name: str) -> Plan | None:
        """A plan, by one request."""
        item = self._table.get((PLAN, name))
        return None if item is None else decode_plan(item)

    def account(self, name: str) -> AccountKeys | None:
        """An account, by one request."""
        item = self._table.get((account_pk(name), ACCOUNT_SK))
        return None if item is None else decode_account(name, item)

    def counted(self, keys: Iterable[str], periods: frozenset[Period]) -> Counted:
        """What the counters of several keys hold together: one request for each hundred items."""
        months = {month_of(period) for period in periods}
        unsure = [month for month in months if self._slices.is_old(month)]
        known = self._table.get_all((SLICES, month) for month in unsure) if unsure else {}
        for month in unsure:
            self._slices.learn(month, slices_of_item(known.get((SLICES, month))))
        places = {
            place: period
            for key in keys
            for period in periods
            for place in self._places(key, period).values()
        }
        items = self._table.get_all(places)
        return counted_of((places[place], item) for place, item in items.items())

    def key_of(self, digest: str) -> str | None:
        """The id of the key with a digest, by one request."""
        item = self._table.get((digest_pk(digest), DIGEST_SK))
        if item is None:
            return None
        with decoding(item):
            return str(item["key_id"]["S"])

    def counted_through(self, now: int) -> int | None:
        """The least progress of all shards that are not closed, by one request for each 1 MB of them, some
        12,000 shards. The watch removes the progress of those that the stream no longer lists.
        """
        progress = self._table.query(PROGRESS)
        arrived = [number_of(item, "arrived_at") // 1000 for item in progress if "arrived_at" in item]
        return min((at for at in arrived if at > now - CLOSED_SECONDS), default=None)

    def settled_through(self) -> int | None:
        """What the watch has noted, by one request."""
        item = self._table.get((SETTLED, SETTLED_TIME))
        return None if item is None else number_of(item, "through") // 1000

    def _places(self, key: str, period: Period) -> dict[int, Place]:
        return {
            number: (counter_pk(key), counter_sk(period, number))
            for number in self._slices.of(month_of(period))
        }


class SliceBook:
    """Which slices the counters of a month have, as far as that is known; 0 always."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._known: dict[Period, tuple[float, frozenset[int]]] = {}

    def of(self, month: Period) -> frozenset[int]:
        """The slices of a month."""
        _, numbers = self._known.get(month, (0.0, frozenset({0})))
        return numbers

    def is_old(self, month: Period) -> bool:
        """Whether it is time to ask again."""
        return month not in self._known or self._known[month][0] <= self._now() - SLICES_SECONDS

    def learn(self, month: Period, numbers: frozenset[int]) -> None:
        """Note what an answer said. Only the latest two months are kept."""
        self._known[month] = (self._now(), numbers)
        for old in sorted(self._known)[:-2]:
            del self._known[old]


def slices_of_item(item: Item | None) -> frozenset[int]:
    """The slices of a month: those of its item, and 0.

    Raises:
        UnreadableItem: the item holds none.
    """
    if item is None:
        return frozenset({0})
    with decoding(item):
        return frozenset({0} | {int(number) for number in item["numbers"]["NS"]})


def counted_of(items: Iterable[tuple[Period, Item]]) -> Counted:
    """The usage by month and day, and by hour of a day, of items that may be slices of one counter.

    Raises:
        UnreadableItem: an item holds something else.
    """
    counted: dict[Period, Usage] = {}
    for period, item in items:
        _add(counted, period, usage_of(item))
        if is_day(period):
            for hour, requests in hours_of_item(item).items():
                _add(counted, Period(f"{period}T{hour}"), Usage(requests=requests))
    return counted


_HOURS: Final = {part_attribute(Period("2026-11-05"), f"{hour:02d}"): f"{hour:02d}" for hour in range(24)}


def hours_of_item(item: Item) -> Mapping[str, int]:
    """The requests of the hours of a day."""
    return {hour: number_of(item, name) for name, hour in _HOURS.items() if name in item}


def _add(counted: dict[Period, Usage], period: Period, usage: Usage) -> None:
    known = counted.get(period)
    counted[period] = usage if known is None else known + usage
