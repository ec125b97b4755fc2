"""The calls that each function really makes, with the context that AWS gives them, before iam-simulate.

ministack enforces roles, too, but knows no key of DynamoDB's items and no source of an event; this does.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.awsrequest import AWSPreparedRequest

from local_cloud.stack import LocalCloud
from tests.engines.conftest import needed
from tests.engines.test_roles import without
from tests.infra.test_recorded_calls import FUNCTIONS, Recorder, cloud, listen, run, statements
from tools.build_lambda import ROOT

__all__ = ["cloud"]

JUDGE = ROOT / "tools" / "iam-simulate"
WITHOUT_RESOURCE = {"logs:DescribeLogGroups"}
"""Actions that IAM asks for all resources."""

NOT_KNOWN = "arn:aws:apigateway:us-east-1::/apis"
"""HTTP APIs, which iam-simulate does not know under the prefix of actions that they share with REST APIs.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagementv2.html
"""

CALLERS = [name for name in FUNCTIONS if name != "FirehoseTransformFunction"]  # which makes no calls


class Request(NamedTuple):
    """A request as IAM sees it."""

    action: str
    resource: str
    context: tuple[tuple[str, tuple[str, ...]], ...] = ()

    def simulation(self, policy: dict[str, Any]) -> dict[str, Any]:
        """Whether a role with that policy may do it."""
        return {
            "request": {
                "action": self.action,
                "resource": {"resource": self.resource, "accountId": "123456789012"},
                "principal": "arn:aws:iam::123456789012:role/function",
                "contextVariables": {key: list(values) for key, values in self.context},
            },
            "identityPolicies": [{"name": "role", "policy": policy}],
            "serviceControlPolicies": [],
            "resourceControlPolicies": [],
        }


class ContextRecorder(Recorder):
    """Keeps the context of each call, too: which items it is for, whose events it puts."""

    def __init__(self, cloud: LocalCloud) -> None:
        super().__init__(cloud)
        self.requests: set[Request] = set()

    def note(self, service: str, operation: str, request: AWSPreparedRequest) -> None:
        """Keep a request of the function's."""
        before = self.calls
        self.calls = set()
        super().note(service, operation, request)
        context = tuple(_context(service, request))
        self.requests |= {
            Request(action, "*" if action in WITHOUT_RESOURCE else resource, context)
            for action, resource in self.calls
        }
        self.calls |= before


def _context(service: str, request: AWSPreparedRequest) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Condition keys of the service, with their values."""
    if service == "dynamodb":
        document = json.loads(cast("bytes", request.body))
        yield "dynamodb:LeadingKeys", tuple(sorted(set(_leading_keys(document))))
    if service == "events":
        entries = json.loads(cast("bytes", request.body))["Entries"]
        yield "events:source", tuple(sorted({entry["Source"] for entry in entries}))
    if service == "s3" and "prefix=" in str(request.url):
        yield "s3:prefix", tuple(parse_qs(urlsplit(str(request.url)).query)["prefix"])


def _leading_keys(document: Any) -> Iterator[str]:
    """The partition keys that a request names."""
    if isinstance(document, list):
        for one in document:
            yield from _leading_keys(one)
    elif isinstance(document, dict):
        for name, value in document.items():
            if name in {"pk", ":pk"} and set(value) == {"S"}:
                yield value["S"]
            else:
                yield from _leading_keys(value)


def judged(simulations: list[dict[str, Any]]) -> list[str]:
    """What iam-simulate says of each."""
    needed(JUDGE / "node_modules")
    done = subprocess.run(
        ["node", JUDGE / "simulate.mjs"],
        input=json.dumps(simulations).encode(),
        capture_output=True,
        check=True,
    )
    results: list[str] = json.loads(done.stdout)
    return results


def requests_of(cloud: LocalCloud, function: str, monkeypatch: pytest.MonkeyPatch) -> set[Request]:
    """What a function sends while it runs its scenario."""
    recorder = ContextRecorder(cloud)
    listen(recorder, monkeypatch)
    run(cloud, function, recorder, monkeypatch)
    return {one for one in recorder.requests if not one.resource.startswith(NOT_KNOWN)}


@pytest.mark.parametrize("function", CALLERS)
def test_role(cloud: LocalCloud, function: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each call is allowed; and with any one of its actions less, calls are refused."""
    requests = sorted(requests_of(cloud, function, monkeypatch))
    policy = {"Version": "2012-10-17", "Statement": statements(cloud, function)}
    assert requests
    simulations = [one.simulation(policy) for one in requests]
    actions = sorted({one.action for one in requests})
    for action in actions:
        stripped = without(policy, action)
        simulations += [one.simulation(stripped) for one in requests if one.action == action]
    results = judged(simulations)
    assert [] == [(one, found) for one, found in zip(requests, results, strict=False) if found != "Allowed"]
    assert {"ImplicitlyDenied"} == set(results[len(requests) :])


OTHERS = {
    "an item of another kind": ("QuotaAuthorizerFunction", "dynamodb:UpdateItem", "dynamodb:LeadingKeys"),
    "another sender's event": ("StreamProcessorFunction", "events:PutEvents", "events:source"),
    "another item by the watch": ("WatchFunction", "dynamodb:PutItem", "dynamodb:LeadingKeys"),
}


@pytest.mark.parametrize("values", [("foreign",), ()], ids=["foreign", "none"])
@pytest.mark.parametrize("case", OTHERS)
def test_conditions(
    cloud: LocalCloud, case: str, values: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a condition keeps from a function is refused: with another value, and with none at all."""
    function, action, key = OTHERS[case]
    policy = {"Version": "2012-10-17", "Statement": statements(cloud, function)}
    some = [one for one in requests_of(cloud, function, monkeypatch) if one.action == action]
    assert some
    foreign = [one._replace(context=((key, values),) if values else ()) for one in some]
    assert {"ImplicitlyDenied"} == set(judged([one.simulation(policy) for one in foreign]))
