"""Queries of Athena: on the local Athena, and where it must fail on one that fails on command."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from adapters.athena import (
    ATTEMPTS,
    FIRST_WAIT_SECONDS,
    LONGEST_WAIT_SECONDS,
    Athena,
    Patience,
    QueryTimedOut,
    request_token,
    without_comments,
)
from local_cloud.stack import LocalCloud
from metering.errors import Misconfigured, QueryFailed, Transient
from reconciliation.lake.queries import query_text
from tools.build_lambda import ROOT

TEN = "(VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)) AS t (n)"
MANY = (
    f"WITH ten AS (SELECT n FROM {TEN}) "
    "SELECT a.n * 1000 + b.n * 100 + c.n * 10 + d.n AS n, 'say \"hi\",\nand é' AS text "
    "FROM ten a, ten b, ten c, ten d WHERE a.n * 1000 + b.n * 100 + c.n * 10 + d.n <= 2000 ORDER BY 1"
)


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A lake without any object."""
    with LocalCloud() as running:
        yield running


@pytest.fixture(scope="module")
def athena(cloud: LocalCloud) -> Athena:
    """The adapter on the template's workgroup."""
    return on(cloud.client("athena"), cloud.client("s3"), cloud.stack.name("AthenaWorkGroup"))


def on(client: Any, s3: Any = None, workgroup: str = "usage-meter", **patience: Any) -> Athena:
    """The adapter on any client."""
    waits = {"sleep": time.sleep, "clock": time.monotonic, **patience}
    return Athena(client, s3, Patience(**waits), workgroup=workgroup, database="usage_meter")


class TestStatement:
    def test_comments(self, cloud: LocalCloud, athena: Athena) -> None:
        """Athena is sent the statement without its comments; what is shown of the query has them."""
        sql = "-- What?\nSELECT\n  -- Why?\n  ? AS a -- stays\n"
        finished = athena.run(sql, ["7"], run_id="comments")
        sent = cloud.client("athena").get_query_execution(QueryExecutionId=finished.query_id)
        assert "SELECT\n  ? AS a -- stays\n" == sent["QueryExecution"]["Query"]
        assert (sql, [(7,)]) == (finished.sql, list(finished.rows()))

    @pytest.mark.parametrize(
        "path", sorted((ROOT / "reconciliation/lake/sql").glob("*.sql")), ids=lambda path: path.stem
    )
    def test_shipped(self, path: Path) -> None:
        """No comment of a shipped statement is left."""
        assert "--" not in without_comments(query_text(path.stem))


class TestRows:
    def test_types(self, athena: Athena) -> None:
        """Each value has the Python type that holds it exactly."""
        query = athena.run(
            "SELECT 'é' AS a, 7 AS b, CAST(7 AS bigint) AS c, "
            "CAST('12345678901234567890123456789012345678' AS decimal(38, 0)) AS d, "
            "1.50 AS e, 1e0 AS f, true AS g, DATE '2026-10-31' AS h, "
            "TIMESTAMP '2026-10-31 23:59:59.123' AS i",
            run_id="types",
        )
        assert [
            (
                "é",
                7,
                7,
                12345678901234567890123456789012345678,
                Decimal("1.50"),
                1.0,
                True,
                date(2026, 10, 31),
                datetime(2026, 10, 31, 23, 59, 59, 123000, UTC),
            )
        ] == list(query.rows())

    def test_missing_values(self, athena: Athena) -> None:
        """A missing text reads as an empty one, whatever else is missing as None."""
        query = athena.run("SELECT nullif('a', 'a'), nullif(1, 1), false", run_id="missing")
        assert [("", None, False)] == list(query.rows())

    def test_no_rows(self, athena: Athena) -> None:
        """The names of the columns are no row."""
        assert [] == list(athena.run("SELECT eventid FROM api_gateway_logs", run_id="none").rows())

    @pytest.mark.parametrize("has_object", [True, False])
    def test_many_rows(
        self, cloud: LocalCloud, athena: Athena, monkeypatch: pytest.MonkeyPatch, *, has_object: bool
    ) -> None:
        """More rows than a page holds, those with line ends and quotes too: from the object, and page by page
        where Athena keeps it; as often as they are asked for.
        """
        expected = [(number, 'say "hi",\nand é') for number in range(2001)]
        reader = athena
        if not has_object:
            client = cloud.client("athena")
            answer = client.get_query_execution
            monkeypatch.setattr(
                client, "get_query_execution", lambda **request: without_object(answer(**request))
            )
            reader = on(client, None, cloud.stack.name("AthenaWorkGroup"))
        query = reader.run(MANY, run_id="many")
        assert has_object == (query.output is not None)
        assert expected == list(query.rows())
        assert expected == list(query.rows())

    def test_a_type_of_no_use(self, athena: Athena) -> None:
        """Refused with the way out, rather than read as something else."""
        with pytest.raises(Misconfigured, match=r"type .*cast it to one of varchar"):
            athena.run("SELECT from_unixtime(0)", run_id="zone").rows()


