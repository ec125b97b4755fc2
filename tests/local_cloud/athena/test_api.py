"""The API of the local Athena."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from local_cloud.athena import api
from local_cloud.stack import LocalCloud
from tests.local_cloud.athena.workshop import Analyst, QueryFailed, printed

MANY = """
WITH ten AS (SELECT n FROM (VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS t (n))
SELECT a.n * 1000 + b.n * 100 + c.n * 10 + d.n AS n FROM ten a, ten b, ten c, ten d
WHERE a.n < 3 ORDER BY 1
"""


@pytest.fixture(scope="module")
def empty_lake() -> Iterator[Analyst]:
    """A lake without any object."""
    with LocalCloud() as cloud:
        yield Analyst(cloud)


def test_an_empty_lake_has_columns_and_no_rows(empty_lake: Analyst) -> None:
    """Before the first delivery."""
    header, *rows = empty_lake.ask("SELECT * FROM api_gateway_logs")

    assert (26, "eventid", []) == (len(header), header[0], rows)
    assert [["0", None]] == empty_lake.ask("SELECT count(*), sum(status) FROM api_gateway_logs")[1:]


def test_the_first_page_begins_with_the_names(empty_lake: Analyst) -> None:
    """They count as a row; pages hold what was asked for, and follow one another by their tokens."""
    identity = empty_lake.start(MANY)
    empty_lake.wait(identity)
    seen: list[list[str | None]] = []
    sizes: list[int] = []
    more: dict[str, Any] = {}
    while True:
        page = empty_lake.athena.get_query_results(QueryExecutionId=identity, **more)
        seen += [printed(row) for row in page["ResultSet"]["Rows"]]
        sizes.append(len(page["ResultSet"]["Rows"]))
        if "NextToken" not in page:
            break
        more = {"NextToken": page["NextToken"]}

    assert [1000, 1000, 1000, 1] == sizes
    assert [["n"], *[[str(n)] for n in range(3000)]] == seen
    assert [["n"], ["0"]] == [
        printed(row)
        for row in empty_lake.athena.get_query_results(QueryExecutionId=identity, MaxResults=2)["ResultSet"][
            "Rows"
        ]
    ]


def test_a_last_page_that_is_full_is_the_last(empty_lake: Analyst) -> None:
    """No token that leads to an empty page."""
    identity = empty_lake.start("SELECT * FROM (VALUES (1), (2), (3)) AS t (n)")
    empty_lake.wait(identity)
    first = empty_lake.athena.get_query_results(QueryExecutionId=identity, MaxResults=2)
    second = empty_lake.athena.get_query_results(
        QueryExecutionId=identity, MaxResults=2, NextToken=first["NextToken"]
    )

    assert [2, 2] == [len(page["ResultSet"]["Rows"]) for page in (first, second)]
    assert "NextToken" not in second


def test_the_result_lies_in_the_workgroups_place(empty_lake: Analyst) -> None:
    """As CSV: every value in quotes, NULL as nothing, the empty text as two quotes."""
    identity = empty_lake.start("SELECT 1 AS a, 'say \"hi\", é' AS b, NULL AS c, '' AS d, 1e0 AS e")
    execution = empty_lake.wait(identity)

    location = f"s3://{empty_lake.bucket}/athena-results/{identity}.csv"
    assert location == execution["ResultConfiguration"]["OutputLocation"]
    body = empty_lake.s3.get_object(Bucket=empty_lake.bucket, Key=f"athena-results/{identity}.csv")["Body"]
    assert '"a","b","c","d","e"\n"1","say ""hi"", é",,"","1.0"\n' == body.read().decode()


def test_columns_are_described(empty_lake: Analyst) -> None:
    """With Athena's names for types, and precision and scale."""
    identity = empty_lake.start(
        "SELECT count(*) AS n, sum(CAST(eventhash AS decimal(38, 0))) AS f, min(apikeyid) AS k, "
        "min(eventtime) AS t, bool_or(billable) AS b, avg(status) AS a, min(status) AS s "
        "FROM api_gateway_logs"
    )
    empty_lake.wait(identity)
    result = empty_lake.athena.get_query_results(QueryExecutionId=identity)["ResultSet"]

    assert [
        ("n", "bigint", 19, 0),
        ("f", "decimal", 38, 0),
        ("k", "varchar", 2147483647, 0),
        ("t", "timestamp", 3, 0),
        ("b", "boolean", 0, 0),
        ("a", "double", 17, 0),
        ("s", "integer", 10, 0),
    ] == [
        (column["Name"], column["Type"], column["Precision"], column["Scale"])
        for column in result["ResultSetMetadata"]["ColumnInfo"]
    ]


def test_an_execution_is_described(empty_lake: Analyst) -> None:
    """Query, parameters, workgroup, database, state, times and statistics."""
    identity = empty_lake.start("SELECT ?", ["7"])
    execution = empty_lake.wait(identity)

    assert (identity, "SELECT ?", ["7"], "usage-meter", "usage_meter", "DML") == (
        execution["QueryExecutionId"],
        execution["Query"],
        execution["ExecutionParameters"],
        execution["WorkGroup"],
        execution["QueryExecutionContext"]["Database"],
        execution["StatementType"],
    )
    status = execution["Status"]
    assert "SUCCEEDED" == status["State"]
    assert status["SubmissionDateTime"] <= status["CompletionDateTime"]
    assert 0 == execution["Statistics"]["DataScannedInBytes"]
    assert not execution["Statistics"]["ResultReuseInformation"]["ReusedPreviousResult"]


def test_the_same_token_is_the_same_query(empty_lake: Analyst) -> None:
    """A repeated request starts nothing; a token cannot stand for two queries."""
    token = "t" * 32
    first = empty_lake.start("SELECT 1", ClientRequestToken=token)

    assert first == empty_lake.start("SELECT 1", ClientRequestToken=token)
    assert first != empty_lake.start("SELECT 1", ClientRequestToken="u" * 32)
    with pytest.raises(empty_lake.athena.exceptions.InvalidRequestException, match="Idempotent"):
        empty_lake.start("SELECT 2", ClientRequestToken=token)


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("SELEC 1", "line 1:"),
        ("SELECT 1 FROM", "line 1:"),
        ("SELECT 1; SELECT 2", "Only one sql statement"),
        ("SELECT 'open", "line 1:"),
        (";", "Only one sql statement"),
        ("SELECT\n  (1", "line 2:"),
    ],
)
def test_what_cannot_be_parsed_is_refused_at_once(empty_lake: Analyst, query: str, place: str) -> None:
    """With the place of the fault."""
    with pytest.raises(empty_lake.athena.exceptions.InvalidRequestException, match=place) as raised:
        empty_lake.start(query)

    assert "\x1b" not in str(raised.value)


