"""Events as a REST API sends them."""

from __future__ import annotations

from typing import Any

OPERATOR = {"userArn": "arn:aws:iam::123456789012:user/ann", "caller": "AIDA", "accountId": "123456789012"}


def event(
    resource: str,
    query: dict[str, list[str]] | None = None,
    headers: dict[str, str] | None = None,
    identity: dict[str, Any] | None = None,
    **parameters: str,
) -> dict[str, Any]:
    """A GET of a resource, with nothing in it that was not given."""
    path = resource
    for name, value in parameters.items():
        path = path.replace(f"{{{name}}}", value)
    return {
        "resource": resource,
        "path": path,
        "httpMethod": "GET",
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()} if headers else None,
        "queryStringParameters": {name: values[-1] for name, values in query.items()} if query else None,
        "multiValueQueryStringParameters": query,
        "pathParameters": parameters or None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": resource,
            "path": f"/prod{path}",
            "httpMethod": "GET",
            "stage": "prod",
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "identity": {"sourceIp": "192.0.2.1", "apiKeyId": None, "userArn": None, **(identity or {})},
        },
        "body": None,
        "isBase64Encoded": False,
    }


def of_customer(key: str, resource: str, **more: Any) -> dict[str, Any]:
    """What a customer asks, with a key that API Gateway knows."""
    return event(resource, identity={"apiKeyId": key, "apiKey": f"secret of {key}"}, **more)


def of_operator(resource: str, **more: Any) -> dict[str, Any]:
    """What an operator asks, whose signature API Gateway has checked."""
    return event(resource, identity=OPERATOR, **more)
