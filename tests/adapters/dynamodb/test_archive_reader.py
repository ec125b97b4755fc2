"""Counters of days, read from the table and from archives: on moto and on AWS's own engine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from adapters.dynamodb.archive_reader import ArchivedSlices, CountersWithArchives
from adapters.dynamodb.archives import DynamoDBArchives
from adapters.dynamodb.counter_reader import CounterReader
from adapters.dynamodb.counters import DynamoDBCounters
from adapters.s3.bucket import Bucket
from metering.counters.counter import Counter
from metering.errors import Misconfigured, Transient
from metering.period import Period
from metering.proof.archive import ArchiveIndex, ArchiveMark, index_content, index_name, part_of
from metering.proof.billing_chain import digest_of
from metering.usage import NO_USAGE, Usage
from tests.stream_processor.storage_contract import FAR_SHARD, SEQUENCE, increment
from tests.tables import REGION, create_tables

MONTH = Period("2026-06")
DAYS = [Period(f"2026-06-{day:02d}") for day in (1, 5, 30)]
KEYS = ("a", "b", "c")
NOW = datetime(2026, 11, 24, tzinfo=UTC)
CALLS = Usage(3, 2, 1, 4096, 128, 250, 2**64)
OTHERS = Usage(3, 2, 1, 4096, 128, 250, 2**65)
BOTH = CALLS + OTHERS


class Bench:
    """A month of three keys with three days each, archived in parts of four counters, in batches of two."""

    def __init__(self, endpoint: str, s3: Any) -> None:
        self.tables = create_tables(endpoint)
        self.s3 = Bucket(s3, f"lake-{self.tables.counters}")
        s3.create_bucket(Bucket=self.s3.name)
        self.reads: list[str] = []
        self.archives = DynamoDBArchives(self.tables.dynamodb, self.tables.counters)
        self.live = DynamoDBCounters(self.tables.counters, self.tables.updates(1))
        self.reader = CounterReader(self.tables.dynamodb, self.tables.counters)
        for key in KEYS:
            self.live.add(
                [increment(key=key, period=day, totals=CALLS, parts={"07": 3}) for day in DAYS]
                + [increment(key=key, period=MONTH, totals=CALLS)]
            )
        rows = [one for one in self.archives.slices(MONTH) if one.counter.period != MONTH]
        self.rows = sorted(rows, key=lambda one: (one.key, one.counter.period))
        self.archive()

    def archive(self) -> None:
        """Write the objects and the mark, and move nothing yet."""
        parts = [part_of(MONTH, self.rows[start : start + 4]) for start in range(0, len(self.rows), 4)]
        for part, content in parts:
            self.s3.put(part.name, content)
        self.index = ArchiveIndex(
            month=MONTH, keys=3, rows=9, rows_of_a_batch=2, parts=[part for part, _ in parts]
        )
        content = index_content(self.index)
        name = index_name(MONTH, digest_of(content))
        self.s3.put(name, content)
        self.archives.begin(ArchiveMark(MONTH, name, digest_of(content), self.index.batches, 0), "ops")

    def batch(self, number: int) -> list[Any]:
        """The rows of a batch: parts of four have two, the last of one row has one."""
        return self.rows[2 * number : 2 * number + 2]

    def move(self, batches: int) -> None:
        """Take so many more batches out."""
        for _ in range(batches):
            mark = self.mark()
            assert self.archives.move_out(mark, self.batch(mark.moved))

    def mark(self) -> ArchiveMark:
        """The mark as it is."""
        found = self.archives.read(MONTH)
        assert found is not None
        return found

    def counters(self, now: datetime = NOW) -> CountersWithArchives:
        """The reader of look-ups at a time."""
        return CountersWithArchives(self.reader, ArchivedSlices(self.archives, self._bucket), lambda: now)

    def _bucket(self) -> Bucket:
        return self.s3


@pytest.fixture(params=["moto", "dynamodb_local"])
def bench(request: pytest.FixtureRequest, moto: str) -> Bench:
    """Either engine, with a month that can be archived."""
    s3 = boto3.session.Session("local", "local", region_name=REGION).client("s3", endpoint_url=moto)
    return Bench(request.getfixturevalue(request.param), s3)


def test_whatever_is_out(bench: Bench) -> None:
    """However much of a month is out of the table, each day and each range of days is what it was."""
    counters = bench.counters()
    day = DAYS[1]
    found = []
    for moved in range(bench.index.batches + 1):
        assert moved == bench.mark().moved
        ranges = [counters.days(key, DAYS[0], Period("2026-07-15")) for key in KEYS]
        singles = [counters.counter(key, day) for key in KEYS]
        found.append((ranges, singles))
        if moved < bench.index.batches:
            bench.move(1)
    assert [[(day, CALLS) for day in DAYS]] * 3 == [
        [(one.period, one.usage) for one in days] for days in found[0][0]
    ]
    assert [found[0]] * (bench.index.batches + 1) == found
    assert Counter("b", day, CALLS, {"07": 3}) == found[-1][1][1]


def test_late_calls(bench: Bench) -> None:
    """A call that came for an archived day, by another slice too, is added to what is archived."""
    bench.move(bench.index.batches)
    late = {"key": "b", "period": DAYS[1], "totals": OTHERS, "parts": {"09": 3}}
    bench.live.add([increment(SEQUENCE + 9, shard_id=FAR_SHARD, slice_number=1, **late)])  # type: ignore[arg-type]
    counters = bench.counters()
    assert Counter("b", DAYS[1], BOTH, {"07": 3, "09": 3}) == counters.counter("b", DAYS[1])
    assert [BOTH] == [one.usage for one in counters.days("b", DAYS[1], DAYS[1])]


def test_a_day_without_calls(bench: Bench) -> None:
    """A day, or a key, of which neither side has anything has no usage; months have their own counter."""
    bench.move(bench.index.batches)
    counters = bench.counters()
    assert Counter("b", Period("2026-06-02"), NO_USAGE) == counters.counter("b", Period("2026-06-02"))
    assert Counter("bb", DAYS[0], NO_USAGE) == counters.counter("bb", DAYS[0])
    assert [] == counters.days("d", DAYS[0], DAYS[2])
    assert CALLS == counters.counter("b", MONTH).usage
    assert [] == counters.of_keys(["b"], DAYS[0])


def test_requests(bench: Bench) -> None:
    """A young month is one Query; of an archived one a key needs the index and one part, or two parts."""
    bench.move(bench.index.batches)
    sent: list[str] = []
    client: Any = bench.s3._s3  # noqa: SLF001 - to count its requests

    def note(event_name: str, **_: Any) -> None:
        sent.append(event_name.rpartition(".")[2])

    for one in (client, bench.tables.dynamodb):
        one.meta.events.register("before-send", note, unique_id="note")
    try:
        counted = []
        young, old = bench.counters(datetime(2026, 9, 30, tzinfo=UTC)), bench.counters()
        ways: list[Callable[[], object]] = [
            lambda: young.counter("b", DAYS[0]),
            lambda: old.counter("a", DAYS[0]),
            lambda: old.days("b", DAYS[0], DAYS[2]),
        ]
        for way in ways:
            sent.clear()
            way()
            counted.append((sent.count("Query"), sent.count("GetObject")))
    finally:
        for one in (client, bench.tables.dynamodb):
            one.meta.events.unregister("before-send", unique_id="note")
    assert [(1, 0), (3, 2), (3, 3)] == counted


def test_while_batches_move(bench: Bench) -> None:
    """What moves while it is read is read again; if that goes on and on, later."""
    reads = iter(range(100))

    class Moving(CounterReader):
        """A batch leaves the table after each reading."""

        moves = 1

        def counter(self, key: str, period: Period) -> Counter:
            found = super().counter(key, period)
            if next(reads) < self.moves:
                bench.move(1)
            return found

    bench.reader = Moving(bench.tables.dynamodb, bench.tables.counters)
    assert CALLS == bench.counters().counter("a", DAYS[0]).usage
    Moving.moves = 100
    with pytest.raises(Transient, match="2026-06 is being archived or restored"):
        bench.counters().counter("a", DAYS[0])


def test_while_a_batch_moves_there_and_back(bench: Bench) -> None:
    """A batch that came back before the table was read, and left again afterwards, is not added twice."""
    bench.move(1)

    class Moving(CounterReader):
        """A batch is in the table for the first reading alone."""

        has_read = False

        def counter(self, key: str, period: Period) -> Counter:
            if self.has_read:
                return super().counter(key, period)
            self.has_read = True
            bench.archives.move_in(bench.mark(), bench.batch(0))
            found = super().counter(key, period)
            bench.move(1)
            return found

    bench.reader = Moving(bench.tables.dynamodb, bench.tables.counters)
    assert CALLS == bench.counters().counter("a", DAYS[0]).usage


def test_an_altered_archive(bench: Bench) -> None:
    """An object that is not what was archived says nothing; nor can a look-up without the bucket."""
    bench.move(bench.index.batches)
    part = bench.index.parts[0]
    bench.s3.put(part.name, b"something else")
    with pytest.raises(Misconfigured, match=f"{part.name} is not what was archived"):
        bench.counters().counter("a", DAYS[0])
    bench.s3.delete(part.name)
    with pytest.raises(Misconfigured, match=f"{part.name} is missing"):
        bench.counters().counter("a", DAYS[0])
    blind = CountersWithArchives(bench.reader, ArchivedSlices(bench.archives, lambda: None), lambda: NOW)
    with pytest.raises(
        Misconfigured, match="2026-06 is archived, and the lake's bucket with it is not known"
    ):
        blind.counter("a", DAYS[0])
