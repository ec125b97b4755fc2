"""No client of a function waits longer for a service than the function may run."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from adapters import event_bus
from adapters.s3 import bucket
from local_cloud.template.document import translated

RESOURCES = translated()["Resources"]
FUNCTIONS = {
    name: one["Properties"] for name, one in RESOURCES.items() if one["Type"] == "AWS::Lambda::Function"
}

SERVICES: dict[str, set[str]] = {
    "StreamProcessorFunction": {"dynamodb", "events"},
    "FirehoseTransformFunction": set(),
    "ReconciliationFunction": {"apigateway", "athena", "cloudwatch", "dynamodb", "logs", "s3"},
    "QuotaAuthorizerFunction": {"dynamodb"},
    "UsageApiFunction": {"dynamodb", "s3"},
    "WatchFunction": {"apigateway", "apigatewayv2", "cloudwatch", "dynamodb", "kinesis", "logs", "s3"},
}
"""Of which each function has clients."""

MADE_LATER: dict[str, tuple[Callable[[], object], ...]] = {
    "StreamProcessorFunction": (event_bus.event_bus_client,),
    "UsageApiFunction": (bucket.quick_s3,),
}
"""The clients that a function makes when it first needs them: for an event, and for the lake's bucket."""

LONGEST_PAUSE = 20
"""Seconds, at most, between two attempts in botocore's standard mode; the first pause is 1 at most, each next
one twice as long. https://docs.aws.amazon.com/boto3/latest/guide/retries.html
"""

SETTINGS = {
    "API_KEY_SOURCE": "HEADER",
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "STREAM_ARN": "arn:aws:kinesis:us-east-1:123456789012:stream/calls",
    "FIELD_MAP": "",
    "FRAME_ANCESTORS": "",
    "HTTP_API_ANSWER": "simple",
    "METRICS": "all",
    "NOT_BILLABLE": "429,5xx",
    "ON_FAILURE": "allow",
    "PAGE_COLOUR": "",
    "PAGE_LOGO": "",
    "PERSONAL_DATA": "keep",
    "TOKEN_ISSUER": "",
}
"""What cannot be just anything. The account is none."""


@pytest.fixture
def clients(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every client that is made while the test runs, by whatever session."""
    found: list[Any] = []
    make: Any = boto3.session.Session.client

    def noted(session: Any, service: str, **settings: Any) -> Any:
        client = make(session, service, **settings)
        found.append(client)
        return client

    monkeypatch.setattr(boto3.session.Session, "client", noted)
    return found


def longest(config: Any) -> float:
    """The longest that a request can take: every attempt hangs, with every pause at its longest."""
    retries = config.retries or {}
    attempts = retries.get("total_max_attempts", 5)
    pauses = sum(min(2**number, LONGEST_PAUSE) for number in range(attempts - 1))
    return float(attempts * (config.connect_timeout + config.read_timeout) + pauses)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_longest_request(function: str, clients: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """A request to a service that hangs takes half of a function's time at most: what came before it is kept,
    and what comes after it can say so.
    """
    properties = FUNCTIONS[function]
    variables = properties["Environment"]["Variables"] | SETTINGS
    for name, value in variables.items():
        monkeypatch.setenv(name, value if isinstance(value, str) else "1")
    deployed = vars(importlib.import_module(properties["Handler"].rpartition(".")[0]))["_deployed"]
    deployed.cache_clear()
    deployed()
    deployed.cache_clear()
    for make in MADE_LATER.get(function, ()):
        make()
    assert SERVICES[function] == {client.meta.service_model.service_name for client in clients}
    found = {client.meta.service_model.service_name: longest(client.meta.config) for client in clients}
    most = properties["Timeout"] / 2
    assert {} == {service: seconds for service, seconds in found.items() if seconds > most}
