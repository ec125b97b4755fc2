"""Queries of Athena: started once, awaited with patience, their rows typed and never all in memory.

Parameters are Athena's own (`?` in the SQL); nothing is pasted into a query, and no earlier result is reused.
https://docs.aws.amazon.com/athena/latest/ug/querying-with-prepared-statements-querying-using-execution-parameters.html
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, cast

from adapters.errors import translated
from metering.errors import Misconfigured, QueryFailed, Transient

if TYPE_CHECKING:
    from types_boto3_athena import AthenaClient
    from types_boto3_athena.type_defs import (
        GetQueryResultsInputTypeDef,
        GetQueryResultsOutputTypeDef,
        QueryExecutionTypeDef,
        StartQueryExecutionInputTypeDef,
    )
    from types_boto3_s3 import S3Client

Row = tuple[Any, ...]
Convert = Callable[[str], Any]

MAX_RESULTS: Final = 1000
"""Rows of a page, the names of the columns among them.
https://docs.aws.amazon.com/athena/latest/APIReference/API_GetQueryResults.html
"""
ATTEMPTS: Final = 3
"""Times that a query is started, where Athena says of a failure that another attempt may succeed."""
FIRST_WAIT_SECONDS: Final = 0.05
LONGEST_WAIT_SECONDS: Final = 5.0
_WAIT_GROWTH: Final = 1.5
_UNFINISHED: Final = frozenset({"QUEUED", "RUNNING"})


class QueryTimedOut(Transient):
    """A query took longer than it may and was stopped."""


@dataclass(frozen=True, slots=True)
class Finished:
    """A query that succeeded: what it was, what it cost, and the way to its rows."""

    query_id: str
    sql: str
    parameters: tuple[str, ...]
    scanned_bytes: int
    milliseconds: int
    output: str | None
    """The object with the result as CSV, `s3://...`; None where Athena keeps results to itself."""
    rows: Callable[[], Iterator[Row]]
    """Reads the rows, from the first each time. A missing text reads as an empty one, other missing values as
    None.
    """


@dataclass(frozen=True, slots=True)
class Patience:
    """How a query is awaited."""

    sleep: Callable[[float], None]
    """Waits for some seconds."""
    clock: Callable[[], float]
    """Seconds since any moment."""
    limit_seconds: float = 600.0
    """A query that runs longer is stopped."""
    seconds_left: Callable[[], float] = lambda: float("inf")
    """So long whoever wants the rows can wait; a query that runs longer is stopped as well."""


class Athena:
    """Runs queries in one workgroup and database."""

    def __init__(
        self, athena: AthenaClient, s3: S3Client, patience: Patience, *, workgroup: str, database: str
    ) -> None:
        self._athena = athena
        self._s3 = s3
        self._patience = patience
        self._workgroup = workgroup
        self._database = database

    def run(self, sql: str, parameters: Sequence[str] = (), *, run_id: str) -> Finished:
        """Run a query and wait for its end. The same query under the same `run_id` is started only once,
        however often it is asked for.

        Raises:
            QueryFailed: Athena refused it while it ran, or it was cancelled.
            Transient: Athena does not answer, or the query took too long.
            Misconfigured: it cannot be started.
        """
        query_id, execution = self._run(sql, parameters, run_id)
        statistics = execution.get("Statistics", {})
        output = execution.get("ResultConfiguration", {}).get("OutputLocation")
        return Finished(
            query_id,
            sql,
            tuple(parameters),
            scanned_bytes=statistics.get("DataScannedInBytes", 0),
            milliseconds=statistics.get("TotalExecutionTimeInMillis", 0),
            output=output,
            rows=lambda: self._rows(query_id, output),
        )

    def _run(self, sql: str, parameters: Sequence[str], run_id: str) -> tuple[str, QueryExecutionTypeDef]:
        """Id and execution of a query that has succeeded; started anew where Athena says that it may help."""
        for attempt in itertools.count(1):
            query_id = self._start(sql, parameters, f"{run_id}/{attempt}")
            execution = self._await_end(query_id)
            status = execution["Status"]
            if status["State"] == "SUCCEEDED":
                return query_id, execution
            if attempt == ATTEMPTS or not status.get("AthenaError", {}).get("Retryable"):
                break
        raise QueryFailed(query_id, status["State"], status.get("StateChangeReason", "no reason given"))

    def _start(self, sql: str, parameters: Sequence[str], attempt_id: str) -> str:
        request: StartQueryExecutionInputTypeDef = {
            "QueryString": without_comments(sql),
            "ClientRequestToken": request_token(attempt_id, sql, parameters),
            "WorkGroup": self._workgroup,
            "QueryExecutionContext": {"Database": self._database},
            "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
        }
        if parameters:
            request["ExecutionParameters"] = list(parameters)
        with translated("start_query_execution of Athena"):
            return self._athena.start_query_execution(**request)["QueryExecutionId"]

    def _await_end(self, query_id: str) -> QueryExecutionTypeDef:
        """The execution once it has ended."""
        sleep, clock = self._patience.sleep, self._patience.clock
        limit = min(self._patience.limit_seconds, self._patience.seconds_left())
        give_up_at = clock() + limit
        wait = FIRST_WAIT_SECONDS
        while True:
            execution = self._execution(query_id)
            if execution is not None and execution["Status"]["State"] not in _UNFINISHED:
                return execution
            if clock() >= give_up_at:
                with translated("stop_query_execution of Athena"):
                    self._athena.stop_query_execution(QueryExecutionId=query_id)
                raise QueryTimedOut(f"Athena query {query_id} took more than {limit:g} s and was stopped")
            sleep(wait)
            wait = min(wait * _WAIT_GROWTH, LONGEST_WAIT_SECONDS)

    def _execution(self, query_id: str) -> QueryExecutionTypeDef | None:
        """How the query stands; None if Athena has no time to say."""
        try:
            with translated("get_query_execution of Athena"):
                return self._athena.get_query_execution(QueryExecutionId=query_id)["QueryExecution"]
        except Transient:
            return None

    def _rows(self, query_id: str, output: str | None) -> Iterator[Row]:
        """A result of one page comes from its page. A longer one is read from its object, in one request
        instead of one for each thousand rows (on the local Athena 2.5 µs a row instead of 28); where Athena
        keeps its results to itself there is no object, and it is read page by page.
        """
        page = self._page(query_id)
        converts = [
            _convert_of(column["Type"]) for column in page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
        ]
        if "NextToken" in page and output is not None:
            return self._rows_of_object(output, converts)
        cells = itertools.islice(self._cells_of_pages(query_id, page), 1, None)
        return _typed(cells, converts)

    def _cells_of_pages(self, query_id: str, page: GetQueryResultsOutputTypeDef) -> Iterator[Sequence[str]]:
        """All rows as texts. The names of the columns are the first row of the first page."""
        while True:
            for row in page["ResultSet"]["Rows"]:
                yield [cell.get("VarCharValue", "") for cell in row["Data"]]
            if "NextToken" not in page:
                return
            page = self._page(query_id, page["NextToken"])

    def _page(self, query_id: str, start: str | None = None) -> GetQueryResultsOutputTypeDef:
        request: GetQueryResultsInputTypeDef = {"QueryExecutionId": query_id, "MaxResults": MAX_RESULTS}
        if start is not None:
            request["NextToken"] = start
        with translated("get_query_results of Athena"):
            return self._athena.get_query_results(**request)

    def _rows_of_object(self, output: str, converts: Sequence[Convert]) -> Iterator[Row]:
        bucket, _, key = output.removeprefix("s3://").partition("/")
        with translated(f"GetObject of {output}"):
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
            with (
                body,
                io.TextIOWrapper(
                    io.BufferedReader(cast("io.RawIOBase", body), 1 << 20), "utf-8", newline=""
                ) as text,
            ):
                yield from _typed(itertools.islice(csv.reader(text), 1, None), converts)


def without_comments(sql: str) -> str:
    """The statement without the lines that are comments: whether Athena takes them before a statement with
    parameters is not documented.
    """
    return "\n".join(line for line in sql.split("\n") if not line.lstrip().startswith("--"))


def request_token(attempt_id: str, sql: str, parameters: Sequence[str]) -> str:
    """The token by which Athena knows a request again: 64 characters, of 32 to 128.
    https://docs.aws.amazon.com/athena/latest/APIReference/API_StartQueryExecution.html
    """
    return sha256("\0".join((attempt_id, sql, *parameters)).encode()).hexdigest()


def _typed(rows: Iterable[Sequence[str]], converts: Sequence[Convert]) -> Iterator[Row]:
    """Rows of texts as rows of values. A row without a missing value takes half the time."""
    plain = [_PLAIN.get(convert, convert) for convert in converts]
    for row in rows:
        if "" in row:
            yield tuple([convert(cell) for convert, cell in zip(converts, row, strict=True)])
        else:
            yield tuple([convert(cell) for convert, cell in zip(plain, row, strict=True)])


def _convert_of(type_name: str) -> Convert:
    """How the text of a type is read.

    Raises:
        Misconfigured: the meter has no use for the type.
    """
    if type_name not in _CONVERTS:
        raise Misconfigured(
            [f"a column of Athena's type {type_name}: cast it to one of {', '.join(_CONVERTS)}"]
        )
    return _CONVERTS[type_name]


def _or_none(convert: Convert) -> Convert:
    return lambda text: convert(text) if text else None


def _decimal(text: str) -> int | Decimal:
    """A decimal without a fraction is an integer, of up to 38 digits."""
    return Decimal(text) if "." in text else int(text)


@lru_cache(maxsize=1024)
def _date(text: str) -> date:
    return date.fromisoformat(text)


def _timestamp(text: str) -> datetime:
    """Athena's timestamps have no zone: the lake's are in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


_PLAIN_CONVERTS: Final[Mapping[str, Convert]] = {
    "varchar": str,
    "bigint": int,
    "integer": int,
    "decimal": _decimal,
    "double": float,
    "boolean": "true".__eq__,
    "date": _date,
    "timestamp": _timestamp,
}
_CONVERTS: Final[Mapping[str, Convert]] = {
    kind: convert if convert is str else _or_none(convert) for kind, convert in _PLAIN_CONVERTS.items()
}
_PLAIN: Final[Mapping[Convert, Convert]] = {_CONVERTS[kind]: _PLAIN_CONVERTS[kind] for kind in _CONVERTS}
"""What reads the same type where no value is missing."""