def test_without_a_place_for_results_nothing_starts(empty_lake: Analyst) -> None:
    """The workgroup ``primary`` has none; a query may bring its own there."""
    with pytest.raises(empty_lake.athena.exceptions.InvalidRequestException, match="output location"):
        empty_lake.athena.start_query_execution(QueryString="SELECT 1")

    location = f"s3://{empty_lake.bucket}/own/"
    identity = empty_lake.athena.start_query_execution(
        QueryString="SELECT 1", ResultConfiguration={"OutputLocation": location}
    )["QueryExecutionId"]
    assert f"{location}{identity}.csv" == empty_lake.wait(identity)["ResultConfiguration"]["OutputLocation"]


def test_the_templates_workgroup_is_enforced(empty_lake: Analyst) -> None:
    """Its place for results is used whatever a query says."""
    identity = empty_lake.start("SELECT 1", ResultConfiguration={"OutputLocation": "s3://elsewhere/"})
    location = empty_lake.wait(identity)["ResultConfiguration"]["OutputLocation"]

    assert location.startswith(f"s3://{empty_lake.bucket}/athena-results/")
    configuration = empty_lake.athena.get_work_group(WorkGroup="usage-meter")["WorkGroup"]["Configuration"]
    assert (True, 107374182400, f"s3://{empty_lake.bucket}/athena-results/") == (
        configuration["EnforceWorkGroupConfiguration"],
        configuration["BytesScannedCutoffPerQuery"],
        configuration["ResultConfiguration"]["OutputLocation"],
    )


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("get_query_execution", {"QueryExecutionId": "none"}),
        ("get_query_results", {"QueryExecutionId": "none"}),
        ("stop_query_execution", {"QueryExecutionId": "none"}),
        ("get_work_group", {"WorkGroup": "none"}),
        ("start_query_execution", {"QueryString": "SELECT 1", "WorkGroup": "none"}),
        (
            "start_query_execution",
            {
                "QueryString": "SELECT 1",
                "WorkGroup": "usage-meter",
                "QueryExecutionContext": {"Catalog": "none"},
            },
        ),
    ],
)
def test_what_is_not_there(empty_lake: Analyst, operation: str, request_: dict[str, Any]) -> None:
    """The client's own exception."""
    with pytest.raises(empty_lake.athena.exceptions.InvalidRequestException):
        getattr(empty_lake.athena, operation)(**request_)


