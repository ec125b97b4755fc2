"""The answers of an authorizer.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-lambda-authorizer-output.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

Answer = dict[str, Any]
Context = Mapping[str, str]
"""What API Gateway hands on as `$context.authorizer.<name>`: to the access log, the gateway responses and the
backend. Texts only: REST APIs make texts of everything, and take no lists.
"""

NOBODY: Final = "unknown"


class Unauthorized(Exception):
    """A REST API answers the caller with status 401 if an authorizer fails with exactly this text."""

    def __init__(self) -> None:
        super().__init__("Unauthorized")


def policy(
    arn: str, principal: str, context: Context, *, allowed: bool, usage_key: str | None = None
) -> Answer:
    """A policy for the whole stage: API Gateway may keep it and use it for any method of the API."""
    answer: Answer = {
        "principalId": principal,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Action": "execute-api:Invoke",
                    "Effect": "Allow" if allowed else "Deny",
                    "Resource": stage_arn(arn),
                }
            ],
        },
        "context": context,
    }
    if usage_key is not None:
        answer["usageIdentifierKey"] = usage_key
    return answer


def simple(context: Context, *, allowed: bool) -> Answer:
    """The short answer that HTTP APIs take."""
    return {"isAuthorized": allowed, "context": context}


def stage_arn(arn: str) -> str:
    """All methods and paths of the stage of a method's or route's ARN."""
    api, stage, *_ = arn.split("/", 2)
    return f"{api}/{stage}/*"
