"""One run of `usage-meter backfill`."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.status import Status

from adapters.access_log_search import AccessLogSearch
from adapters.s3.lake_writer import LakeWriter
from cli.common.bootstrap import Target, target
from cli.common.errors import PROBLEM
from cli.common.output import write_json
from cli.common.terminal import console, is_live, table
from cli.month_end.repair_session import document, refusals_as_messages, repairer, report_repairs
from metering.period import Period
from reconciliation.ports import OnProgress, StepProgress
from reconciliation.recovery.backfill import Backfill, Backfiller
from reconciliation.recovery.recoverer import Recovered, Recoverer
from reconciliation.wiring import make_recoverer, make_sources, utc_now

MOST_SHOWN: Final = 20


def run(days: Sequence[Period], stack: str, json: Path | None, *, yes: bool) -> None:
    """Say what would be brought in; with `yes`, bring it in.

    Raises:
        MeterError, ClientError, BotoCoreError: something could not be read or written. What was done holds.
        typer.Exit: with 1, if a counter was left alone.
    """
    screen = console()
    where = target(stack)
    status = Status("Reading the log groups", console=screen)
    shown: AbstractContextManager[object] = status if is_live(screen) else nullcontext()

    def on_progress(progress: StepProgress) -> None:
        status.update(f"Bringing calls in: {progress.step} {progress.done:,}")

    recovered = Recovered()
    with shown, refusals_as_messages():
        backfiller, recoverer = _backfiller(where, on_progress)
        if yes:
            recovered.add(recoverer.finish())
        found = backfiller.look(days, _new_id())
        if yes and found.missing:
            recovered.add(backfiller.carry_out(found, _new_id(), where.caller, utc_now()))
    write_json(json, {**_found(found), "dry_run": not yes, "repaired": [*map(document, recovered.repaired)]})
    _show(screen, found, yes=yes)
    for repaired in recovered.repaired:
        report_repairs(screen, repaired)
    if recovered.left:
        screen.print(f"{recovered.left:,} counters were left alone: run it again later", soft_wrap=True)
        raise typer.Exit(PROBLEM)


def _backfiller(where: Target, on_progress: OnProgress) -> tuple[Backfiller, Recoverer]:
    deployment = where.deployment
    settings = deployment.reconciliation
    database, name = deployment.values("LakeDatabaseName", "LakeTableName")
    sources = make_sources(settings, where.client)
    recoverer = make_recoverer(settings, where.client, sources, repairer(where, sources, on_progress))
    log = AccessLogSearch(where.client("logs"), settings.log_groups, settings.rule, utc_now)
    writer = LakeWriter.from_glue(where.client("s3"), where.client("glue"), database, name)
    backfiller = Backfiller(
        log,
        sources.queries,
        writer,
        recoverer,
        deployment.rule,
        personal=deployment.personal,
        on_progress=on_progress,
    )
    return backfiller, recoverer


def _new_id() -> str:
    return f"backfill-{uuid.uuid4()}"


def _show(screen: Console, found: Backfill, *, yes: bool) -> None:
    span = f"{found.days[0]} to {found.days[-1]}" if len(found.days) > 1 else found.days[0]
    came = "came" if yes else "would come"
    screen.print(
        f"{span}: {found.lines:,} lines in the log groups; {found.missing.total():,} {came} into lake and "
        f"counters, {found.left.total():,} are left where they are",
        soft_wrap=True,
    )
    for day in found.gone[:MOST_SHOWN]:
        screen.print(f"Of {day} the log groups have not all lines any more, or none")
    if found.missing:
        rows = table("key", "day", "lines", numbers=("lines",))
        for place, lines in found.missing.most_common(MOST_SHOWN):
            rows.add_row(place.key, place.day, f"{lines:,}")
        if (more := len(found.missing) - MOST_SHOWN) > 0:
            rows.add_row(f"and {more:,} more")
        screen.print(rows)
    for why, lines in found.left.most_common():
        screen.print(f"Left: {lines:,} lines: {why}", soft_wrap=True)
    if found.missing and not yes:
        screen.print("Nothing was changed. --yes brings the calls into lake and counters.")


def _found(found: Backfill) -> dict[str, Any]:
    return {
        "days": list(found.days),
        "lines": found.lines,
        "missing": [
            {"key": place.key, "day": place.day, "lines": lines}
            for place, lines in sorted(found.missing.items())
        ],
        "left": {str(why): lines for why, lines in sorted(found.left.items())},
        "gone": list(found.gone),
    }