def without_object(answer: dict[str, Any]) -> dict[str, Any]:
    """As Athena describes a query of a workgroup that keeps its results."""
    del answer["QueryExecution"]["ResultConfiguration"]
    return answer


class TestRun:
    def test_parameters_are_values(self, athena: Athena) -> None:
        """Text that looks like SQL stays text."""
        query = athena.run("SELECT ?, ? + 1", ["'x'' OR ''1'' = ''1'", "41"], run_id="parameters")
        assert [("x' OR '1' = '1", 42)] == list(query.rows())
        assert ("'x'' OR ''1'' = ''1'", "41") == query.parameters

    def test_a_run_asks_once(self, athena: Athena) -> None:
        """The same query of the same run is one execution; another run starts its own."""
        first = athena.run("SELECT 1", run_id="once")
        assert first.query_id == athena.run("SELECT 1", run_id="once").query_id
        assert first.query_id != athena.run("SELECT 1", run_id="twice").query_id

    def test_no_result_is_reused(self, cloud: LocalCloud, athena: Athena) -> None:
        """Athena would otherwise answer with what the lake held up to a week ago."""
        query = athena.run("SELECT 1", run_id="fresh")
        execution = cloud.client("athena").get_query_execution(QueryExecutionId=query.query_id)[
            "QueryExecution"
        ]
        assert {"ResultReuseByAgeConfiguration": {"Enabled": False}} == execution["ResultReuseConfiguration"]

    def test_a_query_that_fails(self, athena: Athena) -> None:
        """The error names the query and Athena's reason."""
        with pytest.raises(QueryFailed, match=r"Athena query \S+ FAILED: DIVISION_BY_ZERO") as raised:
            athena.run("SELECT 1 / 0", run_id="zero")
        assert ("FAILED", 36) == (raised.value.state, len(raised.value.query_id))

    def test_a_query_that_cannot_start(self, athena: Athena) -> None:
        """What Athena refuses at once needs somebody to change it."""
        with pytest.raises(Misconfigured, match="start_query_execution of Athena"):
            athena.run("SELEC 1", run_id="syntax")

    def test_token_is_of_the_length_that_athena_takes(self) -> None:
        """32 to 128 characters, and another for each query, parameter and attempt."""
        asked = [("a", "q", []), ("b", "q", []), ("a", "r", []), ("a", "q", ["1"])]
        tokens = {request_token(*one) for one in asked}
        assert 4 == len(tokens)
        assert {64} == set(map(len, tokens))


class Unsteady:
    """An Athena whose queries take the courses that a test gives them: one for each start, the last for more.

    A course is the states that are seen one after the other, the last of them from then on. An error's code
    stands for a request that fails with it.
    """

    def __init__(self, *courses: list[str], is_retryable: bool = False) -> None:
        self.started: list[dict[str, Any]] = []
        self.stopped: list[str] = []
        self._courses = [list(course) for course in courses]
        self._is_retryable = is_retryable

    def start_query_execution(self, **request: Any) -> dict[str, str]:
        self.started.append(request)
        return {"QueryExecutionId": f"q{len(self.started)}"}

    def get_query_execution(self, **request: str) -> dict[str, Any]:
        number = int(request["QueryExecutionId"].removeprefix("q")) - 1
        course = self._courses[min(number, len(self._courses) - 1)]
        state = course.pop(0) if len(course) > 1 else course[0]
        if state not in {"QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"}:
            raise ClientError({"Error": {"Code": state, "Message": "no"}}, "GetQueryExecution")
        error = {"AthenaError": {"Retryable": self._is_retryable}} if state == "FAILED" else {}
        return {"QueryExecution": {"Status": {"State": state, "StateChangeReason": "because", **error}}}

    def stop_query_execution(self, **request: str) -> None:
        self.stopped.append(request["QueryExecutionId"])


