"""For each function: its role allows every call that it makes, and nothing else.

The calls are the requests that are sent while the function runs its scenario against the local cloud.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, cast
from urllib.parse import unquote, urlsplit

import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.hooks import EventAliaser

from local_cloud.lambda_.function import LambdaContext
from local_cloud.log_metrics import metrics_in
from local_cloud.stack import LocalCloud
from local_cloud.template.document import translated
from tests.functions import SCENARIOS
from tests.infra.test_alarms import OWN_METRICS, OWN_NAMESPACE

RESOURCES = translated()["Resources"]
FUNCTIONS = [name for name, one in RESOURCES.items() if one["Type"] == "AWS::Lambda::Function"]

ACTIONS = {"s3:ListObjectsV2": "s3:ListBucket", "s3:HeadObject": "s3:GetObject"}
"""Operations that an action of another name allows.
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

GATEWAYS = {"api-gateway": "", "apigatewayv2": "/v2"}
"""Both of API Gateway's APIs: actions are methods, resources are paths, without what comes before them
here.
"""

SERVICES = {"eventbridge": "events", "cloudwatch-logs": "logs"}
"""Services that policies name otherwise than botocore's hooks do."""

ACCESS_KEY = "function"
"""By which the requests of the function are known from those of others."""

BY_SERVICES = {
    "StreamProcessorFunction": {
        *("kinesis:DescribeStream", "kinesis:GetRecords"),
        *("kinesis:GetShardIterator", "kinesis:ListShards"),
        *("s3:ListBucket", "s3:PutObject"),
    },
    "ReconciliationFunction": {
        *("glue:GetDatabase", "glue:GetTable"),
        *("s3:AbortMultipartUpload", "s3:GetBucketLocation", "s3:PutObject"),
        *("s3:ListBucketMultipartUploads", "s3:ListMultipartUploadParts"),
        "s3:GetObject",  # of the lake's files
    },
}
"""What services do in a function's name: the event source mapping polls the stream and keeps failed batches,
Athena reads the lake and writes results.
"""

WHEN_GIVEN_UP = {name: {"sqs:SendMessage"} for name in ("ReconciliationFunction", "WatchFunction")}
"""What Lambda does in a function's name with an event on which the function failed."""

RARELY = {
    "ReconciliationFunction": {"athena:StopQueryExecution", "s3:DeleteObject"},
    "UsageApiFunction": {"s3:GetObject"},
}
"""What no scenario brings about: a query that takes too long (tests/adapters/test_athena.py has it), calls by
endpoint that a newer run replaces (tests/reconciliation/test_breakdown.py), and what
is read of the lake's bucket where there is something (tests/dashboard).
"""

OF_TOKENS = {"IssuerFailures"}
"""Metrics that are sent only where tokens name keys (tests/quota_authorizer)."""

TELEMETRY = {"logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords"}


class Call(NamedTuple):
    """A call to AWS, as policies name it."""

    action: str
    resource: str

    def covers_any(self, calls: set[Call]) -> bool:
        """Whether this, with a star in its resource, stands for one of the calls."""
        return any(self.action == one.action and fnmatchcase(one.resource, self.resource) for one in calls)


def statements(cloud: LocalCloud, function: str) -> list[dict[str, Any]]:
    """The statements of a function's role."""
    arn = cloud.stack.resource(function)["Role"]
    (role,) = [
        name
        for name, one in RESOURCES.items()
        if one["Type"] == "AWS::IAM::Role" and cloud.stack.arn(name) == arn
    ]
    policies = cloud.stack.resource(role)["Policies"]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def allows(statement: dict[str, Any], call: Call) -> bool:
    """Whether a statement allows a call, its condition left aside."""
    return call.action in as_list(statement["Action"]) and any(
        fnmatchcase(call.resource, resource) for resource in as_list(statement["Resource"])
    )


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allowed_calls(cloud: LocalCloud, function: str) -> set[Call]:
    """What a function's role allows its code to do, resources as they are written in the role."""
    return {
        Call(action, resource)
        for statement in statements(cloud, function)
        for action in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
        if action not in TELEMETRY and not action.startswith("kms:")
    }


