"""Look-ups: the whole warm function with DynamoDB Local, for a month and for a range of 92 days.

What API Gateway and the network take is left out; DynamoDB Local, one process on the same machine, takes more
for a request than DynamoDB itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from statistics import quantiles
from typing import Any, Final, NamedTuple

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.table import quick_client
from adapters.settings.functions import UsageApiSettings
from benchmarks.harness.figure import Figure, Size
from local_cloud.lambda_.function import LambdaContext
from local_cloud.telemetry import quiet_telemetry
from metering.counters.ports import Increment
from metering.period import Period
from metering.usage import Usage
from tests.dynamodb_local import running
from tests.tables import Tables, create_tables
from usage_api.handler import Clocks, Handler, make_handler

KEY: Final = "a1b2c3d4e5"
_FIRST: Final = date(2026, 9, 1)
_DAYS: Final = 92
NOW: Final = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
_SHARD: Final = "shardId-000000000000"
_WARM_UP: Final = 50
_CONTEXT: Final = LambdaContext(
    "usage-api", "arn:aws:lambda:us-east-1:123456789012:function:usage-api", "512", 1e9
)

Event = Mapping[str, Any]


class Look(NamedTuple):
    """A look-up that is measured."""

    name: str
    what: str
    query: Mapping[str, list[str]]
    target_ms: float
    """What 99 of 100 take at most."""


LOOKS: Final = (
    Look("look-up of a month", "usage of a month with its days", {}, 25),
    Look(
        "look-up of 92 days",
        "usage of each of 92 days",
        {"from": [str(_FIRST)], "to": [str(_FIRST + timedelta(days=_DAYS - 1))]},
        50,
    ),
)


def figures(size: Size) -> Iterator[Figure]:
    """The 99th percentile of each, with the median beside it."""
    with running() as address:
        tables = create_tables(address)
        _count(tables)
        handle = _handler(tables)
        for look in LOOKS:
            yield _figure(look, *_percentiles(handle, event_of(look.query), size.of(2_000, 300)))


def _figure(look: Look, p50: float, p99: float) -> Figure:
    return Figure(
        look.name,
        f"{look.what}, the warm function with DynamoDB Local, 99th percentile",
        f"{look.target_ms:g} ms",
        p99,
        look.target_ms,
        "ms",
        at_least=False,
        is_ratio=False,
        details={"p50, ms": p50, "p99, ms": p99},
    )


def _percentiles(handle: Handler, event: Event, rounds: int) -> tuple[float, float]:
    """The median and the 99th percentile, in milliseconds."""
    taken = []
    for _ in range(_WARM_UP + rounds):
        begun = time.perf_counter()
        answer = handle(event, _CONTEXT)
        taken.append(1000 * (time.perf_counter() - begun))
        if answer["statusCode"] != 200:
            raise AssertionError(f"the look-up failed: {answer}")
    percentiles = quantiles(taken[_WARM_UP:], n=100)
    return percentiles[49], percentiles[98]


def _handler(tables: Tables) -> Handler:
    settings = UsageApiSettings.from_environment({"COUNTERS_TABLE": tables.counters})
    return make_handler(
        settings, quick_client(**tables.where), quiet_telemetry("usage_api"), Clocks(lambda: NOW)
    )


def _count(tables: Tables) -> None:
    """A key that is used in each hour of three months."""
    counters = DynamoDBCounters(tables.counters, tables.updates())
    hours = {f"{hour:02d}": 40 for hour in range(24)}
    used = Usage(960, 900, 60, 2**30, 2**20, 48_000, 2**100)
    for number in range(_DAYS):
        day = _FIRST + timedelta(days=number)
        counters.add(
            [
                Increment(
                    KEY, Period(f"{day}"[:7]), 0, _SHARD, number + 1, number + 1, used, {f"{day:%d}": 960}
                ),
                Increment(KEY, Period(f"{day}"), 0, _SHARD, number + 1, number + 1, used, hours),
            ]
        )


def event_of(query: Mapping[str, list[str]]) -> Event:
    """A customer's request, with the headers that a browser sends."""
    headers = {f"X-Header-{number}": "value" for number in range(12)}
    return {
        "resource": "/me/usage",
        "path": "/me/usage",
        "httpMethod": "GET",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": {name: values[-1] for name, values in query.items()} or None,
        "multiValueQueryStringParameters": dict(query) or None,
        "pathParameters": None,
        "requestContext": {"stage": "prod", "path": "/prod/me/usage", "identity": {"apiKeyId": KEY}},
        "body": None,
        "isBase64Encoded": False,
    }
