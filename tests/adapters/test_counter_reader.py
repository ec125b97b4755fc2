"""Counters read as they were written, on moto and on AWS's own engine alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.counter_reader import CounterReader
from adapters.counters import DynamoDBCounters
from adapters.dynamodb import ConditionalUpdates
from adapters.progress import DynamoDBProgress
from local_cloud.server import LocalEndpoint
from metering.counter import Counter, summed
from metering.errors import Misconfigured
from metering.period import Period
from metering.ports import Increment, Progress
from metering.usage import Usage
from tests.tables import Tables, create_tables

OCTOBER, NOVEMBER = Period("2026-10"), Period("2026-11")
FIFTH = Period("2026-10-05")
HUGE = 2**125 + 1


def usage(requests: int, fingerprint: int = 7) -> Usage:
    """A usage whose totals tell one another apart."""
    return Usage(requests, requests + 1, requests + 2, requests + 3, requests + 4, requests + 5, fingerprint)


class Shelf:
    """A counters table, and a client that is made once."""

    def __init__(self, tables: Tables) -> None:
        self.name = tables.counters
        self.dynamodb = tables.dynamodb
        self.updates = ConditionalUpdates(self.dynamodb, 1)

    def add(self, key: str, period: Period, slice_number: int, totals: Usage, **parts: int) -> None:
        """Count something, as the stream processor does."""
        shard = f"shardId-{slice_number * 16:012d}"
        by_part = {name[1:]: requests for name, requests in parts.items()}
        increment = Increment(key, period, slice_number, shard, 1, 2, totals, by_part)
        DynamoDBCounters(self.name, self.updates).add([increment])

    def put(self, **item: dict[str, object]) -> None:
        """Put an item of any kind."""
        self.dynamodb.put_item(TableName=self.name, Item=item)

    def reader(self, **settings: int) -> CounterReader:
        """The reader of this table."""
        return CounterReader(self.dynamodb, self.name, **settings)


def ordered(counters: Iterator[Counter]) -> list[Counter]:
    """In the order of key and period."""
    return sorted(counters, key=lambda counter: (counter.key, counter.period))


class ReaderContract:
    """What a reader does on any DynamoDB."""

    def test_counter_of_key(self, shelf: Shelf) -> None:
        """Month and days of one key, the slices of each added up; no other key, no other month."""
        shelf.add("a", OCTOBER, 0, usage(3, HUGE), d05=3)
        shelf.add("a", OCTOBER, 1, usage(4, HUGE), d05=1, d31=3)
        shelf.add("a", FIFTH, 0, usage(4), h00=1, h23=3)
        shelf.add("a", NOVEMBER, 0, usage(9), d01=9)
        shelf.add("ab", OCTOBER, 0, usage(1), d05=1)
        shelf.add("b", OCTOBER, 0, usage(1), d05=1)

        reader = shelf.reader()

        assert [
            Counter("a", OCTOBER, usage(3, HUGE) + usage(4, HUGE), {"05": 4, "31": 3}),
            Counter("a", FIFTH, usage(4), {"00": 1, "23": 3}),
        ] == reader.of_key("a", OCTOBER)
        assert [Counter("a", FIFTH, usage(4), {"00": 1, "23": 3})] == reader.of_key("a", FIFTH)
        assert [] == reader.of_key("c", OCTOBER)

    def test_counters_of_all_keys(self, shelf: Shelf) -> None:
        """Every counter of the month and nothing else that the table holds: other months, progress, plans."""
        expected = []
        for key in ("a", "b", "!malformed", "-", "key:x", "progress"):
            shelf.add(key, OCTOBER, 0, usage(2), d05=2)
            shelf.add(key, FIFTH, 0, usage(2), h07=2)
            shelf.add(key, NOVEMBER, 0, usage(5), d01=5)
            expected += [Counter(key, OCTOBER, usage(2), {"05": 2}), Counter(key, FIFTH, usage(2), {"07": 2})]
        DynamoDBProgress(shelf.name, shelf.updates).note(Progress("shardId-000000000000", 1, 2))
        shelf.put(pk={"S": "plan:a"}, sk={"S": "2026-10"}, d05={"N": "1"})

        reader = shelf.reader()
        found = ordered(reader.of_period(OCTOBER))

        assert sorted(expected, key=lambda counter: (counter.key, counter.period)) == found
        assert len(expected) * 1.5 + 2 == reader.items_read

    def test_slices_come_for_themselves(self, shelf: Shelf) -> None:
        """Their sum is the counter."""
        for number in range(12):
            shelf.add("a", OCTOBER, number, usage(number), d05=number)
        found = ordered(shelf.reader().of_period(OCTOBER))
        assert 12 == len(found)
        assert [66] == [counter.usage.requests for counter in summed(found)]
        assert [{"05": 66}] == [counter.parts for counter in summed(found)]

    def test_more_than_a_page(self, shelf: Shelf) -> None:
        """A page ends after 1 MB: all pages of all segments are read, and a reader may be left early."""
        expected = fill(shelf, keys=12, bytes_of_item=200_000)

        reader = shelf.reader(segments=2)
        assert expected == {counter.key: counter.usage.requests for counter in reader.of_period(OCTOBER)}
        assert 12 == reader.items_read
        assert reader.read_units > 0

        left_early = shelf.reader(segments=2).of_period(OCTOBER)
        assert next(left_early).key in expected
        left_early.close()  # type: ignore[attr-defined]  # it is a generator

    def test_a_table_that_is_not_there(self, shelf: Shelf) -> None:
        """Said by name."""
        with pytest.raises(Misconfigured, match="Scan of nowhere"):
            list(CounterReader(shelf.dynamodb, "nowhere").of_period(OCTOBER))
        with pytest.raises(Misconfigured, match="Query of nowhere"):
            CounterReader(shelf.dynamodb, "nowhere").of_key("a", OCTOBER)


def fill(shelf: Shelf, keys: int, bytes_of_item: int) -> dict[str, int]:
    """Put heavy counters; their requests by key."""
    expected = {f"k{number}": number * 10**9 for number in range(keys)}
    for key, requests in expected.items():
        shelf.put(
            pk={"S": f"key:{key}"},
            sk={"S": "2026-10#0"},
            requests={"N": str(requests)},
            ballast={"B": bytes(bytes_of_item)},
        )
    return expected


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of moto, which serves one request at a time."""
    with LocalEndpoint() as running:
        yield running.endpoint_url


class TestOnMoto(ReaderContract):
    """moto, one request at a time."""

    @pytest.fixture
    def shelf(self, moto: str) -> Shelf:
        return Shelf(create_tables(moto))


class TestOnDynamoDBLocal(ReaderContract):
    """AWS's own engine."""

    @pytest.fixture
    def shelf(self, dynamodb_local: str) -> Shelf:
        return Shelf(create_tables(dynamodb_local))
