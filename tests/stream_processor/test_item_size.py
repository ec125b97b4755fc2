"""Items stay below 1 KB, so that an increment is one write unit, by DynamoDB's own word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, client
from metering.counters.ports import Increment, Status
from metering.counters.slices import SHARDS_OF_A_SLICE, slice_of
from metering.period import Period
from metering.usage import Usage, total
from tests.tables import create_tables

if TYPE_CHECKING:
    from tests.tables import Tables

SHARDS = [f"shardId-{number:012d}" for number in range(100, 132)]
SEQUENCE = 10**55
CALLS = Usage(10**9, 10**9, 10**8, 10**14, 10**13, 10**12, 2**119)
MONTH, DAY = Period("2026-10"), Period("2026-10-31")


def metered_counters(tables: Tables, units: list[float]) -> DynamoDBCounters:
    """The shipped counters, which ask DynamoDB for the units of each write."""
    updates = ConditionalUpdates(client(8, **tables.where), 8, on_units=units.append)
    return DynamoDBCounters(tables.counters, updates)


def increments(shard_id: str, number: int) -> list[Increment]:
    """A shard's share of one hot key: all days of a month, all hours of a day."""
    first = SEQUENCE + number
    return [
        Increment(
            "abcdefghij",
            period,
            slice_of(shard_id),
            shard_id,
            first,
            first,
            CALLS,
            dict.fromkeys(parts, 10**8),
        )
        for period, parts in (
            (MONTH, [f"{day:02d}" for day in range(1, 32)]),
            (DAY, [f"{hour:02d}" for hour in range(24)]),
        )
    ]


class TestHotKey:
    def test_one_write_unit(self, dynamodb_local: str) -> None:
        """One key gets every call of 32 shards for a whole month: each write is one unit."""
        tables = create_tables(dynamodb_local)
        units: list[float] = []
        counters = metered_counters(tables, units)
        for number in range(3):
            for shard_id in SHARDS:
                answers = counters.add(increments(shard_id, number))
                assert [Status.WRITTEN] * 2 == [answer.status for answer in answers]
        assert {1.0} == set(units)
        assert 3 * len(SHARDS) * 2 == len(units)

    def test_slices(self) -> None:
        """32 open shards of a resharded stream fall into three slices; none ever has more than 16."""
        of_slice: dict[int, int] = {}
        for number in range(1000):
            slice_number = slice_of(f"shardId-{number:012d}")
            of_slice[slice_number] = of_slice.get(slice_number, 0) + 1
        assert max(of_slice.values()) == SHARDS_OF_A_SLICE
        assert 3 == len({slice_of(shard_id) for shard_id in SHARDS})


def test_growth(dynamodb_local: str) -> None:
    """Slices are added in mid-month as shards split: nothing is counted twice, nothing is lost."""
    tables = create_tables(dynamodb_local)
    counters = metered_counters(tables, [])
    parent, children = "shardId-000000000015", ("shardId-000000000016", "shardId-000000000017")
    batches = [increments(parent, 0), *(increments(child, 1) for child in children)]
    for batch in batches:
        counters.add(batch)
    repeated = [answer.status for batch in batches for answer in counters.add(batch)]
    assert [Status.REFUSED] * 6 == repeated
    items = tables.items(tables.counters)
    months = [item for item in items if item["sk"]["S"].startswith("2026-10#")]
    assert {"2026-10#0", "2026-10#1"} == {item["sk"]["S"] for item in months}
    assert 3 * CALLS.requests == sum(int(item["requests"]["N"]) for item in months)
    assert total([CALLS] * 3).fingerprint == sum(int(item["fingerprint"]["N"]) for item in months)
