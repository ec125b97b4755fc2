"""The function as Lambda calls it, on moto and on DynamoDB Local."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from adapters.dynamodb.table import quick_client
from adapters.settings.functions import UsageApiSettings
from local_cloud.lambda_.function import LambdaContext
from local_cloud.telemetry import QuietTelemetry, quiet_telemetry
from metering.errors import Misconfigured
from metering.usage import Usage
from tests.tables import Tables, create_tables
from tests.usage_api.events import OPERATOR, event, of_customer, of_operator
from tests.usage_api.meter import FORMULA_KEY, HOSTILE_KEY, PRO, Meter, usage
from usage_api.handler import Clocks, make_handler
from usage_api.look_up_log import digest

NOW = datetime(2026, 11, 24, 12, 30, tzinfo=UTC)
THROUGH = datetime(2026, 11, 24, 12, 29, tzinfo=UTC)
CONTEXT = LambdaContext("usage-api", "arn:aws:lambda:us-east-1:123456789012:function:usage-api", "512", 1e9)


class Bench:
    """The function on a table, with the requests that it sends to DynamoDB."""

    def __init__(self, tables: Tables, **variables: str) -> None:
        self.meter = Meter(tables.counters, tables.dynamodb)
        self.sent: list[tuple[str, Any]] = []
        self.seconds = 0.0
        self.dynamodb = quick_client(**tables.where)
        self.dynamodb.meta.events.register("before-send.dynamodb", self._note)
        self.tools: QuietTelemetry = quiet_telemetry("usage_api")
        settings = UsageApiSettings.from_environment({"COUNTERS_TABLE": tables.counters, **variables})
        self._handle = make_handler(
            settings, self.dynamodb, self.tools, Clocks(lambda: NOW, lambda: self.seconds)
        )

    def ask(self, event: dict[str, Any]) -> Any:
        """The JSON of an answer that must be one."""
        answer = self._handle(event, CONTEXT)
        assert 200 == answer["statusCode"], answer["body"]
        return json.loads(answer["body"])

    def status(self, event: dict[str, Any]) -> int:
        """The status of an answer."""
        return int(self._handle(event, CONTEXT)["statusCode"])

    def operations(self) -> list[str]:
        """What was sent since the last time."""
        names = [name for name, _ in self.sent]
        self.sent.clear()
        return names

    def _note(self, request: Any, event_name: str, **_: Any) -> None:
        self.sent.append((event_name.rpartition(".")[2], json.loads(request.body)))


class LookUpContract:
    """What look-ups do on any DynamoDB."""

    def test_month_and_day(self, bench: Bench) -> None:
        """Counters with several slices are one counter."""
        bench.meter.count("a", "2026-11-05T07", usage(10))
        bench.meter.count("a", "2026-11-05T09", usage(5), slice_number=1)
        bench.meter.count("a", "2026-11-24T12", usage(2))
        bench.meter.count("a", "2026-10-24T12", usage(3))
        bench.meter.count("ab", "2026-11-05T07", usage(7))
        month = bench.ask(of_customer("a", "/me/usage"))
        assert 17 == month["totals"]["requests"]
        assert [("2026-11-05", 15), ("2026-11-24", 2)] == [
            (part["period"], part["requests"]) for part in month["parts"]
        ]
        day = bench.ask(of_customer("a", "/me/usage/{period}", period="2026-11-05"))
        assert [("2026-11-05T07", 10), ("2026-11-05T09", 5)] == [
            (part["period"], part["requests"]) for part in day["parts"]
        ]

    def test_range(self, bench: Bench) -> None:
        """Days over a month's end, both ends included, slices added up; no month is taken for a day."""
        for hour, requests in (
            ("2026-09-30T23", 1),
            ("2026-10-01T00", 2),
            ("2026-10-31T23", 4),
            ("2026-11-01T00", 8),
            ("2026-12-31T23", 16),
            ("2027-01-01T00", 32),
        ):
            bench.meter.count("a", hour, usage(requests))
        bench.meter.count("a", "2026-12-31T22", usage(64), slice_number=12)
        answer = bench.ask(
            of_customer("a", "/me/usage", query={"from": ["2026-10-01"], "to": ["2026-12-31"]})
        )
        assert 2 + 4 + 8 + 16 + 64 == answer["totals"]["requests"]
        assert [("2026-10-01", 2), ("2026-10-31", 4), ("2026-11-01", 8), ("2026-12-31", 80)] == [
            (part["period"], part["totals"]["requests"]) for part in answer["parts"]
        ]

    def test_one_request(self, bench: Bench) -> None:
        """With completeness known, a month or a day is one request and a range is one Query; completeness is
        asked for once in five seconds, before the counter, and the source once in a minute. Counters are read
        as they were written last.
        """
        bench.meter.count("a", "2026-11-05T07", usage(10))
        bench.ask(of_customer("a", "/me/usage"))
        assert [{"S": "progress"}, {"S": "key:a"}, {"S": "source"}] == [
            next(iter(one["ExpressionAttributeValues"].values())) for _, one in bench.sent
        ]
        bench.operations()
        bench.seconds += 4.9
        for asked in (
            of_customer("a", "/me/usage"),
            of_customer("a", "/me/usage/{period}", period="2026-11-05"),
            of_customer("a", "/me/usage", query={"from": ["2026-08-31"], "to": ["2026-11-30"]}),
            of_operator("/keys/{id}/usage", id="a"),
        ):
            bench.ask(asked)
            ((_, request),) = bench.sent
            assert request["ConsistentRead"] is True
            assert ["Query"] == bench.operations()
        bench.seconds += 0.1
        bench.ask(of_customer("a", "/me/usage"))
        assert ["Query", "Query"] == bench.operations()

    def test_quota(self, bench: Bench) -> None:
        """A key's limits by its own counters; a request for plan, key and account each, and one a period."""
        bench.meter.count("a", "2026-11-24T11", usage(100))
        bench.meter.count("a", "2026-11-24T12", usage(4))
        bench.meter.give_plan("a", PRO)
        answer = bench.ask(of_customer("a", "/me/quota"))
        assert [("month", 102, 898), ("hour", 4, 1)] == [
            (one["span"], one["used"], one["remaining"]) for one in answer["limits"]
        ]
        assert (True, "pro") == (answer["allowed"], answer["plan"])
        bench.operations()
        bench.ask(of_customer("a", "/me/quota"))
        assert ["Query"] * 5 == sorted(bench.operations())
        bench.meter.count("a", "2026-11-24T12", usage(1))
        assert bench.ask(of_customer("a", "/me/quota"))["allowed"] is False

    def test_keys(self, bench: Bench) -> None:
        """All keys that have a plan, in order, page by page, whatever they are called."""
        keys = [f"k{number:02d}" for number in range(40)] + [HOSTILE_KEY, FORMULA_KEY, "ä", "z/..", "0"]
        for key in keys:
            bench.meter.give_plan(key, PRO)
        shown: list[str] = []
        query: dict[str, list[str]] = {"limit": ["7"]}
        while True:
            page = bench.ask(of_operator("/keys", query=query))
            shown += [one["key"] for one in page["keys"]]
            if page["next"] is None:
                break
            query["next"] = [page["next"]]
        assert sorted(keys, key=str.encode) == shown

    def test_health(self, bench: Bench) -> None:
        """What could not be counted this month is there."""
        bench.meter.count("!malformed", "2026-11-05T07", Usage(requests=3))
        bench.meter.count("!malformed", "2026-10-05T07", Usage(requests=9))
        bench.meter.count("-", "2026-11-05T07", Usage(requests=4))
        answer = bench.ask(of_operator("/health"))
        assert [4, 3, 0] == [
            answer["reserved"][name]["requests"] for name in ("unattributed", "malformed", "undecodable")
        ]
        assert "unknown" == answer["status"]

    def test_top(self, bench: Bench) -> None:
        """The candidates of all shards by their live counters, slices added up: four requests."""
        for key, requests in (("a", 5), ("b", 50), ("c", 7)):
            bench.meter.count(key, "2026-11-05T07", usage(requests))
        bench.meter.register_slice(12)
        bench.meter.count("a", "2026-11-05T07", usage(90), slice_number=12)
        bench.meter.list_heaviest("shard-1", {"a": 5, "b": 40})
        bench.meter.list_heaviest("shard-2", {"c": 7, "-": 99, "gone": 1})
        answer = bench.ask(of_operator("/top", query={"limit": ["2"]}))
        assert [("a", 95), ("b", 50)] == [(one["key"], one["totals"]["requests"]) for one in answer["keys"]]
        assert ["Query", "Query", "BatchGetItem", "BatchGetItem"] == bench.operations()

    def test_complete_through(self, bench: Bench) -> None:
        """What the watch has confirmed is reported with every answer, and the shards with health."""
        bench.meter.confirm(THROUGH, "shardId-000000000000")
        for asked in (
            of_customer("a", "/me/usage"),
            of_customer("a", "/me/quota"),
            of_operator("/top"),
            of_operator("/health"),
        ):
            assert "2026-11-24T12:29:00Z" == bench.ask(asked)["complete_through"]
        health = bench.ask(of_operator("/health"))
        assert ("ok", 60) == (health["status"], health["lag_seconds"])
        assert ["shardId-000000000000"] == [one["shard"] for one in health["shards"]]

    def test_nothing_is_written(self, bench: Bench) -> None:
        """Whatever is asked for, only reads are sent."""
        bench.meter.count("a", "2026-11-05T07", usage(10))
        bench.meter.give_plan("a", PRO)
        for resource in (
            "/keys",
            "/keys/{id}/usage",
            "/keys/{id}/usage/{period}",
            "/keys/{id}/quota",
            "/top",
            "/health",
        ):
            bench.ask(of_operator(resource, id="a", period="2026-11"))
        assert {"Query", "BatchGetItem"} == set(bench.operations())


