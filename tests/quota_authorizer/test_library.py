"""The decision inside somebody else's authorizer: the example of docs/quotas.md, on moto."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.plans import PlanBook
from adapters.settings.functions import QuotaAuthorizerSettings
from adapters.telemetry import telemetry
from local_cloud.template.document import Stack
from metering.counters.ports import Increment
from metering.errors import Misconfigured
from metering.key_id import LONGEST_KEY_ID
from metering.period import Period
from metering.quotas.plan import Assignment, KeyStatus, Limit, Plan, Span
from metering.usage import Metric, Usage
from quota_authorizer.handler import make_handler
from quota_authorizer.library import DecisionOutcome, QuotaGuard, quota_guard
from quota_authorizer.request import InvalidRequest
from tests.quota_authorizer.events import http, policy_faults, recorded, rest, token
from tests.tables import Tables, create_tables

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
KEY = "a1b2c3d4e5"
HOURLY = Limit(Metric.REQUESTS, Span.HOUR, 10)


@pytest.fixture
def tables(moto: str) -> Tables:
    """Tables in which one key has a plan of ten calls an hour."""
    tables = create_tables(moto)
    book = PlanBook(tables.counters, tables.dynamodb)
    book.put_plan(Plan("free", (HOURLY,)), None)
    book.assign(Assignment(KEY, "free"))
    return tables


def settings(tables: Tables, **variables: str) -> QuotaAuthorizerSettings:
    return QuotaAuthorizerSettings.from_environment({"COUNTERS_TABLE": tables.counters, **variables})


def guard(tables: Tables, **variables: str) -> QuotaGuard:
    return quota_guard(stack="usage-meter", settings=settings(tables, **variables), **tables.where)


def count(tables: Tables, day: str, hour: str, requests: int) -> None:
    """Calls of the key in an hour."""
    counted = Usage(requests)
    increment = Increment(KEY, Period(day), 0, "shardId-000000000000", 1, 1, counted, {hour: requests})
    DynamoDBCounters(tables.counters, tables.updates()).add([increment])


def example(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The example, as Lambda loads it: with its environment and nothing else."""
    for name, value in {
        "COUNTERS_TABLE": tables.counters,
        "AWS_ENDPOINT_URL": tables.endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("own_authorizer", EXAMPLES / "own_authorizer.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def own_event(header: str = "headerValue1") -> dict[str, Any]:
    """An event in which the example finds its customer: as the recorded one, without the recording."""
    return {**rest(headers={"HeaderAuth1": header}), "methodArn": rest()["methodArn"]}


class TestExample:
    def test_recorded(self, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
        """The recorded event of AWS: let through, until the counters of its own hour hold ten calls."""
        event = recorded()
        allowed = example(tables, monkeypatch).handler(event, None)
        assert [] == policy_faults_of_method(allowed)
        assert ("Allow", "10") == (effect(allowed), allowed["context"]["remaining"])
        count(tables, "2021-08-20", "14", 10)
        denied = example(tables, monkeypatch).handler(event, None)
        assert ("Deny", "denied", "1390") == (
            effect(denied),
            denied["context"]["decision"],
            denied["context"]["retryAfter"],
        )

    def test_limit(self, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
        """A call over the limit is denied, with what the gateway's response for status 429 needs."""
        count(tables, "2026-11-05", "12", 10)
        denied = example(tables, monkeypatch).handler(own_event(), None)
        assert "Deny" == effect(denied)
        assert {
            "customer": KEY,
            "decision": "denied",
            "authorizerKeyId": KEY,
            "plan": "free",
            "limit": "requests/hour",
            "remaining": "0",
            "reset": "1793883600",
            "retryAfter": "3600",
        } == denied["context"]

    @pytest.mark.parametrize("header", ["headerValue1", "somebody else"])
    def test_unauthorized(self, tables: Tables, monkeypatch: pytest.MonkeyPatch, header: str) -> None:
        """A suspended key, and a caller whom the authorizer does not know, get status 401."""
        PlanBook(tables.counters, tables.dynamodb).assign(Assignment(KEY, "free", status=KeyStatus.SUSPENDED))
        with pytest.raises(Exception, match=r"^Unauthorized$"):
            example(tables, monkeypatch).handler(own_event(header), None)

    def test_permissions(self) -> None:
        """Its role needs of the counters' table what the role of our own authorizer has, and no more."""
        stack = Stack()
        (policy,) = stack.resource("QuotaAuthorizerRole")["Policies"]
        table = stack.arn("CountersTable")
        ours = [one for one in policy["PolicyDocument"]["Statement"] if one["Resource"] == table]
        document = json.loads((EXAMPLES / "own-authorizer-policy.json").read_text(encoding="utf-8"))
        theirs = [{**one, "Resource": table} for one in document["Statement"]]
        for one in theirs:
            del one["Sid"]
        assert ours == theirs


class TestDecision:
    @pytest.mark.parametrize("used", [0, 10])
    @pytest.mark.parametrize(
        "event",
        [
            rest(key_id=KEY),
            {**rest(key_id=KEY), "version": "1.0"},
            rest(key_id=KEY, headers={"Content-Length": "7"}),
        ],
    )
    def test_as_ours(self, tables: Tables, event: dict[str, Any], used: int) -> None:
        """It is the decision of our own authorizer, context and all."""
        if used:
            count(tables, "2026-11-05", "12", used)
        ours = make_handler(settings(tables), tables.dynamodb, telemetry("q", "UsageMeter"))(event, None)
        found = guard(tables).decide(KEY, event)
        assert (effect(ours) == "Allow", ours["context"]) == (found.allowed, found.context)

    @pytest.mark.parametrize("event", [http(), token("anything")])
    def test_other_events(self, tables: Tables, event: dict[str, Any]) -> None:
        """Events of HTTP APIs (2.0) and TOKEN events are taken as well."""
        found = guard(tables).decide(KEY, event)
        assert (True, DecisionOutcome.ALLOWED, None) == (found.allowed, found.outcome, found.retry_after)

    def test_no_authorizer(self, tables: Tables) -> None:
        """An event of anything else is refused by name."""
        with pytest.raises(InvalidRequest, match="no methodArn"):
            guard(tables).decide(KEY, {"Records": []})

    @pytest.mark.parametrize("key", ["", "-", "!malformed", 'a"b', "a\nb"])
    def test_not_countable(self, tables: Tables, key: str) -> None:
        """A key under which no call could be counted is unknown: it would use the API for nothing."""
        found = guard(tables).decide(key, rest())
        assert (False, DecisionOutcome.UNKNOWN_KEY, {"decision": "denied"}) == (
            found.allowed,
            found.outcome,
            found.context,
        )

    def test_long_subject(self, tables: Tables) -> None:
        """A long subject of a token is counted under a shorter name, and decided on under it."""
        found = guard(tables).decide("auth0|" + "x" * 5000, rest())
        assert found.allowed
        assert len(found.context["authorizerKeyId"]) <= LONGEST_KEY_ID

    @pytest.mark.parametrize(("setting", "allowed"), [("allow", True), ("deny", False)])
    def test_out_of_reach(
        self,
        tables: Tables,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        setting: str,
        allowed: bool,
    ) -> None:
        """While DynamoDB does not respond the setting decides, as for our own authorizer, and the metric is
        the one that the stack's alarm looks at.
        """

        def fail(*_: object, **__: object) -> None:
            raise EndpointConnectionError(endpoint_url=tables.endpoint)

        monkeypatch.setattr("botocore.httpsession.URLLib3Session.send", fail)
        found = guard(tables, ON_FAILURE=setting).decide(KEY, rest())
        assert (allowed, DecisionOutcome.UNCHECKED) == (found.allowed, found.outcome)
        (line,) = [one for one in capsys.readouterr().out.splitlines() if one.startswith('{"_aws"')]
        sent = json.loads(line)
        alarm = Stack({"Monitoring": "full"}).resource("QuotaStoreFailingAlarm")
        (described,) = sent["_aws"]["CloudWatchMetrics"]
        assert (alarm["Namespace"], [alarm["Dimensions"][0]["Name"]]) == (
            described["Namespace"],
            described["Dimensions"][0],
        )
        assert (alarm["Dimensions"][0]["Value"], [1.0]) == (sent["service"], sent[alarm["MetricName"]])
        assert KEY not in line

    def test_misconfigured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What is missing is named when the guard is made, not at the first call."""
        monkeypatch.delenv("COUNTERS_TABLE", raising=False)
        with pytest.raises(Misconfigured, match="COUNTERS_TABLE is not set"):
            quota_guard(stack="usage-meter")


def effect(answer: dict[str, Any]) -> str:
    return str(answer["policyDocument"]["Statement"][0]["Effect"])


def policy_faults_of_method(answer: dict[str, Any]) -> list[str]:
    """As for our own, but that the example's policy is for one method."""
    return [one for one in policy_faults(answer) if "is no stage" not in one]
