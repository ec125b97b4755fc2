"""What the watch knows of the source, in the counters table."""

from __future__ import annotations

from hashlib import sha512

import msgspec

from adapters.dynamodb.source import SourceBook
from metering.source.arrivals import KEPT_SAMPLES, ArrivalReadings, Sample
from metering.source.gap import MOST_GAPS, Gap, Way
from metering.source.leg import Leg
from metering.source.settings import MOST_STAGES, Stage
from metering.source.state import MOST_GROUPS, FurtherGroup, Known, SourceState
from metering.source.usual import Usual
from tests.tables import create_tables


def test_round_trip(dynamodb_local: str) -> None:
    """All of it comes back; of two looks at once the second to write is refused."""
    tables = create_tables(dynamodb_local)
    book = SourceBook(tables.dynamodb, tables.counters)
    assert SourceState() == book.load()
    state = SourceState(
        version=1,
        checked=29_000_000,
        counted=28_999_990,
        faults=("no filter",),
        stages=(Known(Stage("a", "prod", is_rest=True, name="n", log_group="log"), 29_000_000),),
        legs=(Leg(Way.LOGGED, "log", 28_999_000, Usual(20_000, (1, 2)), Usual(20_000, (3,))),),
        gaps=(Gap(Way.FORWARDED, "log", 28_999_000, 28_999_060, 7),),
    )
    assert book.save(state)
    assert not book.save(state)
    assert state == book.load()


def name(number: int) -> str:
    """A log group's name, as long as it may be, with nothing in it that can be compressed."""
    text = "".join(sha512(f"{number}/{part}".encode()).hexdigest() for part in range(4))
    return text[:512]


def test_at_the_limits(dynamodb_local: str) -> None:
    """All of a day's readings, a year's gaps and the largest numbers of stages and groups, whose names are as
    long as they may be, fit into the item and come back.
    """
    names = sorted(name(number) for number in range(MOST_GROUPS))
    usual = Usual(20_000, tuple(range(900_000, 900_014)))
    events = [
        {group: 10**12 + 7_919 * reading * place for place, group in enumerate(names)}
        for reading in range(KEPT_SAMPLES // 30)
    ]
    state = SourceState(
        version=1,
        faults=tuple(f"{group} has no filter" for group in names),
        stages=tuple(
            Known(Stage(f"api{n}", "prod", is_rest=True, name="n" * 128, log_group=names[n % 50]), 29_000_000)
            for n in range(MOST_STAGES)
        ),
        legs=tuple(Leg(way, group, 28_999_000, usual, usual) for way in Way for group in names),
        gaps=tuple(
            Gap(Way.COUNTED, names[(7 * n) % 50], 28_000_000 + 211 * n, 28_000_070 + 211 * n, 10**9 + 13 * n)
            for n in range(13 * MOST_GAPS)
        ),
        further=tuple(FurtherGroup(group, 29_000_000) for group in names),
        arrivals=ArrivalReadings(
            tuple(Sample(28_999_000 + 30 * n, 28_998_999 + 30 * n, each) for n, each in enumerate(events)),
            tuple(f"shardId-{number:012d}" for number in range(200)),
            tuple(names),
        ),
    )
    tables = create_tables(dynamodb_local)
    book = SourceBook(tables.dynamodb, tables.counters)
    assert book.save(state)
    assert state == book.load()
    [item] = tables.dynamodb.scan(TableName=tables.counters)["Items"]
    assert len(item["content"]["B"]) < 300_000
    assert len(msgspec.json.encode(state)) > 1_000_000