def test_a_failed_query_has_no_results(empty_lake: Analyst) -> None:
    """Asking for them says so."""
    identity = empty_lake.start("SELECT 1 / 0")
    assert "FAILED" == empty_lake.wait(identity)["Status"]["State"]

    with pytest.raises(empty_lake.athena.exceptions.InvalidRequestException, match="FAILED"):
        empty_lake.athena.get_query_results(QueryExecutionId=identity)


@pytest.mark.parametrize("page", [{"MaxResults": 1001}, {"NextToken": "?"}])
def test_a_page_that_cannot_be(empty_lake: Analyst, page: dict[str, Any]) -> None:
    """At most 1,000 rows, and a token that was given out."""
    identity = empty_lake.start("SELECT 1")
    empty_lake.wait(identity)

    with pytest.raises(empty_lake.athena.exceptions.InvalidRequestException):
        empty_lake.athena.get_query_results(QueryExecutionId=identity, **page)


def test_a_query_can_be_stopped(empty_lake: Analyst) -> None:
    """It ends as cancelled, long before it would by itself, and has no results."""
    endless = MANY.replace("WHERE a.n < 3", ", ten e, ten f, ten g, ten h, ten i, ten j, ten k, ten l")
    identity = empty_lake.start(endless)
    with pytest.raises(empty_lake.athena.exceptions.InvalidRequestException, match=r"QUEUED|RUNNING"):
        empty_lake.athena.get_query_results(QueryExecutionId=identity)
    while True:
        empty_lake.athena.stop_query_execution(QueryExecutionId=identity)
        state = empty_lake.athena.get_query_execution(QueryExecutionId=identity)["QueryExecution"]["Status"][
            "State"
        ]
        if state not in {"QUEUED", "RUNNING"}:
            break

    assert "CANCELLED" == state
    empty_lake.athena.stop_query_execution(QueryExecutionId=identity)
    assert "CANCELLED" == empty_lake.wait(identity)["Status"]["State"]


def test_executions_are_listed_newest_first(empty_lake: Analyst) -> None:
    """Of a workgroup, in pages."""
    mine = [empty_lake.start("SELECT 1") for _ in range(3)]
    first = empty_lake.athena.list_query_executions(WorkGroup="usage-meter", MaxResults=2)
    second = empty_lake.athena.list_query_executions(
        WorkGroup="usage-meter", MaxResults=1, NextToken=first["NextToken"]
    )

    assert mine[::-1] == first["QueryExecutionIds"] + second["QueryExecutionIds"]


def test_a_query_that_reads_too_much_is_cancelled() -> None:
    """The workgroup's limit holds before anything is computed."""
    with LocalCloud({"AthenaScanLimitBytes": 10_000_000}) as cloud:
        analyst = Analyst(cloud)
        noise = [{"eventId": f"{n}", "raw": random_text(n)} for n in range(12)]
        analyst.store("2026-10-31", *noise)

        assert [["12"]] == analyst.ask("SELECT count(*) FROM api_gateway_logs")[1:]
        with pytest.raises(QueryFailed, match="CANCELLED Bytes scanned limit was exceeded"):
            analyst.ask("SELECT max(raw) FROM api_gateway_logs")


