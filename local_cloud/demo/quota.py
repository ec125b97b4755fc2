"""The demo's second act: a plan with a small limit, a key that uses it up, and a call that is denied.

The calls are decided on by the shipped authorizer, as API Gateway would ask it; those that it lets through
are written to the access log; the shipped stream processor counts them and finds the thresholds; EventBridge
(moto's) hands the events to a queue by the template's own rule; and the template's gateway response makes
status 429 of a denial.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from adapters.dynamodb.hot_path.conditional_writes import client
from adapters.dynamodb.plans import PlanBook
from adapters.settings import QuotaAuthorizerSettings
from local_cloud.stack import LocalCloud
from local_cloud.telemetry import quiet_telemetry
from local_cloud.template.document import Stack
from metering.quotas.key_digest import digest_of
from metering.quotas.plan import Assignment, Limit, Plan, Span
from metering.usage import Metric
from quota_authorizer.handler import Clocks, QuotaAuthorizer, make_handler

KEY: Final = "quota-demo"
PLAN: Final = "quota-demo"
AMOUNT: Final = 10
MOST_CALLS: Final = 2 * AMOUNT

_API: Final = "quotademo1"
_METHOD_ARN: Final = f"arn:aws:execute-api:us-east-1:123456789012:{_API}/prod/GET/orders"
_ALLOW: Final = "Allow"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the caller of a denied call gets."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class QuotaAct:
    """What happened."""

    limit: Limit
    let_through: int
    events: tuple[Mapping[str, Any], ...]
    """The details of the events on EventBridge, in the order of their thresholds."""
    refusal: Refusal


def play_quota(cloud: LocalCloud, settle: Callable[[], None]) -> QuotaAct:
    """Play the act on a cloud whose pipeline runs. `settle` waits until all that is logged is counted.

    Raises:
        AssertionError: a call over the limit was let through.
    """
    limit = Limit(Metric.REQUESTS, Span.HOUR, AMOUNT, thresholds=(80, 100))
    queue = _queue_of_thresholds(cloud)
    secret = uuid.uuid4().hex
    _set_plan(cloud, limit, secret)
    lines = _call_until_denied(cloud, _authorizer(cloud), secret)
    at_first_threshold = AMOUNT * limit.thresholds[0] // 100
    for some in (lines[:at_first_threshold], lines[at_first_threshold:]):
        _log(cloud, some)
        settle()
    answer = _authorizer(cloud)(_event(cloud, secret), None)  # a new one, which knows the counters only
    if _effect(answer) == _ALLOW:
        raise AssertionError(f"{limit.name} of {AMOUNT} is used up, and a call was let through: {answer}")
    return QuotaAct(limit, len(lines), tuple(_received(cloud, queue)), refusal_of(answer))


def refusal_of(answer: Mapping[str, Any]) -> Refusal:
    """What API Gateway makes of a policy that denies, by the template's gateway response."""
    response = Stack({"GuardedRestApiId": _API}).resource("RestApiQuotaUsedUp")
    context = {f"context.authorizer.{name}": value for name, value in answer["context"].items()}
    headers = {
        name.removeprefix("gatewayresponse.header."): context[source]
        for name, source in response["ResponseParameters"].items()
        if source in context
    }
    body = response["ResponseTemplates"]["application/json"]
    for name, value in context.items():
        body = body.replace(f"${name}", value)
    return Refusal(int(response["StatusCode"]), headers, body)


def _set_plan(cloud: LocalCloud, limit: Limit, secret: str) -> None:
    book = PlanBook(cloud.stack.name("CountersTable"), cloud.client("dynamodb"))
    current = book.plans().get(PLAN)
    if current is None:
        book.put_plan(Plan(PLAN, (limit,)), None)
    book.assign(Assignment(KEY, PLAN, account="demo"))
    book.know(digest_of(secret), KEY)


def _authorizer(cloud: LocalCloud) -> QuotaAuthorizer:
    settings = QuotaAuthorizerSettings.from_environment(cloud.environment("QuotaAuthorizerFunction"))
    dynamodb = client(1, **cloud.endpoint.access("dynamodb"))
    now = cloud.clock.now().timestamp()
    return make_handler(
        settings, dynamodb, quiet_telemetry("quota_authorizer"), Clocks(lambda: now, lambda: now)
    )


def _call_until_denied(cloud: LocalCloud, authorizer: QuotaAuthorizer, secret: str) -> list[str]:
    """The access-log lines of the calls that are let through."""
    lines: list[str] = []
    while len(lines) < MOST_CALLS:
        answer = authorizer(_event(cloud, secret), None)
        if _effect(answer) != _ALLOW:
            break
        lines.append(_line(cloud, answer))
    return lines


def _log(cloud: LocalCloud, lines: list[str]) -> None:
    logs, stream = cloud.client("logs"), uuid.uuid4().hex
    logs.create_log_stream(logGroupName=cloud.log_group, logStreamName=stream)
    logs.put_log_events(
        logGroupName=cloud.log_group,
        logStreamName=stream,
        logEvents=[{"timestamp": _now_ms(cloud), "message": line} for line in lines],
    )


def _event(cloud: LocalCloud, secret: str) -> dict[str, object]:
    """What a REST API sends to its authorizer."""
    return {
        "type": "REQUEST",
        "methodArn": _METHOD_ARN,
        "headers": {"x-api-key": secret},
        "requestContext": {
            "apiId": _API,
            "stage": "prod",
            "requestTimeEpoch": _now_ms(cloud),
            "identity": {"sourceIp": "192.0.2.1"},
        },
    }


def _line(cloud: LocalCloud, answer: Mapping[str, Any]) -> str:
    """The access-log line of a call that was let through, in the format that the template gives out."""
    values = {
        "$context.extendedRequestId": f"{uuid.uuid4().hex[:15]}=",
        "$context.apiId": _API,
        "$context.stage": "prod",
        "$context.requestTimeEpoch": str(_now_ms(cloud)),
        "$context.httpMethod": "GET",
        "$context.resourcePath": "/orders",
        "$context.path": "/orders",
        "$context.status": "200",
        "$context.responseLength": "512",
        "$context.responseLatency": "12",
        **{f"$context.authorizer.{name}": value for name, value in answer["context"].items()},
    }
    fields: dict[str, str] = json.loads(cloud.stack.output("AccessLogFormat"))
    return json.dumps({name: values.get(variable, "-") for name, variable in fields.items()})


def _queue_of_thresholds(cloud: LocalCloud) -> str:
    """A queue that gets what the template's rule selects, in place of the topic."""
    events, sqs = cloud.client("events"), cloud.client("sqs")
    name = cloud.stack.name("ThresholdRule")
    queue: str = sqs.create_queue(QueueName=f"thresholds-{uuid.uuid4().hex}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    pattern = cloud.stack.resource("ThresholdRule")["EventPattern"]
    events.put_rule(Name=name, EventPattern=json.dumps(pattern))
    events.put_targets(Rule=name, Targets=[{"Id": uuid.uuid4().hex, "Arn": arn}])
    return queue


def _received(cloud: LocalCloud, queue: str) -> Iterator[Mapping[str, Any]]:
    answer = cloud.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
    details = [json.loads(message["Body"])["detail"] for message in answer.get("Messages", [])]
    yield from sorted(details, key=lambda detail: int(detail["threshold"]))


def _effect(answer: Mapping[str, Any]) -> str:
    return str(answer["policyDocument"]["Statement"][0]["Effect"])


def _now_ms(cloud: LocalCloud) -> int:
    return int(cloud.clock.now().timestamp() * 1000)
