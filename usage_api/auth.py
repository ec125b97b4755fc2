"""Who asks, by nothing but what API Gateway itself says of the request.

`requestContext.identity` is written by API Gateway; no path, query, header or body changes it. It has
`apiKeyId` where the method requires an API key, and `userArn` where the method's authorization is AWS_IAM.
https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

from collections.abc import Mapping

from metering.key_id import key_of_subject
from usage_api.problems import Forbidden, Unauthorized


def key_of_customer(event: Mapping[str, object]) -> str:
    """The id of the API key that the caller showed.

    Raises:
        Unauthorized: API Gateway names none.
    """
    key = customer_of(event)
    if key is None:
        raise Unauthorized("Send your API key in the header x-api-key.")
    return key


def require_operator(event: Mapping[str, object]) -> None:
    """Go on only for a caller with IAM credentials, even if a mistake in the template lets others through.

    Raises:
        Forbidden: API Gateway names no such caller.
    """
    if operator_of(event) is None:
        raise Forbidden("This is for operators: sign the request with AWS credentials (Signature Version 4).")


def customer_of(event: Mapping[str, object]) -> str | None:
    """The id of the API key that API Gateway names; None: it names none."""
    key = _identity(event).get("apiKeyId")
    try:
        return key_of_subject(key) if isinstance(key, str) else None
    except ValueError:
        return None


def operator_of(event: Mapping[str, object]) -> str | None:
    """The ARN of the IAM credentials that API Gateway names; None: it names none."""
    arn = _identity(event).get("userArn")
    return arn if isinstance(arn, str) and arn.startswith("arn:") else None


def _identity(event: Mapping[str, object]) -> Mapping[str, object]:
    context = event.get("requestContext")
    identity = context.get("identity") if isinstance(context, Mapping) else None
    return identity if isinstance(identity, Mapping) else {}
