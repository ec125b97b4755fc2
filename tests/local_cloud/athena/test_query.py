"""Athena's SQL on DuckDB: the same numbers, or no number."""

import re
from collections.abc import Iterator

import pytest

from local_cloud.stack import LocalCloud
from metering.calls.event_id import event_hash
from tests.local_cloud.athena.claims import BIGGEST, EXPRESSIONS, QUERIES, REFUSED, store_six_rows
from tests.local_cloud.athena.workshop import Analyst, QueryFailed

SEED_BY_KEY = """
-- Count API calls per API key for the current month
SELECT
  apiKeyId,
  COUNT(*) as total_requests,
  SUM(responseLatency) as total_latency_ms
FROM api_gateway_logs
WHERE year = 2026 AND month = 10
GROUP BY apiKeyId
ORDER BY total_requests DESC;
"""
SEED_TRANSFER = """
-- Calculate data transfer per API key
SELECT
  apiKeyId,
  SUM(requestSize + responseSize) / 1024 / 1024 as total_mb_transferred
FROM api_gateway_logs
WHERE year = 2026 AND month = 10
GROUP BY apiKeyId;
"""
SEED_BY_ENDPOINT = """
-- Track usage by endpoint
SELECT
  apiKeyId,
  resourcePath,
  COUNT(*) as request_count
FROM api_gateway_logs
WHERE year = 2026 AND month = 10
GROUP BY apiKeyId, resourcePath;
"""


@pytest.fixture(scope="module")
def lake() -> Iterator[Analyst]:
    """Six rows: five of October (one of them twice), one of November; the key b has bytes unknown."""
    with LocalCloud() as cloud:
        analyst = Analyst(cloud)
        store_six_rows(analyst)
        yield analyst


def test_the_seeds_calls_per_key(lake: Analyst) -> None:
    """As it stands, comment and semicolon included."""
    header, *rows = lake.ask(SEED_BY_KEY)

    assert ["apiKeyId", "total_requests", "total_latency_ms"] == header
    assert ["a", "3", "33"] == rows[0]
    assert [["B", "1", "11"], ["b", "1", "11"]] == sorted(rows[1:], key=str)


def test_the_seeds_data_transfer(lake: Analyst) -> None:
    """Integers divide to an integer: 5,000,000 bytes are 4 MB, not 4.77; NULL stays NULL."""
    header, *rows = lake.ask(SEED_TRANSFER)

    assert ["apiKeyId", "total_mb_transferred"] == header
    assert [["B", "0"], ["a", "4"], ["b", None]] == sorted(rows, key=lambda row: str(row[0]))


def test_the_seeds_usage_by_endpoint(lake: Analyst) -> None:
    """Grouped by two columns."""
    header, *rows = lake.ask(SEED_BY_ENDPOINT)

    assert ["apiKeyId", "resourcePath", "request_count"] == header
    assert [["B", "/v1", "1"], ["a", "/v1", "3"], ["b", "/v1", "1"]] == sorted(rows, key=str)


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS)
def test_an_expression_gives_what_athena_gives(lake: Analyst, expression: str, expected: str | None) -> None:
    """Each of these differs, or is feared to differ, between the two engines."""
    assert expected == lake.value(expression)


@pytest.mark.parametrize(("query", "expected"), QUERIES)
def test_a_query_gives_what_athena_gives(lake: Analyst, query: str, expected: list[list[str | None]]) -> None:
    """Aggregates, windows, joins, set operations, the order of NULL and of case."""
    assert expected == lake.ask(query.replace("{}", "api_gateway_logs"))[1:]


