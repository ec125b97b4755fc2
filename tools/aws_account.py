"""An account with a deployed stack, as `make aws-check` looks at it: nothing here changes anything."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from adapters.deployment import Deployment

_ENDED: Final = {"SUCCEEDED", "FAILED", "CANCELLED", "Complete", "Failed", "Cancelled", "Timeout"}


class Outcome(StrEnum):
    """Of a check."""

    AS_BUILT = "as built"
    OTHERWISE = "OTHERWISE"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found."""

    name: str
    outcome: Outcome
    text: str


class StackResource(NamedTuple):
    """A resource of the stack, as CloudFormation lists it."""

    logical_id: str
    kind: str
    physical_id: str
    status: str


@dataclass(frozen=True, slots=True)
class AwsAccount:
    """The stack, and the clients through which it is looked at."""

    deployment: Deployment
    athena: Any
    logs: Any
    cloudwatch: Any
    events_rule: str
    now: datetime
    client: Callable[[str], Any]
    """Of a service by its name, for what one check alone looks at."""
    pause: Callable[[float], None] = time.sleep
    resources: tuple[StackResource, ...] = ()

    def rows(self, statement: str, *parameters: str) -> list[list[str]]:
        """The rows of a query in the stack's workgroup, without the heading.

        Raises:
            RuntimeError: Athena refuses it; the text is Athena's.
        """
        group, database = self.deployment.values("AthenaWorkGroupName", "LakeDatabaseName")
        arguments = {"ExecutionParameters": list(parameters)} if parameters else {}
        query = self.athena.start_query_execution(
            QueryString=statement,
            WorkGroup=group,
            QueryExecutionContext={"Database": database},
            **arguments,
        )["QueryExecutionId"]
        while (state := self._state(query))["State"] not in _ENDED:
            self.pause(1)
        if state["State"] != "SUCCEEDED":
            raise RuntimeError(state.get("StateChangeReason", state["State"]))
        found = self.athena.get_query_results(QueryExecutionId=query)["ResultSet"]["Rows"]
        return [[cell.get("VarCharValue", "") for cell in row["Data"]] for row in found[1:]]

    def _state(self, query: str) -> Any:
        return self.athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]

    def names(self, kind: str) -> list[str]:
        """The names that the stack's resources of a type have."""
        return [one.physical_id for one in self.resources if one.kind == kind]

    def name(self, logical_id: str) -> str | None:
        """The name that a resource of the stack has; None: it is not there."""
        return next((one.physical_id for one in self.resources if one.logical_id == logical_id), None)

    def insights(self, query: str, *groups: str) -> int:
        """The field `n` of a query over the last day of the access log, or of other log groups; 0 if it has
        no row.
        """
        wanted = list(groups) or self.deployment.values("AccessLogGroupName")
        end = int(self.now.timestamp())
        started = self.logs.start_query(
            logGroupNames=list(wanted), startTime=end - 86_400, endTime=end, queryString=query
        )
        while (answer := self.logs.get_query_results(queryId=started["queryId"]))["status"] not in _ENDED:
            self.pause(1)
        fields = {one["field"]: one["value"] for row in answer["results"] for one in row}
        return int(float(fields.get("n", "0")))

    def datapoints(self, namespace: str, metric: str, dimension: str, value: str) -> list[float]:
        """A metric's sums by the minute, of the last three hours."""
        return self._sums(namespace, metric, dimension, value, timedelta(hours=3), 60)

    def daily(self, namespace: str, metric: str, dimension: str, value: str) -> list[float]:
        """A metric's sums by the hour, of the last two days."""
        return self._sums(namespace, metric, dimension, value, timedelta(days=2), 3600)

    def _sums(  # noqa: PLR0913, PLR0917 - a metric, and when
        self, namespace: str, metric: str, dimension: str, value: str, time: timedelta, period: int
    ) -> list[float]:
        answer = self.cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": dimension, "Value": value}],
            StartTime=self.now - time,
            EndTime=self.now,
            Period=period,
            Statistics=["Sum"],
        )
        return [one["Sum"] for one in answer["Datapoints"]]


def judged(*, is_known: bool, is_good: bool) -> Outcome:
    """What two answers come to: whether there is anything to judge by, and whether it is as built."""
    if not is_known:
        return Outcome.OPEN
    return Outcome.AS_BUILT if is_good else Outcome.OTHERWISE
