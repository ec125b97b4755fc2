"""The Lambda function: what it is asked, what it tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.settings import ReconciliationSettings
from adapters.telemetry import telemetry
from metering.errors import Misconfigured
from reconciliation import handler as module
from reconciliation.handler import Handler, make_handler
from reconciliation.job import Reconciler
from tests.emf import metrics_in
from tests.reconciliation.month_end import Deployment, call, running
from tests.reconciliation.test_schedule import scheduled


class Context:
    """What Lambda hands over beside the event."""

    function_name = "reconciliation"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:reconciliation"

    def __init__(self, request_id: str) -> None:
        self.aws_request_id = request_id


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """A month of one call on both sides, and one more in the counters of the next."""
    for filled in running():
        filled.both([call("1", "2026-10-05T00:00:00")])
        filled.count([call("2", "2026-11-05T00:00:00")])
        yield filled


@pytest.fixture
def function(deployment: Deployment) -> Handler:
    """The function on that deployment, early on the 2nd of November."""
    reconciler = Reconciler(deployment.sources, lambda: datetime(2026, 11, 2, 3, tzinfo=UTC))
    return make_handler(reconciler, telemetry("reconciliation", "UsageMeter"))


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, Any]]:
    """Level and content of what was logged of reconciliations."""
    return [(record.levelname, vars(record)["reconciliation"]) for record in caplog.records]


def test_a_month(
    function: Handler, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Named by the event; the answer, the log and the metrics say how it went."""
    (answer,) = function({"month": "2026-10"}, Context("one"))
    assert {"month": "2026-10", "agrees": True, "is_complete": True, "counted": 1, "lake_events": 1} == {
        name: answer[name] for name in ("month", "agrees", "is_complete", "counted", "lake_events")
    }
    assert [("INFO", answer)] == told(caplog)
    metrics = {datum.name: datum.value for datum in metrics_in(capsys.readouterr().out)}
    assert answer["scanned_bytes"] == metrics.pop("ScannedBytes")
    assert {"Differences": 0, "Contradictions": 0, "LakeDuplicates": 0} == metrics


def test_the_schedule(
    function: Handler, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """On the 2nd both months; what differs in a month that is not over has a metric of its own."""
    answers = function(scheduled("2026-11-02T03:00:00Z"), Context("two"))
    assert [("2026-10", True, 0), ("2026-11", False, 2)] == [
        (answer["month"], answer["is_complete"], answer["differences"]) for answer in answers
    ]
    assert ["INFO", "WARNING"] == [level for level, _ in told(caplog)]
    found = [(datum.name, datum.value) for datum in metrics_in(capsys.readouterr().out)]
    assert [("Differences", 0), ("IncompleteDifferences", 2)] == [one for one in found if "Diff" in one[0]]


def test_a_retry_asks_for_the_same_query(function: Handler) -> None:
    """Lambda repeats an event under its request id: Athena reads the lake once."""
    queries = [
        function({"month": "2026-10"}, Context(name))[0]["queries"] for name in ("same", "same", "other")
    ]
    assert queries[0] == queries[1] != queries[2]


def test_no_month(function: Handler) -> None:
    """Nothing is done."""
    with pytest.raises(Misconfigured):
        function({}, Context("three"))


def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named before any work; nothing is read at import."""
    for name in ("COUNTERS_TABLE", "LAKE_BUCKET", "LAKE_DATABASE", "ATHENA_WORKGROUP"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Misconfigured) as raised:
        module.handler({"month": "2026-10"}, Context("four"))
    assert 4 == len(raised.value.faults)


def test_the_deployed_function(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Lambda runs it: by its environment alone."""
    settings: ReconciliationSettings = deployment.settings
    variables = {
        "COUNTERS_TABLE": settings.counters_table,
        "LAKE_BUCKET": settings.lake_bucket,
        "LAKE_DATABASE": settings.lake_database,
        "ATHENA_WORKGROUP": settings.workgroup,
        "POWERTOOLS_SERVICE_NAME": "reconciliation",
        "POWERTOOLS_METRICS_NAMESPACE": "UsageMeter",
        **deployment.cloud.endpoint.environment,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (answer,) = module.handler({"month": "2026-10"}, Context("five"))
    assert answer["agrees"]
