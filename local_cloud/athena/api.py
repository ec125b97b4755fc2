"""The API of Athena over an engine of our own, in place of moto's, which runs no SQL.

Answers have the shapes of https://docs.aws.amazon.com/athena/latest/APIReference/ .
"""

import base64
import binascii
import logging
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Literal, Self

import duckdb

from local_cloud.athena.engine import AthenaEngine, EngineResult, ScanLimitError
from local_cloud.athena.error import QueryFailedError, QuerySyntaxError
from local_cloud.athena.query import CATALOG, QueryPlan, parse
from local_cloud.athena.values import Printed, csv
from local_cloud.endpoint.service import AwsError, unknown_operation

logger = logging.getLogger(__name__)

MAX_RESULTS = 1000
LONGEST_QUERY = 262_144
_ENGINE_VERSION = "Athena engine version 3"
_NO_LIMIT = 2**63 - 1
_MOST_EXECUTIONS = 1000
"""Queries that are known, with their results: the oldest is forgotten. Athena knows those of 45 days.
https://docs.aws.amazon.com/athena/latest/ug/queries-viewing-history.html
"""
_PATIENCE_SECONDS = 0.2
"""How long the answer on a query's state waits for its end: nobody then sleeps beyond that of a short one."""

State = Literal["QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED"]
Request = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WorkGroup:
    """Where queries put their results and how much they may read."""

    name: str
    output_location: str | None = None
    enforced: bool = False
    scan_limit: int = _NO_LIMIT
    description: str = ""
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @classmethod
    def from_properties(cls, properties: Mapping[str, Any]) -> Self:
        """Read the properties of an ``AWS::Athena::WorkGroup``."""
        configuration = properties.get("WorkGroupConfiguration", {})
        return cls(
            properties["Name"],
            configuration.get("ResultConfiguration", {}).get("OutputLocation"),
            bool(configuration.get("EnforceWorkGroupConfiguration", True)),
            int(configuration.get("BytesScannedCutoffPerQuery", _NO_LIMIT)),
            properties.get("Description", ""),
        )

    def described(self) -> Answer:
        """As ``GetWorkGroup`` answers."""
        limit = {} if self.scan_limit == _NO_LIMIT else {"BytesScannedCutoffPerQuery": self.scan_limit}
        location = {} if self.output_location is None else {"OutputLocation": self.output_location}
        engine = {"SelectedEngineVersion": _ENGINE_VERSION, "EffectiveEngineVersion": _ENGINE_VERSION}
        return {
            "Name": self.name,
            "State": "ENABLED",
            "Description": self.description,
            "CreationTime": self.created_at,
            "Configuration": {
                "ResultConfiguration": location,
                "EnforceWorkGroupConfiguration": self.enforced,
                "EngineVersion": engine,
                **limit,
            },
        }


@dataclass(slots=True, eq=False)
class _Execution:
    """A query on its way; everything but its ``connection`` is written by the thread that runs it."""

    id: str
    query: str
    parameters: list[str]
    database: str
    workgroup: WorkGroup
    output: str
    submitted_at: datetime
    token: str | None
    """The request's ``ClientRequestToken``."""
    state: State = "QUEUED"
    reason: str | None = None
    completed_at: datetime | None = None
    engine_milliseconds: int = 0
    result: EngineResult | None = None
    connection: duckdb.DuckDBPyConnection | None = None
    cancelled: threading.Event = field(default_factory=threading.Event)
    finished: threading.Event = field(default_factory=threading.Event)

    @property
    def is_finished(self) -> bool:
        return self.state not in {"QUEUED", "RUNNING"}


