"""One table of DynamoDB: here queries and scans are followed to their end, batches to their last item, and
errors translated.

Updates of the hot path are :mod:`adapters.dynamodb.hot_path.conditional_writes`'s: they are sent without
boto3.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict, cast

import boto3
from botocore.config import Config

from adapters.dynamodb.hot_path.conditional_writes import AttributeValue, Item
from adapters.dynamodb.hot_path.scan_page import decode_pages
from adapters.errors import AWS_ERRORS, CONDITION_FAILED, code_of, translate, translated
from metering.errors import Transient

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_dynamodb.type_defs import (
        KeysAndAttributesTypeDef,
        QueryInputTypeDef,
        QueryOutputTypeDef,
        ScanInputTypeDef,
        ScanOutputTypeDef,
        TransactWriteItemTypeDef,
        UniversalAttributeValueTypeDef,
    )

KEYS_AT_ONCE: Final = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
READERS: Final = 8
"""So many batches of items are read at a time."""
ACTIONS_AT_ONCE: Final = 100
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""

_ATTEMPTS: Final = 4
_FIRST_PAUSE_SECONDS: Final = 0.05
_CANCELLED: Final = "TransactionCanceledException"
_NOTHING_WRONG: Final = "None"

Place = tuple[str, str]
"""The key of an item: `pk` and `sk`."""


def quick_client(**where: str) -> DynamoDBClient:
    """A client for decisions that a caller waits for: it gives up early. Parameters are as in
    :func:`adapters.dynamodb.hot_path.conditional_writes.client`.
    """
    config = Config(
        max_pool_connections=READERS,
        connect_timeout=0.5,
        read_timeout=1,
        retries={"mode": "standard", "total_max_attempts": 2},
        parameter_validation=False,
    )
    made: DynamoDBClient = boto3.session.Session().client("dynamodb", config=config, **where)  # type: ignore[call-overload]
    return made


class SortKeys(NamedTuple):
    """The sort keys that a query reads: a condition on them, and its values."""

    condition: str
    values: Mapping[str, str]


ALL: Final = SortKeys("", {})


def beginning(prefix: str) -> SortKeys:
    """Sort keys that begin with a prefix."""
    return SortKeys(" AND begins_with(sk, :begin)", {":begin": prefix})


def between(first: str, last: str) -> SortKeys:
    """Sort keys from one to another, both included."""
    return SortKeys(" AND sk BETWEEN :first AND :last", {":first": first, ":last": last})


def from_on(first: str) -> SortKeys:
    """Sort keys from one on, that one included."""
    return SortKeys(" AND sk >= :first", {":first": first})


def below(end: str) -> SortKeys:
    """Sort keys before one."""
    return SortKeys(" AND sk < :end", {":end": end})


class Page(NamedTuple):
    """What one request of a query or scan read."""

    items: Sequence[Item]
    looked_at: int
    """Items, the skipped ones too."""
    read_units: float


class Start(TypedDict, total=False):
    """Where a page begins."""

    ExclusiveStartKey: Mapping[str, UniversalAttributeValueTypeDef]


class _Projection(TypedDict):
    ProjectionExpression: str
    ExpressionAttributeNames: Mapping[str, str]


Answer = tuple[Page, Start | None]
"""A page, and where the next one begins."""


class Cancelled(Exception):
    """A transaction was cancelled, and nothing of it written. `reasons` are DynamoDB's codes.

    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CancellationReason.html
    """

    def __init__(self, reasons: frozenset[str]) -> None:
        super().__init__(", ".join(sorted(reasons)))
        self.reasons = reasons


class Table:
    """Reads and writes the items of a table. All methods raise Transient and Misconfigured."""

    def __init__(
        self, dynamodb: DynamoDBClient, name: str, pause: Callable[[float], None] = time.sleep
    ) -> None:
        """`pause` waits for some seconds, before the rest of a batch is asked for again."""
        self._dynamodb = dynamodb
        self.name = name
        self._pause = pause

    def query(self, pk: str, keys: SortKeys = ALL, *, consistent: bool = True) -> Iterator[Item]:
        """The items of a partition, in the order of their sort keys."""
        for page in self.pages(pk, keys, consistent=consistent):
            yield from page.items

    def first(self, pk: str, limit: int, keys: SortKeys = ALL) -> Sequence[Item]:
        """The first items of a partition, by one request. What was written just now may be missing."""
        return self._query({**self._partition(pk, keys), "Limit": limit})[0].items

    def pages(
        self, pk: str, keys: SortKeys = ALL, *, consistent: bool = True, attributes: Sequence[str] = ()
    ) -> Iterator[Page]:
        """The same as :meth:`query`, page by page: with these attributes alone, if any are named."""
        request: QueryInputTypeDef = {**self._partition(pk, keys), "ConsistentRead": consistent}
        if attributes:
            request = {**request, **_projection(attributes)}
        return _followed(lambda start: self._query({**request, **start}))

    def scan(
        self, condition: str, values: Mapping[str, str], attributes: Sequence[str], segments: int
    ) -> Iterator[Page]:
        """The pages of all items that a condition holds of, from several segments at a time and in no order:
        with these attributes alone, if any are named. While a page is used, the next of its segment is read.
        """
        request: ScanInputTypeDef = {
            "TableName": self.name,
            "ConsistentRead": True,
            "FilterExpression": condition,
            "ExpressionAttributeValues": _texts(values),
            "ReturnConsumedCapacity": "TOTAL",
            "TotalSegments": segments,
        }
        decode_pages(self._dynamodb)
        if attributes:
            request = {**request, **_projection(attributes)}
        segment_of = partial(self._segment, request)
        return _together(map(segment_of, range(segments)))

    def get(self, place: Place, *, consistent: bool = False) -> Item | None:
        """An item; None if there is none."""
        return self.get_all([place], consistent=consistent).get(place)

    def get_all(self, places: Iterable[Place], *, consistent: bool = False) -> dict[Place, Item]:
        """Those of the items that are there: by a BatchGetItem for each hundred, several at a time. After one
        that fails no other is begun.
        """
        wanted = list(dict.fromkeys(places))
        parts = [wanted[start : start + KEYS_AT_ONCE] for start in range(0, len(wanted), KEYS_AT_ONCE)]
        if len(parts) < 2:
            return self._batch(wanted, consistent=consistent) if wanted else {}
        has_failed = threading.Event()

        def read(part: Sequence[Place]) -> dict[Place, Item]:
            if has_failed.is_set():
                return {}
            try:
                return self._batch(part, consistent=consistent)
            except BaseException:
                has_failed.set()
                raise

        with ThreadPoolExecutor(min(len(parts), READERS), "read") as pool:
            return {place: item for items in pool.map(read, parts) for place, item in items.items()}

    def put_if(self, item: Item, condition: str, names: Mapping[str, str], values: Item) -> bool:
        """Write an item, if a condition holds of the one that is there; whether it was written."""
        try:
            self._dynamodb.put_item(
                TableName=self.name,
                Item=item,
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except AWS_ERRORS as error:
            if code_of(error) == CONDITION_FAILED:
                return False
            raise translate(error, f"PutItem of {self.name}") from error
        return True

    def delete(self, place: Place) -> None:
        """Remove an item; one that is gone is no error."""
        with translated(f"DeleteItem of {self.name}"):
            self._dynamodb.delete_item(TableName=self.name, Key=key_of(place))

    def delete_if(self, place: Place, condition: str, names: Mapping[str, str], values: Item) -> bool:
        """Remove an item, if a condition holds of it; whether it was removed."""
        try:
            self._dynamodb.delete_item(
                TableName=self.name,
                Key=key_of(place),
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=values,
            )
        except AWS_ERRORS as error:
            if code_of(error) == CONDITION_FAILED:
                return False
            raise translate(error, f"DeleteItem of {self.name}") from error
        return True

    def transact(self, actions: Sequence[TransactWriteItemTypeDef]) -> None:
        """Write all or nothing.

        Raises:
            Cancelled: a condition did not hold, or another write was under way.
        """
        try:
            self._dynamodb.transact_write_items(TransactItems=actions)
        except AWS_ERRORS as error:
            if code_of(error) == _CANCELLED:
                raise Cancelled(_reasons(error)) from error
            raise translate(error, f"TransactWriteItems of {self.name}") from error

    def _partition(self, pk: str, keys: SortKeys) -> QueryInputTypeDef:
        return {
            "TableName": self.name,
            "KeyConditionExpression": f"pk = :pk{keys.condition}",
            "ExpressionAttributeValues": _texts({":pk": pk, **keys.values}),
            "ReturnConsumedCapacity": "TOTAL",
        }

    def _segment(self, request: ScanInputTypeDef, number: int) -> Iterator[Page]:
        return _followed(lambda start: self._scan({**request, **start, "Segment": number}))

    def _query(self, request: QueryInputTypeDef) -> Answer:
        with translated(f"Query of {self.name}"):
            return _answer(self._dynamodb.query(**request))

    def _scan(self, request: ScanInputTypeDef) -> Answer:
        with translated(f"Scan of {self.name}"):
            return _answer(self._dynamodb.scan(**request))

    def _batch(self, places: Sequence[Place], *, consistent: bool) -> dict[Place, Item]:
        keys: Sequence[Item] = [key_of(place) for place in places]
        found: dict[Place, Item] = {}
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._pause(_FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
            request: KeysAndAttributesTypeDef = {"Keys": keys, "ConsistentRead": consistent}
            with translated(f"BatchGetItem of {self.name}"):
                answer = self._dynamodb.batch_get_item(RequestItems={self.name: request})
            for item in cast("list[Item]", answer["Responses"].get(self.name, [])):
                found[item["pk"]["S"], item["sk"]["S"]] = item
            left = answer.get("UnprocessedKeys", {}).get(self.name)
            if not left:
                return found
            keys = cast("list[Item]", left["Keys"])
        raise Transient(f"BatchGetItem of {self.name}: {len(keys)} items are left after {_ATTEMPTS} attempts")


def key_of(place: Place) -> dict[str, AttributeValue]:
    """The key of an item as DynamoDB writes it."""
    pk, sk = place
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def _texts(values: Mapping[str, str]) -> dict[str, AttributeValue]:
    return {name: {"S": text} for name, text in values.items()}


def _projection(attributes: Sequence[str]) -> _Projection:
    names = {f"#{name}": name for name in attributes}
    return {"ProjectionExpression": ", ".join(names), "ExpressionAttributeNames": names}


def _answer(answer: QueryOutputTypeDef | ScanOutputTypeDef) -> Answer:
    page = Page(
        cast("list[Item]", answer["Items"]),
        answer["ScannedCount"],
        answer.get("ConsumedCapacity", {}).get("CapacityUnits", 0.0),
    )
    return page, {"ExclusiveStartKey": answer["LastEvaluatedKey"]} if "LastEvaluatedKey" in answer else None


def _followed(ask: Callable[[Start], Answer]) -> Iterator[Page]:
    """The pages of a query, or of a segment of a scan, from the first to the last."""
    start: Start | None = {}
    while start is not None:
        page, start = ask(start)
        yield page


def _together(segments: Iterable[Iterator[Page]]) -> Iterator[Page]:
    """The pages of all segments as they come; each segment is read by a thread of its own."""
    parts = list(segments)
    with ThreadPoolExecutor(len(parts), "scan") as pool:
        waiting = {pool.submit(next, part, None): part for part in parts}
        try:
            while waiting:
                done, _ = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    part = waiting.pop(future)
                    if (page := future.result()) is not None:
                        waiting[pool.submit(next, part, None)] = part
                        yield page
        finally:
            for future in waiting:
                future.cancel()


def _reasons(error: Exception) -> frozenset[str]:
    """Why a transaction was cancelled: a code for each action, of which most are in order."""
    reasons = getattr(error, "response", {}).get("CancellationReasons", [])
    return frozenset(reason.get("Code", _NOTHING_WRONG) for reason in reasons) - {_NOTHING_WRONG}
