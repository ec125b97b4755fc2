"""How often the shipped statements read the lake, and which of its folders, on Trino."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest

from local_cloud.athena.query import plan
from local_cloud.endpoint.server import LocalEndpoint
from local_cloud.stack import LocalCloud
from tests.engines.trino.server import Lake, Trino
from tests.engines.trino.test_shipped_sql import PARAMETERS, Both, Rows, calls, month_of, text_of
from tests.local_cloud.athena.workshop import TABLE, Analyst

MONTH = ("2026-09-30", "2026-11-01")
"""The days that a month's query reads: the month, and a day on each side."""

NO_DAY = {"lake/year=2026/month=09/day=31/"}
"""A folder that is projected all the same: a projection knows no calendar."""


@pytest.fixture(scope="module")
def rows() -> Rows:
    """Rows of one instant, so that no statistics of a file leave it out."""
    return [{**row, "eventtime": "2026-10-31 12:00:00.000"} for row in calls()]


@pytest.fixture(scope="module")
def both(trino: Trino, rows: Rows) -> Iterator[Both]:
    """A lake with one object."""
    with LocalCloud() as cloud:
        analyst = Analyst(cloud)
        analyst.store("2026-10-31", *rows)
        with trino.lake(cloud) as lake:
            yield Both(analyst, lake)


def schema(both: Both) -> dict[str, str]:
    """The columns of the lake's table, and their types by Hive's names."""
    table = both.ours.cloud.client("glue").get_table(**TABLE)["Table"]
    columns = [*table["StorageDescriptor"]["Columns"], *table["PartitionKeys"]]
    return {column["Name"]: column["Type"] for column in columns}


@pytest.mark.parametrize("name", PARAMETERS)
def test_readings(both: Both, rows: Rows, name: str) -> None:
    """The lake is read as often as the local Athena counts: a part of a WITH clause each time it is named."""
    parameters = (*month_of(name), *PARAMETERS[name][0])
    found = both.theirs.run(text_of(name), *parameters)
    columns = schema(both)
    (use,) = plan(text_of(name), parameters, "usage_meter", lambda _database, _table: columns).tables
    assert len(use.readings) * len(rows) == found.rows_read
    assert (4 if name == "usage_of_sound_rows" else 1) == len(use.readings)


@pytest.mark.parametrize("name", PARAMETERS)
def test_folders(both: Both, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the projection's 11,532 folders, those of the month and of a day on each side are looked into."""
    assert days(*MONTH) | NO_DAY == listed(both.theirs, name, monkeypatch)


def days(first: str, last: str) -> set[str]:
    """The folders of the days from the first to the last."""
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    some = (start + timedelta(days=number) for number in range((end - start).days + 1))
    return {f"lake/year={day.year}/month={day.month:02d}/day={day.day:02d}/" for day in some}


def listed(lake: Lake, name: str, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """The folders that a query of the product has listed."""
    serve, folders = LocalEndpoint._serve_moto, set()  # noqa: SLF001 - what arrives at S3

    def seen(cloud: LocalEndpoint, environ: dict[str, Any], start_response: Any) -> Any:
        folders.update(parse_qs(environ.get("QUERY_STRING", "")).get("prefix", []))
        return serve(cloud, environ, start_response)

    monkeypatch.setattr(LocalEndpoint, "_serve_moto", seen)
    lake.run(text_of(name), *month_of(name), *PARAMETERS[name][0])
    return folders
