"""The counters read: those of one key by a Query, those of all keys in a period by a parallel Scan.

A Scan reads the whole table, and pays for it: only so is a key found that the lake knows nothing of.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from adapters.dynamodb.counters import usage_of
from adapters.dynamodb.hot_path.conditional_writes import Item
from adapters.dynamodb.item_content import DECODING_ERRORS, decoding, number_of
from adapters.dynamodb.layout import KEY_PREFIX, SLICES, counter_pk, counter_sk, key_of_pk
from adapters.dynamodb.quotas import slices_of_item
from adapters.dynamodb.table import Page, SortKeys, Table, beginning, between
from metering.counters.counter import Counter, UnreadableCounter, summed
from metering.errors import UnreadableItem
from metering.period import Period, is_day, month_of, parse_period
from metering.usage import NO_USAGE, TOTALS

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

SEGMENTS: Final = 8
"""Parts of the table that are read at a time."""

SLICE_MARK: Final = "#"
"""What stands between a period and the number of a slice: see :func:`adapters.dynamodb.layout.counter_sk`."""

_AFTER_SLICES: Final = "$"
"""What sorts after all slices of a period, and before what follows: a slice's mark comes just before it."""

_PART_NAMES: Final = [f"d{day:02d}" for day in range(1, 32)] + [f"h{hour:02d}" for hour in range(24)]
_PARTS: Final = {name: name[1:] for name in _PART_NAMES}
"""The parts of a period by their attributes."""

_period = lru_cache(4096)(parse_period)
_READ_TOTALS: Final = ["pk", "sk", *TOTALS]
_READ: Final = [*_READ_TOTALS, *sorted(_PARTS)]
_COUNTERS_OF: Final = "begins_with(pk, :key) AND begins_with(sk, :period)"


class CounterReader:
    """Reads the counters table, always the last state that was written."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table_name: str,
        segments: int = SEGMENTS,
        on_unreadable: Callable[[UnreadableCounter], None] | None = None,
    ) -> None:
        """`dynamodb` is a client with as many connections as `segments`. `on_unreadable` is called with
        each item that cannot be read while those of all keys are; without it, that is an error.
        """
        self._table = Table(dynamodb, table_name)
        self._segments = segments
        self._on_unreadable = on_unreadable
        self.items_read = 0
        """Items that DynamoDB looked at so far, the skipped ones too."""
        self.read_units = 0.0
        """Read units so far."""

    def of_key(self, key: str, period: Period) -> list[Counter]:
        """The counters of a key in a month with its days, or in a day; in the order of their periods.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        return list(summed(self._counters(self._pages(key, beginning(period)))))

    def counter(self, key: str, period: Period) -> Counter:
        """The counter of a key in a month or day, by one request that reads its slices and nothing else; with
        no usage where there is none.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        found = list(summed(self._counters(self._pages(key, beginning(f"{period}{SLICE_MARK}")))))
        return found[0] if found else Counter(key, period, NO_USAGE)

    def days(self, key: str, first: Period, last: Period) -> list[Counter]:
        """The days from `first` to `last`, both included, in which a key has a counter, in order and without
        their hours: by one Query. Months that begin in between are read along. A page has 1 MB, and a day's
        item less than 1 KB.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        wanted = between(f"{first}{SLICE_MARK}", f"{last}{_AFTER_SLICES}")
        found = summed(self._counters(self._pages(key, wanted, _READ_TOTALS)))
        return [counter for counter in found if is_day(counter.period)]

    def of_keys(self, keys: Iterable[str], period: Period) -> list[Counter]:
        """The counters of those keys that have one in a month or day, in no order: by a BatchGetItem for each
        hundred items. A slice is registered before anything is added to it, so that none is missed.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        month = (SLICES, month_of(period))
        places = {key: (counter_pk(key), counter_sk(period, 0)) for key in dict.fromkeys(keys)}
        items = self._table.get_all([month, *places.values()], consistent=True)
        further = [number for number in slices_of_item(items.pop(month, None)) if number]
        items |= self._table.get_all(
            [(counter_pk(key), counter_sk(period, number)) for key in places for number in further],
            consistent=True,
        )
        return list(summed(counter_of(items[place]) for place in sorted(items)))

    def of_period(self, period: Period) -> Iterator[Counter]:
        """The counters of all keys in a month with its days, or in a day: in no order, each slice for itself.
        Holds one page of each segment at a time.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        pages = self._table.scan(_COUNTERS_OF, {":key": KEY_PREFIX, ":period": period}, _READ, self._segments)
        if self._on_unreadable is None:
            return self._counters(pages)
        return self._readable(self._items(pages), self._on_unreadable)

    def _counters(self, pages: Iterable[Page]) -> Iterator[Counter]:
        yield from map(counter_of, self._items(pages))

    def _items(self, pages: Iterable[Page]) -> Iterator[Item]:
        for page in pages:
            self.items_read += page.looked_at
            self.read_units += page.read_units
            yield from page.items

    def _readable(
        self, items: Iterable[Item], on_unreadable: Callable[[UnreadableCounter], None]
    ) -> Iterator[Counter]:
        for item in items:
            try:
                yield counter_of(item)
            except UnreadableItem as error:
                on_unreadable(UnreadableCounter(key_of_pk(item["pk"]["S"]), _period_of(item), str(error)))

    def _pages(self, key: str, wanted: SortKeys, attributes: list[str] = _READ) -> Iterator[Page]:
        return self._table.pages(counter_pk(key), wanted, attributes=attributes)


def _period_of(item: Item) -> Period | None:
    """The period of a counter's item, if it has one."""
    try:
        return parse_period(item["sk"]["S"].partition(SLICE_MARK)[0])
    except ValueError:
        return None


def counter_of(item: Item) -> Counter:
    """The counter, or slice of one, that an item holds.

    Raises:
        UnreadableItem: it holds none.
    """
    try:
        period = _period(item["sk"]["S"].partition(SLICE_MARK)[0])
        parts = {_PARTS[name]: int(value["N"]) for name, value in item.items() if name in _PARTS}
        return Counter(key_of_pk(item["pk"]["S"]), period, usage_of(item), parts)
    except DECODING_ERRORS:
        return _slowly(item)


def _slowly(item: Item) -> Counter:
    """The same, with the name of the attribute that cannot be read."""
    with decoding(item):
        key, period = key_of_pk(item["pk"]["S"]), parse_period(item["sk"]["S"].partition(SLICE_MARK)[0])
    parts = {_PARTS[name]: number_of(item, name) for name in item if name in _PARTS}
    return Counter(key, period, usage_of(item), parts)