def random_text(seed: int) -> str:
    """A megabyte that does not compress."""
    return random.Random(seed).randbytes(500_000).hex()


def test_objects_that_are_none_of_the_tables_are_left_alone() -> None:
    """Other folders, days the projection does not reach, empty and hidden objects."""
    with LocalCloud() as cloud:
        analyst = Analyst(cloud)
        size = analyst.store("2026-10-31", {"eventId": "e"})
        body = analyst.s3.get_object(
            Bucket=analyst.bucket, Key="lake/year=2026/month=10/day=31/part.parquet"
        )["Body"].read()
        assert size == len(body)
        for key in (
            "lake/stray.parquet",
            "lake/year=2026/month=10/stray.parquet",
            "lake/year=2019/month=10/day=31/stray.parquet",
            "lake/year=2026/month=10/day=32/stray.parquet",
            "lake/year=2026/month=1/day=31/stray.parquet",
            "lake/year=2026/month=10/day=xx/stray.parquet",
            "lake/year=2026/month=10/day=31/_hidden.parquet",
            "errors/processing-failed/stray.parquet",
        ):
            analyst.s3.put_object(Bucket=analyst.bucket, Key=key, Body=body)
        analyst.s3.put_object(Bucket=analyst.bucket, Key="lake/year=2026/month=10/day=31/empty", Body=b"")

        assert [["e", "31"]] == analyst.ask("SELECT eventid, day FROM api_gateway_logs")[1:]


def test_an_object_that_is_no_parquet_fails_the_query() -> None:
    """It is named, and queries that need not read it succeed."""
    with LocalCloud() as cloud:
        analyst = Analyst(cloud)
        key = "lake/year=2026/month=10/day=31/broken.parquet"
        analyst.s3.put_object(Bucket=analyst.bucket, Key=key, Body=json.dumps({"no": "parquet"}).encode())

        with pytest.raises(QueryFailed, match=f"HIVE_BAD_DATA.*{key}"):
            analyst.ask("SELECT count(*) FROM api_gateway_logs")
        assert [["0"]] == analyst.ask("SELECT count(*) FROM api_gateway_logs WHERE day = 30")[1:]


def test_a_table_that_has_grown_is_read() -> None:
    """Older objects lack the new column, which is NULL there; a replaced object is read anew."""
    with LocalCloud() as cloud:
        analyst, glue = Analyst(cloud), cloud.client("glue")
        analyst.store("2026-10-30", {"eventId": "old"})
        analyst.store("2026-10-31", {"eventId": "replaced"})
        everything = "SELECT * FROM api_gateway_logs ORDER BY day"
        columns, *found = analyst.ask(everything)
        assert ["old", "replaced"] == [dict(zip(columns, one, strict=True))["eventid"] for one in found]
        table = cloud.stack.resource("LakeTable")
        table["TableInput"]["StorageDescriptor"]["Columns"].append({"Name": "zone", "Type": "string"})
        glue.update_table(DatabaseName=table["DatabaseName"], TableInput=table["TableInput"])
        analyst.store("2026-10-31", {"eventId": "new", "zone": "eu"})

        rows = analyst.ask("SELECT eventid, zone FROM api_gateway_logs ORDER BY day")[1:]

        assert [["old", None], ["new", "eu"]] == rows
        assert {"zone"} == set(analyst.ask(everything)[0]) - set(columns), "a known query, another schema"


def test_old_queries_are_forgotten(empty_lake: Analyst, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest makes room for a new one, with its token: a long play does not fill the memory."""
    monkeypatch.setattr(api, "_MOST_EXECUTIONS", 3)
    first = empty_lake.start("SELECT 1", ClientRequestToken="0" * 32)
    for _ in range(2):
        empty_lake.wait(empty_lake.start("SELECT 2"))
    assert first == empty_lake.start("SELECT 1", ClientRequestToken="0" * 32)

    empty_lake.wait(empty_lake.start("SELECT 2"))
    with pytest.raises(empty_lake.athena.exceptions.InvalidRequestException, match=f"{first} was not found"):
        empty_lake.wait(first)
    assert first != empty_lake.start("SELECT 1", ClientRequestToken="0" * 32)
