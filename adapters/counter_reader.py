"""The counters read: those of one key by a Query, those of all keys in a period by a parallel Scan.

A Scan reads the whole table, and pays for it: only so is a key found that the lake knows nothing of.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Scan.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from adapters.counters import usage_of
from adapters.errors import translate
from adapters.models import KEY_PREFIX, counter_pk, key_of_pk
from metering.counter import Counter, summed
from metering.period import Period, parse_period
from metering.usage import TOTALS

SEGMENTS: Final = 8
"""Parts of the table that are read at a time."""

Item = Mapping[str, Any]
Page = Mapping[str, Any]
_PARTS: Final = frozenset([f"d{day:02d}" for day in range(1, 32)] + [f"h{hour:02d}" for hour in range(24)])
_READ: Final = ["pk", "sk", *TOTALS, *sorted(_PARTS)]


class CounterReader:
    """Reads the counters table, always the last state that was written."""

    def __init__(self, dynamodb: Any, table_name: str, segments: int = SEGMENTS) -> None:
        """`dynamodb` is a boto3 client with as many connections as `segments`."""
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._segments = segments
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

    def _pages(self, operation: str, request: Mapping[str, Any]) -> Iterator[Page]:
        start: dict[str, Any] = {}
        while True:
            page = self._page(operation, {**request, **start})
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

    def _page(self, operation: str, request: Mapping[str, Any]) -> Page:
        names = {f"#{name}": name for name in _READ}
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
