"""The small API behind the shipped authorizer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from urllib.parse import urlsplit

import pytest

from adapters.dynamodb.counter_reader import CounterReader
from local_cloud.api_gateway.orders_api import GuardedApi, set_limit
from local_cloud.pipeline import Listeners, Pipeline
from local_cloud.stack import LocalCloud
from metering.period import Period
from metering.quotas.plan import Limit, Span
from metering.usage import Metric

AMOUNT = 3


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """One for all tests."""
    with LocalCloud({"BatchingWindowSeconds": 1}) as running:
        set_limit(running, "trial", "trial", Limit(Metric.REQUESTS, Span.MONTH, AMOUNT), "shown")
        yield running


def called(api: GuardedApi, path: str = "", key: str | None = "shown") -> tuple[HTTPResponse, bytes]:
    """A call as curl makes it."""
    address = urlsplit(api.url)
    connection = HTTPConnection(str(address.hostname), int(address.port or 0))
    connection.request("GET", address.path + path, headers={} if key is None else {"x-api-key": key})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response, body


def test_a_denial_can_be_tried(cloud: LocalCloud) -> None:
    """Calls are let through up to the limit; then status 429 with the template's headers and body. Those
    that were let through are counted as billable.
    """
    with Pipeline(cloud, Listeners()) as pipeline, GuardedApi(cloud) as api:
        answers = [called(api) for _ in range(AMOUNT + 2)]
        assert [200] * AMOUNT + [429] * 2 == [response.status for response, _ in answers]
        assert "orders" in json.loads(answers[0][1])
        denied, body = answers[-1]
        assert ("requests/month", True) == (
            denied.headers["X-Quota-Limit"],
            int(denied.headers["Retry-After"]) > 0,
        )
        document = json.loads(body)
        assert "The quota is used up." == document["message"]
        assert denied.headers["x-amzn-requestid"] == document["requestId"]
        pipeline.drain()
    reader = CounterReader(cloud.client("dynamodb"), cloud.stack.name("CountersTable"))
    counted = reader.counter("trial", Period(f"{cloud.clock.now():%Y-%m}")).usage
    assert AMOUNT == counted.billable


def test_who_cannot_be_known(cloud: LocalCloud) -> None:
    """No key, or another one, is status 401, as of a REST API; what is not there is 404."""
    set_limit(cloud, "trial", "other", Limit(Metric.REQUESTS, Span.MONTH, AMOUNT), "other")
    with GuardedApi(cloud) as api:
        assert 401 == called(api, key=None)[0].status
        assert 401 == called(api, key="guessed")[0].status
        assert 404 == called(api, "/4711", key="other")[0].status
