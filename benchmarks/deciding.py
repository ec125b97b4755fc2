"""The quota authorizer: a decision from memory, one that asks DynamoDB, and its cold start.

DynamoDB's own time is left out: a hook gives its answer before anything is sent.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any, Final

import msgspec
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from adapters.dynamodb.table import quick_client
from adapters.settings.functions import QuotaAuthorizerSettings
from adapters.settings.process import inherited
from adapters.telemetry import telemetry
from benchmarks.harness.figure import Figure, Size
from metering.quotas.plan import Assignment, Limit, Plan, Span
from metering.usage import Metric
from quota_authorizer.handler import Clocks, QuotaAuthorizer, make_handler

_ROOT: Final = Path(__file__).resolve().parent.parent
_NOON: Final = 1_793_880_000
_KEY: Final = "a1b2c3d4e5"
_TABLE: Final = "counters"
_PLAN: Final = Plan(
    "free", tuple(Limit(Metric.REQUESTS, span, 10**9) for span in (Span.HOUR, Span.DAY, Span.MONTH))
)
_MADE_UP: Final = {"aws_access_key_id": "bench", "aws_secret_access_key": "bench"}
_CLIENT: Final = "boto3.session.Session().client('dynamodb', region_name='us-east-1')"
_IMPORT: Final = "import time; begun = time.process_time(); {0}; print(time.process_time() - begun)"


def figures(size: Size) -> Iterator[Figure]:
    """Three figures of the issue's own targets."""
    steps = Steps()
    yield Figure(
        "warm decision",
        "an event of a REST API, answered from memory, plan of three limits",
        "50 µs of processor time",
        1e6 * _processor_seconds(steps.warm, size.of(20_000, 5_000)),
        50,
        "µs",
        at_least=False,
        is_ratio=False,
    )
    yield Figure(
        "uncached decision",
        "an event of a key whose counters are old, without DynamoDB's own time",
        "3 ms",
        1e3 * _processor_seconds(steps.uncached, size.of(1_000, 200)),
        3,
        "ms",
        at_least=False,
        is_ratio=False,
    )
    yield _cold(size)


class Steps:
    """An authorizer with a DynamoDB that answers at once."""

    def __init__(self) -> None:
        self._now = float(_NOON)
        self._handle = self._authorizer()
        self._event = event()
        self._handle(self._event, None)

    def warm(self) -> None:
        """A decision from memory."""
        self._handle(self._event, None)

    def uncached(self) -> None:
        """A decision for which the counters are read anew, and the plan each minute."""
        self._now += 5
        self._handle(self._event, None)

    def decide(self, key: str) -> None:
        """A decision for a key."""
        context = {**self._event["requestContext"], "identity": {"apiKeyId": key}}
        self._handle({**self._event, "requestContext": context}, None)

    def _authorizer(self) -> QuotaAuthorizer:
        settings = QuotaAuthorizerSettings.from_environment({"COUNTERS_TABLE": _TABLE})
        dynamodb = quick_client(region_name="us-east-1", **_MADE_UP)
        dynamodb.meta.events.register("before-send.dynamodb.BatchGetItem", _answered)  # type: ignore[arg-type]  # an answer is a botocore hook's way to give one
        tools = telemetry("quota_authorizer", "UsageMeter")
        tools.metrics.flush_metrics = lambda **_: tools.metrics.clear_metrics()  # type: ignore[method-assign]  # the log is not the subject
        return make_handler(settings, dynamodb, tools, Clocks(lambda: self._now, lambda: self._now))


def event() -> dict[str, Any]:
    """An event of a REST API, with the headers that a browser sends."""
    headers = {f"X-Header-{number}": "value" for number in range(12)}
    return {
        "type": "REQUEST",
        "methodArn": "arn:aws:execute-api:us-east-1:123456789012:abcdef123/prod/GET/orders/17",
        "headers": {**headers, "Content-Length": "512"},
        "requestContext": {"requestTimeEpoch": _NOON * 1000, "identity": {"apiKeyId": _KEY}},
    }


def _answered(request: Any, **_: Any) -> AWSResponse:
    """What DynamoDB would answer: the items of the key that were asked for."""
    keys = json.loads(request.body)["RequestItems"][_TABLE]["Keys"]
    contents = {"plan": _PLAN, "plan-of": Assignment(_KEY, "free")}
    items = []
    for key in keys:
        kind = key["pk"]["S"].partition(":")[0]
        if kind in contents:
            items.append({**key, "content": {"S": msgspec.json.encode(contents[kind]).decode()}})
        elif kind == "key":
            items.append({**key, "requests": {"N": "5"}, "h12": {"N": "5"}})
    body = json.dumps({"Responses": {_TABLE: items}}).encode()
    return _Answer(request.url, body)


class _Answer(AWSResponse):
    """An answer that is there already."""

    def __init__(self, url: str, body: bytes) -> None:
        headers = HTTPHeaders.from_dict({"Content-Type": "application/x-amz-json-1.0"})
        super().__init__(url, 200, headers, None)
        self._content = body


def _processor_seconds(step: Callable[[], None], rounds: int, samples: int = 5) -> float:
    """The processor time of a step: the best of several samples."""
    taken = []
    for _ in range(samples):
        begun = time.process_time()
        for _ in range(rounds // samples):
            step()
        taken.append((time.process_time() - begun) / (rounds // samples))
    return min(taken)


def _cold(size: Size) -> Figure:
    alone = f"import boto3; {_CLIENT}"
    whole = f"import quota_authorizer.handler, boto3; {_CLIENT}"
    pairs = [(_seconds(whole), _seconds(alone)) for _ in range(size.of(9, 3))]
    return Figure(
        "cold authorizer",
        "importing the quota authorizer and making its client",
        "importing boto3 and making a DynamoDB client",
        median(one / other for one, other in pairs),
        1.5,
        at_least=False,
        details={
            "authorizer, ms": 1e3 * median(one for one, _ in pairs),
            "boto3, ms": 1e3 * median(other for _, other in pairs),
        },
    )


def _seconds(code: str) -> float:
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-c", _IMPORT.format(code)],
        check=True,
        capture_output=True,
        text=True,
        cwd=_ROOT,
        env=inherited(),
    )
    return float(done.stdout)
