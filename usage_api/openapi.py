"""The OpenAPI document: what each route says of itself, and the whole."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, Final, get_args

from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from usage_api import csv_export as tabular
from usage_api import problems
from usage_api.invoices import MEDIA_TYPES
from usage_api.links import FOLDER, HEADER
from usage_api.schemas import (
    BreakdownAnswer,
    CostAnswer,
    HealthAnswer,
    InvoicesAnswer,
    KeysAnswer,
    PeriodUsage,
    ProblemAnswer,
    QuotaAnswer,
    RangeUsage,
    TopAnswer,
    TrafficAnswer,
)

VERSION: Final = "1.0.0"

CUSTOMER: Final = "customer"
OPERATOR: Final = "operator"
API_KEY: Final = "apiKey"
IAM: Final = "iam"
LINK: Final = "link"

_DESCRIPTION: Final = """Usage of an API on Amazon API Gateway, per API key, and the quotas of keys.

**Customers** show the API key whose usage they want, in the header `x-api-key`; they see only that key.
**Links** that an operator made show the usage of one key for at most an hour, at `/link/` in place of `/me/`:
what follows `#/link/` in the link is sent in the header `x-usage-link`.
**Operators** sign their requests with AWS credentials (Signature Version 4, service `execute-api`).

Times are ISO 8601 in UTC, numbers are integers. Every answer says with `complete_through` how complete it is:
all calls that reached the stream before that time are in. Unknown or repeated query parameters are refused.
With `Accept: text/csv`, tables come as CSV. An `ETag` covers everything but `as_of`.
"""

_API_KEY: Final = "The metered API key, for its own usage."
_BY_LINK: Final = "The token of a link, for the usage of the key that it was made for."
_IAM: Final = "AWS Signature Version 4 with the service `execute-api`."

Route = dict[str, Any]


def usage_route(audience: str, summary: str) -> Route:
    """Usage in the current month, or in a range of days."""
    return _route(audience, summary, "usage", PeriodUsage | RangeUsage)


def period_route(audience: str, summary: str) -> Route:
    """Usage in a month or day."""
    return _route(audience, summary, "usage_in_period", PeriodUsage)


def quota_route(audience: str, summary: str) -> Route:
    """A plan and its limits."""
    return _route(audience, summary, "quota", QuotaAnswer)


def cost_route(audience: str, summary: str) -> Route:
    """The cost of the current month."""
    return _route(audience, summary, "cost", CostAnswer)


def breakdown_route(audience: str, summary: str) -> Route:
    """Calls of a month by endpoint and status."""
    return _route(audience, summary, "breakdown", BreakdownAnswer)


def invoices_route(audience: str, summary: str) -> Route:
    """The list of invoices."""
    return _route(audience, summary, "invoices", InvoicesAnswer)


def invoice_route(audience: str, summary: str) -> Route:
    """An invoice, in the form that `Accept` names."""
    found = _route(audience, summary, "invoice", InvoicesAnswer)
    found["responses"][HTTPStatus.OK.value]["content"] = {
        media_type: {"schema": {"type": "object" if media_type.endswith("json") else "string"}}
        for media_type in MEDIA_TYPES
    }
    found["responses"][HTTPStatus.NOT_FOUND.value] = _problem("The account has no such invoice.")
    return found


def keys_route() -> Route:
    """Keys that have a plan."""
    summary = "The keys that have a plan, or that are searched for, in the order of their ids"
    found = _route("keys", summary, "list", KeysAnswer)
    found["responses"][HTTPStatus.OK.value]["headers"] = {**_HEADERS, "Link": _LINK}
    return found


def traffic_route() -> Route:
    """All keys together."""
    return _route("traffic", "The calls of all keys in a month, by day and hour", "get", TrafficAnswer)


def top_route() -> Route:
    """The heaviest keys."""
    return _route("top", "The top keys of a month", "list", TopAnswer)


def health_route() -> Route:
    """The meter's health."""
    return _route("health", "Whether the meter counts, and what to do about problems", "get", HealthAnswer)


