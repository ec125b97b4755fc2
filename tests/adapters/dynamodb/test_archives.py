"""Archives in DynamoDB: on moto and on AWS's own engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import ConnectionClosedError
from botocore.httpsession import URLLib3Session

from adapters.dynamodb.archives import DynamoDBArchives
from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.layout import counter_pk
from metering.counters.counter import summed
from metering.errors import Misconfigured, Transient, UnreadableItem
from metering.period import Period
from metering.proof.archive import ArchiveMark, StoredSlice
from metering.usage import Usage
from tests.stream_processor.storage_contract import (
    DAY,
    FAR_SHARD,
    MONTH,
    OTHER_SHARD,
    SEQUENCE,
    increment,
)
from tests.tables import Tables, create_tables

KEY = "a1b2c3"
NEXT_DAY = Period("2026-11-06")
CALLS = Usage(3, 2, 1, 4096, 128, 250, 2**64)
MARK = ArchiveMark(MONTH, "archive/2026-11/index-1.json", "1" * 64, 2, 0)


@dataclass
class Bench:
    """Archives on new tables, and the live counters beside them: two slices of a day, and another day."""

    tables: Tables

    def __post_init__(self) -> None:
        self.archives = DynamoDBArchives(self.tables.dynamodb, self.tables.counters)
        self.live = DynamoDBCounters(self.tables.counters, self.tables.updates(1))
        self.live.add(
            [
                increment(),
                increment(period=DAY, totals=CALLS, parts={"07": 3}),
                increment(period=DAY, shard_id=FAR_SHARD, slice_number=1, totals=CALLS, parts={"08": 3}),
                increment(period=NEXT_DAY, parts={"00": 3}),
                increment(period=Period("2026-10-31"), parts={"23": 3}),
            ]
        )
        self.begun = self.counters()

    def counters(self) -> list[dict[str, Any]]:
        """All items that are counters, in order."""
        found = [
            dict(item)
            for item in self.tables.items(self.tables.counters)
            if item["pk"]["S"] == counter_pk(KEY)
        ]
        return sorted(found, key=lambda item: str(item["sk"]["S"]))

    def days(self) -> list[StoredSlice]:
        """The slices of days, in order."""
        found = [one for one in self.archives.slices(MONTH) if one.counter.period != MONTH]
        return sorted(found, key=lambda one: (one.counter.period, one.number))

    def total(self, period: Period) -> Usage:
        """What the table holds of a day."""
        found = [one.counter for one in self.days() if one.counter.period == period]
        return next(summed(found)).usage if found else Usage()

    def late(self, number: int = 9, **values: Any) -> None:
        """A call more on the first day."""
        self.live.add([increment(SEQUENCE + number, period=DAY, totals=CALLS, parts={"07": 3}, **values)])

    def mark(self) -> ArchiveMark:
        """The mark as it is."""
        found = self.archives.read(MONTH)
        assert found is not None
        return found

    def move(self, batches: Sequence[Sequence[StoredSlice]]) -> None:
        """Take all batches out."""
        for batch in batches:
            assert self.archives.move_out(self.mark(), batch)

    def restore(self, batches: Sequence[Sequence[StoredSlice]]) -> None:
        """Bring all batches back."""
        for batch in reversed(batches):
            assert self.archives.move_in(self.mark(), batch)


@pytest.fixture(params=["moto", "dynamodb_local"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Either engine, with a mark."""
    made = Bench(create_tables(request.getfixturevalue(request.param)))
    made.archives.begin(MARK, "ops")
    return made


def batches_of(bench: Bench) -> list[list[StoredSlice]]:
    """Two batches: two slices, and one."""
    days = bench.days()
    assert [(DAY, 0), (DAY, 1), (NEXT_DAY, 0)] == [(one.counter.period, one.number) for one in days]
    return [days[:2], days[2:]]


def test_there_and_back(bench: Bench) -> None:
    """Days leave the table and come back as they were, attribute by attribute; all others stay."""
    batches = batches_of(bench)
    bench.move(batches)
    assert bench.mark() == MARK._replace(moved=2, version=2)
    left = [item["sk"]["S"] for item in bench.counters()]
    assert ["2026-10-31#0", f"{MONTH}#0"] == left
    bench.restore(batches)
    assert bench.begun == bench.counters()
    assert bench.archives.end(bench.mark())
    assert bench.archives.read(MONTH) is None
    assert bench.archives.end(MARK)
    bench.archives.begin(MARK, "ops")
    assert MARK._replace(version=6) == bench.mark()


