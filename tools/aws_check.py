"""Asks an account what only AWS can answer, by a stack that is deployed there: `make aws-check`.

    python -m tools.aws_check [--stack usage-meter]

Each check reads, and changes nothing; Athena and Logs Insights bill their queries, which are small. The last
day's traffic is what they look at, so that a stack without calls leaves some of them open. docs/evidence.md
names for each part of the template the check that answers what no engine could.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import boto3

from adapters.deployment import Deployment
from tools.aws_account import AwsAccount, Finding, Outcome, StackResource, judged

SHARE: Final = 0.99
"""Of the lines at least so many are rows; a few lie on the other side of the hour."""
LONG: Final = 1_100
"""Characters of a parameter, more than the 1,024 that were allowed once."""


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
    outcome = judged(is_known=lines > 0, is_good=lines == numbers)
    text = f"{numbers} of {lines} lines have a status from 100 on"
    return Finding("quoted numbers in Logs Insights", outcome, text)


def cadence(account: AwsAccount) -> Finding:
    """How often Firehose sends its metrics: the alarms of the lake are right for every five minutes or
    oftener.
    """
    (stream,) = account.deployment.values("LakeDeliveryStreamName")
    found = account.datapoints("AWS/Firehose", "KinesisMillisBehindLatest", "DeliveryStreamName", stream)
    outcome = judged(is_known=bool(found), is_good=len(found) >= 3 * 60 // 5 - 2)
    return Finding("cadence of Firehose's metrics", outcome, f"{len(found)} in three hours")


def thresholds(account: AwsAccount) -> Finding:
    """Whether EventBridge handed over the thresholds that it matched to the topic."""
    matched = sum(account.datapoints("AWS/Events", "TriggeredRules", "RuleName", account.events_rule))
    failed = sum(account.datapoints("AWS/Events", "FailedInvocations", "RuleName", account.events_rule))
    outcome = judged(is_known=bool(matched or failed), is_good=not failed)
    return Finding("thresholds to the topic", outcome, f"{matched:.0f} matched, {failed:.0f} failed")


def resources(account: AwsAccount) -> Finding:
    """Whether CloudFormation has made every resource of the stack."""
    unfinished = [
        f"{one.logical_id} is {one.status}"
        for one in account.resources
        if not one.status.endswith("_COMPLETE") or one.status.startswith(("DELETE", "ROLLBACK"))
    ]
    outcome = judged(is_known=bool(account.resources), is_good=not unfinished)
    return Finding(
        "resources of the stack", outcome, ", ".join(unfinished) or f"{len(account.resources)} are made"
    )


def refusals(account: AwsAccount) -> Finding:
    """Whether IAM refused a function anything: its log says so. It also shows that the log is written."""
    groups = [one for one in account.names("AWS::Logs::LogGroup") if one.startswith("/usage-meter/")]
    lines = account.insights("stats count(*) as n", *groups)
    refused = account.insights(
        "filter @message like /AccessDenied|not authorized to perform/ | stats count(*) as n", *groups
    )
    outcome = judged(is_known=lines > 0, is_good=not refused)
    return Finding("refusals by IAM", outcome, f"{refused} in {lines} lines of the functions' logs")


def mapping(account: AwsAccount) -> Finding:
    """Whether Lambda reads the stream by the processor's role."""
    (uuid,) = account.names("AWS::Lambda::EventSourceMapping")
    found = account.client("lambda").get_event_source_mapping(UUID=uuid)
    text = f"{found['State']}; {found.get('LastProcessingResult', 'nothing yet')}"
    return Finding(
        "the stream's mapping",
        judged(
            is_known=found["State"] != "Creating",
            is_good=found["State"] == "Enabled" and "PROBLEM" not in text,
        ),
        text,
    )


def schedules(account: AwsAccount) -> Finding:
    """Whether EventBridge starts the functions: each minute there is a heartbeat."""
    rules = [one for one in account.names("AWS::Events::Rule") if one != account.events_rule]
    matched = sum(sum(account.datapoints("AWS/Events", "TriggeredRules", "RuleName", one)) for one in rules)
    failed = sum(sum(account.datapoints("AWS/Events", "FailedInvocations", "RuleName", one)) for one in rules)
    text = f"{len(rules)} rules: {matched:.0f} matched, {failed:.0f} failed"
    return Finding("schedules", judged(is_known=bool(matched or failed), is_good=not failed), text)


def reconciliation(account: AwsAccount) -> Finding:
    """Whether the reconciliation runs by its role: Athena reads the lake, and the catalog's `default`."""
    function = account.name("ReconciliationFunction") or ""
    runs = sum(account.daily("AWS/Lambda", "Invocations", "FunctionName", function))
    errors = sum(account.daily("AWS/Lambda", "Errors", "FunctionName", function))
    outcome = judged(is_known=runs > 0, is_good=not errors)
    return Finding("the daily comparison", outcome, f"{runs:.0f} runs in two days, {errors:.0f} failed")


def alarms(account: AwsAccount) -> Finding:
    """Whether the alarms have data by the names of metrics that AWS uses: the state says so."""
    names = account.names("AWS::CloudWatch::Alarm")
    pages = account.cloudwatch.get_paginator("describe_alarms").paginate(AlarmNames=names[:100])
    states = {one["AlarmName"]: one["StateValue"] for page in pages for one in page["MetricAlarms"]}
    raised = sorted(name for name, state in states.items() if state == "ALARM")
    silent = sorted(name for name, state in states.items() if state == "INSUFFICIENT_DATA")
    outcome = judged(is_known=bool(states) and not silent, is_good=not raised)
    text = f"of {len(states)} raised: {', '.join(raised) or 'none'}; no data: {', '.join(silent) or 'none'}"
    return Finding("alarms", Outcome.OTHERWISE if raised else outcome, text)


