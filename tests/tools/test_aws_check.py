"""`make aws-check`: what each check makes of an account's answers; Athena's are the local one's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.deployment import Deployment
from local_cloud.stack import LocalCloud
from tools.aws_account import AwsAccount, Outcome, StackResource
from tools.aws_check import (
    CHECKS,
    alarms,
    cadence,
    comments,
    control_bytes,
    crawler,
    denials,
    documents,
    findings,
    lake,
    long_parameters,
    mapping,
    other_accounts,
    quoted_numbers,
    reconciliation,
    refusals,
    resources,
    schedules,
    thresholds,
)

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)


class Logs:
    """Answers two queries with numbers of lines."""

    def __init__(self, *counts: int) -> None:
        self._counts = iter(counts)
        self.groups: list[list[str]] = []

    def start_query(self, **arguments: Any) -> Any:
        self.groups.append(arguments["logGroupNames"])
        return {"queryId": "q"}

    def get_query_results(self, **_arguments: Any) -> Any:
        return {"status": "Complete", "results": [[{"field": "n", "value": str(next(self._counts))}]]}


class Metrics:
    """Answers with the values of a metric."""

    def __init__(self, **values: list[float]) -> None:
        self._values = values

    def get_metric_statistics(self, **arguments: Any) -> Any:
        return {"Datapoints": [{"Sum": one} for one in self._values.get(arguments["MetricName"], [])]}


class Pages(Metrics):
    """Answers a list in one page, and has no metric."""

    def __init__(self, **page: Any) -> None:
        super().__init__()
        self._page = page

    def get_paginator(self, _operation: str) -> Any:
        return self

    def paginate(self, **_arguments: Any) -> Any:
        return [self._page]


def answering(**answers: Any) -> Callable[[str], Any]:
    """Clients whose operations have these answers."""
    operations = {name: lambda *, _answer=answer, **_: _answer for name, answer in answers.items()}
    return lambda _service: SimpleNamespace(**operations)


class FailingAthena:
    """An Athena that refuses every statement."""

    def start_query_execution(self, **_arguments: Any) -> Any:
        return {"QueryExecutionId": "q"}

    def get_query_execution(self, **_arguments: Any) -> Any:
        return {"QueryExecution": {"Status": {"State": "FAILED", "StateChangeReason": "mismatched input"}}}


@pytest.fixture(scope="module")
def account() -> Iterator[AwsAccount]:
    """A stack in the local cloud."""
    with LocalCloud() as cloud:
        yield AwsAccount(
            Deployment(cloud.stack.outputs),
            cloud.client("athena"),
            Logs(),
            Metrics(),
            "rule",
            NOW,
            cloud.client,
            lambda _seconds: None,
        )


class TestAthena:
    def test_as_built(self, account: AwsAccount) -> None:
        """The statements run, with the comment and with the long parameter."""
        assert [Outcome.AS_BUILT] * 2 == [check(account).outcome for check in (comments, long_parameters)]

    def test_refused(self, account: AwsAccount) -> None:
        """What Athena refuses is found, with its words."""
        refusing = replace(account, athena=FailingAthena())
        for check in (comments, long_parameters, lake):
            found = check(refusing)
            assert (Outcome.OTHERWISE, "mismatched input") == (found.outcome, found.text)

    def test_empty_lake(self, account: AwsAccount) -> None:
        """A lake without rows leaves it open."""
        assert (Outcome.OPEN, "0 rows of 2026-11-05") == (lake(account).outcome, lake(account).text)


class TestLogsInsights:
    @pytest.mark.parametrize(
        ("lines", "numbers", "outcome"),
        [(5, 5, Outcome.AS_BUILT), (5, 0, Outcome.OTHERWISE), (0, 0, Outcome.OPEN)],
    )
    def test_quoted_numbers(self, account: AwsAccount, lines: int, numbers: int, outcome: Outcome) -> None:
        """A comparison that loses lines takes a quoted number for a text."""
        assert outcome is quoted_numbers(replace(account, logs=Logs(lines, numbers))).outcome


class TestMetrics:
    @pytest.mark.parametrize(
        ("count", "outcome"),
        [(180, Outcome.AS_BUILT), (36, Outcome.AS_BUILT), (9, Outcome.OTHERWISE), (0, Outcome.OPEN)],
    )
    def test_cadence(self, account: AwsAccount, count: int, outcome: Outcome) -> None:
        """Every minute or every five is what the alarms are for."""
        metrics = Metrics(KinesisMillisBehindLatest=[0.0] * count)
        assert outcome is cadence(replace(account, cloudwatch=metrics)).outcome

    @pytest.mark.parametrize(
        ("matched", "failed", "outcome"),
        [([1.0], [], Outcome.AS_BUILT), ([1.0], [1.0], Outcome.OTHERWISE), ([], [], Outcome.OPEN)],
    )
    def test_thresholds(
        self, account: AwsAccount, matched: list[float], failed: list[float], outcome: Outcome
    ) -> None:
        """A threshold that was matched and failed did not reach the topic."""
        metrics = Metrics(TriggeredRules=matched, FailedInvocations=failed)
        assert outcome is thresholds(replace(account, cloudwatch=metrics)).outcome


def made(
    kind: str, name: str = "name", status: str = "CREATE_COMPLETE", logical_id: str = "It"
) -> StackResource:
    """A resource of the stack."""
    return StackResource(logical_id, f"AWS::{kind}", name, status)


class TestStack:
    @pytest.mark.parametrize(
        ("statuses", "outcome"),
        [
            (["CREATE_COMPLETE", "UPDATE_COMPLETE"], Outcome.AS_BUILT),
            (["CREATE_COMPLETE", "CREATE_FAILED"], Outcome.OTHERWISE),
            (["DELETE_COMPLETE"], Outcome.OTHERWISE),
            ([], Outcome.OPEN),
        ],
    )
    def test_resources(self, account: AwsAccount, statuses: list[str], outcome: Outcome) -> None:
        """One that CloudFormation could not make is named."""
        found = resources(replace(account, resources=tuple(made("X::Y", status=one) for one in statuses)))
        assert outcome is found.outcome
        assert ("It is" in found.text) == (outcome is Outcome.OTHERWISE)

    @pytest.mark.parametrize(
        ("lines", "refused", "outcome"),
        [(9, 0, Outcome.AS_BUILT), (9, 1, Outcome.OTHERWISE), (0, 0, Outcome.OPEN)],
    )
    def test_refusals(self, account: AwsAccount, lines: int, refused: int, outcome: Outcome) -> None:
        """A line in which IAM refuses something is found in the functions' own logs."""
        groups = (made("Logs::LogGroup", "/usage-meter/s/watch"), made("Logs::LogGroup", "orders"))
        logs = Logs(lines, refused)
        assert outcome is refusals(replace(account, logs=logs, resources=groups)).outcome
        assert [["/usage-meter/s/watch"]] * 2 == logs.groups

    @pytest.mark.parametrize(
        ("state", "result", "outcome"),
        [
            ("Enabled", "OK", Outcome.AS_BUILT),
            ("Enabled", "PROBLEM: Lambda was not allowed", Outcome.OTHERWISE),
            ("Disabled", "OK", Outcome.OTHERWISE),
            ("Creating", "", Outcome.OPEN),
        ],
    )
    def test_mapping(self, account: AwsAccount, state: str, result: str, outcome: Outcome) -> None:
        """A mapping that polls and has no problem."""
        found = {"State": state, "LastProcessingResult": result}
        of_stack = (made("Lambda::EventSourceMapping"),)
        account = replace(account, resources=of_stack, client=answering(get_event_source_mapping=found))
        assert outcome is mapping(account).outcome

    @pytest.mark.parametrize(
        ("runs", "errors", "outcome"),
        [([1.0], [], Outcome.AS_BUILT), ([2.0], [1.0], Outcome.OTHERWISE), ([], [], Outcome.OPEN)],
    )
    def test_functions(
        self, account: AwsAccount, runs: list[float], errors: list[float], outcome: Outcome
    ) -> None:
        """The comparison ran, and rules started what they should, without a failure."""
        metrics = Metrics(Invocations=runs, Errors=errors, TriggeredRules=runs, FailedInvocations=errors)
        of_stack = (made("Events::Rule", "each-minute"), made("Events::Rule", account.events_rule))
        account = replace(account, cloudwatch=metrics, resources=of_stack)
        assert [outcome, outcome] == [check(account).outcome for check in (reconciliation, schedules)]
        assert "1 rules" in schedules(account).text

    @pytest.mark.parametrize(
        ("states", "outcome"),
        [
            (["OK", "OK"], Outcome.AS_BUILT),
            (["OK", "ALARM"], Outcome.OTHERWISE),
            (["OK", "INSUFFICIENT_DATA"], Outcome.OPEN),
            ([], Outcome.OPEN),
        ],
    )
    def test_alarms(self, account: AwsAccount, states: list[str], outcome: Outcome) -> None:
        """An alarm that is raised is named, one without data leaves it open."""
        found = [{"AlarmName": str(number), "StateValue": one} for number, one in enumerate(states)]
        assert outcome is alarms(replace(account, cloudwatch=Pages(MetricAlarms=found))).outcome

    def test_crawler(self, account: AwsAccount) -> None:
        """One that there is came to its end."""
        assert Outcome.OPEN is crawler(account).outcome
        for last, outcome in (
            ({"Status": "SUCCEEDED"}, Outcome.AS_BUILT),
            ({"Status": "FAILED"}, Outcome.OTHERWISE),
            ({}, Outcome.OPEN),
        ):
            client = answering(get_crawler={"Crawler": {"LastCrawl": last}})
            with_one = replace(account, resources=(made("Glue::Crawler"),), client=client)
            assert outcome is crawler(with_one).outcome

    def test_other_accounts(self, account: AwsAccount) -> None:
        """The destination is there, and its policy names each account."""
        assert Outcome.OPEN is other_accounts(account).outcome
        arn = "arn:aws:logs:us-east-1:123456789012:destination:usage-meter"
        outputs = {"SourceAccounts": "210987654321,345678901234", "CallDestinationArn": arn}
        account = replace(account, deployment=Deployment(outputs))
        for policy, outcome in (
            ("210987654321 345678901234", Outcome.AS_BUILT),
            ("210987654321", Outcome.OTHERWISE),
        ):
            destinations = {"destinations": [{"arn": arn, "accessPolicy": policy}]}
            logs = answering(describe_destinations=destinations)("logs")
            assert outcome is other_accounts(replace(account, logs=logs)).outcome


