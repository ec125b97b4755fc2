"""Asks an account what only AWS can answer, by a stack that is deployed there: `make aws-check`.

    python -m tools.aws_check [--stack usage-meter]

Each check reads, and changes nothing; Athena and Logs Insights bill their queries, which are small. The last
day's traffic is what they look at, so that a stack without calls leaves some of them open.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final

import boto3

from adapters.deployment import Deployment

LONG: Final = 1_100
"""Characters of a parameter, more than the 1,024 that were allowed once."""
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


@dataclass(frozen=True, slots=True)
class AwsAccount:
    """The stack, and the clients through which it is looked at."""

    deployment: Deployment
    athena: Any
    logs: Any
    cloudwatch: Any
    events_rule: str
    now: datetime
    pause: Callable[[float], None] = time.sleep

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

    def insights(self, query: str) -> int:
        """The field `n` of a query over the last day of the access log; 0 if it has no row."""
        (group,) = self.deployment.values("AccessLogGroupName")
        end = int(self.now.timestamp())
        started = self.logs.start_query(
            logGroupName=group, startTime=end - 86_400, endTime=end, queryString=query
        )
        while (answer := self.logs.get_query_results(queryId=started["queryId"]))["status"] not in _ENDED:
            self.pause(1)
        fields = {one["field"]: one["value"] for row in answer["results"] for one in row}
        return int(float(fields.get("n", "0")))

    def datapoints(self, namespace: str, metric: str, dimension: str, value: str) -> list[float]:
        """A metric's sums by the minute, of the last three hours."""
        answer = self.cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": dimension, "Value": value}],
            StartTime=self.now - timedelta(hours=3),
            EndTime=self.now,
            Period=60,
            Statistics=["Sum"],
        )
        return [one["Sum"] for one in answer["Datapoints"]]


def comments(account: AwsAccount) -> Finding:
    """Whether Athena takes a statement that begins with a comment."""
    try:
        found = account.rows("-- Says nothing.\nSELECT 7 AS n")
    except RuntimeError as error:
        return Finding("comments in Athena", Outcome.OTHERWISE, str(error))
    good = found == [["7"]]
    return Finding("comments in Athena", Outcome.AS_BUILT if good else Outcome.OTHERWISE, f"rows {found}")


def long_parameters(account: AwsAccount) -> Finding:
    """Whether Athena takes a parameter of more than 1,024 characters."""
    name = "long parameters in Athena"
    try:
        found = account.rows("SELECT length(?) AS n", f"'{'x' * LONG}'")
    except RuntimeError as error:
        return Finding(name, Outcome.OTHERWISE, str(error))
    good = found == [[str(LONG)]]
    return Finding(name, Outcome.AS_BUILT if good else Outcome.OTHERWISE, f"rows {found}")


def lake(account: AwsAccount) -> Finding:
    """Whether the lake can be read, which needs the catalog's database `default` as well, and holds rows of
    deliveries of several lines.
    """
    day = account.now - timedelta(hours=1)
    where = f"year = {day.year} AND month = {day.month} AND day = {day.day}"
    try:
        ((count,),) = account.rows(f"SELECT count(*) AS n FROM api_gateway_logs WHERE {where}")  # noqa: S608 - numbers
    except RuntimeError as error:
        return Finding("rows in the lake", Outcome.OTHERWISE, str(error))
    outcome = Outcome.AS_BUILT if int(count) else Outcome.OPEN
    return Finding("rows in the lake", outcome, f"{count} rows of {day:%Y-%m-%d}")


def quoted_numbers(account: AwsAccount) -> Finding:
    """Whether Logs Insights compares a status in quotes as a number: all lines have one from 100 on."""
    lines = account.insights('filter status != "-" | stats count(*) as n')
    numbers = account.insights('filter status != "-" and status >= 100 | stats count(*) as n')
    outcome = _judged(is_known=lines > 0, is_good=lines == numbers)
    text = f"{numbers} of {lines} lines have a status from 100 on"
    return Finding("quoted numbers in Logs Insights", outcome, text)


def cadence(account: AwsAccount) -> Finding:
    """How often Firehose sends its metrics: the alarms of the lake are right for every five minutes or
    oftener.
    """
    (stream,) = account.deployment.values("LakeDeliveryStreamName")
    found = account.datapoints("AWS/Firehose", "KinesisMillisBehindLatest", "DeliveryStreamName", stream)
    outcome = _judged(is_known=bool(found), is_good=len(found) >= 3 * 60 // 5 - 2)
    return Finding("cadence of Firehose's metrics", outcome, f"{len(found)} in three hours")


def thresholds(account: AwsAccount) -> Finding:
    """Whether EventBridge handed over the thresholds that it matched to the topic."""
    matched = sum(account.datapoints("AWS/Events", "TriggeredRules", "RuleName", account.events_rule))
    failed = sum(account.datapoints("AWS/Events", "FailedInvocations", "RuleName", account.events_rule))
    outcome = _judged(is_known=bool(matched or failed), is_good=not failed)
    return Finding("thresholds to the topic", outcome, f"{matched:.0f} matched, {failed:.0f} failed")


def _judged(*, is_known: bool, is_good: bool) -> Outcome:
    if not is_known:
        return Outcome.OPEN
    return Outcome.AS_BUILT if is_good else Outcome.OTHERWISE


CHECKS: Final[tuple[Callable[[AwsAccount], Finding], ...]] = (
    *(comments, long_parameters, lake, quoted_numbers, cadence, thresholds),
)


def findings(account: AwsAccount) -> Iterator[Finding]:
    """What all checks find."""
    for check in CHECKS:
        yield check(account)


def main(arguments: list[str]) -> int:
    """Print what is found; 1 if something is not as it was built for."""
    parser = argparse.ArgumentParser(prog="python -m tools.aws_check", description=__doc__.splitlines()[0])
    parser.add_argument("--stack", default="usage-meter")
    stack = parser.parse_args(arguments).stack
    session = boto3.session.Session()
    cloudformation = session.client("cloudformation")
    rule = cloudformation.describe_stack_resource(StackName=stack, LogicalResourceId="ThresholdRule")
    account = AwsAccount(
        Deployment.of_stack(cloudformation, stack),
        session.client("athena"),
        session.client("logs"),
        session.client("cloudwatch"),
        rule["StackResourceDetail"]["PhysicalResourceId"],
        datetime.now(UTC),
    )
    worst = 0
    for found in findings(account):
        print(f"{found.outcome:10} {found.name}: {found.text}")
        worst = max(worst, int(found.outcome is Outcome.OTHERWISE))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