def documents(account: AwsAccount) -> Finding:
    """Whether several documents in one Firehose record are several rows: else the lake has one row for each
    delivery, and lacks the other lines. The last hour is left out: it may not be in the lake yet.
    """
    until = int(account.now.timestamp()) - 3600
    lines = account.insights(f"filter @timestamp < {until * 1000} | stats count(*) as n")
    since = until + 3600 - 86_400
    try:
        ((rows,),) = account.rows(
            "SELECT count(*) AS n FROM api_gateway_logs "  # noqa: S608 - numbers
            f"WHERE eventtime >= from_unixtime({since}) AND eventtime < from_unixtime({until})"
        )
    except RuntimeError as error:
        return Finding("several documents in a Firehose record", Outcome.OTHERWISE, str(error))
    outcome = judged(is_known=lines > 0, is_good=int(rows) >= lines * SHARE)
    return Finding("several documents in a Firehose record", outcome, f"{rows} rows of {lines} lines")


def control_bytes(account: AwsAccount) -> Finding:
    """Whether API Gateway escapes control bytes of callers' texts as JSON does."""
    as_json = account.insights(r"filter @message like /\\u00[01][0-9a-fA-F]/ | stats count(*) as n")
    otherwise = account.insights(r"filter @message like /\\x[0-9a-fA-F]{2}/ | stats count(*) as n")
    outcome = judged(is_known=as_json + otherwise > 0, is_good=not otherwise)
    return Finding("control bytes in lines", outcome, f"{as_json} as JSON has them, {otherwise} otherwise")


def denials(account: AwsAccount) -> Finding:
    """Whether API Gateway logs what an authorizer says of a call that it denies: else a denied call of an
    HTTP API, with status 403, is billed.
    """
    denied = account.insights('filter decision = "denied" | stats count(*) as n')
    of_429 = account.insights('filter status = "429" | stats count(*) as n')
    outcome = judged(is_known=denied + of_429 > 0, is_good=denied > 0)
    return Finding("denials in the log", outcome, f"{denied} lines say denied, {of_429} have status 429")


def other_accounts(account: AwsAccount) -> Finding:
    """Whether the destination is there for the accounts of `SourceAccounts`."""
    name = "a destination for other accounts"
    wanted = account.deployment.outputs.get("SourceAccounts", "-")
    if wanted == "-":
        return Finding(name, Outcome.OPEN, "SourceAccounts names none")
    arn = account.deployment.outputs["CallDestinationArn"]
    found = account.logs.describe_destinations(DestinationNamePrefix=arn.rpartition(":")[2])["destinations"]
    policies = [one.get("accessPolicy", "") for one in found if one["arn"].removesuffix(":*") == arn]
    good = len(policies) == 1 and all(one in policies[0] for one in wanted.split(","))
    return Finding(name, judged(is_known=True, is_good=good), f"for {wanted}")


def crawler(account: AwsAccount) -> Finding:
    """Whether the crawler, if there is one, came to its end."""
    crawlers = account.names("AWS::Glue::Crawler")
    if not crawlers:
        return Finding("the schema's crawler", Outcome.OPEN, "CrawlSchema makes none")
    last = account.client("glue").get_crawler(Name=crawlers[0])["Crawler"].get("LastCrawl", {})
    status = last.get("Status", "not run yet")
    outcome = judged(is_known=bool(last), is_good=status == "SUCCEEDED")
    return Finding("the schema's crawler", outcome, str(status))


CHECKS: Final[tuple[Callable[[AwsAccount], Finding], ...]] = (
    *(comments, long_parameters, lake, quoted_numbers, cadence, thresholds),
    *(resources, refusals, mapping, schedules, reconciliation, alarms),
    *(documents, control_bytes, denials, other_accounts, crawler),
)


def findings(account: AwsAccount) -> Iterator[Finding]:
    """What all checks find."""
    for check in CHECKS:
        yield check(account)


def _resources(cloudformation: Any, stack: str) -> Iterator[StackResource]:
    for page in cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack):
        for one in page["StackResourceSummaries"]:
            name = one.get("PhysicalResourceId", "")
            yield StackResource(one["LogicalResourceId"], one["ResourceType"], name, one["ResourceStatus"])


def main(arguments: list[str]) -> int:
    """Print what is found; 1 if something is not as it was built for."""
    parser = argparse.ArgumentParser(prog="python -m tools.aws_check", description=__doc__.splitlines()[0])
    parser.add_argument("--stack", default="usage-meter")
    stack = parser.parse_args(arguments).stack
    session = boto3.session.Session()
    cloudformation = session.client("cloudformation")
    made = tuple(_resources(cloudformation, stack))
    account = AwsAccount(
        Deployment.of_stack(cloudformation, stack),
        session.client("athena"),
        session.client("logs"),
        session.client("cloudwatch"),
        next(one.physical_id for one in made if one.logical_id == "ThresholdRule"),
        datetime.now(UTC),
        resources=made,
        client=session.client,  # type: ignore[arg-type]  # overloaded by the literal names of services
    )
    worst = 0
    for found in findings(account):
        print(f"{found.outcome:10} {found.name}: {found.text}")
        worst = max(worst, int(found.outcome is Outcome.OTHERWISE))
    return worst


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