class AthenaService:
    """Athena of one account and region. A query runs in a thread of its own from the moment it is started."""

    target_prefix = "AmazonAthena"

    def __init__(self, client: Callable[[str], Any], workgroups: list[WorkGroup]) -> None:
        """``client`` gives the boto3 client of a service; ``primary`` is there besides ``workgroups``."""
        self._client = client
        self._made: AthenaEngine | None = None
        self._workgroups = {group.name: group for group in [WorkGroup("primary"), *workgroups]}
        self._executions: dict[str, _Execution] = {}
        self._tokens: dict[str | None, tuple[Request, str]] = {}
        self._lock = threading.Lock()
        self._actions: dict[str, Callable[[Request], Answer]] = {
            "StartQueryExecution": self._start,
            "GetQueryExecution": self._get_execution,
            "GetQueryResults": self._get_results,
            "StopQueryExecution": self._stop,
            "ListQueryExecutions": self._list,
            "GetWorkGroup": self._get_workgroup,
        }

    def handle(self, action: str, request: Request) -> Answer:
        """Answer one request of the Athena API."""
        if action not in self._actions:
            raise unknown_operation(action)
        return self._actions[action](request)

    def _start(self, request: Request) -> Answer:
        """Queue a query; the same ``ClientRequestToken`` gives the same execution."""
        token = request.get("ClientRequestToken")
        with self._lock:
            if token in self._tokens:
                return self._started_before(request, self._tokens[token])
            execution = self._execution(request)
            self._executions[execution.id] = execution
            self._forget()
            if token is not None:
                self._tokens[token] = (request, execution.id)
        threading.Thread(
            target=self._run, args=[execution], name=f"query-{execution.id}", daemon=True
        ).start()
        return {"QueryExecutionId": execution.id}

    def _started_before(self, request: Request, known: tuple[Request, str]) -> Answer:
        if known[0] != request:
            raise _invalid("Idempotent parameters do not match")
        return {"QueryExecutionId": known[1]}

    def _forget(self) -> None:
        """Forget the oldest queries, if there are too many and they have ended."""
        while len(self._executions) > _MOST_EXECUTIONS:
            oldest = next(iter(self._executions.values()))
            if not oldest.is_finished:
                return
            del self._executions[oldest.id]
            self._tokens.pop(oldest.token, None)

    def _execution(self, request: Request) -> _Execution:
        query, parameters = request["QueryString"], list(request.get("ExecutionParameters", []))
        if not 0 < len(query) <= LONGEST_QUERY:
            raise _invalid(f"a query has 1 to {LONGEST_QUERY} characters, not {len(query)}")
        _check_syntax(query, tuple(parameters))
        context = request.get("QueryExecutionContext", {})
        if context.get("Catalog", CATALOG).lower() != CATALOG:
            raise _invalid(f"Catalog {context['Catalog']} does not exist")
        workgroup = self._workgroup(request.get("WorkGroup", "primary"))
        identity = str(uuid.uuid4())
        output = _output_location(workgroup, request.get("ResultConfiguration", {}))
        return _Execution(
            identity,
            query,
            parameters,
            context.get("Database", "default").lower(),
            workgroup,
            f"{output.rstrip('/')}/{identity}.csv",
            datetime.now(UTC),
            request.get("ClientRequestToken"),
        )

    def _engine(self) -> AthenaEngine:
        """Made when a query first needs it, since clients take a while to make."""
        with self._lock:
            self._made = self._made or AthenaEngine(self._client)
            return self._made

    def _run(self, execution: _Execution) -> None:
        execution.state = "RUNNING"
        began = time.monotonic()
        state, reason = self._outcome(execution)
        execution.engine_milliseconds = int((time.monotonic() - began) * 1000)
        execution.completed_at = datetime.now(UTC)
        execution.reason = reason
        execution.state = state
        execution.finished.set()

    def _outcome(self, execution: _Execution) -> tuple[State, str | None]:
        """Run the query and store its result: how it ended, and why."""
        try:
            engine = self._engine()
            prepared = engine.prepare(execution.query, execution.parameters, execution.database)
            result = _execute(execution, engine, prepared)
            bucket, _, key = execution.output.removeprefix("s3://").partition("/")
            engine.store(bucket, key, csv(result.columns, result.rows))
        except (QueryFailedError, QuerySyntaxError) as error:
            return "FAILED", str(error)
        except ScanLimitError as error:
            return "CANCELLED", str(error)
        except duckdb.InterruptException:
            return "CANCELLED", "Query was cancelled by the user."
        except Exception as error:
            logger.exception("query %s failed", execution.id)
            return "FAILED", f"GENERIC_INTERNAL_ERROR: {error!r}"
        execution.result = result
        return "SUCCEEDED", None

    def _get_execution(self, request: Request) -> Answer:
        execution = self._find(request)
        execution.finished.wait(_PATIENCE_SECONDS)
        return {"QueryExecution": _described(execution)}

    def _get_results(self, request: Request) -> Answer:
        """A page of the result; the names of the columns are the first row of the first page."""
        execution = self._find(request)
        limit = request.get("MaxResults", MAX_RESULTS)
        if not 1 <= limit <= MAX_RESULTS:
            raise _invalid(f"MaxResults must be between 1 and {MAX_RESULTS}, not {limit}")
        result = _finished_result(execution)
        header = tuple(column.name for column in result.columns)
        first = _read_token(request.get("NextToken"))
        rows = (
            (header, *result.rows[: limit - 1]) if first == 0 else result.rows[first - 1 : first - 1 + limit]
        )
        end = first + len(rows)
        more = {"NextToken": _token(end)} if end <= len(result.rows) else {}
        return {
            "UpdateCount": 0,
            "ResultSet": {
                "Rows": [_row(row) for row in rows],
                "ResultSetMetadata": {"ColumnInfo": [column.described() for column in result.columns]},
            },
            **more,
        }

    def _stop(self, request: Request) -> Answer:
        """Cancel a query; one that has ended stays as it is."""
        execution = self._find(request)
        execution.cancelled.set()
        if (connection := execution.connection) is not None:
            connection.interrupt()
        return {}

    def _list(self, request: Request) -> Answer:
        group = self._workgroup(request.get("WorkGroup", "primary")).name
        with self._lock:
            executions = [e.id for e in self._executions.values() if e.workgroup.name == group]
        executions.reverse()
        first = _read_token(request.get("NextToken"))
        end = first + request.get("MaxResults", 50)
        more = {"NextToken": _token(end)} if end < len(executions) else {}
        return {"QueryExecutionIds": executions[first:end], **more}

    def _get_workgroup(self, request: Request) -> Answer:
        return {"WorkGroup": self._workgroup(request["WorkGroup"]).described()}

    def _workgroup(self, name: str) -> WorkGroup:
        if name not in self._workgroups:
            raise _invalid(f"WorkGroup {name} is not found.")
        return self._workgroups[name]

    def _find(self, request: Request) -> _Execution:
        identity = request["QueryExecutionId"]
        if identity not in self._executions:
            raise _invalid(f"QueryExecution {identity} was not found")
        return self._executions[identity]


