"""Files whose columns have another type than the table declares: what Trino reads, and what it refuses."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local_cloud.stack import LocalCloud
from tests.engines.trino.server import Refused, Trino
from tests.engines.trino.test_shipped_sql import Both
from tests.local_cloud.athena.workshop import Analyst, QueryFailed

NOON = datetime(2026, 10, 1, 12)  # noqa: DTZ001 - the lake's times have no zone
FOUND: list[tuple[pa.DataType, Any]] = [
    *((kind, 7) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint32(), pa.uint64())),
    *((kind, 7.5) for kind in (pa.float32(), pa.float64())),
    (pa.string(), "7"),
    (pa.binary(), b"7"),
    (pa.bool_(), True),
    (pa.date32(), date(2026, 10, 1)),
    *((kind, NOON) for kind in (pa.timestamp("ms"), pa.timestamp("us"), pa.timestamp("ns"))),
    (pa.timestamp("us", "UTC"), NOON),
    *((pa.decimal128(9, scale), Decimal(7)) for scale in (0, 2)),
    (pa.list_(pa.int64()), [7]),
    (pa.null(), None),
]
DECLARED = ("eventid", "eventhash", "status", "eventtime", "billable")
"""A column of each type that the lake has."""


@pytest.fixture(scope="module")
def both(trino: Trino) -> Iterator[Both]:
    """A lake with a day for each type, in which each of these columns has it."""
    with LocalCloud() as cloud:
        analyst = Analyst(cloud)
        for day, (kind, value) in enumerate(FOUND, 1):
            body = io.BytesIO()
            pq.write_table(pa.table({name: pa.array([value], kind) for name in DECLARED}), body)
            key = f"lake/year=2026/month=10/day={day:02d}/part.parquet"
            analyst.s3.put_object(Bucket=analyst.bucket, Key=key, Body=body.getvalue())
        with trino.lake(cloud) as lake:
            yield Both(analyst, lake)


@pytest.mark.parametrize("column", DECLARED)
def test_read_or_refused(both: Both, column: str) -> None:
    """The local Athena reads the same, and refuses the same; or, of times as numbers, more."""
    for day, (kind, _) in enumerate(FOUND, 1):
        query = f"SELECT {column} FROM api_gateway_logs WHERE year = 2026 AND month = 10 AND day = {day}"
        try:
            theirs: object = both.theirs.run(query).rows
        except Refused:
            theirs = None
        try:
            ours: object = both.ours.ask(query)[1:]
        except QueryFailed:
            ours = None
        if column == "eventhash" and pa.types.is_timestamp(kind):
            assert ours is None
        else:
            assert (kind, theirs) == (kind, ours)


def test_names_in_upper_case(both: Both) -> None:
    """A column is found whatever the case of its name in the file."""
    body = io.BytesIO()
    pq.write_table(pa.table({"EventId": ["a"], "APIKEYID": ["k"]}), body)
    key = "lake/year=2026/month=11/day=01/part.parquet"
    both.ours.s3.put_object(Bucket=both.ours.bucket, Key=key, Body=body.getvalue())
    rows = both.compare(
        "SELECT eventid, apikeyid, status FROM api_gateway_logs WHERE year = 2026 AND month = 11"
    )
    assert [["a", "k", None]] == rows