def openapi(app: APIGatewayRestResolver) -> dict[str, Any]:
    """The document of an app's routes. Its server is where the document itself lies: on AWS that holds the
    name of the stage.
    """
    from aws_lambda_powertools.event_handler.openapi.models import (  # noqa: PLC0415 - slow to load, rarely needed
        APIKey,
        Server,
        Tag,
    )

    key_header = APIKey.model_validate({"name": "x-api-key", "in": "header", "description": _API_KEY})
    link_header = APIKey.model_validate({"name": HEADER, "in": "header", "description": _BY_LINK})
    signature = APIKey.model_validate({"name": "Authorization", "in": "header", "description": _IAM})
    schema = app.get_openapi_schema(
        title="Usage look-ups",
        version=VERSION,
        description=_DESCRIPTION,
        servers=[Server(url="./")],
        tags=[
            Tag(name=CUSTOMER, description="For the holder of an API key: its own usage."),
            Tag(name=LINK, description="For whoever has a link: the usage of the key that it was made for."),
            Tag(name=OPERATOR, description="For operators of the API: any key, and the meter itself."),
        ],
        security_schemes={API_KEY: key_header, LINK: link_header, IAM: signature},
    )
    found: dict[str, Any] = json.loads(schema.model_dump_json(by_alias=True, exclude_none=True))
    found["components"]["securitySchemes"][IAM]["x-amazon-apigateway-authtype"] = "awsSigv4"
    found["paths"] |= _by_link(found["paths"])
    return _as_it_is(found)


def _by_link(paths: dict[str, Any]) -> dict[str, Any]:
    """The customer's own paths once more, for whoever has a link."""
    return {
        path.replace("/me/", FOLDER, 1): {name: _of_link(operation) for name, operation in operations.items()}
        for path, operations in paths.items()
        if path.startswith("/me/")
    }


def _of_link(operation: dict[str, Any]) -> dict[str, Any]:
    name = operation["operationId"].replace("me_", "link_", 1)
    refused = {**operation["responses"]["401"], "description": "No valid link was sent, or it has ended."}
    return {
        **operation,
        "summary": f"{operation['summary']}, by a link",
        "operationId": name,
        "tags": [LINK],
        "security": [{LINK: []}],
        "responses": {**operation["responses"], "401": refused},
    }


def _as_it_is(found: dict[str, Any]) -> dict[str, Any]:
    """The document without what Powertools adds to it: status 422 (wrong parameters get status 400 here),
    and a content of status 304. Descriptions of enumerations are for readers of the code.
    """
    for path in found["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["304"].pop("content", None)
    schemas = found["components"]["schemas"]
    for name in ("HTTPValidationError", "ResponseValidationError", "ValidationError"):
        schemas.pop(name, None)
    for schema in schemas.values():
        if "enum" in schema:
            schema.pop("description", None)
    return found


def _route(audience: str, summary: str, name: str, model: object) -> Route:
    is_customers = audience == "me"
    return {
        "summary": summary,
        "operation_id": f"{audience}_{name}",
        "tags": [CUSTOMER if is_customers else OPERATOR],
        "security": [{API_KEY if is_customers else IAM: []}],
        "responses": {
            HTTPStatus.OK.value: {
                "description": "The answer.",
                "content": _content(model),
                "headers": _HEADERS,
            },
            HTTPStatus.NOT_MODIFIED.value: {"description": "The caller has it, by `If-None-Match`."},
            **{status.value: _problem(text) for status, text in _problems_of(is_customers=is_customers)},
        },
    }


_HEADERS: Final = {
    "ETag": {"description": "Of the content without `as_of`.", "schema": {"type": "string"}},
    "Cache-Control": {"description": "How long the answer may be kept.", "schema": {"type": "string"}},
}

_LINK: Final = {
    "description": 'The next page, with `rel="next"`, relative to the request. The last page has none.',
    "schema": {"type": "string"},
}


def _content(model: object) -> dict[str, object]:
    content: dict[str, object] = {"application/json": {"model": model}}
    if any(tabular.is_table(one) for one in get_args(model) or (model,)):
        content[tabular.MEDIA_TYPE] = {"schema": {"type": "string"}}
    return content


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {problems.MEDIA_TYPE: {"model": ProblemAnswer}}}


def _problems_of(*, is_customers: bool) -> list[tuple[HTTPStatus, str]]:
    return [
        (HTTPStatus.BAD_REQUEST, "A parameter is wrong, unknown or repeated."),
        (HTTPStatus.UNAUTHORIZED, "No API key was shown, or none that is known.")
        if is_customers
        else (HTTPStatus.FORBIDDEN, "The request is not signed by an operator."),
        (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests: try again later."),
        (HTTPStatus.INTERNAL_SERVER_ERROR, "The function is not set up as it should be."),
        (HTTPStatus.SERVICE_UNAVAILABLE, "The counters cannot be read now: try again later."),
    ]
