"""What connecting a stage takes, or why it cannot be connected. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from adapters.source.stages import ApiKind, ApiStage, LogSetting
from cli.connect.log_format import fields_of, has_all, merged
from cli.connect.log_groups import MOST_FILTERS, AccessLogGroup

LONGEST_FORMAT = {ApiKind.REST: 3072, ApiKind.HTTP: 1024, ApiKind.WEBSOCKET: 1024}
"""Characters. API Gateway's own model says 1,024 for its second API; for REST APIs it names no bound, and
this one is above all that were seen.
"""
_GROUP = re.compile(r"arn:[^:]+:logs:[^:]+:[^:]+:log-group:([^:]+)(?::\*)?")
_NO_GROUP = "it logs nothing: name a log group of this account for it by --log-group"
_TO_FIREHOSE = "it logs to Firehose, and a stage has one destination: the meter cannot see its calls"
_OWN_GROUPS = ("/usage-meter/", "/aws/lambda/", "/aws/kinesisfirehose/")


@dataclass(frozen=True, slots=True)
class LogTarget:
    """Where stages are to log."""

    filter_name: str
    group_arn: str
    """Of the log group for stages that log nowhere yet; empty: there is none for them."""
    formats: Mapping[ApiKind, str]
    """What the meter needs of each kind of API."""

    @property
    def group(self) -> str:
        """The name of that log group."""
        return group_of(self.group_arn) or ""


@dataclass(frozen=True, slots=True)
class ConnectionStep:
    """What happens to one stage."""

    stage: ApiStage
    log: LogSetting | None = None
    """What it is to log; None if it is not changed."""
    subscribes: str | None = None
    """The log group that gets a subscription filter."""
    notes: tuple[str, ...] = ()
    refusal: str | None = None

    @property
    def does_something(self) -> bool:
        """Whether anything changes."""
        return self.log is not None or self.subscribes is not None


def group_of(destination: str) -> str | None:
    """The log group of a destination; None for another kind of destination."""
    match = _GROUP.fullmatch(destination)
    return match.group(1) if match else None


def step(
    stage: ApiStage, target: LogTarget, group: AccessLogGroup | None, *, replaces: bool
) -> ConnectionStep:
    """What connecting a stage takes. `group` is the log group that the stage would log to; `replaces` whether
    a format that is no JSON may be replaced.
    """
    needed = target.formats.get(stage.kind)
    if needed is None:
        return ConnectionStep(stage, refusal=f"the stack has no format for {stage.kind} APIs")
    if refusal := _refusal_of_destination(stage, target, group):
        return ConnectionStep(stage, refusal=refusal)
    if stage.log and stage.log.format and fields_of(stage.log.format) is None and not replaces:
        return ConnectionStep(
            stage, refusal="its format is not JSON, and something may read it: --replace replaces it"
        )
    found = merged(stage.log.format if stage.log else None, needed)
    if len(found.text) > LONGEST_FORMAT[stage.kind]:
        return ConnectionStep(
            stage,
            refusal=f"with its own fields the format would have {len(found.text):,} characters; "
            f"{LONGEST_FORMAT[stage.kind]:,} are allowed",
        )
    notes = tuple(
        f"its field {name} ({value}) is kept as other_{name}" for name, value in found.renamed.items()
    ) + tuple(
        f"its field {name} is left out: it holds the API key itself, a secret" for name in found.left_out
    )
    name = group.name if group else target.group
    subscribes = None if group and target.filter_name in group.filters else name
    if stage.log and has_all(stage.log.format, needed):
        return ConnectionStep(stage, subscribes=subscribes)
    destination = stage.log.destination if stage.log else target.group_arn
    return ConnectionStep(stage, LogSetting(destination, found.text), subscribes, notes)


def _refusal_of_destination(stage: ApiStage, target: LogTarget, group: AccessLogGroup | None) -> str | None:
    name = group_of(stage.log.destination) if stage.log else target.group
    if not name:
        return _NO_GROUP if stage.log is None else _TO_FIREHOSE
    if name.startswith(_OWN_GROUPS):
        return f"it logs to {name}, where services of the meter may write"
    if group is None:
        return f"there is no log group {name}"
    if group.log_class != "STANDARD":
        return f"{name} is of the class {group.log_class}, which allows no subscription filter"
    if target.filter_name not in group.filters and len(group.filters) >= MOST_FILTERS:
        return f"{name} has {MOST_FILTERS} subscription filters already: {', '.join(group.filters)}"
    return None
