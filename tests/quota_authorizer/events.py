"""Events of API Gateway's authorizers, of every documented shape, and what answers must look like.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-input.html
https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
"""

from __future__ import annotations

import re
from typing import Any, Final

from tests import recorded as recording

STAGE: Final = "arn:aws:execute-api:us-east-1:123456789012:abcdef123/test"
NOON_MS: Final = 1_793_880_000_000
"""2026-11-05T12:00:00Z."""
LONGEST_RESOURCE: Final = 512


def recorded() -> dict[str, Any]:
    """The recorded event: of an HTTP API, version 1.0."""
    event: dict[str, Any] = recording.recorded("apiGatewayAuthorizerRequestEvent.json")
    return event


def rest(
    secret: str | None = None, *, key_id: str | None = None, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    """A REQUEST event of a REST API."""
    return {
        "type": "REQUEST",
        "methodArn": f"{STAGE}/GET/orders/17",
        "resource": "/orders/{id}",
        "path": "/orders/17",
        "httpMethod": "GET",
        "headers": {"Accept": "*/*", **({"X-API-Key": secret} if secret else {}), **(headers or {})},
        "multiValueHeaders": {"Accept": ["*/*"]},
        "queryStringParameters": {},
        "pathParameters": {"id": "17"},
        "stageVariables": {},
        "requestContext": {
            "path": "/orders/17",
            "accountId": "123456789012",
            "resourceId": "05c7jb",
            "stage": "test",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "requestTimeEpoch": NOON_MS,
            "identity": {"apiKey": secret, "apiKeyId": key_id, "sourceIp": "192.0.2.1", "userAgent": "curl"},
            "resourcePath": "/orders/{id}",
            "httpMethod": "GET",
            "apiId": "abcdef123",
        },
    }


def token(value: str) -> dict[str, Any]:
    """A TOKEN event of a REST API."""
    return {"type": "TOKEN", "authorizationToken": value, "methodArn": f"{STAGE}/GET/orders/17"}


def websocket(secret: str) -> dict[str, Any]:
    """The event of a WebSocket API's `$connect`."""
    return {
        "type": "REQUEST",
        "methodArn": f"{STAGE}/$connect",
        "headers": {"x-api-key": secret},
        "requestContext": {
            "routeKey": "$connect",
            "eventType": "CONNECT",
            "connectionId": "L0SM9cOFvHcCIhw=",
            "requestTimeEpoch": NOON_MS,
            "identity": {"sourceIp": "192.0.2.1"},
            "stage": "test",
            "apiId": "abcdef123",
        },
    }


def http(secret: str | None = None, headers: dict[str, str] | None = None) -> dict[str, Any]:
    """The event of an HTTP API, version 2.0."""
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": f"{STAGE}/GET/orders",
        "identitySource": ["user1", "123"],
        "routeKey": "GET /orders",
        "rawPath": "/orders",
        "rawQueryString": "",
        "cookies": [],
        "headers": {**({"x-api-key": secret} if secret else {}), **(headers or {})},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abcdef123",
            "domainName": "id.execute-api.us-east-1.amazonaws.com",
            "http": {
                "method": "GET",
                "path": "/orders",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "curl",
            },
            "requestId": "id",
            "routeKey": "GET /orders",
            "stage": "test",
            "time": "05/Nov/2026:12:00:00 +0000",
            "timeEpoch": NOON_MS,
        },
    }


def policy_faults(answer: dict[str, Any]) -> list[str]:
    """What is wrong with an answer that is a policy, by AWS's description of it.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
    """
    faults = [
        f"{name} is none of its fields"
        for name in answer
        if name not in {"principalId", "policyDocument", "context", "usageIdentifierKey"}
    ]
    if not isinstance(answer.get("principalId"), str) or not answer["principalId"]:
        faults.append("principalId must be a text")
    document = answer.get("policyDocument", {})
    if document.get("Version") != "2012-10-17":
        faults.append("the policy's version must be 2012-10-17")
    for statement in document.get("Statement", [{}]):
        faults += _statement_faults(statement)
    return faults + context_faults(answer.get("context", {}))


def simple_faults(answer: dict[str, Any]) -> list[str]:
    """What is wrong with a short answer of an HTTP API.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html
    """
    faults = [f"{name} is none of its fields" for name in answer if name not in {"isAuthorized", "context"}]
    if not isinstance(answer.get("isAuthorized"), bool):
        faults.append("isAuthorized must be true or false")
    return faults + context_faults(answer.get("context", {}))


def context_faults(context: Any) -> list[str]:
    """REST APIs take texts, numbers and booleans, and neither objects nor lists."""
    if not isinstance(context, dict):
        return ["context must be an object"]
    return [
        f"context {name} is {value!r}"
        for name, value in context.items()
        if not isinstance(name, str) or not isinstance(value, str | int | float | bool)
    ]


def _statement_faults(statement: dict[str, Any]) -> list[str]:
    faults = []
    if set(statement) != {"Action", "Effect", "Resource"}:
        faults.append(f"a statement has {sorted(statement)}")
    if statement.get("Action") != "execute-api:Invoke":
        faults.append("the action must be execute-api:Invoke")
    if statement.get("Effect") not in ("Allow", "Deny"):
        faults.append("the effect must be Allow or Deny")
    resource = str(statement.get("Resource"))
    if not re.fullmatch(r"arn:aws[a-z-]*:execute-api:[a-z0-9-]+:\d{12}:[a-z0-9]+/[^/]+/\*", resource):
        faults.append(f"{resource} is no stage")
    if len(resource) > LONGEST_RESOURCE:
        faults.append("the resource is too long")
    return faults
