"""The function as Lambda calls it, on moto and on DynamoDB Local."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.hot_path.conditional_writes import AttributeValue
from adapters.dynamodb.layout import assignment_pk, counter_pk, digest_pk
from adapters.dynamodb.plans import PlanBook
from adapters.dynamodb.table import quick_client
from adapters.settings.functions import QuotaAuthorizerSettings
from adapters.telemetry import telemetry
from local_cloud.template.document import Stack
from metering.counters.ports import Increment
from metering.errors import Misconfigured
from metering.period import Period
from metering.quotas.key_digest import digest_of
from metering.quotas.plan import Assignment, Limit, Mode, Plan, Span
from metering.usage import Metric, Usage
from quota_authorizer import handler as module
from quota_authorizer.handler import Clocks, QuotaAuthorizer, make_handler
from quota_authorizer.response import Unauthorized
from tests.quota_authorizer.events import NOON_MS, http, policy_faults, recorded, rest
from tests.quota_authorizer.stores import Clock
from tests.quota_authorizer.tokens import token as bearer
from tests.tables import Tables, create_tables

SECRET, KEY = "zGv1cXk5x43Fa8Yr0vN2qW7tLmPd9sKe6bHjU3Ro", "a1b2c3d4e5"
PLAN = Plan("free", (Limit(Metric.REQUESTS, Span.HOUR, 10), Limit(Metric.REQUESTS, Span.MONTH, 1000)))


@pytest.fixture
def tables(moto: str) -> Tables:
    """Tables in which one key is known, and has a plan."""
    tables = create_tables(moto)
    give(tables, PLAN)
    return tables


def give(tables: Tables, plan: Plan) -> None:
    """Make the key known, with a plan."""
    book = PlanBook(tables.counters, tables.dynamodb)
    book.put_plan(plan, None)
    book.assign(Assignment(KEY, "free"))
    book.know(digest_of(SECRET), KEY)


def count(tables: Tables, requests: int) -> None:
    """Calls of the key at noon."""
    increment = Increment(
        KEY, Period("2026-11-05"), 0, "shardId-000000000000", 1, 1, Usage(requests), {"12": requests}
    )
    DynamoDBCounters(tables.counters, tables.updates()).add([increment])


def authorizer(tables: Tables, dynamodb: Any = None, **variables: str) -> tuple[QuotaAuthorizer, Clock]:
    """The function, and the clock that it goes by."""
    settings = QuotaAuthorizerSettings.from_environment({"COUNTERS_TABLE": tables.counters, **variables})
    clock = Clock(NOON_MS / 1000)
    tools = telemetry("quota_authorizer", "UsageMeter")
    client = dynamodb or quick_client(**tables.where)
    return make_handler(settings, client, tools, Clocks(clock, clock)), clock


def effect(answer: dict[str, Any]) -> str:
    return str(answer["policyDocument"]["Statement"][0]["Effect"])


def metrics(text: str) -> list[dict[str, Any]]:
    """The metrics in the log."""
    return [json.loads(line) for line in text.splitlines() if line.startswith('{"_aws"')]


class TestDecisions:
    def test_allowed_and_denied(self, tables: Tables) -> None:
        """A key is let through until its counters say that its limit is reached."""
        handle, clock = authorizer(tables)
        assert "Allow" == effect(handle(rest(SECRET), None))
        count(tables, 10)
        clock.now += 5
        answer = handle(rest(SECRET), None)
        assert [] == policy_faults(answer)
        assert ("Deny", "3600") == (effect(answer), answer["context"]["retryAfter"])

    def test_recorded(self, tables: Tables) -> None:
        """The recorded event, of a caller whom nobody knows."""
        handle, _ = authorizer(tables)
        answer = handle(recorded(), None)
        assert [] == policy_faults(answer)
        assert "Deny" == effect(answer)

    def test_unauthorized(self, tables: Tables) -> None:
        """A REST API gets the error that becomes 401."""
        handle, _ = authorizer(tables)
        with pytest.raises(Unauthorized):
            handle(rest("wrong"), None)

    def test_reserved(self, dynamodb_local: str) -> None:
        """Three authorizers on one table never let more through than a reserved limit."""
        tables = create_tables(dynamodb_local)
        give(tables, Plan("free", (Limit(Metric.REQUESTS, Span.HOUR, 50, mode=Mode.RESERVED),)))
        handlers = [authorizer(tables)[0] for _ in range(3)]
        answers = [handlers[number % 3](rest(SECRET), None) for number in range(300)]
        assert 50 == [effect(answer) for answer in answers].count("Allow")

    def test_suspended_http(self, tables: Tables) -> None:
        """A no for an HTTP API."""
        handle, _ = authorizer(tables)
        assert handle(http(SECRET), None)["isAuthorized"] is True
        assert {"isAuthorized": False, "context": {}} == handle(http("wrong"), None)


class TestPublishing:
    def test_metrics(self, tables: Tables, capsys: pytest.CaptureFixture[str]) -> None:
        """Decisions are metrics; those from memory wait for the next that asks. No word of a caller."""
        handle, clock = authorizer(tables)
        for _ in range(8):
            handle(rest(SECRET), None)
        assert [1.0] == metrics(capsys.readouterr().out)[0]["Allowed"]
        clock.now += 5
        handle(rest(SECRET), None)
        text = capsys.readouterr().out
        assert ([8.0], [0.0]) == (metrics(text)[0]["Allowed"], metrics(text)[0]["StoreFailures"])
        assert SECRET not in text
        assert KEY not in text

    def test_at_most(self, tables: Tables, capsys: pytest.CaptureFixture[str]) -> None:
        """Not more than a thousand decisions wait to be reported."""
        handle, _ = authorizer(tables)
        for _ in range(1001):
            handle(rest(SECRET), None)
        reported = metrics(capsys.readouterr().out)
        assert [(1.0, 0.0), (9.0, 991.0)] == [(one["Allowed"][0], one["Denied"][0]) for one in reported]

    def test_out_of_reach(
        self, tables: Tables, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        """While DynamoDB does not answer, calls are allowed; that is published at once, with the reason."""
        dynamodb = quick_client(**tables.where)

        def fail(request: Any, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url=request.url)

        dynamodb.meta.events.register("before-send.dynamodb.BatchGetItem", fail)
        handle, _ = authorizer(tables, dynamodb)
        answer = handle(rest(key_id=KEY), None)
        assert ("Allow", "unchecked") == (effect(answer), answer["context"]["decision"])
        assert [1.0] == metrics(capsys.readouterr().out)[0]["StoreFailures"]
        (warning,) = caplog.records
        assert "Could not connect" in vars(warning)["reason"]

    @pytest.mark.parametrize(
        "spoilt",
        [
            (assignment_pk(KEY), "content", {"S": '{"key":"a1b2c3d4e5","plan":"free","status":"paused"}'}),
            ("plan", "content", {"S": "{}"}),
            ("plan", "content", {"N": "1"}),
            (counter_pk(KEY), "requests", {"S": "many"}),
            (counter_pk(KEY), "h12", {"N": "1.5"}),
            ("lease:", "spent", {"S": "all"}),
        ],
    )
    def test_unreadable(
        self,
        tables: Tables,
        capsys: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
        spoilt: tuple[str, str, AttributeValue],
    ) -> None:
        """An item that cannot be decoded is as one that cannot be read: the setting decides, the log names
        the item, and nobody gets status 500, not even when a lease is closed later.
        """
        pk, name, value = spoilt
        hourly = Limit(Metric.REQUESTS, Span.HOUR, 10, mode=Mode.RESERVED)
        PlanBook(tables.counters, tables.dynamodb).put_plan(Plan("free", (hourly,), 2), PLAN)
        count(tables, 1)
        handle, clock = authorizer(tables)
        handle(rest(key_id=KEY), None)
        items = tables.items(tables.counters)
        item = next(one for one in items if one["pk"]["S"].startswith(pk))
        tables.dynamodb.put_item(TableName=tables.counters, Item={**item, name: value})
        capsys.readouterr()
        other, _ = authorizer(tables, ON_FAILURE="deny")
        answer = other(rest(key_id=KEY), None)
        assert ("Deny", "denied") == (effect(answer), answer["context"]["decision"])
        assert repr(item["pk"]["S"]) in vars(caplog.records[-1])["reason"]
        clock.now += 3600
        answer = handle(rest(key_id=KEY), None)
        assert ("Allow", "unchecked") == (effect(answer), answer["context"]["decision"])
        assert {1.0, 2.0} >= {one["StoreFailures"][0] for one in metrics(capsys.readouterr().out)}

    def test_unreadable_digest(self, tables: Tables) -> None:
        """Whose key it is fails closed."""
        place = {"pk": {"S": digest_pk(digest_of(SECRET))}, "sk": {"S": "key"}}
        tables.dynamodb.put_item(TableName=tables.counters, Item=place)
        handle, _ = authorizer(tables)
        with pytest.raises(Unauthorized):
            handle(rest(SECRET), None)

    def test_denied_by_setting(self, tables: Tables) -> None:
        """Or they are denied, by setting; a missing table is no other case."""
        settings = QuotaAuthorizerSettings.from_environment(
            {"COUNTERS_TABLE": "nowhere", "ON_FAILURE": "deny"}
        )
        handle = make_handler(settings, quick_client(**tables.where), telemetry("q", "UsageMeter"))
        assert "Deny" == effect(handle(rest(key_id=KEY), None))


class TestIssuer:
    """The shipped function with an issuer whose keys cannot be read: nobody is let in, and an alarm knows."""

    def test_failing(
        self, tables: Tables, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        """No forged token and no good one; a metric for each attempt, and the reason in the log."""
        issuer = "https://127.0.0.1:1/realms/r"
        handle, clock = authorizer(tables, ON_FAILURE="allow", TOKEN_ISSUER=issuer, TOKEN_AUDIENCE="orders")
        for _ in range(3):
            event = http(headers={"authorization": f"Bearer {bearer(iss=issuer, exp=9e12)}"})
            assert {"isAuthorized": False, "context": {}} == handle(event, None)
        clock.now += 3600
        handle(http(SECRET), None)
        reported = metrics(capsys.readouterr().out)
        assert [[1.0], [0.0]] == [one["IssuerFailures"] for one in reported]
        assert [[1.0], [2.0]] == [one["Unverified"] for one in reported]
        (warning,) = caplog.records
        assert issuer in vars(warning)["reason"]

    def test_without(self) -> None:
        """A function without an issuer loads no cryptography: a cold start stays what it is."""
        code = (
            "import sys, quota_authorizer.handler as h;"
            "from adapters.settings.functions import QuotaAuthorizerSettings as S;"
            "h._issuer(S.from_environment({'COUNTERS_TABLE': 't'}), float);"
            "print([name for name in ('jwt', 'cryptography') if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert "[]" == done.stdout.strip()


class TestDeployed:
    def test_environment(self, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
        """The handler of the template works by its environment alone."""
        stack = Stack()
        variables = {
            **stack.environment("QuotaAuthorizerFunction"),
            "COUNTERS_TABLE": tables.counters,
            "AWS_ENDPOINT_URL": tables.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        module._deployed.cache_clear()  # noqa: SLF001 - as in a new process
        assert "Allow" == effect(module.handler(rest(SECRET), None))
        module._deployed.cache_clear()  # noqa: SLF001

    def test_misconfigured(self) -> None:
        """Every fault of the settings is named at once."""
        variables = {
            "ON_FAILURE": "panic",
            "API_KEY_SOURCE": "BODY",
            "RESULT_TTL_SECONDS": "9999",
            "TOKEN_ISSUER": "http://login.example",
        }
        with pytest.raises(Misconfigured) as reported:
            QuotaAuthorizerSettings.from_environment(variables)
        assert (
            "COUNTERS_TABLE is not set",
            "ON_FAILURE: 'panic' is not one of allow, deny",
            "API_KEY_SOURCE: 'BODY' is not one of HEADER, AUTHORIZER",
            "RESULT_TTL_SECONDS is 9999; it must be from 0 to 3600",
            "TOKEN_ISSUER: 'http://login.example' does not begin with https://",
        ) == reported.value.faults
