"""The saved queries: Athena's run on a lake with known rows, those of Logs Insights use the log's fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import sqlglot

from local_cloud.stack import LocalCloud
from local_cloud.template.document import Stack, translated
from tests.local_cloud.athena.workshop import Analyst, Rows

STACK = Stack({"CrawlSchema": "yes"})
RESOURCES = translated()["Resources"]
LOG_QUERIES = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::Logs::QueryDefinition"]
LAKE_QUERIES = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::Athena::NamedQuery"]

FIELDS = set(json.loads(STACK.output("AccessLogFormat")))
WORDS = {
    *("filter", "stats", "by", "sort", "desc", "limit", "fields", "as", "not", "or", "and"),
    *("ispresent", "coalesce", "count", "sum", "max", "pct", "bin", "time"),
    *("like", "abs", "toMillis"),
}
"""The language of Logs Insights, as far as the queries use it."""


def row(number: int, key: str, day: str, **more: Any) -> dict[str, Any]:
    """A row of the lake; its number makes its event id."""
    return {
        "eventid": f"event-{number}",
        "eventtime": f"{day} 12:00:00.000",
        "apikeyid": key,
        "resourcepath": "/orders",
        "requestsize": 1024 * 1024,
        "responsesize": 2 * 1024 * 1024,
        "responselatency": 10,
        "outcome": "metered",
        "billable": True,
        **more,
    }


@pytest.fixture(scope="module")
def analyst() -> Iterator[Analyst]:
    """A lake with calls of October and November 2026."""
    with LocalCloud() as cloud:
        someone = Analyst(cloud)
        someone.store(
            "2026-11-03",
            row(1, "shop", "2026-11-03"),
            row(2, "shop", "2026-11-03", resourcepath="/users"),
            row(3, "blog", "2026-11-03"),
        )
        someone.store("2026-10-05", *(row(number, "shop", "2026-10-05") for number in range(10, 15)))
        someone.store(
            "2026-10-06", row(10, "shop", "2026-10-05"), row(20, "shop", "2026-10-06", billable=False)
        )
        someone.store("2026-11-01", row(30, "blog", "2026-10-31"), row(31, "blog", "2026-11-01"))
        someone.store("2026-09-30", row(40, "blog", "2026-10-01"), row(41, "blog", "2026-09-30"))
        yield someone


def asked_in_november(analyst: Analyst, name: str, **replaced: str) -> Rows:
    """The rows of a saved query, as if asked on 2026-11-15, without the names of the columns."""
    text = STACK.resource(name)["QueryString"].replace("current_date", "DATE '2026-11-15'")
    for old, new in replaced.items():
        text = text.replace(old, new)
    return analyst.ask(text)[1:]


class TestSamples:
    def test_requests(self, analyst: Analyst) -> None:
        """Requests and latency of each key in the current month, the busiest first."""
        assert [["blog", "3", "30"], ["shop", "2", "20"]] == asked_in_november(analyst, "RequestsPerKeyQuery")

    def test_transfer(self, analyst: Analyst) -> None:
        """Megabytes of each key."""
        assert [["blog", "9"], ["shop", "6"]] == sorted(asked_in_november(analyst, "TransferPerKeyQuery"))

    def test_endpoints(self, analyst: Analyst) -> None:
        """Requests of each key and endpoint."""
        assert [["blog", "/orders", "3"], ["shop", "/orders", "1"], ["shop", "/users", "1"]] == sorted(
            asked_in_november(analyst, "RequestsPerEndpointQuery")
        )


class TestUsageByTier:
    def test_each_call_once(self, analyst: Analyst) -> None:
        """A row that repeats counts once, a call that is not billed never, and a call of the month in a
        neighbouring day's partition belongs to the month.
        """
        assert [
            ["blog", "1", "2", "0.000005000", "0.000010000"],
            ["shop", "1", "5", "0.000005000", "0.000025000"],
        ] == asked_in_november(analyst, "UsageByTierQuery")

    def test_tiers(self, analyst: Analyst) -> None:
        """Each tier prices what lies in it: of 5 calls, 2 at the first price and 3 at the second."""
        rows = asked_in_november(analyst, "UsageByTierQuery", **{"1000000,": "2,"})
        assert [
            ["shop", "1", "2", "0.000005000", "0.000010000"],
            ["shop", "2", "3", "0.000003000", "0.000009000"],
        ] == [one for one in rows if one[0] == "shop"]


class TestLines:
    def test_by_reason(self, analyst: Analyst) -> None:
        """Each reason once, with the number of its lines and an example; a row that repeats counts once."""
        analyst.store(
            "2026-11-04",
            *2
            * (
                row(50, "!malformed", "2026-11-04", outcome="malformed", reason="no_status: none", raw="b"),
                row(51, "!malformed", "2026-11-04", outcome="malformed", reason="no_status: a", raw="a"),
            ),
            row(52, "shop", "2026-11-04", reason="broken_text", raw="c", outcome="metered"),
        )
        assert [
            ["malformed", "no_status", "2", "no_status: a", "a"],
            ["metered", "broken_text", "1", "broken_text", "c"],
        ] == asked_in_november(analyst, "LinesThatAreNoCallsQuery")


class TestNamedQueries:
    @pytest.mark.parametrize("name", LAKE_QUERIES)
    def test_placed(self, name: str) -> None:
        """Each runs in the stack's workgroup, on its database, and is SQL that Athena's grammar takes."""
        query = STACK.resource(name)
        assert [STACK.name("LakeDatabase"), STACK.name("AthenaWorkGroup")] == [
            query["Database"],
            query["WorkGroup"],
        ]
        assert 1 == len(sqlglot.parse(query["QueryString"], read="athena"))

    def test_drift(self) -> None:
        """The query for drift compares the declared table with what the crawler found, if there is one."""
        text = STACK.resource("SchemaDriftQuery")["QueryString"]
        assert "table_schema = 'usage_meter' AND table_name = 'api_gateway_logs'" in text
        assert "table_schema = 'usage_meter_found'" in text
        assert not Stack().has("SchemaDriftQuery")


class TestLogQueries:
    @pytest.mark.parametrize("name", LOG_QUERIES)
    def test_fields(self, name: str) -> None:
        """A query asks for fields that the access-log format writes, and for nothing else."""
        text = re.sub(r'"[^"]*"', "", STACK.resource(name)["QueryString"])
        named = set(re.findall(r"\bas (\w+)", text))
        words = set(re.findall(r"(?<![@\w])[a-zA-Z]\w*", text)) - WORDS - named
        assert words
        assert set() == words - FIELDS - {"m"}  # of a bin's minutes

    @pytest.mark.parametrize("name", LOG_QUERIES)
    def test_log_groups(self, name: str) -> None:
        """It asks all log groups that the meter reads."""
        both = Stack({"ExistingLogGroupName": "orders", "SecondLogGroupName": "users"})
        assert ["orders", "users"] == both.resource(name)["LogGroupNames"]
        assert [STACK.name("AccessLogGroup")] == STACK.resource(name)["LogGroupNames"]
