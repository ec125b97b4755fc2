"""Every SQL statement that is shipped, prepared and executed by Trino with the product's own parameters.

It gives the columns, types and rows that the local Athena gives, on a lake of calls and on one that somebody
has tampered with.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import pytest

from local_cloud.stack import LocalCloud
from local_cloud.template.document import Stack
from metering.billing_rule import BillingRule
from metering.calls.delivery import LogEvent
from metering.calls.lake_row import lake_rows
from reconciliation.lake import queries
from reconciliation.lake.queries import between, keys_named, query_text, quoted
from reconciliation.lake.row_digests import OBJECTS_OF_ROWS, ROW_DIGESTS
from reconciliation.recovery.backfill import EVENTS_OF_DAYS
from reconciliation.recovery.reread import MALFORMED_OBJECTS
from tests.engines.trino.server import Lake, Trino, in_order
from tests.factories import NOON_MS, line
from tests.infra.test_queries import LAKE_QUERIES
from tests.infra.test_sample_queries import NAMED
from tests.local_cloud.athena.workshop import Analyst, printed
from tools.build_lambda import ROOT

Rows = list[dict[str, Any]]

ODD = "o'Brien é€ ?; -- /*"
KEYS = ("shop", "blog", ODD, "-")
OCTOBER, NOVEMBER = datetime(2026, 10, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
SPANS = {
    "a month": (OCTOBER, NOVEMBER),
    "hours": (
        datetime(2026, 10, 31, 10, 30, tzinfo=UTC),
        datetime(2026, 10, 31, 23, 59, 59, 999000, tzinfo=UTC),
    ),
    "a year's end": (datetime(2026, 12, 15, tzinfo=UTC), datetime(2027, 1, 10, tzinfo=UTC)),
}
HALF_A_DAY_MS = 12 * 3_600_000


def calls() -> Rows:
    """What the transform makes of 400 lines around the month's end: calls of each key, their sizes known and
    not, lines that are no calls, and others of which something could not be taken.
    """
    events = []
    for number in range(400):
        time = NOON_MS + HALF_A_DAY_MS - 1 + (number - 200) * 180_000 * (number % 7)
        fields: dict[str, object] = {
            "extendedRequestId": f"call-{number}",
            "apiKeyId": KEYS[number % 4],
            "requestTimeEpoch": str(time),
            "resourcePath": ("/orders", "/users")[number % 2],
            "status": (200, 404, 429, 503, "-")[number % 5],
            "requestLength": ("-", str(number * 1000), "chunked")[number % 3],
            "responseLength": "-" if number % 11 == 0 else str(number * 70_000),
        }
        text = line(**fields)
        events.append(LogEvent(str(number), time, text[:-9] if number % 13 == 0 else text))
    return [json.loads(msgspec.json.encode(row)) for row in lake_rows(events, BillingRule())]


def altered(rows: Rows) -> Rows:
    """The rows, some of them changed by somebody: hashes, ids, copies of which each says something else."""
    changed = [dict(row) for row in rows]
    for number, row in enumerate(changed):
        match number % 9:
            case 0:
                row["eventhash"] = None if number % 2 else 2**63 - 1
            case 1:
                row["eventid"] = f"{row['eventid']} of somebody"
            case 2:
                changed.append(
                    {**row, "apikeyid": None, "billable": None, "status": None, "responsesize": 2**40}
                )
            case 3:
                changed.append({**row, "eventhash": 7, "eventtime": "2026-10-31 23:59:59.999"})
            case 4:
                row |= {
                    "responsesize": -5,
                    "requestsize": None,
                    "responselatency": None,
                    "eventid": f"{number}?",
                }
            case _:
                changed.append(row)
        if len(changed) > 2 * len(rows):
            break
    return changed


def repeated(rows: Rows) -> Rows:
    """The rows, one in ten of them twice."""
    return rows + rows[::10]


LAKES: dict[str, Rows] = {
    "calls": repeated(calls()),
    "altered rows": altered(repeated(calls())),
    "no rows": [],
}


class Both(NamedTuple):
    """The same lake, seen by the local Athena and by Trino."""

    ours: Analyst
    theirs: Lake

    def compare(self, statement: str, *parameters: str, ordered: bool = True) -> list[list[str | None]]:
        """Run a statement on both, and hold the one against the other; the rows."""
        execution = self.ours.wait(identity := self.ours.start(statement, parameters))
        assert "SUCCEEDED" == execution["Status"]["State"], execution["Status"]
        pages = list(self.ours.athena.get_paginator("get_query_results").paginate(QueryExecutionId=identity))
        columns = pages[0]["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        _, *rows = [printed(row) for page in pages for row in page["ResultSet"]["Rows"]]
        found = self.theirs.run(statement, *parameters)
        types = [re.sub(r"\(.*", "", name) for name in found.types]
        assert [(one["Name"], one["Type"]) for one in columns] == list(zip(found.columns, types, strict=True))
        ours, theirs = (rows, found.rows) if ordered else (in_order(rows), in_order(found.rows))
        assert ours == theirs
        return found.rows


@pytest.fixture(scope="module", params=LAKES)
def both(request: pytest.FixtureRequest, trino: Trino) -> Iterator[Both]:
    """A lake; its rows lie in objects of two days, so that copies lie in several."""
    rows = LAKES[request.param]
    with LocalCloud() as cloud:
        analyst = Analyst(cloud)
        for number, some in enumerate(groups(rows, 97)):
            analyst.store(("2026-10-31", "2026-11-01")[number % 2], *some, name=f"part-{number}")
        with trino.lake(cloud) as lake:
            yield Both(analyst, lake)


def groups(rows: Rows, size: int) -> Iterator[Rows]:
    """The rows, some at a time."""
    for begin in range(0, len(rows), size):
        yield rows[begin : begin + size]


PARAMETERS: dict[str, list[tuple[str, ...]]] = {
    queries.USAGE_BY_KEY_AND_DAY: [()],
    f"{queries.USAGE_BY_KEY_AND_DAY}_1": [()],
    queries.USAGE_OF_SOUND_ROWS: [()],
    queries.ALTERED_ROWS: [()],
    queries.REPEATED_ROWS: [()],
    queries.DIFFERING_COPIES: [()],
    queries.ROWS_OF_EVENTS: [()],
    queries.REPEATED_OBJECTS: [()],
    queries.CALLS_OF_KEYS: [keys_named([ODD, "shop"]), keys_named(["nobody"])],
    queries.CALLS_BY_ENDPOINT: [()],
    queries.EVENTS_BY_HOUR: [()],
    queries.CALLS_BY_HOUR_AND_STATUS: [(quoted(ODD),), (quoted("-"),)],
    "events_of_days": [()],
    "malformed_objects": [()],
    "objects_of_rows": [()],
    "row_digests": [()],
    queries.MALFORMED_REASONS: [()],
    MALFORMED_OBJECTS: [()],
    EVENTS_OF_DAYS: [()],
    ROW_DIGESTS: [()],
    OBJECTS_OF_ROWS: [()],
    "hours_of_keys": [(quoted(""),) * 2, (quoted(ODD),) * 2],
}
"""Of each query of the reconciliation and the look-ups: what comes after the times."""


def text_of(name: str) -> str:
    """A query of the product; one for some events asks for events that there are."""
    hashes = ", ".join(str(row["eventhash"]) for row in calls()[::7])
    return query_text(name).replace("IN (-1)", f"IN ({hashes})")


def month_of(name: str) -> tuple[str, ...]:
    """The parameters of a month that a query begins with."""
    span = between(*SPANS["a month"])
    return span[: queries.PARTITIONS] if name == queries.ROWS_OF_EVENTS else span


class TestQueriesOfTheProduct:
    def test_all_are_here(self) -> None:
        """No file of SQL is left out."""
        assert set(PARAMETERS) == {path.stem for path in (ROOT / "reconciliation/lake/sql").glob("*.sql")}

    @pytest.mark.parametrize("name", PARAMETERS)
    def test_same(self, both: Both, name: str) -> None:
        """Over a month, with each kind of parameter."""
        for more in PARAMETERS[name]:
            both.compare(text_of(name), *month_of(name), *more)

    @pytest.mark.parametrize("span", SPANS)
    def test_spans(self, both: Both, span: str) -> None:
        """Over parts of a day, and over the end of a year."""
        both.compare(query_text(queries.USAGE_BY_KEY_AND_DAY), *between(*SPANS[span]))


class TestNamedQueries:
    @pytest.mark.parametrize("name", [name for name in LAKE_QUERIES if name != "SchemaDriftQuery"])
    def test_same(self, both: Both, name: str) -> None:
        """As somebody runs them in the console in November, and in the month after."""
        for today in ("2026-11-15", "2026-12-01"):
            text = Stack({"CrawlSchema": "yes"}).resource(name)["QueryString"]
            both.compare(text.replace("current_date", f"DATE '{today}'"), ordered=False)

    @pytest.mark.parametrize("text", NAMED.values(), ids=NAMED)
    def test_first_design(self, both: Both, text: str) -> None:
        """The three samples, word for word."""
        both.compare(text, ordered=False)

    def test_of_the_guide(self, both: Both) -> None:
        """What the page on deployment shows."""
        page = (ROOT / "docs/deploy.md").read_text(encoding="utf-8")
        (text,) = re.findall(r"^SELECT .*", page, re.MULTILINE)
        both.compare(text, ordered=False)