class TestLines:
    @pytest.mark.parametrize(("lines", "outcome"), [(0, Outcome.OPEN), (40, Outcome.OTHERWISE)])
    def test_documents(self, account: AwsAccount, lines: int, outcome: Outcome) -> None:
        """A lake with fewer rows than the log has lines lacks some of each delivery."""
        assert outcome is documents(replace(account, logs=Logs(lines))).outcome

    @pytest.mark.parametrize(
        ("first", "second", "bytes_", "denied"),
        [
            (1, 0, Outcome.AS_BUILT, Outcome.AS_BUILT),
            (0, 1, Outcome.OTHERWISE, Outcome.OTHERWISE),
            (0, 0, Outcome.OPEN, Outcome.OPEN),
        ],
    )
    def test_texts(
        self, account: AwsAccount, first: int, second: int, bytes_: Outcome, denied: Outcome
    ) -> None:
        """Control bytes are escaped as JSON does; a denied call's line says that it was denied."""
        assert bytes_ is control_bytes(replace(account, logs=Logs(first, second))).outcome
        assert denied is denials(replace(account, logs=Logs(first, second))).outcome


def test_all_run(account: AwsAccount) -> None:
    """Every check has its finding, under a name of its own."""
    ready = replace(
        account,
        logs=Logs(*[0] * 20),
        cloudwatch=Pages(MetricAlarms=[]),
        resources=(made("Lambda::EventSourceMapping"),),
        client=answering(get_event_source_mapping={"State": "Creating"}),
    )
    names = [one.name for one in findings(ready)]
    assert len(CHECKS) == len(set(names))
