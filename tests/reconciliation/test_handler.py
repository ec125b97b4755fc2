"""The Lambda function: its event, its result."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.settings.functions import ReconciliationSettings
from adapters.telemetry import telemetry
from local_cloud.log_metrics import metrics_in
from metering.errors import Misconfigured
from metering.period import Period
from metering.proof.logged_call import LoggedCall
from reconciliation import handler as module
from reconciliation.attribution.budget import Budget
from reconciliation.handler import Handler, make_handler
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler, Sources
from reconciliation.report.publication import Reconciling, ReportPublisher
from reconciliation.wiring import make_reports
from tests.reconciliation.month_end import Deployment, call, running
from tests.reconciliation.test_schedule import scheduled


class Context:
    """What Lambda hands over beside the event."""

    function_name = "reconciliation"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:reconciliation"

    def __init__(self, request_id: str, seconds_left: int = 900) -> None:
        self.aws_request_id = request_id
        self._seconds_left = seconds_left

    def get_remaining_time_in_millis(self) -> int:
        return self._seconds_left * 1000


NOW = datetime(2026, 11, 2, 6, tzinfo=UTC)


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """A month of one call on both sides; the counters hold two more, on the 1st of the next and later."""
    for filled in running():
        filled.both([call("1", "2026-10-05T00:00:00")])
        filled.count([call("2", "2026-11-01T05:00:00"), call("3", "2026-11-05T00:00:00")])
        yield filled


@pytest.fixture
def function(deployment: Deployment) -> Handler:
    """The function on that deployment, early on the 2nd of November; nothing is published yet."""
    return made(deployment, deployment.sources)


class Together:
    """A reconciler that compares when two jobs are about to."""

    def __init__(self, reconciler: Reconciler) -> None:
        self._reconciler = reconciler
        self._barrier = threading.Barrier(2)

    def reconcile(self, month: Period, **how: Any) -> Report:
        self._barrier.wait(60)
        return self._reconciler.reconcile(month, **how)


def made(deployment: Deployment, sources: Sources, reconciler: Reconciling | None = None) -> Handler:
    """The function, with sources or a reconciler of its own."""
    for name in published(deployment):
        deployment.s3.delete_object(Bucket=deployment.settings.lake_bucket, Key=name)
    store = make_reports(deployment.settings, lambda _name, **_config: deployment.s3)
    budget = Budget()
    own = Reconciler(sources, lambda: NOW, budget=budget)
    publisher = ReportPublisher(store, reconciler or own, lambda: NOW)
    return make_handler(publisher, telemetry("reconciliation", "UsageMeter"), budget)


def made_again(deployment: Deployment, sources: Sources) -> Handler:
    """The same with what is published by now."""
    store = make_reports(deployment.settings, lambda _name, **_config: deployment.s3)
    publisher = ReportPublisher(store, Reconciler(sources, lambda: NOW), lambda: NOW)
    return make_handler(publisher, telemetry("reconciliation", "UsageMeter"))


def published(deployment: Deployment) -> list[str]:
    """The objects of reports."""
    listed = deployment.s3.list_objects_v2(Bucket=deployment.settings.lake_bucket, Prefix="reconciliation/")
    return [one["Key"] for one in listed.get("Contents", [])]


def reported(caplog: pytest.LogCaptureFixture) -> list[tuple[str, Any]]:
    """Level and content of what was logged of reconciliations."""
    return [(record.levelname, vars(record)["reconciliation"]) for record in caplog.records]


def test_a_month(
    function: Handler, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Named by the event; the answer, the log and the metrics say how it went."""
    (answer,) = function({"month": "2026-10"}, Context("one"))
    assert {"month": "2026-10", "verdict": "agrees", "is_complete": True, "counted": 1, "lake_events": 1} == {
        name: answer[name] for name in ("month", "verdict", "is_complete", "counted", "lake_events")
    }
    assert [("INFO", answer)] == reported(caplog)
    metrics = {datum.name: datum.value for datum in metrics_in(capsys.readouterr().out)}
    assert answer["scanned_bytes"] == metrics.pop("ScannedBytes")
    assert {
        "Drift": 0,
        "Differences": 0,
        "Contradictions": 0,
        "Refused": 0,
        "LakeDuplicates": 0,
    } == metrics


def test_published(function: Handler, deployment: Deployment) -> None:
    """The report, its table and its page are where the answer says."""
    (answer,) = function({"month": "2026-10"}, Context("one"))
    bucket = deployment.settings.lake_bucket
    assert f"s3://{bucket}/reconciliation/2026-10/one/report.html" == answer["page"]
    assert [
        f"reconciliation/2026-10/{name}"
        for name in ("latest.json", "one/differences.csv", "one/report.html", "one/report.json", "run.json")
    ] == published(deployment)


