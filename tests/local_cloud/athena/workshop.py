"""What the tests of the local Athena share: a lake with known rows, and queries run as a client runs them."""

import json
import time
from collections.abc import Sequence
from typing import Any

from local_cloud.firehose.json_rows import RowReader
from local_cloud.firehose.parquet_file import parquet
from local_cloud.glue import columns_of
from local_cloud.stack import LocalCloud

TABLE = {"DatabaseName": "usage_meter", "Name": "api_gateway_logs"}

_POLL_SECONDS = 0.003

Rows = list[list[str | None]]


class QueryFailed(Exception):
    """The query did not succeed; the text is its state and reason."""


class Analyst:
    """Someone with a boto3 client of Athena."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.athena = cloud.client("athena")
        self.s3 = cloud.client("s3")
        self.bucket = cloud.stack.name("LakeBucket")
        self.workgroup = cloud.stack.name("AthenaWorkGroup")

    def store(self, day: str, *rows: dict[str, Any], name: str = "part") -> int:
        """Put an object with these rows into the partition of a day (2026-10-31); its size in bytes."""
        year, month, day_of_month = day.split("-")
        reader = RowReader(columns_of(self.cloud.client("glue").get_table(**TABLE)["Table"]))
        body = parquet(reader.read("".join(map(json.dumps, rows)).encode()), reader.columns)
        key = f"lake/year={year}/month={month}/day={day_of_month}/{name}.parquet"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        return len(body)

    def start(self, query: str, parameters: Sequence[str] = (), **more: Any) -> str:
        """The id of a new execution."""
        bound = {"ExecutionParameters": list(parameters)} if parameters else {}
        identity: str = self.athena.start_query_execution(
            QueryString=query,
            WorkGroup=self.workgroup,
            QueryExecutionContext={"Database": "usage_meter"},
            **bound,
            **more,
        )["QueryExecutionId"]
        return identity

    def wait(self, identity: str) -> dict[str, Any]:
        """The execution when it has ended."""
        while True:
            execution: dict[str, Any] = self.athena.get_query_execution(QueryExecutionId=identity)[
                "QueryExecution"
            ]
            if execution["Status"]["State"] not in {"QUEUED", "RUNNING"}:
                return execution
            time.sleep(_POLL_SECONDS)

    def ask(self, query: str, *parameters: str) -> Rows:
        """The rows of a query, the names of its columns first.

        Raises:
            QueryFailed: it did not succeed.
        """
        execution = self.wait(identity := self.start(query, parameters))
        status = execution["Status"]
        if status["State"] != "SUCCEEDED":
            raise QueryFailed(f"{status['State']} {status['StateChangeReason']}")
        pages = self.athena.get_paginator("get_query_results").paginate(QueryExecutionId=identity)
        return [printed(row) for page in pages for row in page["ResultSet"]["Rows"]]

    def value(self, expression: str) -> str | None:
        """What an expression gives."""
        _, (found,) = self.ask(f"SELECT {expression}")
        return found

    def scanned(self, query: str) -> int:
        """The bytes that a query reads."""
        size: int = self.wait(self.start(query))["Statistics"]["DataScannedInBytes"]
        return size


def printed(row: dict[str, Any]) -> list[str | None]:
    """The values of a row."""
    return [value.get("VarCharValue") for value in row["Data"]]