class Recorder:
    """Keeps what is sent to AWS while the function runs."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._stack = cloud.stack
        self.is_running = False
        self.calls: set[Call] = set()
        self._queried: list[str | None] = []

    def note(self, service: str, operation: str, request: AWSPreparedRequest) -> None:
        """Keep a request of the function's under the names that a policy has for it. The local cloud's own
        services send requests, too.
        """
        if f"Credential={ACCESS_KEY}/" not in str(request.headers["Authorization"]):
            return
        name = f"apigateway:{request.method}" if service in GATEWAYS else f"{service}:{operation}"
        self.calls |= {Call(ACTIONS.get(name, name), arn) for arn in self._resources(service, request)}

    def _resources(self, service: str, request: AWSPreparedRequest) -> Iterator[str]:
        if service == "s3":
            bucket, _, key = urlsplit(request.url).path.strip("/").partition("/")
            yield f"arn:aws:s3:::{bucket}" + (f"/{unquote(key)}" if key else "")
            return
        if service in GATEWAYS:
            path = urlsplit(request.url).path.removeprefix(GATEWAYS[service])
            yield f"arn:aws:apigateway:us-east-1::{path}"
            return
        document = json.loads(cast("bytes", request.body))
        prefix = self._stack.arn("CallStream").replace(":kinesis:", f":{service}:").partition(":stream/")[0]
        match service:
            case "dynamodb":
                tables = [document["TableName"]] if "TableName" in document else document["RequestItems"]
                yield from (f"{prefix}:table/{name}" for name in tables)
            case "kinesis":
                yield document.get("StreamARN") or f"{prefix}:stream/{document['StreamName']}"
            case "athena":
                yield f"{prefix}:workgroup/{document.get('WorkGroup', self._stack.name('AthenaWorkGroup'))}"
            case "events":
                buses = {entry.get("EventBusName", "default") for entry in document["Entries"]}
                yield from (f"{prefix}:event-bus/{bus}" for bus in buses)
            case "logs":
                groups = self._log_groups(document)
                yield from ("*" if name is None else f"{prefix}:log-group:{name}:" for name in groups)
            case "cloudwatch":
                yield "*"  # metrics are no resources
            case _:
                raise AssertionError(f"{service} {document}: which resource is that?")

    def _log_groups(self, document: dict[str, Any]) -> list[str | None]:
        """Those that a request is for. To IAM, a query is the groups that it reads."""
        if "queryId" in document:
            return self._queried
        group = document.get("logGroupName", document.get("logGroupNamePrefix"))
        groups: list[str | None] = document.get("logGroupNames", [group])
        if "queryString" in document:
            self._queried = groups
        return groups


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """The stack."""
    with LocalCloud({"Monitoring": "full"}) as running:
        yield running


@pytest.fixture
def recorder(cloud: LocalCloud, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Notes every request of every client in this process."""
    recorder = Recorder(cloud)
    listen(recorder, monkeypatch)
    return recorder


def listen(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a recorder note requests: each is announced by an event `before-send`."""

    def listening(emit: Callable[..., Any]) -> Callable[..., Any]:
        def emit_noted(events: EventAliaser, event_name: str, **arguments: Any) -> Any:
            kind, _, place = event_name.partition(".")
            if recorder.is_running and kind == "before-send":
                service, _, operation = place.partition(".")
                recorder.note(SERVICES.get(service, service), operation, arguments["request"])
            return emit(events, event_name, **arguments)

        return emit_noted

    for name in ("emit", "emit_until_response"):
        monkeypatch.setattr(EventAliaser, name, listening(getattr(EventAliaser, name)))


def run(cloud: LocalCloud, function: str, recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a function's scenario in this process, from a cold start, in the environment of the template."""
    for name, value in {**cloud.environment(function), "AWS_ACCESS_KEY_ID": ACCESS_KEY}.items():
        monkeypatch.setenv(name, value)
    name = cloud.stack.resource(function)["Handler"].removesuffix(".handler")
    monkeypatch.delitem(sys.modules, name, raising=False)
    module = importlib.import_module(name)
    context = LambdaContext(function, cloud.stack.arn(function), "256", 1e9)

    def invoke(event: Any) -> Any:
        recorder.is_running = True
        try:
            return module.handler(event, context)
        finally:
            recorder.is_running = False

    SCENARIOS[function](cloud, invoke)


class TestRoles:
    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_allowed(
        self, cloud: LocalCloud, recorder: Recorder, function: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every call is allowed by the role; every call that the role allows is made, by the function or, in
        its name, by Lambda.
        """
        run(cloud, function, recorder, monkeypatch)
        found = statements(cloud, function)
        assert [] == [call for call in recorder.calls if not any(allows(one, call) for one in found)]
        unused = {
            (action, resource)
            for action, resource in allowed_calls(cloud, function)
            if not any(
                action == call.action and fnmatchcase(call.resource, resource) for call in recorder.calls
            )
        }
        expected = set().union(*(kind.get(function, set()) for kind in (BY_SERVICES, WHEN_GIVEN_UP, RARELY)))
        assert expected == {action for action, _ in unused}

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_metrics(
        self,
        cloud: LocalCloud,
        recorder: Recorder,
        function: str,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        """The function sends the metrics that alarms and the dashboard wait for, under the names they use."""
        run(cloud, function, recorder, monkeypatch)
        sent = [datum for datum in metrics_in(capsys.readouterr().out) if datum.namespace == OWN_NAMESPACE]
        service = cloud.stack.environment(function)["POWERTOOLS_SERVICE_NAME"]
        assert {service} >= {datum.service for datum in sent}
        assert {datum.name for datum in sent} >= OWN_METRICS.get(service, set()) - OF_TOKENS


class TestRecorder:
    def test_would_be_seen(self, cloud: LocalCloud) -> None:
        """The test has teeth: a call that no statement names is refused."""
        statement = {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": "arn:aws:s3:::lake/errors/*"}
        assert allows(statement, Call("s3:PutObject", "arn:aws:s3:::lake/errors/one"))
        assert not allows(statement, Call("s3:PutObject", "arn:aws:s3:::lake/lake/one"))
        assert not allows(statement, Call("s3:GetObject", "arn:aws:s3:::lake/errors/one"))
        assert not any(
            allows(one, Call("dynamodb:DeleteItem", cloud.stack.arn("LedgerTable")))
            for one in statements(cloud, "StreamProcessorFunction")
        )