def test_the_schedule(
    function: Handler, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """On the 2nd both months; of the running one the days that are over, in which a difference is a fault."""
    answers = function(scheduled("2026-11-02T06:00:00Z"), Context("two"))
    assert [("2026-10", True, 0), ("2026-11", False, 1)] == [
        (answer["month"], answer["is_complete"], answer["differences"]) for answer in answers
    ]
    assert ["INFO", "WARNING"] == [level for level, _ in reported(caplog)]
    found = [(datum.name, datum.value) for datum in metrics_in(capsys.readouterr().out)]
    assert [("Differences", 0), ("Differences", 1)] == [one for one in found if "Diff" in one[0]]


def test_what_is_not_complete(deployment: Deployment, capsys: pytest.CaptureFixture[str]) -> None:
    """It is refused, which has a metric; compared all the same, its differences have one of their own."""
    function = made(deployment, deployment.whole_sources)
    (refused,) = function({"month": "2026-10"}, Context("one"))
    (allowed,) = function({"month": "2026-11", "allow_incomplete": True}, Context("one"))
    assert ["refused", "not settled"] == [refused["verdict"], allowed["verdict"]]
    found = [(datum.name, datum.value) for datum in metrics_in(capsys.readouterr().out)]
    assert [("Refused", 1), ("Refused", 0)] == [one for one in found if one[0] == "Refused"]
    assert ("IncompleteDifferences", allowed["differences"]) in found
    assert ("Differences", allowed["differences"]) not in found


def test_an_event_that_comes_twice(function: Handler) -> None:
    """EventBridge may send it twice, and Lambda repeats it: there is one report, and the second says so."""
    first = function(scheduled("2026-11-03T06:00:00Z"), Context("one"))
    second = function(scheduled("2026-11-03T06:00:00Z"), Context("other"))
    assert [True, False] == [answer["is_own"] for answer in (*first, *second)]
    assert first[0] | {"is_own": False} == second[0]


def test_two_at_once(deployment: Deployment) -> None:
    """Two jobs at once, of other requests: one report, which both give."""
    together = Together(Reconciler(deployment.sources, lambda: NOW))
    function = made(deployment, deployment.sources, together)
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda name: function({"month": "2026-10"}, Context(name)), ("one", "other")))
    (left,), (right,) = answers
    assert {True, False} == {left["is_own"], right["is_own"]}
    assert left | {"is_own": None} == right | {"is_own": None}
    folders = {name.split("/")[2] for name in published(deployment)}
    assert 3 == len(folders)  # of one run, beside the two that point to it


def test_a_retry(function: Handler) -> None:
    """Lambda repeats an event under its request id: Athena reads the lake once."""
    queries = [
        function({"month": "2026-10"}, Context(name))[0]["queries"] for name in ("same", "same", "other")
    ]
    assert queries[0] == queries[1] != queries[2]


class Killed:
    """A log group during whose search Lambda ends the function."""

    def holds(self, _start: datetime, _end: datetime) -> bool:
        raise SystemExit

    def calls(self, _keys: Sequence[str], _start: datetime, _end: datetime) -> Iterator[LoggedCall]:
        raise SystemExit


def test_the_comparison_is_published_first(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    """A function that is ended while it looks into a difference has published what differs, and the metric
    that rings; the run that follows gives the whole report.
    """
    november = {"month": "2026-11", "allow_incomplete": True}
    sources = deployment.sources
    killed = made(deployment, sources._replace(log=Killed()))
    with pytest.raises(SystemExit):
        killed(november, Context("one"))
    folder = "reconciliation/2026-11/one-incomplete/"
    assert [f"{folder}comparison.json", "reconciliation/2026-11/run.json"] == published(deployment)
    found = [(datum.name, datum.value) for datum in metrics_in(capsys.readouterr().out)]
    assert [("IncompleteDrift", 3)] == [one for one in found if "Drift" in one[0]]
    answer = made_again(deployment, sources)(november, Context("one"))
    assert ["not settled", ""] == [answer[0]["verdict"], answer[0]["investigation_ended"]]
    assert f"{folder}report.json" in published(deployment)


def test_metrics_are_published_once(function: Handler, capsys: pytest.CaptureFixture[str]) -> None:
    """With the comparison; the bytes of the investigation are added to those of the comparison."""
    (answer,) = function({"month": "2026-11", "allow_incomplete": True}, Context("one"))
    found = [(datum.name, datum.value) for datum in metrics_in(capsys.readouterr().out)]
    assert [("IncompleteDifferences", 3)] == [one for one in found if "Differences" in one[0]]
    scanned = [value for name, value in found if name == "ScannedBytes"]
    assert answer["scanned_bytes"] == sum(scanned)


def test_no_time_left(function: Handler) -> None:
    """Then the report says that nothing was looked into, and why."""
    (answer,) = function({"month": "2026-11", "allow_incomplete": True}, Context("one", seconds_left=100))
    assert ("its time was over", {}) == (answer["investigation_ended"], answer["causes"])


def test_no_month(function: Handler) -> None:
    """Nothing is done."""
    with pytest.raises(Misconfigured):
        function({}, Context("three"))


def test_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing is named before any work; nothing is read at import."""
    names = (
        "COUNTERS_TABLE",
        "LAKE_BUCKET",
        "LAKE_DATABASE",
        "ATHENA_WORKGROUP",
        "DELIVERY_STREAM",
        "LOG_GROUPS",
    )
    for name in names:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(Misconfigured) as raised:
        module.handler({"month": "2026-10"}, Context("four"))
    assert len(names) == len(raised.value.faults)


def test_the_deployed_function(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Lambda runs it: by its environment alone."""
    settings: ReconciliationSettings = deployment.settings
    variables = {
        "COUNTERS_TABLE": settings.counters_table,
        "LAKE_BUCKET": settings.lake_bucket,
        "LAKE_DATABASE": settings.lake_database,
        "ATHENA_WORKGROUP": settings.workgroup,
        "DELIVERY_STREAM": settings.delivery_stream,
        "LOG_GROUPS": ",".join(settings.log_groups),
        "POWERTOOLS_SERVICE_NAME": "reconciliation",
        "POWERTOOLS_METRICS_NAMESPACE": "UsageMeter",
        **deployment.cloud.endpoint.environment,
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (answer,) = module.handler({"month": "2026-10", "allow_incomplete": True}, Context("five"))
    assert (True, True) == (answer["agrees"], answer["is_own"])
