"""The stages of the APIs of an account and region, and their access-log settings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from adapters.errors import translated

if TYPE_CHECKING:
    from types_boto3_apigateway import APIGatewayClient
    from types_boto3_apigateway.type_defs import PatchOperationTypeDef, RestApiTypeDef
    from types_boto3_apigatewayv2 import ApiGatewayV2Client
    from types_boto3_apigatewayv2.type_defs import ApiTypeDef


class ApiKind(StrEnum):
    """Of an API."""

    REST = "REST"
    HTTP = "HTTP"
    WEBSOCKET = "WEBSOCKET"


class LogSetting(NamedTuple):
    """Where a stage logs, and what."""

    destination: str
    format: str


@dataclass(frozen=True, slots=True)
class ApiStage:
    """A stage as it is."""

    kind: ApiKind
    api_id: str
    api_name: str
    name: str
    log: LogSetting | None

    @property
    def place(self) -> str:
        """How it is named on the command line and in the record."""
        return f"{self.api_id}/{self.name}"


class StageSettings:
    """Reads stages and sets what they log. The arguments are boto3 clients of both of API Gateway's APIs."""

    def __init__(self, rest: APIGatewayClient, v2: ApiGatewayV2Client) -> None:
        self._rest = rest
        self._v2 = v2

    def all(self, *, but: str | None = None) -> Iterator[ApiStage]:
        """All stages but those of the API of that id.

        Raises:
            MeterError: they cannot be listed.
        """
        with translated("the list of APIs and stages"):
            for rest_page in self._rest.get_paginator("get_rest_apis").paginate():
                for rest_api in rest_page.get("items", []):
                    if rest_api["id"] != but:
                        yield from self._of_rest(rest_api)
            for page in self._v2.get_paginator("get_apis").paginate():
                for api in page.get("Items", []):
                    yield from self._of_v2(api)

    def log_setting(self, kind: ApiKind, api_id: str, stage: str) -> LogSetting | None:
        """What a stage logs now.

        Raises:
            MeterError: there is no such stage, or it cannot be read.
        """
        with translated(f"GetStage of {api_id}/{stage}"):
            if kind is ApiKind.REST:
                of_rest = self._rest.get_stage(restApiId=api_id, stageName=stage).get("accessLogSettings", {})
                return _setting(of_rest.get("destinationArn"), of_rest.get("format"))
            found = self._v2.get_stage(ApiId=api_id, StageName=stage).get("AccessLogSettings", {})
            return _setting(found.get("DestinationArn"), found.get("Format"))

    def set(self, kind: ApiKind, api_id: str, stage: str, log: LogSetting | None) -> None:
        """Let a stage log so from now on, or not at all.

        Raises:
            MeterError: API Gateway refuses it.
        """
        with translated(f"UpdateStage of {api_id}/{stage}"):
            if kind is ApiKind.REST:
                operations = _patch(log)
                self._rest.update_stage(restApiId=api_id, stageName=stage, patchOperations=operations)
            elif log is None:
                self._v2.delete_access_log_settings(ApiId=api_id, StageName=stage)
            else:
                self._v2.update_stage(
                    ApiId=api_id,
                    StageName=stage,
                    AccessLogSettings={"DestinationArn": log.destination, "Format": log.format},
                )

    def may_log(self) -> bool:
        """Whether API Gateway has a role of this account and region with which REST and WebSocket APIs log.

        Raises:
            MeterError: it cannot be read.
        """
        with translated("GetAccount"):
            return bool(self._rest.get_account().get("cloudwatchRoleArn"))

    def _of_rest(self, api: RestApiTypeDef) -> Iterator[ApiStage]:
        for one in self._rest.get_stages(restApiId=api["id"])["item"]:
            found = one.get("accessLogSettings", {})
            log = _setting(found.get("destinationArn"), found.get("format"))
            yield ApiStage(ApiKind.REST, api["id"], api["name"], one["stageName"], log)

    def _of_v2(self, api: ApiTypeDef) -> Iterator[ApiStage]:
        for page in self._v2.get_paginator("get_stages").paginate(ApiId=api["ApiId"]):
            for one in page.get("Items", []):
                found = one.get("AccessLogSettings", {})
                log = _setting(found.get("DestinationArn"), found.get("Format"))
                yield ApiStage(ApiKind(api["ProtocolType"]), api["ApiId"], api["Name"], one["StageName"], log)


def _setting(destination: str | None, text: str | None) -> LogSetting | None:
    return LogSetting(destination, text or "") if destination else None


def _patch(log: LogSetting | None) -> list[PatchOperationTypeDef]:
    if log is None:
        return [{"op": "remove", "path": "/accessLogSettings"}]
    return [
        {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": log.destination},
        {"op": "replace", "path": "/accessLogSettings/format", "value": log.format},
    ]
