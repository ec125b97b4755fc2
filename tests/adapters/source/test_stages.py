"""Requests to both of API Gateway's APIs, whose parameters botocore checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from adapters.source.stages import ApiKind, ApiStage, LogSetting, StageSettings

SETTINGS = {"DestinationArn": "arn", "Format": "{}"}
KEYS = {"aws_access_key_id": "a", "aws_secret_access_key": "b", "region_name": "us-east-1"}


class Api:
    """Both clients, of which nothing is sent."""

    def __init__(self) -> None:
        self.rest: Any = boto3.session.Session().client("apigateway", **KEYS)  # type: ignore[call-overload]
        self.v2: Any = boto3.session.Session().client("apigatewayv2", **KEYS)  # type: ignore[call-overload]
        self.stages = StageSettings(self.rest, self.v2)


@pytest.fixture
def api() -> Iterator[tuple[Api, Stubber, Stubber]]:
    """The clients, and what answers in their place."""
    found = Api()
    with Stubber(found.rest) as rest, Stubber(found.v2) as v2:
        yield found, rest, v2
        rest.assert_no_pending_responses()
        v2.assert_no_pending_responses()


class TestHttpApis:
    def test_pages(self, api: tuple[Api, Stubber, Stubber]) -> None:
        """All pages of APIs and of their stages are read, and the meter's own API is left out."""
        found, rest, v2 = api
        rest.add_response("get_rest_apis", {"items": [{"id": "meter", "name": "look-ups"}]})
        page = {"ApiId": "a", "Name": "orders", "ProtocolType": "HTTP", "RouteSelectionExpression": "x"}
        v2.add_response("get_apis", {"Items": [page], "NextToken": "2"})
        v2.add_response("get_stages", {"Items": [{"StageName": "prod"}], "NextToken": "3"}, {"ApiId": "a"})
        second = {"Items": [{"StageName": "test", "AccessLogSettings": SETTINGS}]}
        v2.add_response("get_stages", second, {"ApiId": "a", "NextToken": "3"})
        v2.add_response("get_apis", {"Items": []}, {"NextToken": "2"})
        assert [
            ApiStage(ApiKind.HTTP, "a", "orders", "prod", None),
            ApiStage(ApiKind.HTTP, "a", "orders", "test", LogSetting("arn", "{}")),
        ] == list(found.stages.all(but="meter"))

    def test_set(self, api: tuple[Api, Stubber, Stubber]) -> None:
        """A setting is set as a whole, and taken away by an operation of its own."""
        found, _, v2 = api
        v2.add_response("update_stage", {}, {"ApiId": "a", "StageName": "s", "AccessLogSettings": SETTINGS})
        v2.add_response("delete_access_log_settings", {}, {"ApiId": "a", "StageName": "s"})
        found.stages.set(ApiKind.HTTP, "a", "s", LogSetting("arn", "{}"))
        found.stages.set(ApiKind.WEBSOCKET, "a", "s", None)


class TestRestApis:
    def test_set(self, api: tuple[Api, Stubber, Stubber]) -> None:
        """Destination and format are replaced by one request, so that no line is logged by half of it."""
        found, rest, _ = api
        place = {"restApiId": "a", "stageName": "s"}
        replaced = [
            {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": "arn"},
            {"op": "replace", "path": "/accessLogSettings/format", "value": "{}"},
        ]
        rest.add_response("update_stage", {}, {**place, "patchOperations": replaced})
        removed = [{"op": "remove", "path": "/accessLogSettings"}]
        rest.add_response("update_stage", {}, {**place, "patchOperations": removed})
        found.stages.set(ApiKind.REST, "a", "s", LogSetting("arn", "{}"))
        found.stages.set(ApiKind.REST, "a", "s", None)
