"""The lake in memory answers the shipped queries as the SQL does."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import pytest

from metering.calls.call import Call
from metering.calls.lake_row import LakeRow
from metering.period import Period, begins_at, ends_at
from reconciliation.lake.queries import (
    ALTERED_ROWS,
    CALLS_OF_KEYS,
    DIFFERING_COPIES,
    PARTITIONS,
    REPEATED_OBJECTS,
    REPEATED_ROWS,
    ROWS_OF_EVENTS,
    USAGE_BY_KEY_AND_DAY,
    USAGE_OF_SOUND_ROWS,
    between,
    keys_named,
    query_text,
    quoted,
)
from reconciliation.lake.row_digests import OBJECTS_OF_ROWS, ROW_DIGESTS
from reconciliation.repair.repairer import HOURS_OF_KEYS
from simulation.month_end.lake import SimulatedLake
from tests.reconciliation.month_end import OCTOBER, Deployment, call, row, running

FURTHER = {
    CALLS_OF_KEYS: keys_named(["a", "b"]),
    HOURS_OF_KEYS: (quoted("a"), quoted("a")),
}


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """A lake with SQL."""
    yield from running()


def some_calls(dice: random.Random, count: int) -> list[Call]:
    """Calls around October, some of them copies, some with another hash."""
    found: list[Call] = []
    for number in range(count):
        when = dice.choice(
            ("2026-09-30T23:59:59", "2026-10-01T00:00:00", "2026-10-31T23:15:00", "2026-11-01T00:00:00")
        )
        one = call(
            f"{number}=",
            when,
            dice.choice("abc"),
            is_error=dice.random() < 0.3,
            response_bytes=dice.randrange(9),
        )
        if dice.random() < 0.1:
            one = msgspec.structs.replace(one, event_hash=one.event_hash ^ 1)
        found.append(dice.choice(found) if found and dice.random() < 0.3 else one)
    return found


def short(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Rows, with the names of objects without their folders."""
    return [
        tuple(one.rpartition("/")[2].removesuffix(".parquet") if isinstance(one, str) else one for one in row)
        for row in rows
    ]


def test_alike(deployment: Deployment) -> None:
    """Each query, on rows with copies and altered hashes, in and around a month."""
    dice, lake, hashes = random.Random(7), SimulatedLake(), list[int]()
    for number in range(6):
        calls = some_calls(dice, 12)
        rows = [{**row(one), "outcome": str(one.outcome)} for one in calls]
        if number == 5:  # of unknown sizes, and with sizes
            one, other = (row(call(f"{name}=", "2026-10-31T23:15:00")) for name in ("one", "other"))
            rows += [{**one, "responsesizeknown": False}, {**other, "requestsize": 7}]
        deployment.analyst.store("2026-10-31", *rows, name=f"object-{number}")
        lake.write(Period("2026-10-31"), f"object-{number}", [msgspec.convert(one, LakeRow) for one in rows])
        hashes += [one.event_hash for one in calls[::3]]
    span = between(begins_at(Period(OCTOBER)), ends_at(Period(OCTOBER)))
    for name in (
        *(USAGE_BY_KEY_AND_DAY, USAGE_OF_SOUND_ROWS, ALTERED_ROWS, REPEATED_OBJECTS, REPEATED_ROWS),
        *(CALLS_OF_KEYS, HOURS_OF_KEYS, ROW_DIGESTS, OBJECTS_OF_ROWS, DIFFERING_COPIES, ROWS_OF_EVENTS),
    ):
        parameters = (*span, *FURTHER.get(name, ())) if name != ROWS_OF_EVENTS else span[:PARTITIONS]
        text = query_text(name).replace("IN (-1)", f"IN ({', '.join(map(str, hashes))})")
        sources = (lake, deployment.sources.queries)
        in_memory, in_sql = (list(one.run(text, parameters, run_id=name).rows()) for one in sources)
        assert in_sql, name
        if name == ROW_DIGESTS:  # the digest itself is the SQL's own
            in_sql, in_memory = ([row[:-1] for row in rows] for rows in (in_sql, in_memory))
        assert short(in_sql) == short(in_memory), name
