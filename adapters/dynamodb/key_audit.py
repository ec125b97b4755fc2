"""What the counters table holds of one key beside its totals: slices and watermarks, published thresholds,
and what was repaired.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from adapters.dynamodb.counter_reader import SLICE_MARK, counter_of
from adapters.dynamodb.hot_path.conditional_writes import Item
from adapters.dynamodb.layout import assignment_pk, counter_pk, decode_position, notifications_pk, repair_pk
from adapters.dynamodb.table import Table, beginning
from metering.counters.counter import Counter
from metering.period import Period, month_of, parse_period

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_WATERMARK: Final = re.compile(r"w(\d+)", re.ASCII)
_OTHER_SHARD: Final = "w:"
_SHARD_DIGITS: Final = 12
_THRESHOLD_NAME: Final = re.compile(r"(\S+) (\S+) (\d+) (\d+)", re.ASCII)


class Slice(NamedTuple):
    """A counter, as far as the shards of one slice brought it."""

    number: int
    counter: Counter
    watermarks: Mapping[str, int]
    """By shard: the highest sequence number that is in it."""


class Alert(NamedTuple):
    """A threshold that the key has reached."""

    period: Period
    metric: str
    amount: int
    """Of the limit, as it stood for the key."""
    threshold: int
    """A percentage of the amount."""
    claimed_at: datetime | None
    """None: it was published. Otherwise the processor of a shard claimed it then, and has not published it.
    """

    @property
    def is_published(self) -> bool:
        """Whether its event was published."""
        return self.claimed_at is None


class KeyRepair(NamedTuple):
    """A counter that was brought to another figure by hand."""

    period: Period
    before: int
    """Requests."""
    after: int
    reason: str
    report: str
    """The run that had found the difference."""
    who: str
    at: str
    """ISO 8601, in UTC."""


class KeyReader:
    """Reads the items of one key, always the last state that was written."""

    def __init__(self, dynamodb: DynamoDBClient, table_name: str) -> None:
        self._table = Table(dynamodb, table_name)

    def is_known(self, key: str) -> bool:
        """Whether a call of the key was ever counted, or it has a plan.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        return bool(
            self._table.first(counter_pk(key), 1)
            or self._table.get((assignment_pk(key), key), consistent=True)
        )

    def slices(self, key: str, period: Period) -> list[Slice]:
        """The slices of a key's counter in a month or day, in order.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        found = map(_slice, self._table.query(counter_pk(key), beginning(f"{period}{SLICE_MARK}")))
        return sorted(found, key=lambda one: one.number)

    def alerts(self, key: str, period: Period) -> list[Alert]:
        """The thresholds that a key has reached in a month, its days and hours; or in a day and its
        hours, and in the day's month. In the order of periods, metrics and thresholds.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        month = month_of(period)
        alerts = [
            alert
            for item in self._table.query(notifications_pk(key), beginning(month))
            for alert in _alerts(item)
        ]
        wanted = (alert for alert in alerts if alert.period == month or alert.period.startswith(period))
        return sorted(wanted, key=lambda alert: (alert.period, alert.metric, alert.amount, alert.threshold))

    def repairs(self, key: str, period: Period) -> list[KeyRepair]:
        """The repairs of a key's counters in a month and its days, or in a day; in the order of periods.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        return [_repair(item) for item in self._table.query(repair_pk(key), beginning(period))]


def _slice(item: Item) -> Slice:
    _, _, number = item["sk"]["S"].partition(SLICE_MARK)
    marks = {name: value["B"] for name, value in item.items() if "B" in value}
    return Slice(int(number), counter_of(item), positions_of(marks))


def positions_of(watermarks: Mapping[str, bytes]) -> dict[str, int]:
    """The watermarks of a counter by shard, from those by attribute."""
    found = {shard_of(name): decode_position(mark) for name, mark in watermarks.items()}
    return {shard: found[shard] for shard in sorted(filter(None, found))}


def shard_of(attribute: str) -> str | None:
    """The shard whose watermark an attribute is, by :func:`adapters.dynamodb.layout.watermark_attribute`;
    None: it is something else.
    """
    if attribute.startswith(_OTHER_SHARD):
        return attribute.removeprefix(_OTHER_SHARD)
    match = _WATERMARK.fullmatch(attribute)
    return f"shardId-{match.group(1).zfill(_SHARD_DIGITS)}" if match else None


def _repair(item: Item) -> KeyRepair:
    period, _, _ = item["sk"]["S"].partition(SLICE_MARK)
    before, after = (int(msgspec.json.decode(item[name]["S"])["requests"]) for name in ("before", "after"))
    reason, report, who, at = (item[name]["S"] for name in ("reason", "report", "who", "at"))
    return KeyRepair(parse_period(period), before, after, reason, report, who, at)


def _alerts(item: Item) -> Iterator[Alert]:
    for name, value in item.items():
        match = _THRESHOLD_NAME.fullmatch(name)
        if match is None or "M" not in value:
            continue
        period, metric, amount, threshold = match.groups()
        claim = value["M"]
        at = None if "told" in claim else datetime.fromtimestamp(int(claim["at"]["N"]), UTC)
        yield Alert(parse_period(period), metric, int(amount), int(threshold), at)
