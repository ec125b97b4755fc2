"""The stages that log into a log group of the meter."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from adapters.errors import translated
from adapters.source.stage_finder import MeteredStages, group_of, metric_name
from adapters.source.stages import ApiKind, ApiStage, LogSetting, StageSettings
from metering.errors import Misconfigured
from metering.source.settings import Stage

ARN = "arn:aws:logs:us-east-1:1:log-group:"


class Listed(StageSettings):
    """Stages from a list, of which some are gone by now."""

    def __init__(self, *stages: ApiStage, error: str = "NotFoundException") -> None:
        self._listed = stages
        self._error = error

    def all(self, *, but: str | None = None) -> Iterator[ApiStage]:
        """All of the list."""
        yield from (one for one in self._listed if one.api_id != but)

    def log_setting(self, kind: ApiKind, api_id: str, stage: str) -> LogSetting | None:
        """That of a stage in the list."""
        del kind
        for one in self._listed:
            if (one.api_id, one.name) == (api_id, stage):
                return one.log
        with translated("GetStage"):
            raise ClientError({"Error": {"Code": self._error, "Message": "?"}}, "GetStage")


def stage(kind: ApiKind, api: str, group: str | None, name: str = "orders") -> ApiStage:
    """A stage that logs to a group."""
    return ApiStage(kind, api, name, "prod", LogSetting(ARN + group, "{}") if group else None)


def test_those_that_log_here() -> None:
    """REST and HTTP stages that log into one of the groups, by their metric's name."""
    listed = Listed(
        stage(ApiKind.REST, "r", "log:*", "Aufträge"),
        stage(ApiKind.HTTP, "h", "second"),
        stage(ApiKind.HTTP, "x", "elsewhere"),
        stage(ApiKind.REST, "y", None, "silent"),
    )
    assert [
        Stage("r", "prod", is_rest=True, name="Auftrge", log_group="log"),
        Stage("h", "prod", is_rest=False, name="orders", log_group="second"),
    ] == MeteredStages(listed).found(["log", "second"])


def test_what_cannot_be_counted() -> None:
    """Two REST APIs of one name share a metric, and WebSocket APIs have one of connections only: they are
    found, and not counted.
    """
    listed = Listed(
        stage(ApiKind.REST, "a", "log"),
        stage(ApiKind.REST, "b", "elsewhere"),
        stage(ApiKind.WEBSOCKET, "w", "log"),
    )
    found = MeteredStages(listed).found(["log"])
    assert [("a", False, False), ("w", False, True)] == [
        (one.api, one.counts, one.is_websocket) for one in found
    ]


def test_where_they_log_now() -> None:
    """A stage without a log has None, one that is gone is left out, and another error is raised."""
    known = [Stage(api, "prod", is_rest=False, name=api, log_group="log") for api in "abc"]
    listed = Listed(stage(ApiKind.HTTP, "a", "log"), stage(ApiKind.HTTP, "b", None))
    assert {("a", "prod"): "log", ("b", "prod"): None} == MeteredStages(listed).log_groups(known)
    with pytest.raises(Misconfigured, match="AccessDenied"):
        MeteredStages(Listed(error="AccessDenied")).log_groups(known)


def test_names() -> None:
    """A REST API whose name has no ASCII is counted under its id; Firehose is no log group."""
    assert ("orders", "a1") == (metric_name("a1", "orders"), metric_name("a1", "注文"))
    assert group_of(LogSetting("arn:aws:firehose:us-east-1:1:deliverystream/amazon-apigateway-x", "")) is None