@pytest.mark.parametrize(("query", "reason"), REFUSED)
def test_what_athena_refuses_fails(lake: Analyst, query: str, reason: str) -> None:
    """With its code, and its words where they are known."""
    with pytest.raises(QueryFailed, match=f"^FAILED {re.escape(reason)}"):
        lake.ask(query.replace("{}", "api_gateway_logs"))


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ("SELECT approx_distinct(eventid) FROM {}", "approx_distinct"),
        ("SELECT approx_percentile(status, 0.5) FROM {}", "approx_percentile"),
        ("SELECT xxhash64(to_utf8(eventid)) FROM {}", "xxhash64"),
        ("SELECT from_big_endian_64(x'0000000000000001')", "from_big_endian_64"),
        ("SELECT format('%,d', 1)", "format"),
        ("SELECT format_datetime(eventtime, 'yyyy') FROM {}", "format_datetime"),
        ("SELECT random()", "rand"),
        ("SELECT read_text('/etc/hostname')", "read_text"),
        ("SELECT sum(responsesize) / 1024.0 FROM {}", "division"),
        ("SELECT 1.5 / 2", "division"),
        ("SELECT avg(CAST(status AS decimal(10, 2))) FROM {}", "averages"),
        ("SELECT 1.5 % 1", "remainder"),
        ("SELECT CAST(1.5e0 AS varchar)", "the text of double"),
        ("SELECT CAST('abc' AS varchar(2))", "a length of text"),
        ("SELECT CAST('1.5' AS decimal(3, 1))", "text to a decimal"),
        ("SELECT eventtime - eventtime FROM {}", "interval"),
        ("SELECT extract(dow FROM eventtime) FROM {}", "EXTRACT.DOW"),
        ("SELECT date_format(eventtime, '%W') FROM {}", "format"),
        ("SELECT date_trunc('decade', eventtime) FROM {}", "decade"),
        ("SELECT ARRAY[1]", "array"),
        ("SELECT * FROM UNNEST(ARRAY[1]) AS t (x)", "array|UNNEST"),
        ("SELECT * FROM {} TABLESAMPLE BERNOULLI (10)", "TABLESAMPLE"),
        ("SHOW PARTITIONS {}", "statement"),
        ("CREATE TABLE x AS SELECT 1 AS y", "statement"),
        ("INSERT INTO {} SELECT * FROM {}", "statement"),
        ("DROP TABLE {}", "statement"),
    ],
)
def test_what_could_give_another_number_is_refused(lake: Analyst, query: str, what: str) -> None:
    """A query fails and says why, rather than give a number that Athena would not give."""
    with pytest.raises(
        QueryFailed, match=rf"(?i)^FAILED NOT_SUPPORTED: The local Athena cannot run .*({what})"
    ):
        lake.ask(query.replace("{}", "api_gateway_logs"))


@pytest.mark.parametrize(
    ("query", "header"),
    [
        (
            "SELECT count(*), apiKeyId, status AS Status FROM {} GROUP BY 2, 3",
            ["_col0", "apiKeyId", "Status"],
        ),
        ("SELECT status, CAST(status AS varchar), t.day FROM {} t", ["status", "_col1", "day"]),
        ("SELECT *, status + 1 AS Next FROM (SELECT status, day FROM {})", ["status", "day", "Next"]),
        ("SELECT status AS a FROM {} UNION ALL SELECT day AS b FROM {}", ["a"]),
    ],
)
def test_columns_have_athenas_names(lake: Analyst, query: str, header: list[str]) -> None:
    """As they are written; what has no name is called after its place."""
    assert header == lake.ask(query.replace("{}", "api_gateway_logs"))[0]


def test_the_object_of_a_row(lake: Analyst) -> None:
    """Its address, in a column that a star does not give."""
    _, *rows = lake.ask("""SELECT "$path", count(*) FROM api_gateway_logs GROUP BY "$path" ORDER BY 2, 1""")
    folder = f"s3://{lake.bucket}/lake/year=2026/month="
    assert [
        [f"{folder}10/day=31/second.parquet", "1"],
        [f"{folder}11/day=01/part.parquet", "1"],
        [f"{folder}10/day=30/part.parquet", "2"],
        [f"{folder}10/day=31/part.parquet", "2"],
    ] == rows
    with pytest.raises(QueryFailed, match=r"a star beside \$path"):
        lake.ask("""SELECT *, "$path" FROM api_gateway_logs""")


def test_the_hash_of_an_id(lake: Analyst) -> None:
    """As the meter reckons it, beside partitions, columns that are absent and times."""
    hashed = "bitwise_and(from_big_endian_64(xxhash64(to_utf8(c.eventid))), 9223372036854775807)"
    _, *rows = lake.ask(
        f"SELECT c.eventid, {hashed}, c.day, c.raw, c.eventtime FROM api_gateway_logs c "
        "WHERE c.year = 2026 AND c.month = 10 AND c.status = 500"
    )
    assert [["e3", str(event_hash("e3")), "31", None, "2026-10-31 01:00:00.007"]] == rows
    query = f"SELECT eventid FROM api_gateway_logs c WHERE {hashed} = {event_hash('e5')}"
    assert [["e5"]] == lake.ask(query)[1:]
    assert 0 < lake.scanned(query) < lake.scanned("SELECT * FROM api_gateway_logs")


