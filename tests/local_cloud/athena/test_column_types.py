"""Types of columns in files, beside those that the table declares."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from local_cloud.stack import LocalCloud
from tests.local_cloud.athena.workshop import Analyst, QueryFailed

QUERY = "SELECT {} FROM api_gateway_logs WHERE year = 2026 AND month = 10"


@pytest.fixture(scope="module")
def analyst() -> Iterator[Analyst]:
    """Somebody who asks a lake of one object."""
    with LocalCloud() as cloud:
        yield Analyst(cloud)


def store(analyst: Analyst, **columns: pa.Array) -> None:
    """Make these columns the only object of the lake."""
    body = io.BytesIO()
    pq.write_table(pa.table(columns), body)
    key = "lake/year=2026/month=10/day=01/part.parquet"
    analyst.s3.put_object(Bucket=analyst.bucket, Key=key, Body=body.getvalue())


@pytest.mark.parametrize(
    ("column", "kind", "value"),
    [
        ("status", pa.string(), "200"),
        ("status", pa.float64(), 200.0),
        ("eventhash", pa.decimal128(9, 2), 7),
        ("eventid", pa.timestamp("ms"), 0),
        ("eventid", pa.list_(pa.int64()), [7]),
        ("billable", pa.int64(), 1),
    ],
)
def test_refused(analyst: Analyst, column: str, kind: pa.DataType, value: Any) -> None:
    """A column of another kind fails a query that reads it, as on Trino, and no other query."""
    store(analyst, **{column: pa.array([value], kind), "stage": pa.array(["prod"])})
    with pytest.raises(QueryFailed, match=f"HIVE_BAD_DATA: Field {column}'s type .* is incompatible"):
        analyst.ask(QUERY.format(column))
    assert [["prod"]] == analyst.ask(QUERY.format("stage"))[1:]


def test_read(analyst: Analyst) -> None:
    """Integers of any width are integers, and any number is text where text is declared."""
    store(
        analyst,
        status=pa.array([200], pa.uint16()),
        eventhash=pa.array([7], pa.int32()),
        eventid=pa.array([7.5]),
    )
    assert [["200", "7", "7.5"]] == analyst.ask(QUERY.format("status, eventhash, eventid"))[1:]


@pytest.mark.parametrize("more", ["", ', "$path"'])
def test_names_in_upper_case(analyst: Analyst, more: str) -> None:
    """A column is found whatever the case of its name in the file, and is scanned."""
    store(analyst, EventId=pa.array(["a"]), APIKEYID=pa.array(["k"]))
    assert ["a", "k"] == analyst.ask(QUERY.format(f"eventid, apikeyid{more}"))[1][:2]
    assert 0 < analyst.scanned(QUERY.format("eventid"))