class TestOnMoto(LookUpContract):
    """moto, one request at a time."""

    @pytest.fixture
    def bench(self, moto: str) -> Bench:
        return Bench(create_tables(moto))


class TestOnDynamoDBLocal(LookUpContract):
    """AWS's own engine."""

    @pytest.fixture
    def bench(self, dynamodb_local: str) -> Bench:
        return Bench(create_tables(dynamodb_local))


class TestFunction:
    def test_metrics(self, moto: str) -> None:
        """Look-ups and failures are counted."""
        bench = Bench(create_tables(moto))
        bench.ask(of_customer("a", "/me/usage"))
        bench.status(of_customer("a", "/me/usage", query={"x": ["1"]}))
        assert {"LookUps": 2, "LookUpFailures": 0} == dict(bench.tools.totals)

    def test_look_ups_are_logged(self, moto: str, caplog: pytest.LogCaptureFixture) -> None:
        """Who looked, at what and with which outcome: an operator by ARN, a key by a digest and never by its
        id or its secret.
        """
        bench = Bench(create_tables(moto), LOOK_UP_DIGEST_KEY="51af3dc0-b4f2-11ef-8c6d-0e1b2c3d4e5f")
        bench.tools.logger.setLevel("INFO")
        caplog.set_level("INFO")
        for asked in (
            of_customer("a-customer", "/me/usage"),
            of_operator("/keys/{id}/usage", id="a-customer"),
            of_operator("/keys/{id}/usage", id="a%2Dcustomer"),
            event("/keys/{id}/quota", id="a-customer"),
            of_operator("/top"),
            event("/"),
        ):
            bench.status(asked)
        lines = [one for one in caplog.records if one.message == "look-up"]
        found = [
            [getattr(one, name, None) for name in ("operation", "status", "caller", "key_digest")]
            for one in lines
        ]
        of_key = digest("a-customer", b"51af3dc0-b4f2-11ef-8c6d-0e1b2c3d4e5f")
        ann = OPERATOR["userArn"]
        assert [
            ["/me/usage", 200, "customer", of_key],
            ["/keys/{id}/usage", 200, ann, of_key],
            ["/keys/{id}/usage", 200, ann, of_key],
            ["/keys/{id}/quota", 403, "nobody", of_key],
            ["/top", 200, ann, None],
        ] == found
        assert "a-customer" not in str([one.__dict__ for one in lines])

    def test_out_of_reach(self, moto: str) -> None:
        """While DynamoDB does not answer, the caller may come again, and it is counted."""
        bench = Bench(create_tables(moto))

        def fail(request: Any, **_: Any) -> None:
            raise EndpointConnectionError(endpoint_url=request.url)

        bench.dynamodb.meta.events.register("before-send.dynamodb.Query", fail)
        assert 503 == bench.status(of_customer("a", "/me/usage"))
        assert 1 == bench.tools.totals["LookUpFailures"]

    def test_default_plan(self, moto: str) -> None:
        """Keys without a plan have the deployment's."""
        bench = Bench(create_tables(moto), DEFAULT_PLAN="pro")
        bench.meter.give_plan("somebody", PRO)
        assert "pro" == bench.ask(of_customer("a", "/me/quota"))["plan"]

    def test_misconfigured(self) -> None:
        """A missing setting is named."""
        with pytest.raises(Misconfigured, match="COUNTERS_TABLE is not set"):
            UsageApiSettings.from_environment({})