def test_a_star_gives_the_columns_of_the_table(lake: Analyst) -> None:
    """In its order, partition keys last."""
    header, first = lake.ask("SELECT * FROM api_gateway_logs ORDER BY eventtime LIMIT 1")

    assert ("eventid", "denied", "year", "month", "day") == (header[0], *header[-4:])
    assert 26 == len(header)
    assert ["e1", str(BIGGEST), "2026-10-30 10:00:00.500", "a", None] == first[:5]


def test_parameters_take_the_place_of_question_marks(lake: Analyst) -> None:
    """In the order of the text; text has its quotes, and cannot become anything else."""
    query = (
        "SELECT eventid FROM api_gateway_logs WHERE status = ? AND apikeyid = ? AND day IN (?, 31) ORDER BY 1"
    )

    assert [["e1"]] == lake.ask(query, "200", "'a'", "30")[1:]
    assert [] == lake.ask(query, "200", "'a'' OR 1 = 1 --'", "30")[1:]
    assert [["-1", "2026-10-31 00:00:00.000"]] == lake.ask(
        "SELECT ?, ?", "-1", "timestamp '2026-10-31 00:00:00'"
    )[1:]


@pytest.mark.parametrize("parameters", [[], ["1", "2"], ["apikeyid"], ["1 OR 1 = 1"], ["(SELECT 1)"], ["'x"]])
def test_parameters_that_do_not_fit(lake: Analyst, parameters: list[str]) -> None:
    """Too few, too many, or no literal: the query is refused before it starts."""
    with pytest.raises(lake.athena.exceptions.InvalidRequestException):
        lake.ask("SELECT count(*) FROM api_gateway_logs WHERE status = ?", *parameters)


@pytest.fixture(scope="module")
def bytes_of_days(lake: Analyst) -> dict[str, int]:
    """What the column has in each partition."""
    return {
        day: lake.scanned(f"SELECT eventid FROM api_gateway_logs WHERE day = {day}")
        for day in ("30", "31", "1")
    }


@pytest.mark.parametrize(
    ("condition", "days"),
    [
        ("year = 2026 AND month = 10", {"30", "31"}),
        ("day = 31", {"31"}),
        ("day = 31 AND apikeyid = 'a'", {"31"}),
        ("day = 31 OR apikeyid = 'a'", {"30", "31", "1"}),
        ("year * 10000 + month * 100 + day BETWEEN 20261031 AND 20261101", {"31", "1"}),
        ("(year = 2026 AND month = 10 AND day >= 31) OR (year = 2026 AND month = 11)", {"31", "1"}),
        ("day IN (1, 30)", {"1", "30"}),
        ("NOT day = 30", {"31", "1"}),
        ("month = 13", set()),
        ("year = 2019", set()),
        ("eventtime >= timestamp '2026-11-01 00:00:00'", {"30", "31", "1"}),
    ],
)
def test_only_partitions_that_can_matter_are_read(
    lake: Analyst, bytes_of_days: dict[str, int], condition: str, days: set[str]
) -> None:
    """The bytes scanned are those of the column in just these partitions."""
    query = f"SELECT {{}} FROM api_gateway_logs WHERE {condition}"
    of_condition = lake.scanned(query.format("1"))

    assert sum(bytes_of_days[day] for day in days) == lake.scanned(query.format("eventid")) - of_condition
    assert all(size > 0 for size in bytes_of_days.values())


def test_only_columns_that_matter_are_read(lake: Analyst) -> None:
    """As Athena bills: counting rows reads no column, a star in a subquery only what is used of it."""
    one = lake.scanned("SELECT eventid FROM api_gateway_logs")
    everything = lake.scanned("SELECT * FROM api_gateway_logs")

    assert 0 == lake.scanned("SELECT count(*) FROM api_gateway_logs")
    assert one == lake.scanned("SELECT count(eventid) FROM (SELECT * FROM api_gateway_logs)")
    assert 2 * one == lake.scanned(
        "SELECT a.eventid FROM api_gateway_logs a JOIN api_gateway_logs b USING (eventid)"
    )
    assert 0 < one < everything / 5


def test_a_part_that_is_named_again_is_read_again(lake: Analyst) -> None:
    """As on Trino: of a WITH clause each mention is a reading, of the columns that it needs there."""
    one, other = (lake.scanned(f"SELECT {column} FROM api_gateway_logs") for column in ("eventid", "status"))
    rows = "WITH rows AS (SELECT eventid, status FROM api_gateway_logs)"
    assert one == lake.scanned(f"{rows} SELECT eventid FROM rows")
    assert 2 * one + other == lake.scanned(
        f"{rows}, known AS (SELECT eventid FROM rows) "
        "SELECT status FROM rows WHERE eventid IN (SELECT eventid FROM known)"
    )
