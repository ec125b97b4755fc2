"""A table read to its end, on DynamoDB's own terms: pages, batches, conditions, errors."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import EndpointConnectionError

from adapters.dynamodb.hot_path.conditional_writes import AttributeValue
from adapters.dynamodb.plans import PlanBook
from adapters.dynamodb.table import KEYS_AT_ONCE, READERS, Cancelled, Page, Table, beginning, between, key_of
from metering.errors import Misconfigured, Transient
from tests.tables import Tables, create_tables

if TYPE_CHECKING:
    from types_boto3_dynamodb.type_defs import PutTypeDef

LARGE = "x" * 300_000
"""Four of these do not fit into a page of 1 MB."""


@pytest.fixture
def tables(moto: str) -> Tables:
    """New tables."""
    return create_tables(moto)


@pytest.fixture
def table(tables: Tables) -> Table:
    """The counters table."""
    return Table(tables.dynamodb, tables.counters)


def fill(tables: Tables, *places: tuple[str, str], **attributes: str) -> None:
    """Put items that have these attributes."""
    values = {name: {"S": text} for name, text in attributes.items()}
    for place in places:
        tables.dynamodb.put_item(TableName=tables.counters, Item={**key_of(place), **values})


def sort_keys(items: Any) -> list[str]:
    """Of items, in their order."""
    return [item["sk"]["S"] for item in items]


class TestQuery:
    def test_only_the_partition(self, table: Table, tables: Tables) -> None:
        """Its items, in the order of their sort keys, and no others."""
        fill(tables, ("a", "2"), ("a", "1"), ("b", "3"))
        assert ["1", "2"] == sort_keys(table.query("a"))
        assert [] == list(table.query("c"))

    def test_sort_keys(self, table: Table, tables: Tables) -> None:
        """Those that begin with a prefix, or lie between two, both of them included."""
        fill(tables, *(("a", sk) for sk in ("09", "10", "11", "20")))
        assert ["10", "11"] == sort_keys(table.query("a", beginning("1")))
        assert ["10", "11", "20"] == sort_keys(table.query("a", between("10", "20")))

    def test_pages_are_followed(self, dynamodb_local: str) -> None:
        """DynamoDB ends a page after 1 MB: the rest is read too, and each page says what it cost."""
        tables = create_tables(dynamodb_local)
        fill(tables, *(("a", str(number)) for number in range(8)), text=LARGE)
        table = Table(tables.dynamodb, tables.counters)
        pages = list(table.pages("a", attributes=["sk"]))
        assert len(pages) > 1
        assert [str(number) for number in range(8)] == sort_keys(
            item for page in pages for item in page.items
        )
        assert [{"sk"}] * 8 == [set(item) for page in pages for item in page.items]
        assert 8 == sum(page.looked_at for page in pages)
        assert all(page.read_units > 0 for page in pages)

    def test_first(self, table: Table, tables: Tables) -> None:
        """As many as were asked for, and no more."""
        fill(tables, *(("a", str(number)) for number in range(5)))
        assert ["0", "1"] == sort_keys(table.first("a", 2))


class TestScan:
    def test_all_segments(self, dynamodb_local: str) -> None:
        """Every item that the condition holds of, from each page of each segment, once."""
        tables = create_tables(dynamodb_local)
        wanted = [(f"key:{number}", "1") for number in range(12)]
        fill(tables, *wanted, *((f"other:{number}", "1") for number in range(3)), text=LARGE)
        pages: list[Page] = list(
            Table(tables.dynamodb, tables.counters).scan(
                "begins_with(pk, :key)", {":key": "key:"}, ["pk"], segments=2
            )
        )
        assert sorted(pk for pk, _ in wanted) == sorted(
            item["pk"]["S"] for page in pages for item in page.items
        )
        assert 15 == sum(page.looked_at for page in pages)

    def test_left_early(self, table: Table, tables: Tables) -> None:
        """Whoever has seen enough stops, and no thread is left behind."""
        fill(tables, *((f"key:{number}", "1") for number in range(3)))
        pages = table.scan("begins_with(pk, :key)", {":key": "key:"}, ["pk"], segments=4)
        assert isinstance(next(pages), Page)
        pages.close()  # type: ignore[attr-defined]  # it is a generator


class TestGet:
    def test_many(self, table: Table, tables: Tables) -> None:
        """More than a hundred items take several requests; a place that is named twice is read once."""
        book = PlanBook(tables.counters, tables.dynamodb)
        for number in range(130):
            book.know(f"{number:03d}", "a1")
        places = [(f"digest:{number:03d}", "key") for number in range(130)]
        assert places == sorted(table.get_all(places + places[:50]))

    def test_one(self, table: Table, tables: Tables) -> None:
        """An item, or none."""
        fill(tables, ("a", "1"), text="x")
        found = table.get(("a", "1"), consistent=True)
        assert ({"S": "x"}, None) == (found and found["text"], table.get(("a", "2")))

    def test_unprocessed(self) -> None:
        """What DynamoDB leaves for later is asked for again, after pauses that double; then it gives up."""
        pauses: list[float] = []
        busy: Any = _Busy(2)
        places = [("a", "1"), ("a", "2"), ("a", "3")]
        assert places == sorted(Table(busy, "counters", pauses.append).get_all(places))
        assert [0.05, 0.1] == pauses
        busier: Any = _Busy(9)
        with pytest.raises(Transient, match="1 items are left after 4 attempts"):
            Table(busier, "counters", pauses.append).get_all([("a", str(number)) for number in range(5)])


class _Batches:
    """A table that gives every item, when as many requests have come as a test waits for."""

    def __init__(self, together: int, *, fails: bool = False) -> None:
        self.requests = 0
        self._all_here = threading.Barrier(together)
        self._fails = fails

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 - as boto3 names it
        self.requests += 1
        if self._fails:
            raise EndpointConnectionError(endpoint_url="nowhere")
        self._all_here.wait(30)
        return {"Responses": {"counters": RequestItems["counters"]["Keys"]}}


class TestManyBatches:
    PLACES = tuple(("a", f"{number:05d}") for number in range(2 * READERS * KEYS_AT_ONCE))

    def test_together(self) -> None:
        """Several are under way at a time: none would be answered here if the next one waited for it."""
        dynamodb: Any = _Batches(READERS)
        found = Table(dynamodb, "counters").get_all(self.PLACES)
        assert (2 * READERS, list(self.PLACES)) == (dynamodb.requests, list(found))

    def test_failure(self) -> None:
        """After one that fails no other is begun, so that an outage takes the time of one request."""
        dynamodb: Any = _Batches(READERS, fails=True)
        places = [("a", f"{number:06d}") for number in range(300 * KEYS_AT_ONCE)]
        with pytest.raises(Transient, match="BatchGetItem of counters"):
            Table(dynamodb, "counters").get_all(places)
        assert dynamodb.requests <= READERS


class TestWrites:
    def test_put_if(self, table: Table) -> None:
        """An item is written if the condition holds of the one that is there, and not otherwise."""
        first, second = ({**key_of(("a", "1")), "n": AttributeValue(N=text)} for text in "12")
        absent = "attribute_not_exists(#n) OR #n = :n"
        assert table.put_if(first, absent, {"#n": "n"}, {":n": {"N": "7"}})
        assert not table.put_if(second, absent, {"#n": "n"}, {":n": {"N": "7"}})
        found = table.get(("a", "1"), consistent=True)
        assert found is not None
        assert "1" == found["n"]["N"]

    def test_delete(self, table: Table, tables: Tables) -> None:
        """As often as it is asked."""
        fill(tables, ("a", "1"))
        for _ in range(2):
            table.delete(("a", "1"))
        assert [] == list(table.query("a"))

    def test_transact(self, table: Table, tables: Tables) -> None:
        """All or nothing, and why nothing."""
        fill(tables, ("a", "1"))
        put: PutTypeDef = {"TableName": table.name, "Item": key_of(("a", "2"))}
        refused: PutTypeDef = {
            "TableName": table.name,
            "Item": key_of(("a", "1")),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        with pytest.raises(Cancelled) as raised:
            table.transact([{"Put": put}, {"Put": refused}])
        assert frozenset({"ConditionalCheckFailed"}) == raised.value.reasons
        assert ["1"] == sort_keys(table.query("a"))
        table.transact([{"Put": put}])
        assert ["1", "2"] == sort_keys(table.query("a"))


class TestErrors:
    def operations(self, table: Table) -> dict[str, Any]:
        """Each operation, by DynamoDB's name of it."""
        place = ("a", "1")
        return {
            "Query": lambda: list(table.query("a")),
            "Scan": lambda: list(table.scan("pk = :a", {":a": "a"}, ["pk"], segments=2)),
            "BatchGetItem": lambda: table.get(place),
            "PutItem": lambda: table.put_if(key_of(place), "#n = :n", {"#n": "n"}, {":n": {"N": "1"}}),
            "DeleteItem": lambda: table.delete(place),
            "TransactWriteItems": lambda: table.transact(
                [{"Put": {"TableName": table.name, "Item": key_of(place)}}]
            ),
        }

    def test_no_table(self, tables: Tables) -> None:
        """A table that is not there is named, by each operation."""
        for name, act in self.operations(Table(tables.dynamodb, "nowhere")).items():
            with pytest.raises(Misconfigured, match=f"^{name} of nowhere"):
                act()

    def test_no_answer(self, tables: Tables) -> None:
        """DynamoDB that cannot be reached may be there later."""
        dynamodb = tables.dynamodb

        def fail(request: Any, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url=request.url)

        dynamodb.meta.events.register("before-send.dynamodb", fail)
        for name, act in self.operations(Table(dynamodb, tables.counters)).items():
            with pytest.raises(Transient, match=f"^{name} of {tables.counters}"):
                act()


class _Busy:
    """A table that reads one item of each request, for so many requests."""

    def __init__(self, requests: int) -> None:
        self._requests = requests

    def batch_get_item(self, RequestItems: Any) -> Any:  # noqa: N803 - as boto3 names it
        keys = RequestItems["counters"]["Keys"]
        self._requests -= 1
        read = keys if self._requests < 0 else keys[:1]
        answer: dict[str, Any] = {"Responses": {"counters": read}}
        if len(read) < len(keys):
            answer["UnprocessedKeys"] = {"counters": {"Keys": keys[1:]}}
        return answer