def test_a_mark_is_written_once(bench: Bench) -> None:
    """A second archive of the month changes nothing; marks are found by their months; one is not removed
    while anything is out.
    """
    bench.archives.begin(MARK._replace(name="other"), "ops")
    bench.archives.begin(MARK._replace(month=Period("2027-02")), "ops")
    assert bench.mark() == MARK
    assert [MARK] == bench.archives.between(Period("2026-10"), Period("2027-01"))
    bench.move(batches_of(bench)[:1])
    assert not bench.archives.end(MARK)


def test_a_batch_moves_once(bench: Bench) -> None:
    """Whoever moves a batch by an old mark moves nothing, in either direction."""
    batches = batches_of(bench)
    bench.move(batches)
    held = bench.counters()
    assert not bench.archives.move_out(MARK, batches[0])
    assert not bench.archives.move_in(MARK._replace(moved=1, version=1), batches[0])
    assert (held, 2) == (bench.counters(), bench.mark().moved)


@pytest.mark.parametrize("shard", [{}, {"shard_id": OTHER_SHARD}, {"shard_id": FAR_SHARD, "slice_number": 1}])
def test_a_call_that_comes_before_its_counter_leaves(bench: Bench, shard: dict[str, Any]) -> None:
    """It stays in the table, and what was archived leaves; restored, the two add up to what they were."""
    batches = batches_of(bench)
    bench.late(**shard)
    both = bench.total(DAY)
    bench.move(batches)
    assert CALLS == bench.total(DAY)
    bench.restore(batches)
    assert (both, 9) == (bench.total(DAY), both.requests)


def test_a_call_that_comes_while_the_month_is_archived(bench: Bench) -> None:
    """It is counted by itself, and added up when the month is restored; no watermark goes back, and a batch
    that is repeated is refused.
    """
    batches = batches_of(bench)
    bench.move(batches)
    bench.late()
    assert CALLS == bench.total(DAY)
    bench.restore(batches)
    assert 9 == bench.total(DAY).requests
    held = bench.counters()
    bench.late()
    bench.late(0)
    assert held == bench.counters()


def test_again_after_a_late_call(bench: Bench) -> None:
    """A restored month with a late call leaves once more by the same archive, but for that call."""
    batches = batches_of(bench)
    bench.move(batches)
    bench.late()
    bench.restore(batches)
    bench.move(batches)
    assert CALLS == bench.total(DAY)


def test_a_counter_without_totals(bench: Bench) -> None:
    """A slice that holds nothing but a watermark, as a repair leaves it, leaves and comes back as any other:
    with a call that came before it left, and with one that came afterwards.
    """
    batches = batches_of(bench)
    (nothing,) = batches[1]
    empty = msgspec.structs.replace(nothing.counter, usage=Usage(), parts={})
    batches[1] = [msgspec.structs.replace(nothing, counter=empty)]
    place = {"pk": {"S": counter_pk(KEY)}, "sk": {"S": f"{NEXT_DAY}#0"}}
    watermarks: Any = {name: {"B": mark} for name, mark in nothing.watermarks.items()}
    bench.tables.dynamodb.put_item(TableName=bench.tables.counters, Item={**place, **watermarks})
    bench.move(batches)
    assert Usage() == bench.total(NEXT_DAY)
    bench.live.add([increment(SEQUENCE + 1, period=NEXT_DAY, totals=CALLS)])
    bench.restore(batches)
    assert CALLS == bench.total(NEXT_DAY)
    bench.move(batches)
    assert (CALLS, 2) == (bench.total(NEXT_DAY), bench.mark().moved)


def test_a_mark_is_never_what_it_was(bench: Bench) -> None:
    """Whoever compares two readings of a mark sees that batches moved in between, there and back."""
    batches = batches_of(bench)
    bench.move(batches)
    before = bench.mark()
    bench.archives.move_in(before, batches[1])
    bench.archives.move_out(bench.mark(), batches[1])
    assert before.moved == bench.mark().moved
    assert before != bench.mark()


def remove(bench: Bench, row: StoredSlice) -> None:
    """Remove a counter behind the archive's back."""
    place = {"pk": {"S": counter_pk(row.key)}, "sk": {"S": f"{row.counter.period}#{row.number}"}}
    bench.tables.dynamodb.delete_item(TableName=bench.tables.counters, Key=place)


