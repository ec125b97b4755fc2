"""Counters read as they were written, on moto and on AWS's own engine alike."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from adapters.dynamodb.counter_reader import SEGMENTS, CounterReader
from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates
from adapters.dynamodb.progress import DynamoDBProgress
from metering.counters.counter import Counter, summed
from metering.counters.ports import Increment, Progress
from metering.errors import Misconfigured
from metering.period import Period
from metering.usage import NO_USAGE, Usage
from tests.tables import Tables, create_tables

OCTOBER, NOVEMBER = Period("2026-10"), Period("2026-11")
FIFTH = Period("2026-10-05")
HUGE = 2**125 + 1


def usage(requests: int, fingerprint: int = 7) -> Usage:
    """A usage whose totals differ from one another."""
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

    def reader(self, segments: int = SEGMENTS) -> CounterReader:
        """The reader of this table."""
        return CounterReader(self.dynamodb, self.name, segments)


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

    def test_one_counter(self, shelf: Shelf) -> None:
        """A month without its days, or a day; slices added up, and no usage where there is no counter."""
        shelf.add("a", OCTOBER, 0, usage(3, HUGE), d05=3)
        shelf.add("a", OCTOBER, 1, usage(4, HUGE), d05=1, d31=3)
        shelf.add("a", FIFTH, 0, usage(4), h00=1, h23=3)
        shelf.add("ab", OCTOBER, 0, usage(1), d05=1)

        reader = shelf.reader()

        assert Counter("a", OCTOBER, usage(3, HUGE) + usage(4, HUGE), {"05": 4, "31": 3}) == reader.counter(
            "a", OCTOBER
        )
        assert 2 == reader.items_read
        assert Counter("a", FIFTH, usage(4), {"00": 1, "23": 3}) == reader.counter("a", FIFTH)
        assert Counter("a", NOVEMBER, NO_USAGE) == reader.counter("a", NOVEMBER)
        assert Counter("b", OCTOBER, NO_USAGE) == reader.counter("b", OCTOBER)

    def test_days(self, shelf: Shelf) -> None:
        """Both ends are included, months and the days around are not; slices are added up."""
        days = [Period(day) for day in ("2026-09-30", "2026-10-01", "2026-10-05", "2026-11-01", "2026-11-02")]
        for number, day in enumerate(days, start=1):
            shelf.add("a", day, 0, usage(number))
            shelf.add("a", day, 11, usage(10 * number))
        for month in (Period("2026-09"), OCTOBER, NOVEMBER):
            shelf.add("a", month, 0, usage(99))
        shelf.add("ab", FIFTH, 0, usage(1))

        assert [(day, 11 * number) for number, day in list(enumerate(days, start=1))[1:4]] == [
            (counter.period, counter.usage.requests) for counter in shelf.reader().days("a", days[1], days[3])
        ]
        assert [] == shelf.reader().days("a", Period("2026-12-01"), Period("2026-12-31"))

    def test_several_keys(self, shelf: Shelf) -> None:
        """Those that have a counter, each once, with the slices that are registered; by several requests."""
        shelf.put(pk={"S": "slices"}, sk={"S": "2026-10"}, numbers={"NS": ["2"]})
        keys = [f"k{number}" for number in range(55)]
        for number, key in enumerate(keys[:51]):
            for slice_number, requests in ((0, number), (2, 1000)):
                sk = f"2026-10#{slice_number}"
                shelf.put(pk={"S": f"key:{key}"}, sk={"S": sk}, requests={"N": str(requests)})
        shelf.add("k1", NOVEMBER, 0, usage(5))
        found = shelf.reader().of_keys([*keys, "k0"], OCTOBER)
        assert [(key, 1000 + number) for number, key in sorted(enumerate(keys[:51]))] == sorted(
            ((counter.key, counter.usage.requests) for counter in found), key=lambda one: one[1]
        )
        assert [] == shelf.reader().of_keys([], OCTOBER)

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
