"""`make aws-check`: what each check makes of an account's answers; Athena's are the local one's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.deployment import Deployment
from local_cloud.stack import LocalCloud
from tools.aws_check import (
    AwsAccount,
    Outcome,
    cadence,
    comments,
    lake,
    long_parameters,
    quoted_numbers,
    thresholds,
)

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)


class Logs:
    """Answers two queries with numbers of lines."""

    def __init__(self, *counts: int) -> None:
        self._counts = iter(counts)

    def start_query(self, **_arguments: Any) -> Any:
        return {"queryId": "q"}

    def get_query_results(self, **_arguments: Any) -> Any:
        return {"status": "Complete", "results": [[{"field": "n", "value": str(next(self._counts))}]]}


class Metrics:
    """Answers with the values of a metric."""

    def __init__(self, **values: list[float]) -> None:
        self._values = values

    def get_metric_statistics(self, **arguments: Any) -> Any:
        return {"Datapoints": [{"Sum": one} for one in self._values.get(arguments["MetricName"], [])]}


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
