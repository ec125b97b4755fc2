"""The lake's own count of one key: what is asked, and what the rows say."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
import sqlglot
from sqlglot import exp

from cli.explain.lake import ask_lake
from metering.period import Period
from metering.usage import Usage

SEVEN = datetime(2026, 11, 5, 7, tzinfo=UTC)


class Result(NamedTuple):
    """What a query gave."""

    sql: str
    parameters: tuple[str, ...]
    rows: Callable[[], Iterator[tuple[Any, ...]]]
    query_id: str = "a query"
    scanned_bytes: int = 123
    milliseconds: int = 45


class Lake:
    """Notes what is asked, and answers with rows."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._rows = rows
        self.asked: list[Result] = []

    def run(self, sql: str, parameters: Sequence[str] = (), *, run_id: str) -> Result:
        """Run a query."""
        assert run_id == "run"
        self.asked.append(Result(sql, tuple(parameters), lambda: iter(self._rows)))
        return self.asked[-1]


def row(hour: int, status: int, requests: int, *, billable: bool) -> tuple[Any, ...]:
    """Calls of an hour, each twice in the lake."""
    at = SEVEN.replace(hour=hour)
    sums = (10 * requests, requests, 5 * requests, 100 * requests, 0, requests - 1)
    return (at, status, billable, at.replace(minute=5), at.replace(minute=50), 2 * requests, requests, *sums)


ROWS = [row(7, 200, 6, billable=True), row(7, 404, 1, billable=True), row(9, 429, 2, billable=False)]


def test_one_query_with_parameters() -> None:
    """It is Athena's SQL, has as many question marks as parameters, and the key is one of them."""
    lake = Lake([])
    ask_lake(lake, "o'hara", Period("2026-11-05"), "run")
    (asked,) = lake.asked
    query = sqlglot.parse_one(asked.sql, dialect="athena")
    assert len(list(query.find_all(exp.Placeholder))) == len(asked.parameters)
    assert "'o''hara'" == asked.parameters[-1]
    assert "o'hara" not in asked.sql


def test_each_call_once() -> None:
    """Copies are rows, not calls; errors and billable ones follow from the status and the row."""
    found = ask_lake(Lake(ROWS), "k1", Period("2026-11-05"), "run")
    assert Usage(9, 7, 3, 90, 9, 45, 900, 0, 6) == found.usage
    assert (18, 123, 45, "a query") == (found.rows, found.scanned_bytes, found.milliseconds, found.query_id)


@pytest.mark.parametrize(
    ("period", "expected"),
    [("2026-11-05", {"2026-11-05T07": 7, "2026-11-05T09": 2}), ("2026-11", {"2026-11-05": 9})],
)
def test_by_part(period: str, expected: dict[str, int]) -> None:
    """The hours of a day, the days of a month."""
    found = ask_lake(Lake(ROWS), "k1", Period(period), "run")
    assert expected == found.requests_by_part(Period(period))


def test_denials() -> None:
    """Calls with status 429 in an hour, day or month."""
    found = ask_lake(Lake(ROWS), "k1", Period("2026-11"), "run")
    denials = found.denials(Period("2026-11"))
    assert denials is not None
    assert (2, SEVEN.replace(hour=9, minute=5)) == (denials.requests, denials.first_at)
    assert found.denials(Period("2026-11-05T07")) is None
