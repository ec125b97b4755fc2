"""The access-log formats that the stack gives out."""

from __future__ import annotations

import json
import re

import pytest

from local_cloud.template.document import Stack

STACK = Stack()
REST = STACK.output("AccessLogFormat")
HTTP = STACK.output("AccessLogFormatHttpApi")
BOTH = pytest.mark.parametrize("text", [REST, HTTP], ids=["REST", "HTTP"])

FIELDS = [
    "requestId",
    "extendedRequestId",
    "apiId",
    "stage",
    "apiKeyId",
    "authorizerKeyId",
    "requestTimeEpoch",
    "httpMethod",
    "resourcePath",
    "path",
    "status",
    "responseLength",
    "requestLength",
    "responseLatency",
    "integrationLatency",
    "sourceIp",
    "userAgent",
]


class TestFormat:
    @BOTH
    def test_one_line(self, text: str) -> None:
        """API Gateway takes a single line; the model of its HTTP APIs bounds it to 1,024 characters."""
        assert "\n" not in text
        assert len(text) <= 1024

    @BOTH
    def test_quoted_variables(self, text: str) -> None:
        """Every value is one quoted variable: an absent one is logged as a bare hyphen, which is no JSON."""
        values = json.loads(text).values()
        assert [] == [value for value in values if not re.fullmatch(r"\$context(\.[a-zA-Z_]+)+", value)]

    @BOTH
    def test_identity(self, text: str) -> None:
        """The extended id identifies a call, for a caller may forge the other one."""
        assert "$context.extendedRequestId" == json.loads(text)["extendedRequestId"]

    @BOTH
    def test_no_secret(self, text: str) -> None:
        """The id of an API key is logged, never the key."""
        assert "$context.identity.apiKey" not in json.loads(text).values()

    def test_rest_fields(self) -> None:
        """The fields that the meter reads."""
        assert FIELDS == list(json.loads(REST))

    def test_http_fields(self) -> None:
        """An HTTP API names its route otherwise."""
        assert ["routeKey" if name == "resourcePath" else name for name in FIELDS] == list(json.loads(HTTP))

    def test_request_size(self) -> None:
        """API Gateway has no variable for the size of a request; the authorizer measures it."""
        assert "$context.authorizer.requestLength" == json.loads(REST)["requestLength"]

    def test_customer_of_an_http_api(self) -> None:
        """HTTP APIs have no API keys: a claim of the authorizer names the customer."""
        text = Stack({"HttpApiKeyVariable": "claims.client_id"}).output("AccessLogFormatHttpApi")
        assert "$context.authorizer.claims.client_id" == json.loads(text)["apiKeyId"]