class Watch:
    """A clock that moves by what is slept, and keeps the naps."""

    def __init__(self) -> None:
        self.naps: list[float] = []

    def patience(self) -> dict[str, Any]:
        return {"sleep": self.naps.append, "clock": lambda: sum(self.naps)}


class TestWaiting:
    def test_waits_grow(self) -> None:
        """Short queries are not kept waiting, long ones not asked for all the time."""
        watch = Watch()
        on(Unsteady(["QUEUED"] + ["RUNNING"] * 20 + ["SUCCEEDED"]), **watch.patience()).run("q", run_id="r")
        assert 21 == len(watch.naps)
        assert watch.naps == sorted(watch.naps)
        assert (FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS) == (watch.naps[0], watch.naps[-1])

    @pytest.mark.parametrize("code", ["TooManyRequestsException", "ThrottlingException", "InternalFailure"])
    def test_no_answer_about_the_state(self, code: str) -> None:
        """The query runs on: it is asked again."""
        client = Unsteady(["RUNNING", code, "SUCCEEDED"])
        assert "q1" == on(client, **Watch().patience()).run("q", run_id="r").query_id

    def test_an_answer_that_no_wait_changes(self) -> None:
        """Somebody has to change something."""
        with pytest.raises(Misconfigured, match="AccessDeniedException"):
            on(Unsteady(["AccessDeniedException"]), **Watch().patience()).run("q", run_id="r")

    def test_a_query_without_end_is_stopped(self) -> None:
        """It would go on reading, and cost; a later attempt may be quicker."""
        watch, client = Watch(), Unsteady(["RUNNING"])
        with pytest.raises(QueryTimedOut, match=r"q1 took more than 60 s and was stopped") as raised:
            on(client, limit_seconds=60, **watch.patience()).run("q", run_id="r")
        assert isinstance(raised.value, Transient)
        assert ["q1"] == client.stopped
        assert 60 <= sum(watch.naps) <= 60 + LONGEST_WAIT_SECONDS

    def test_a_query_that_nobody_can_wait_for_is_stopped(self) -> None:
        """Whoever wants its rows has less time than a query may take."""
        watch, client = Watch(), Unsteady(["RUNNING"])
        with pytest.raises(QueryTimedOut, match=r"q1 took more than 7 s and was stopped"):
            on(client, limit_seconds=60, seconds_left=lambda: 7.0, **watch.patience()).run("q", run_id="r")
        assert 7 <= sum(watch.naps) <= 7 + LONGEST_WAIT_SECONDS

    def test_what_may_work_later_is_started_anew(self) -> None:
        """By a request of its own: the token of the failed one would only bring the failure back."""
        client = Unsteady(["FAILED"], ["FAILED"], ["SUCCEEDED"], is_retryable=True)
        assert "q3" == on(client, **Watch().patience()).run("q", run_id="r").query_id
        assert 3 == len({request["ClientRequestToken"] for request in client.started})

    def test_not_for_ever(self) -> None:
        """Then the reason is reported."""
        client = Unsteady(["FAILED"], is_retryable=True)
        with pytest.raises(QueryFailed, match="q3 FAILED: because"):
            on(client, **Watch().patience()).run("q", run_id="r")
        assert ATTEMPTS == len(client.started)

    def test_a_cancelled_query_stays_so(self) -> None:
        """Somebody stopped it, or it read more than its workgroup allows."""
        client = Unsteady(["CANCELLED"], is_retryable=True)
        with pytest.raises(QueryFailed, match="q1 CANCELLED: because"):
            on(client, **Watch().patience()).run("q", run_id="r")
        assert 1 == len(client.started)
