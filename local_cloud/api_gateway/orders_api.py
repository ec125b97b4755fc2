"""A small API on one machine, guarded as a stage of API Gateway is.

The shipped authorizer decides on each call, the template's gateway response makes status 429 of a denial, and
every call leaves its line in the access log.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from adapters.dynamodb.hot_path.conditional_writes import client
from adapters.dynamodb.plans import PlanBook
from adapters.settings.functions import QuotaAuthorizerSettings
from local_cloud.api_gateway.http_front import HttpRequest
from local_cloud.endpoint.guard import Clients
from local_cloud.endpoint.http_server import HttpServer, Rules, StartResponse
from local_cloud.stack import LocalCloud
from local_cloud.telemetry import quiet_telemetry
from local_cloud.template.document import Stack
from metering.quotas.key_digest import digest_of
from metering.quotas.plan import Assignment, Limit, Plan
from quota_authorizer.handler import Clocks, QuotaAuthorizer, make_handler
from quota_authorizer.response import Unauthorized

API: Final = "quotademo1"
PATH: Final = "/orders"
STAGE_ARN: Final = f"arn:aws:execute-api:us-east-1:123456789012:{API}/prod"

_ALLOW: Final = "Allow"
_ORDERS: Final = b'{"orders":[{"id":1,"item":"tea"},{"id":2,"item":"coffee"}]}'
_NOT_FOUND: Final = b'{"message":"Not Found"}'
_UNAUTHORIZED: Final = b'{"message":"Unauthorized"}'
_LONGEST_BODY: Final = 1024
_IDLE_SECONDS: Final = 60
_REASONS: Final = {200: "OK", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the caller of a denied call gets."""

    status: int
    headers: Mapping[str, str]
    body: str


@dataclass(frozen=True, slots=True)
class GuardedCall:
    """A call of the API, as its access log has it."""

    method: str = "GET"
    path: str = PATH
    status: int = 200
    length: int = 512
    request_id: str = ""
    key: str = "-"
    """The id of an API key, where API Gateway itself knows it."""


