"""The access-log formats that the stack gives out."""

from __future__ import annotations

import json
import re

import pytest

from local_cloud.template.document import Stack
from metering.calls.doubts import COUNTED_NAMES, HTTP_BEGIN, REST_BEGIN

STACK = Stack()
REST = STACK.output("AccessLogFormat")
HTTP = STACK.output("AccessLogFormatHttpApi")
WEB_SOCKET = STACK.output("AccessLogFormatWebSocketApi")
ALL = pytest.mark.parametrize("text", [REST, HTTP, WEB_SOCKET], ids=["REST", "HTTP", "WebSocket"])

CALLERS = ("path", "userAgent")
AUTHORIZERS = ("authorizerKeyId", "requestLength")
GATEWAYS = ("status", "responseLength", "responseLatency", "integrationLatency", "sourceIp")


class TestFormat:
    @ALL
    def test_one_line(self, text: str) -> None:
        """API Gateway takes a single line; the model of its HTTP APIs bounds it to 1,024 characters."""
        assert "\n" not in text
        assert len(text) <= 1024

    @ALL
    def test_no_spaces(self, text: str) -> None:
        """A line whose JSON a caller's text has broken is read from the last `,"requestId":"` on: a space in
        there, as YAML puts one between lines, would make all such lines malformed.
        """
        assert text == json.dumps(json.loads(text), separators=(",", ":"))

    @ALL
    def test_quoted_variables(self, text: str) -> None:
        """Every value is one quoted variable: an absent one is logged as a bare hyphen, which is no JSON."""
        values = json.loads(text).values()
        assert [] == [value for value in values if not re.fullmatch(r"\$context(\.[a-zA-Z_]+)+|-", value)]

    @ALL
    def test_identity(self, text: str) -> None:
        """The extended id identifies a call, for a caller may forge the other one."""
        assert "$context.extendedRequestId" == json.loads(text)["extendedRequestId"]

    @ALL
    def test_no_secret(self, text: str) -> None:
        """The id of an API key is logged, never the key."""
        assert "$context.identity.apiKey" not in json.loads(text).values()

    def test_rest_fields(self) -> None:
        """The callers' own texts, what an authorizer gave, what the gateway itself knows."""
        of_the_gateway = ("extendedRequestId", "apiId", "stage", "apiKeyId", "requestTimeEpoch")
        expected = [
            *CALLERS,
            "requestId",
            *AUTHORIZERS,
            "decision",
            *of_the_gateway,
            "httpMethod",
            "resourcePath",
            *GATEWAYS,
        ]
        assert expected == list(json.loads(REST))

    def test_http_fields(self) -> None:
        """The key of an HTTP API is of a token, and may hold anything: so the decision stands before it."""
        identity = ("requestId", "decision")
        of_the_gateway = ("extendedRequestId", "apiId", "stage", "requestTimeEpoch", "httpMethod", "routeKey")
        expected = [*reversed(CALLERS), *identity, *AUTHORIZERS, "apiKeyId", *of_the_gateway, *GATEWAYS]
        assert expected == list(json.loads(HTTP))

    @ALL
    def test_counted_fields(self, text: str) -> None:
        """Each is there, behind the callers' texts: one that is not could be written by a caller."""
        names = list(json.loads(text))
        assert set(COUNTED_NAMES) <= set(names)
        assert set(names[: names.index("requestId")]) <= set(CALLERS)
        assert text.startswith((REST_BEGIN, HTTP_BEGIN))
        assert text.startswith(REST_BEGIN) == (text is REST)

    def test_request_size(self) -> None:
        """API Gateway has no variable for the size of a request; the authorizer measures it."""
        assert "$context.authorizer.requestLength" == json.loads(REST)["requestLength"]

    def test_customer_of_an_http_api(self) -> None:
        """HTTP APIs have no API keys: a claim of the authorizer names the customer."""
        text = Stack({"HttpApiKeyVariable": "claims.client_id"}).output("AccessLogFormatHttpApi")
        assert "$context.authorizer.claims.client_id" == json.loads(text)["apiKeyId"]