def _execute(execution: _Execution, engine: AthenaEngine, prepared: QueryPlan) -> EngineResult:
    with engine.connect() as connection:
        execution.connection = connection
        try:
            if execution.cancelled.is_set():
                raise duckdb.InterruptException("cancelled before it ran")
            return engine.run(prepared, connection, execution.workgroup.scan_limit)
        finally:
            execution.connection = None


@lru_cache(maxsize=1000)
def _check_syntax(query: str, parameters: tuple[str, ...]) -> None:
    """Athena refuses at once what it cannot parse; what it cannot run fails later."""
    try:
        parse(query, parameters)
    except QuerySyntaxError as error:
        raise _invalid(str(error)) from error
    except QueryFailedError:
        return


def _output_location(workgroup: WorkGroup, configuration: Mapping[str, object]) -> str:
    chosen = None if workgroup.enforced else configuration.get("OutputLocation")
    location = chosen or workgroup.output_location
    if location is None:
        raise _invalid("No output location provided. An output location is required.")
    return str(location)


def _finished_result(execution: _Execution) -> EngineResult:
    if not execution.is_finished:
        raise _invalid(f"Query has not yet finished. Current state: {execution.state}")
    if execution.result is None:
        raise _invalid(f"Query did not finish successfully. Final query state: {execution.state}")
    return execution.result


def _described(execution: _Execution) -> Answer:
    completed = {} if execution.completed_at is None else {"CompletionDateTime": execution.completed_at}
    reason = {} if execution.reason is None else {"StateChangeReason": execution.reason}
    parameters = {"ExecutionParameters": execution.parameters} if execution.parameters else {}
    scanned = 0 if execution.result is None else execution.result.scanned_bytes
    return {
        "QueryExecutionId": execution.id,
        "Query": execution.query,
        "StatementType": "DML",
        "ResultConfiguration": {"OutputLocation": execution.output},
        "ResultReuseConfiguration": {"ResultReuseByAgeConfiguration": {"Enabled": False}},
        "QueryExecutionContext": {"Database": execution.database, "Catalog": CATALOG},
        "Status": {
            "State": execution.state,
            "SubmissionDateTime": execution.submitted_at,
            **completed,
            **reason,
        },
        "Statistics": {
            "EngineExecutionTimeInMillis": execution.engine_milliseconds,
            "TotalExecutionTimeInMillis": execution.engine_milliseconds,
            "DataScannedInBytes": scanned,
            "ResultReuseInformation": {"ReusedPreviousResult": False},
        },
        "WorkGroup": execution.workgroup.name,
        "EngineVersion": {
            "SelectedEngineVersion": _ENGINE_VERSION,
            "EffectiveEngineVersion": _ENGINE_VERSION,
        },
        **parameters,
    }


def _row(values: tuple[Printed, ...]) -> Answer:
    return {"Data": [{} if value is None else {"VarCharValue": value} for value in values]}


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode("ascii")


def _read_token(token: str | None) -> int:
    try:
        return 0 if token is None else int(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error) as error:
        raise _invalid(f"{token} is no NextToken") from error


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidRequestException", message)
