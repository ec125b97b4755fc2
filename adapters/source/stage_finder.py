"""The stages that log into a log group of the meter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from adapters.errors import code_of
from adapters.source.stages import ApiKind, ApiStage, LogSetting, StageSettings
from metering.errors import Misconfigured
from metering.source.settings import Stage

_NO_STAGE: Final = "NotFoundException"


class MeteredStages:
    """Finds them among all stages of an account and region."""

    def __init__(self, stages: StageSettings) -> None:
        self._stages = stages

    def found(self, log_groups: Iterable[str]) -> Sequence[Stage]:
        """The stages that log into one of the groups.

        Raises:
            Transient, Misconfigured: they cannot be listed.
        """
        groups = frozenset(log_groups)
        listed = list(self._stages.all())
        places = {(one.api_id, one.name): group_of(one.log) for one in listed}
        namesakes = Counter(_counted_as(one) for one in listed if one.kind is ApiKind.REST)
        ours = [one for one in listed if places[one.api_id, one.name] in groups]
        return [_stage(one, str(places[one.api_id, one.name]), namesakes) for one in ours]

    def log_groups(self, stages: Iterable[Stage]) -> Mapping[tuple[str, str], str | None]:
        """The log group of each of these stages that still exists; None where it logs nothing to a group.

        Raises:
            Transient, Misconfigured: they cannot be read.
        """
        found: dict[tuple[str, str], str | None] = {}
        for stage in stages:
            kind = ApiKind.REST if stage.is_rest else ApiKind.HTTP
            try:
                found[stage.api, stage.stage] = group_of(
                    self._stages.log_setting(kind, stage.api, stage.stage)
                )
            except Misconfigured as error:
                if code_of(error.__cause__) != _NO_STAGE:
                    raise
        return found


def group_of(log: LogSetting | None) -> str | None:
    """The log group that a setting names. REST APIs may give its ARN with a star, or that of a Firehose."""
    if log is None or ":log-group:" not in log.destination:
        return None
    return log.destination.partition(":log-group:")[2].removesuffix(":*")


def metric_name(api_id: str, name: str) -> str:
    """What the dimension `ApiName` has for a REST API: the ASCII characters of its name, or its id.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html
    """
    return name.encode("ascii", "ignore").decode("ascii") or api_id


def _counted_as(one: ApiStage) -> tuple[str, str]:
    return metric_name(one.api_id, one.api_name), one.name


def _stage(one: ApiStage, group: str, namesakes: Mapping[tuple[str, str], int]) -> Stage:
    """Two REST APIs of one name have one metric, and WebSocket APIs one of connections only."""
    is_rest = one.kind is ApiKind.REST
    counts = namesakes[_counted_as(one)] == 1 if is_rest else one.kind is ApiKind.HTTP
    name = metric_name(one.api_id, one.api_name) if is_rest else one.api_name
    return Stage(one.api_id, one.name, is_rest, name, group, counts, one.kind is ApiKind.WEBSOCKET)
