"""What each function of the template is run with, wherever it runs: events, and what must come of them.

A scenario gets the cloud that holds the stack, and a way to invoke the function. Together the events of a
function make every call to AWS that it ever makes.
"""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable
from typing import Any

from adapters.dynamodb.completeness import CompletenessBook
from adapters.dynamodb.layout import PROGRESS, UNPUBLISHED, encode_position
from adapters.dynamodb.plans import PlanBook
from adapters.s3.bucket import Bucket
from adapters.s3.reports import S3Breakdowns, S3Traffic
from local_cloud.api_gateway.gateway import MeteredGateway
from local_cloud.stack import LocalCloud
from metering.counters.ledger_layout import LedgerLayout
from metering.period import Period
from metering.quotas.key_digest import digest_of
from metering.quotas.plan import Assignment, Limit, Mode, Plan, Span
from metering.quotas.ports import ThresholdCrossing
from metering.quotas.threshold import encode_crossing
from metering.usage import Metric
from tests.factories import control_message, delivery, firehose_event, kinesis_event, lines
from tests.quota_authorizer.events import http
from tests.usage_api.events import event, of_customer, of_operator

Invoke = Callable[[Any], Any]
Scenario = Callable[[LocalCloud, Invoke], None]

_shares = itertools.count(50)
"""Thresholds that were not reached before: one that was published is not published again."""


def count_calls(cloud: LocalCloud, invoke: Invoke) -> None:
    """Two calls of one key and a control message become counters. A threshold that is reached is sent, and so
    is one that had to wait. Copies of the calls count nothing behind a page of the ledger that is full.
    """
    book = PlanBook(cloud.stack.name("CountersTable"), cloud.client("dynamodb"))
    give_plan(book, "shop", Limit(Metric.REQUESTS, Span.DAY, 2, thresholds=(100,)))
    share = next(_shares)
    waiting = ThresholdCrossing(
        f"waits-{share}", "shop", "", "shop", 1, "requests", Period("2026-10"), 2, "hard", share, 1
    )
    unreported = {
        "pk": {"S": UNPUBLISHED},
        "sk": {"S": waiting.id},
        "content": {"S": encode_crossing(waiting)},
    }
    cloud.client("dynamodb").put_item(TableName=cloud.stack.name("CountersTable"), Item=unreported)
    deliveries = [delivery(lines(2, apiKeyId="shop")), control_message()]
    for first in (0, 10):
        batch = kinesis_event(deliveries, first=first, stream_arn=cloud.stack.arn("CallStream"))
        assert {"batchItemFailures": []} == invoke(batch)
        _fill_pages(cloud)
    table = cloud.stack.name("CountersTable")
    items = cloud.client("dynamodb").scan(TableName=table)["Items"]
    assert [{"N": "2"}] * 2 == [item["requests"] for item in items if item["pk"] == {"S": "key:shop"}]
    assert [True, False] == [
        any(item["pk"]["S"] == pk for item in items) for pk in ("told:shop", UNPUBLISHED)
    ]


def _fill_pages(cloud: LocalCloud) -> None:
    """No page of the ledger takes more."""
    dynamodb, table = cloud.client("dynamodb"), cloud.stack.name("LedgerTable")
    for page in dynamodb.scan(TableName=table, FilterExpression="attribute_exists(claims)")["Items"]:
        full = {"N": str(LedgerLayout().full_at)}
        dynamodb.put_item(TableName=table, Item={**page, "size": full})


def transform_deliveries(_cloud: LocalCloud, invoke: Invoke) -> None:
    """A delivery of two lines becomes two rows of the lake, a control message is dropped."""
    event = firehose_event([delivery(lines(2, apiKeyId="shop")), control_message()])
    answer = invoke(event)["records"]
    assert [record["recordId"] for record in event["records"]] == [record["recordId"] for record in answer]
    assert ["Ok", "Dropped"] == [record["result"] for record in answer]
    rows = base64.b64decode(answer[0]["data"]).splitlines()
    assert ["shop", "shop"] == [json.loads(row)["apikeyid"] for row in rows]


def watch_the_meter(cloud: LocalCloud, invoke: Invoke) -> None:
    """A heartbeat reaches each shard, what is known of completeness is kept, nothing waits, and a shard that
    is gone is forgotten.
    """
    pulse = invoke({"task": "heartbeat"})
    assert pulse["OpenShards"] == pulse["HeartbeatsSent"] > 0
    known, _ = CompletenessBook(cloud.client("dynamodb"), cloud.stack.name("CountersTable")).load()
    assert pulse["OpenShards"] == len(known.open_shards)
    assert known.version > 0
    gone = {"position": {"B": encode_position(1)}, "arrived_at": {"N": "1"}}
    cloud.client("dynamodb").put_item(
        TableName=cloud.stack.name("CountersTable"),
        Item={"pk": {"S": PROGRESS}, "sk": {"S": "shardId-000000099999"}, **gone},
    )
    found = {"FailedBatches": 0, "ErrorObjects": 0, "ShardsForgotten": 1}
    assert found == invoke({"task": "inspection"})


def watch_all(cloud: LocalCloud, invoke: Invoke) -> None:
    """The same, and all calls of two stages reach the stream."""
    watch_the_meter(cloud, invoke)
    _log_into(cloud)
    for _ in range(2):
        assert {"SourceGaps": 0, "SourceStages": 2} == invoke({"task": "source"})


