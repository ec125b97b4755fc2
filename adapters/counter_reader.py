"""The counters read: those of one key by a Query, those of all keys in a period by a parallel Scan.

A Scan reads the whole table, and pays for it: only so is a key found that the lake knows nothing of.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from adapters.batch_get import BatchGet
from adapters.counters import usage_of
from adapters.errors import translate
from adapters.models import KEY_PREFIX, SLICES, counter_pk, counter_sk, key_of_pk
from adapters.quota_store import slices_of_item
from metering.counter import Counter, summed
from metering.period import Period, month_of, parse_period
from metering.usage import NO_USAGE, TOTALS

SEGMENTS: Final = 8
"""Parts of the table that are read at a time."""

SLICE_MARK: Final = "#"
"""What stands between a period and the number of a slice: see :func:`adapters.models.counter_sk`."""

_AFTER_SLICES: Final = "$"
"""What sorts after all slices of a period, and before what follows: a slice's mark comes just before it."""

Item = Mapping[str, Any]
Page = Mapping[str, Any]
_PARTS: Final = frozenset([f"d{day:02d}" for day in range(1, 32)] + [f"h{hour:02d}" for hour in range(24)])
_READ_TOTALS: Final = ["pk", "sk", *TOTALS]
_READ: Final = [*_READ_TOTALS, *sorted(_PARTS)]


class CounterReader:
    """Reads the counters table, always the last state that was written."""

    def __init__(self, dynamodb: Any, table_name: str, segments: int = SEGMENTS) -> None:
        """`dynamodb` is a boto3 client with as many connections as `segments`."""
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._segments = segments
        self._batches = BatchGet(table_name, dynamodb)
        self.items_read = 0
        """Items that DynamoDB looked at so far, the skipped ones too."""
        self.read_units = 0.0
        """Read units so far."""

    def of_key(self, key: str, period: Period) -> list[Counter]:
        """The counters of a key in a month with its days, or in a day; in the order of their periods.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        request = {
            "KeyConditionExpression": "#pk = :pk AND begins_with(#sk, :period)",
            "ExpressionAttributeValues": {":pk": {"S": counter_pk(key)}, ":period": {"S": period}},
        }
        return list(summed(self._counters(self._pages("query", request))))

    def counter(self, key: str, period: Period) -> Counter:
        """The counter of a key in a month or day, by one request that reads its slices and nothing else; with
        no usage where there is none.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        request = {
            "KeyConditionExpression": "#pk = :pk AND begins_with(#sk, :slices)",
            "ExpressionAttributeValues": {
                ":pk": {"S": counter_pk(key)},
                ":slices": {"S": f"{period}{SLICE_MARK}"},
            },
        }
        found = list(summed(self._counters(self._pages("query", request))))
        return found[0] if found else Counter(key, period, NO_USAGE)

    def days(self, key: str, first: Period, last: Period) -> list[Counter]:
        """The days from `first` to `last`, both included, in which a key has a counter, in order and without
        their hours: by one Query. Months that begin in between are read along. A page has 1 MB, and a day's
        item less than 1 KB.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        request = {
            "KeyConditionExpression": "#pk = :pk AND #sk BETWEEN :first AND :end",
            "ExpressionAttributeValues": {
                ":pk": {"S": counter_pk(key)},
                ":first": {"S": f"{first}{SLICE_MARK}"},
                ":end": {"S": f"{last}{_AFTER_SLICES}"},
            },
        }
        found = summed(self._counters(self._pages("query", request, _READ_TOTALS)))
        return [counter for counter in found if len(counter.period) == len(first)]

    def of_keys(self, keys: Iterable[str], period: Period) -> list[Counter]:
        """The counters of those keys that have one in a month or day, in no order: by a BatchGetItem for each
        hundred items. A slice is registered before anything is added to it, so that none is missed.

        Raises:
            Transient, Misconfigured: the table cannot be read.
        """
        month = (SLICES, month_of(period))
        places = {key: (counter_pk(key), counter_sk(period, 0)) for key in dict.fromkeys(keys)}
        items = self._batches.items([month, *places.values()], consistent=True)
        further = [number for number in slices_of_item(items.pop(month, None)) if number]
        items |= self._batches.items(
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
        request = {
            "FilterExpression": "begins_with(#pk, :key) AND begins_with(#sk, :period)",
            "ExpressionAttributeValues": {":key": {"S": KEY_PREFIX}, ":period": {"S": period}},
        }
        return self._counters(self._scanned(request))

    def _counters(self, pages: Iterable[Page]) -> Iterator[Counter]:
        for page in pages:
            self.items_read += page["ScannedCount"]
            self.read_units += page.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0)
            for item in page["Items"]:
                yield counter_of(item)

    def _pages(
        self, operation: str, request: Mapping[str, Any], read: Sequence[str] = _READ
    ) -> Iterator[Page]:
        start: dict[str, Any] = {}
        while True:
            page = self._page(operation, {**request, **start}, read)
            yield page
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _scanned(self, request: Mapping[str, Any]) -> Iterator[Page]:
        """The pages of all segments as they come; while one is used, the next of its segment is read."""
        with ThreadPoolExecutor(self._segments, "scan") as pool:
            segments = [
                self._pages("scan", {**request, "Segment": number, "TotalSegments": self._segments})
                for number in range(self._segments)
            ]
            waiting = {pool.submit(next, segment, None): segment for segment in segments}
            try:
                while waiting:
                    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in done:
                        segment = waiting.pop(future)
                        if (page := future.result()) is not None:
                            waiting[pool.submit(next, segment, None)] = segment
                            yield page
            finally:
                _cancel(waiting)

    def _page(self, operation: str, request: Mapping[str, Any], read: Sequence[str]) -> Page:
        names = {f"#{name}": name for name in read}
        try:
            page: Page = getattr(self._dynamodb, operation)(
                TableName=self._table_name,
                ConsistentRead=True,
                ProjectionExpression=", ".join(names),
                ExpressionAttributeNames=names,
                ReturnConsumedCapacity="TOTAL",
                **request,
            )
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"{operation.capitalize()} of {self._table_name}") from error
        return page


def _cancel(futures: Iterable[Future[Page | None]]) -> None:
    for future in futures:
        future.cancel()


def counter_of(item: Item) -> Counter:
    """The counter, or slice of one, that an item holds."""
    period, _, _ = item["sk"]["S"].partition("#")
    parts = {name[1:]: int(value["N"]) for name, value in item.items() if name in _PARTS}
    return Counter(key_of_pk(item["pk"]["S"]), parse_period(period), usage_of(item), parts)
