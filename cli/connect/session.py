"""One run of `usage-meter connect` or `disconnect`.

The record of what was there is written before anything is changed, so that an interrupted run can be undone
or repeated: subscription filters come first, since a line that is logged without one is not counted, then the
stages.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from adapters.source.stages import ApiKind, ApiStage, LogSetting, StageSettings
from cli.common.bootstrap import target
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import Output
from cli.common.terminal import console
from cli.connect.log_groups import AccessLogGroups, SubscriptionSetting
from cli.connect.meter import ConnectedMeter, log_target, write_meter
from cli.connect.plan import ConnectionStep, LogTarget, group_of, step
from cli.connect.record import ConnectedStage, ConnectionRecord
from cli.connect.snippets import DefinitionLanguage, SnippetValues, snippet


def connect(  # noqa: PLR0913 - what was asked for
    meter: ConnectedMeter,
    wanted: list[str],
    record: Path | None,
    out: Output,
    *,
    applies: bool,
    replaces: bool,
) -> None:
    """Show what connecting takes, and carry it out.

    Raises:
        MeterError: something cannot be read or is refused.
        CommandError: a stage that was named is not there.
        typer.Exit: with 1, if a stage cannot be connected.
    """
    stages, groups = meter.services()
    steps = list(_steps(stages, groups, meter.to, wanted, own_api=meter.own_api, replaces=replaces))
    screen = out.screen()
    _show(screen, steps)
    if not stages.may_log():
        screen.print("- API Gateway has no role to log with: docs/deploy.md says how to give it one.")
    out.write([_document(one) for one in steps])
    if applies:
        path = _file(record, meter.stack)
        _apply(steps, stages, groups, meter.subscription, path, meter.stack)
        screen.print(f"Done. The former settings are recorded in {path}.")
    elif any(one.does_something for one in steps):
        screen.print("Nothing was changed: --apply makes the changes.")
    if any(one.refusal for one in steps):
        raise typer.Exit(PROBLEM)


def disconnect(
    meter: ConnectedMeter, record: Path | None, out: Output, *, applies: bool, forces: bool
) -> None:
    """Show what is restored, and restore it.

    Raises:
        MeterError: something cannot be read or is refused.
        typer.Exit: with 1, if a stage was changed since.
    """
    stages, groups = meter.services()
    stack = meter.stack
    path = _file(record, stack)
    noted = ConnectionRecord.read(path, stack)
    screen = out.screen()
    left = [
        one for one in noted.stages if not _is_restored(one, stages, screen, applies=applies, forces=forces)
    ]
    for group in noted.subscribed if not left else []:
        screen.print(f"{group}: the subscription filter {stack} is removed")
        existing = groups.find(group)
        if applies and existing and stack in existing.filters:
            groups.unsubscribe(group, stack)
    kept = [one.place for one in left]
    out.write([{"stage": one.place, "restored": one.place not in kept} for one in noted.stages])
    if applies:
        ConnectionRecord(stack, left, noted.subscribed if left else []).write(path)
    else:
        screen.print("Nothing was changed: --apply makes the changes.")
    if left:
        raise typer.Exit(PROBLEM)


def print_meter(stack: str, path: Path) -> None:
    """Write what other accounts need, and say what they do with it.

    Raises:
        MeterError: the stack cannot be read, or takes calls of no other account.
    """
    meter = write_meter(stack, path)
    screen = console()
    screen.print(f"{path} is for the accounts {', '.join(meter.accounts)}; nothing in it is secret.")
    screen.print(f"There, in {meter.region}: usage-meter connect --meter {path.name}")


def print_snippet(stack: str, language: DefinitionLanguage) -> None:
    """Print what to write into a definition of a stage.

    Raises:
        MeterError: the stack cannot be read, or lacks an output.
    """
    found = target(stack)
    to = log_target(found.deployment, stack)
    (authorizer,) = found.deployment.values("QuotaAuthorizerArn")
    key_header = found.deployment.parameters.get("QuotaKeyHeader", "x-api-key")
    region = str(found.session.region_name)
    formats = (to.formats[ApiKind.REST], to.formats[ApiKind.HTTP])
    print(snippet(language, SnippetValues(to.group_arn, *formats, authorizer, region, key_header)), end="")


def _file(record: Path | None, stack: str) -> Path:
    return record or Path(f"{stack}.connected.json")


def _steps(  # noqa: PLR0913 - two services, and what is wanted
    stages: StageSettings,
    groups: AccessLogGroups,
    to: LogTarget,
    wanted: list[str],
    *,
    own_api: str | None,
    replaces: bool,
) -> Iterator[ConnectionStep]:
    found = [one for one in stages.all(but=own_api) if not wanted or {one.api_id, one.place} & set(wanted)]
    missing = set(wanted) - {name for one in found for name in (one.api_id, one.place)}
    if missing:
        raise CommandError(
            f"There is no API or stage {', '.join(sorted(missing))} in this account and region."
        )
    find = cache(groups.find)
    for one in found:
        name = group_of(one.log.destination) if one.log else to.group
        yield step(one, to, find(name) if name else None, replaces=replaces)


def _apply(  # noqa: PLR0913, PLR0917 - what, with what, and where it is noted
    steps: list[ConnectionStep],
    stages: StageSettings,
    groups: AccessLogGroups,
    setting: SubscriptionSetting,
    path: Path,
    stack: str,
) -> None:
    noted = ConnectionRecord.read(path, stack)
    noted.add(one for one in steps if one.does_something)
    noted.write(path)
    for group in dict.fromkeys(one.subscribes for one in steps if one.subscribes):
        groups.subscribe(group, setting)
    for one in steps:
        if one.log is not None:
            stages.set(one.stage.kind, one.stage.api_id, one.stage.name, one.log)


def _is_restored(
    one: ConnectedStage, stages: StageSettings, screen: Console, *, applies: bool, forces: bool
) -> bool:
    now = stages.log_setting(one.kind, one.api_id, one.stage)
    if now == one.before:
        screen.print(f"{one.place}: as it was before")
        return True
    if now != one.after and not forces:
        screen.print(f"{one.place}: was changed since, and is left as it is; --force restores it")
        return False
    screen.print(f"{one.place}: logs {_described(one.before)} again")
    if applies:
        stages.set(one.kind, one.api_id, one.stage, one.before)
    return True


def _described(log: LogSetting | None) -> str:
    return "nothing" if log is None else f"to {log.destination}: {log.format}"


def _show(screen: Console, steps: list[ConnectionStep]) -> None:
    if not steps:
        screen.print("There is no stage in this account and region.")
    for one in steps:
        screen.print(f"{one.stage.place}  {one.stage.kind}  {one.stage.api_name}: {_outcome(one)}")
        if one.subscribes:
            screen.print(f"  {one.subscribes} gets a subscription filter")
        if one.log is not None:
            screen.print(f"  logs  {_described(one.stage.log)}")
            screen.print(f"  then  {_described(one.log)}")
        for note in one.notes:
            screen.print(f"  {note}")


def _outcome(one: ConnectionStep) -> str:
    if one.refusal:
        return f"cannot be connected: {one.refusal}"
    return "will be connected" if one.does_something else "is connected"


def _document(one: ConnectionStep) -> dict[str, Any]:
    stage: ApiStage = one.stage
    return {
        "api": stage.api_id,
        "stage": stage.name,
        "kind": stage.kind,
        "has": None if stage.log is None else stage.log._asdict(),
        "gets": None if one.log is None else one.log._asdict(),
        "subscribes": one.subscribes,
        "notes": list(one.notes),
        "refusal": one.refusal,
    }