class GuardedApi:
    """Serves the API on 127.0.0.1, from :meth:`start` to :meth:`stop`."""

    def __init__(self, cloud: LocalCloud, port: int = 0) -> None:
        """Listen on `port`, or on a free one.

        Raises:
            OSError: the port is taken, or may not be used.
        """
        self._cloud = cloud
        self._authorizer = authorizer_of(cloud, lambda: cloud.clock.now().timestamp())
        rules = Rules(Clients.PROGRAMS, _LONGEST_BODY, _IDLE_SECONDS)
        self._http = HttpServer(self._serve, port, name="guarded api", rules=rules)

    def __enter__(self) -> Self:
        self._http.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.stop()

    @property
    def url(self) -> str:
        """The address of what it has."""
        return f"{self._http.url}{PATH}"

    def _serve(self, environ: Mapping[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = HttpRequest.of(environ)
        status, headers, body = self._answer(request)
        start_response(
            f"{status} {_REASONS.get(status, 'Error')}",
            [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers],
        )
        return [body]

    def _answer(self, request: HttpRequest) -> tuple[int, list[tuple[str, str]], bytes]:
        """What API Gateway does with a request: the authorizer first, then the integration, then the log."""
        request_id = f"{uuid.uuid4().hex[:15]}="
        headers: dict[str, str] = {}
        context: Mapping[str, str] = {}
        try:
            decision = self._authorizer(event_of(self._cloud, request.header("x-api-key")), None)
        except Unauthorized:
            status, body = 401, _UNAUTHORIZED
        else:
            context = decision["context"]
            if effect_of(decision) == _ALLOW:
                status, body = (200, _ORDERS) if request.path == PATH else (404, _NOT_FOUND)
            else:
                refused = refusal_of(decision, request_id)
                status, headers, body = refused.status, dict(refused.headers), refused.body.encode()
        call = GuardedCall(request.method, request.path, status, len(body), request_id)
        try:
            put_lines(self._cloud, [line_of(self._cloud, context, call)])
        except Exception:  # the caller has an answer, as with API Gateway, whose log is best effort
            logging.getLogger("local_cloud").exception("A line was not put into the access log.")
        return status, [("x-amzn-requestid", request_id), *headers.items()], body


def set_limit(cloud: LocalCloud, plan: str, key: str, limit: Limit, secret: str) -> None:
    """Give a key, which shows `secret`, a plan with one limit; a plan that is there stays as it is."""
    book = PlanBook(cloud.stack.name("CountersTable"), cloud.client("dynamodb"))
    if book.plans().get(plan) is None:
        book.put_plan(Plan(plan, (limit,)), None)
    book.assign(Assignment(key, plan, account="demo"))
    book.know(digest_of(secret), key)


def authorizer_of(cloud: LocalCloud, now: Callable[[], float]) -> QuotaAuthorizer:
    """A new instance of the shipped authorizer on the cloud's tables."""
    settings = QuotaAuthorizerSettings.from_environment(cloud.environment("QuotaAuthorizerFunction"))
    dynamodb = client(1, **cloud.endpoint.access("dynamodb"))
    return make_handler(settings, dynamodb, quiet_telemetry("quota_authorizer"), Clocks(now, now))


def event_of(cloud: LocalCloud, secret: str | None) -> dict[str, object]:
    """What a REST API sends to its authorizer, for a caller who shows a key, or none."""
    return {
        "type": "REQUEST",
        "methodArn": f"{STAGE_ARN}/GET{PATH}",
        "headers": {} if secret is None else {"x-api-key": secret},
        "requestContext": {
            "apiId": API,
            "stage": "prod",
            "requestTimeEpoch": _now_ms(cloud),
            "identity": {"sourceIp": "192.0.2.1"},
        },
    }


def effect_of(answer: Mapping[str, Any]) -> str:
    """`Allow`, or `Deny`."""
    return str(answer["policyDocument"]["Statement"][0]["Effect"])


def refusal_of(answer: Mapping[str, Any], request_id: str = "") -> Refusal:
    """What API Gateway makes of a policy that denies, by the template's gateway response."""
    response = Stack({"GuardedRestApiId": API}).resource("RestApiQuotaUsedUp")
    context = {f"context.authorizer.{name}": value for name, value in answer["context"].items()}
    if request_id:
        context["context.extendedRequestId"] = request_id
    headers = {
        name.removeprefix("gatewayresponse.header."): context[source]
        for name, source in response["ResponseParameters"].items()
        if source in context
    }
    body = response["ResponseTemplates"]["application/json"]
    for name, value in context.items():
        body = body.replace(f"${name}", value)
    return Refusal(int(response["StatusCode"]), headers, body)


def line_of(
    cloud: LocalCloud, context: Mapping[str, str], call: GuardedCall, *, at_ms: int | None = None
) -> str:
    """The access-log line of a call, in the format that the template gives out; `context` is what the
    authorizer handed on. `at_ms` is when it was called; None: now, by the cloud's clock.
    """
    values = {
        "$context.extendedRequestId": call.request_id or f"{uuid.uuid4().hex[:15]}=",
        "$context.apiId": API,
        "$context.stage": "prod",
        "$context.requestTimeEpoch": str(_now_ms(cloud) if at_ms is None else at_ms),
        "$context.httpMethod": call.method,
        "$context.resourcePath": call.path,
        "$context.path": call.path,
        "$context.status": str(call.status),
        "$context.responseLength": str(call.length),
        "$context.responseLatency": "12",
        "$context.identity.apiKeyId": call.key,
        **{f"$context.authorizer.{name}": value for name, value in context.items()},
    }
    fields: dict[str, str] = json.loads(cloud.stack.output("AccessLogFormat"))
    return json.dumps({name: values.get(variable, "-") for name, variable in fields.items()})


def put_lines(cloud: LocalCloud, lines: list[str]) -> None:
    """Put lines into the cloud's log group."""
    logs, stream = cloud.client("logs"), uuid.uuid4().hex
    logs.create_log_stream(logGroupName=cloud.log_group, logStreamName=stream)
    logs.put_log_events(
        logGroupName=cloud.log_group,
        logStreamName=stream,
        logEvents=[{"timestamp": _now_ms(cloud), "message": line} for line in lines],
    )


def _now_ms(cloud: LocalCloud) -> int:
    return int(cloud.clock.now().timestamp() * 1000)