def _log_into(cloud: LocalCloud) -> None:
    """A stage of a REST API and one of an HTTP API, which log into the meter's group."""
    MeteredGateway(cloud).take(['{"apiId": "orders", "stage": "prod"}'])
    group = f"arn:aws:logs:us-east-1:{cloud.endpoint.account_id}:log-group:{cloud.log_group}"
    gateway = cloud.client("apigatewayv2")
    api = gateway.create_api(Name="shop", ProtocolType="HTTP")["ApiId"]
    gateway.create_stage(
        ApiId=api,
        StageName="prod",
        AccessLogSettings={"DestinationArn": group, "Format": "$context.requestId"},
    )


def reconcile_a_month(cloud: LocalCloud, invoke: Invoke) -> None:
    """A month of which nobody knows whether it is complete is refused; if that is allowed, what differs is
    looked into, in the lake and in the log.
    """
    MeteredGateway(cloud).use_keys(['{"apiKeyId": "k1", "requestTimeEpoch": "1788220800000"}'])
    (report,) = invoke({"month": "2026-09"})
    assert [True, []] == [report["refused"], report["queries"]]
    assert report["page"].endswith("/report.html")
    edited = {"pk": {"S": "key:edited"}, "sk": {"S": "2026-09-05#0"}, "requests": {"N": "1"}}
    cloud.client("dynamodb").put_item(TableName=cloud.stack.name("CountersTable"), Item=edited)
    (report,) = invoke({"month": "2026-09", "allow_incomplete": True})
    assert [1, 1, {"counter edited": 1}] == [report[n] for n in ("differences", "contradictions", "causes")]
    assert len(report["queries"]) > 1
    bucket = Bucket(cloud.client("s3"), cloud.stack.name("LakeBucket"))
    assert S3Breakdowns(bucket).index(Period("2026-09")) is not None
    for added_up in invoke({"task": "traffic"}):
        assert S3Traffic(bucket).traffic(Period(added_up["month"])) is not None


def decide_on_calls(cloud: LocalCloud, invoke: Invoke) -> None:
    """A caller whom nobody knows is refused, one with units left is let through, and one whose units lie with
    an authorizer that has ended is denied.
    """
    dynamodb, table = cloud.client("dynamodb"), cloud.stack.name("CountersTable")
    book = PlanBook(table, dynamodb)
    for key in ("free", "busy"):
        book.know(digest_of(f"secret of {key}"), key)
        give_plan(book, key, Limit(Metric.REQUESTS, Span.HOUR, 5, mode=Mode.RESERVED))
    ended = {"M": {"ended": {"L": [{"N": "5"}, {"N": "1"}]}}}
    sheet = {"period": {"S": "2026-11-05T12"}, "granted": {"N": "5"}, "leases": ended, "spent": {"M": {}}}
    dynamodb.put_item(
        TableName=table, Item={"pk": {"S": "lease:busy"}, "sk": {"S": "requests/hour"}, **sheet}
    )
    assert invoke(http("nobody"))["isAuthorized"] is False
    assert invoke(http("secret of free"))["isAuthorized"] is True
    answer = invoke(http("secret of busy"))
    assert (False, "busy") == (answer["isAuthorized"], answer["context"]["authorizerKeyId"])


def look_up(cloud: LocalCloud, invoke: Invoke) -> None:
    """A customer's usage and quota, an operator's lists and health, the page."""
    dynamodb, table = cloud.client("dynamodb"), cloud.stack.name("CountersTable")
    give_plan(PlanBook(table, dynamodb), "shopper", Limit(Metric.REQUESTS, Span.MONTH, 5))
    totals = {"pk": {"S": "key:shopper"}, "sk": {"S": "2026-11#0"}, "requests": {"N": "3"}, "d05": {"N": "3"}}
    dynamodb.put_item(TableName=table, Item=totals)
    days = {"from": ["2026-11-01"], "to": ["2026-11-30"]}
    usage = json.loads(
        invoke(of_customer("shopper", "/me/usage/{period}", period="2026-11"))["body"],
    )
    assert ("shopper", 3) == (usage["key"], usage["totals"]["requests"])
    for asked in (
        of_customer("shopper", "/me/usage", query=days),
        of_customer("shopper", "/me/quota"),
        of_customer("shopper", "/me/breakdown"),
        *(of_operator(resource) for resource in ("/keys", "/top", "/health")),
        *(event(resource) for resource in ("/", "/openapi.json")),
    ):
        assert 200 == invoke(asked)["statusCode"]
    assert 401 == invoke(event("/me/usage"))["statusCode"]


def give_plan(book: PlanBook, key: str, limit: Limit) -> None:
    """Give a key a plan of its own, with one limit; a plan that is there already stays."""
    if key not in book.plans():
        book.put_plan(Plan(key, (limit,)), None)
    book.assign(Assignment(key, key))


SCENARIOS: dict[str, Scenario] = {
    "StreamProcessorFunction": count_calls,
    "FirehoseTransformFunction": transform_deliveries,
    "QuotaAuthorizerFunction": decide_on_calls,
    "UsageApiFunction": look_up,
    "ReconciliationFunction": reconcile_a_month,
    "WatchFunction": watch_all,
}
"""By the function's logical id in the template."""
