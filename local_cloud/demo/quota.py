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

from local_cloud.api_gateway.orders_api import (
    GuardedCall,
    Refusal,
    authorizer_of,
    effect_of,
    event_of,
    line_of,
    put_lines,
    refusal_of,
    set_limit,
)
from local_cloud.stack import LocalCloud
from metering.quotas.plan import Limit, Span
from metering.usage import Metric
from quota_authorizer.handler import QuotaAuthorizer

KEY: Final = "quota-demo"
PLAN: Final = "quota-demo"
AMOUNT: Final = 10
MOST_CALLS: Final = 2 * AMOUNT

_ALLOW: Final = "Allow"


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
    set_limit(cloud, PLAN, KEY, limit, secret)
    lines = _call_until_denied(cloud, _authorizer(cloud), secret)
    at_first_threshold = AMOUNT * limit.thresholds[0] // 100
    for some in (lines[:at_first_threshold], lines[at_first_threshold:]):
        put_lines(cloud, some)
        settle()
    answer = _authorizer(cloud)(event_of(cloud, secret), None)  # a new one, which knows the counters only
    if effect_of(answer) == _ALLOW:
        raise AssertionError(f"{limit.name} of {AMOUNT} is used up, and a call was allowed: {answer}")
    return QuotaAct(limit, len(lines), tuple(_received(cloud, queue)), refusal_of(answer))


def _authorizer(cloud: LocalCloud) -> QuotaAuthorizer:
    now = cloud.clock.now().timestamp()
    return authorizer_of(cloud, lambda: now)


def _call_until_denied(cloud: LocalCloud, authorizer: QuotaAuthorizer, secret: str) -> list[str]:
    """The access-log lines of the calls that are let through."""
    lines: list[str] = []
    while len(lines) < MOST_CALLS:
        answer = authorizer(event_of(cloud, secret), None)
        if effect_of(answer) != _ALLOW:
            break
        lines.append(line_of(cloud, answer["context"], GuardedCall()))
    return lines


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
