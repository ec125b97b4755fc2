"""What the engine keeps from one query to the next."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from local_cloud.athena import engine
from local_cloud.stack import LocalCloud
from tests.local_cloud.athena.workshop import Analyst


def test_databases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some queries a new database begins; a query that runs still has its own."""
    monkeypatch.setattr(engine, "_QUERIES_OF_A_DATABASE", 2)
    databases = engine.Databases(tmp_path)
    first, second = databases.cursor(), databases.cursor()
    first.execute("CREATE TABLE kept AS SELECT 1 AS n")
    third = databases.cursor()

    with pytest.raises(duckdb.CatalogException, match="kept does not exist"):
        third.execute("FROM kept")
    assert [(1,)] == second.execute("FROM kept").fetchall()


def test_plans() -> None:
    """The plan of a query is made once; that of a long one, which lists values, is not kept."""
    short = "SELECT count(*) FROM api_gateway_logs WHERE day = 29"
    values = ", ".join(f"'{number}'" for number in range(2000))
    long = f"SELECT count(*) FROM api_gateway_logs WHERE eventid IN ({values})"
    with LocalCloud() as cloud:
        analyst = Analyst(cloud)
        assert [["0"]] == analyst.ask(short)[1:] == analyst.ask(long)[1:]

    assert {short} == {text for text, *_ in engine.plans if text in (short, long)}