def test_a_counter_that_is_missing(bench: Bench) -> None:
    """A batch whose counter is gone is not moved, whether it was removed or a backup was torn, and the way
    out is named; the counter comes back from the archive, as long as the mark is the same.
    """
    batches = batches_of(bench)
    remove(bench, batches[0][0])
    with pytest.raises(Misconfigured, match=f"a1b2c3 in {DAY} was archived, and is not .*2026-11 --restore"):
        bench.archives.move_out(MARK, batches[0])
    assert (MARK, 2) == (bench.mark(), len(bench.days()))
    rows = [row for batch in batches for row in batch]
    assert not bench.archives.bring_missing(MARK._replace(version=7), rows)
    for _ in range(2):
        assert bench.archives.bring_missing(MARK, rows)
        assert (MARK, bench.begun) == (bench.mark(), bench.counters())


def test_a_counter_that_is_still_there(bench: Bench) -> None:
    """A counter that the table holds as it was archived, though its batch is out, is not added once more."""
    batches = batches_of(bench)
    bench.move(batches)
    (still,) = [item for item in bench.begun if item["sk"]["S"] == f"{DAY}#1"]
    bench.tables.dynamodb.put_item(TableName=bench.tables.counters, Item=still)
    bench.restore(batches)
    assert bench.begun == bench.counters()


def test_a_counter_that_is_still_there_is_removed(bench: Bench) -> None:
    """Where archiving goes on, it leaves the table, as long as the mark is the same. A counter that holds
    calls of its own stays.
    """
    batches = batches_of(bench)
    bench.move(batches)
    left = bench.counters()
    still = [item for item in bench.begun if item not in left]
    assert 0 == bench.archives.remove_repeated(bench.mark(), batches[0])
    for removed in (2, 1):
        for item in still:
            bench.tables.dynamodb.put_item(TableName=bench.tables.counters, Item=item)
        assert bench.archives.remove_repeated(MARK, batches[0]) is None
        assert removed == bench.archives.remove_repeated(bench.mark(), batches[0])
        assert 1 == bench.archives.remove_repeated(bench.mark(), batches[1])
        assert left == bench.counters()
        bench.late()
        left, still = bench.counters(), [item for item in still if item["sk"]["S"] != f"{DAY}#0"]


def test_partly_archived(bench: Bench) -> None:
    """Months of which something is out, and not all."""
    bench.archives.begin(MARK._replace(month=Period("2026-09"), moved=2), "ops")
    assert [MARK] == bench.archives.partly_archived()
    batches = batches_of(bench)
    bench.move(batches[:1])
    assert [bench.mark()] == bench.archives.partly_archived()
    bench.move(batches[1:])
    assert [] == bench.archives.partly_archived()
    bench.restore(batches)
    bench.archives.end(bench.mark())
    assert [] == bench.archives.partly_archived()


def test_a_counter_with_something_else(bench: Bench) -> None:
    """What the meter does not write would be lost: such a counter is named."""
    bench.tables.dynamodb.update_item(
        TableName=bench.tables.counters,
        Key={"pk": {"S": counter_pk(KEY)}, "sk": {"S": f"{DAY}#0"}},
        UpdateExpression="SET note = :note",
        ExpressionAttributeValues={":note": {"S": "do not touch"}},
    )
    with pytest.raises(UnreadableItem, match="note is nothing that the meter writes"):
        list(bench.archives.slices(MONTH))


def test_a_lost_answer(bench: Bench) -> None:
    """A transaction whose answer was lost is repeated, and moves its batch once."""
    client = bench.tables.dynamodb
    lost = iter([True])

    def lose(request: AWSPreparedRequest, **_: Any) -> None:
        if next(lost, False):
            URLLib3Session().send(request)
            raise ConnectionClosedError(endpoint_url=request.url)

    batches = batches_of(bench)
    client.meta.events.register("before-send.dynamodb.TransactWriteItems", lose, unique_id="lose")
    try:
        bench.archives.move_out(MARK, batches[0])
    finally:
        client.meta.events.unregister("before-send.dynamodb.TransactWriteItems", unique_id="lose")
    assert (1, 1) == (bench.mark().moved, len(bench.days()))


def test_a_counter_that_changes_all_the_time(bench: Bench) -> None:
    """A batch is given up for now after some attempts, and nothing of it has moved."""
    batches = batches_of(bench)
    numbers = iter(range(10, 100))
    client = bench.tables.dynamodb

    def count(**_: Any) -> None:
        bench.late(next(numbers))

    client.meta.events.register("before-send.dynamodb.TransactWriteItems", count, unique_id="count")
    try:
        with pytest.raises(Transient, match="are being changed all the time"):
            bench.archives.move_out(MARK, batches[0])
    finally:
        client.meta.events.unregister("before-send.dynamodb.TransactWriteItems", unique_id="count")
    assert (MARK, 3) == (bench.mark(), len(bench.days()))
