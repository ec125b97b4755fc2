"""One run of `usage-meter reread`."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.status import Status

from adapters.s3.lake_rewriter import LakeRewriter
from adapters.s3.lake_writer import LakeWriter
from cli.common.bootstrap import Target, target
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import write_json
from cli.common.terminal import console, is_live, table
from cli.month_end.repair_session import document, refusals_as_messages, repairer, report_repairs
from metering.billing_rule import BillingRule
from metering.period import Period
from reconciliation.ports import StepProgress
from reconciliation.recovery.recoverer import Recovered, Recoverer
from reconciliation.recovery.reread import Reread, Rereading
from reconciliation.wiring import make_recoverer, make_sources, utc_now

MOST_SHOWN: Final = 20


def run(month: Period, stack: str, fields: str | None, json: Path | None, *, yes: bool) -> None:
    """Say what would change; with `yes`, change it.

    Raises:
        CommandError: the field map is none.
        MeterError, ClientError, BotoCoreError: something could not be read or written. What was done holds.
        typer.Exit: with 1, if a counter was left alone.
    """
    screen = console()
    where = target(stack)
    status = Status(f"Reading {month} again", console=screen)
    shown: AbstractContextManager[object] = status if is_live(screen) else nullcontext()
    recovered = Recovered()
    with shown, refusals_as_messages():
        reread, recoverer = _reread(where, _rule(where, fields), status)
        if yes:
            recovered.add(recoverer.finish())
        found = reread.look(month, _new_id())
        if yes and found.changes:
            recovered.add(reread.carry_out(found, _new_id(), where.caller, utc_now()))
    write_json(json, {**_found(found), "dry_run": not yes, "repaired": [*map(document, recovered.repaired)]})
    _show(screen, found, yes=yes)
    for repaired in recovered.repaired:
        report_repairs(screen, repaired)
    if recovered.left:
        screen.print(f"{recovered.left:,} counters were left alone: run it again later", soft_wrap=True)
        raise typer.Exit(PROBLEM)


def _rule(where: Target, fields: str | None) -> BillingRule:
    if fields is None:
        return where.deployment.rule
    try:
        return where.deployment.rule_by(fields)
    except ValueError as error:
        raise CommandError(f"--fields: {error}") from error


def _reread(where: Target, rule: BillingRule, status: Status) -> tuple[Reread, Recoverer]:
    def on_progress(progress: StepProgress) -> None:
        status.update(f"Bringing calls in: {progress.step} {progress.done:,}")

    deployment = where.deployment
    database, name = deployment.values("LakeDatabaseName", "LakeTableName")
    sources = make_sources(deployment.reconciliation, where.client)
    recoverer = make_recoverer(
        deployment.reconciliation, where.client, sources, repairer(where, sources, on_progress)
    )
    s3 = where.client("s3")
    writer = LakeWriter.from_glue(s3, where.client("glue"), database, name)
    return Reread(sources.queries, LakeRewriter(s3), writer, recoverer, rule, deployment.personal), recoverer


def _new_id() -> str:
    return f"reread-{uuid.uuid4()}"


def _show(screen: Console, found: Rereading, *, yes: bool) -> None:
    left = found.left.total()
    become = "became" if yes else "would become"
    screen.print(
        f"{found.month}: {found.lines:,} malformed lines in the lake; {found.calls:,} {become} calls, "
        f"{left:,} are left as they are",
        soft_wrap=True,
    )
    if found.changes:
        rows = table("key", "day", "was malformed as", "lines", numbers=("lines",))
        for cells in _most(_by_key(found)):
            rows.add_row(*cells)
        screen.print(rows)
    if found.left:
        rows = table("left: malformed as", "because", "lines", numbers=("lines",))
        for cells in _most(found.left):
            rows.add_row(*cells)
        screen.print(rows)
    if found.changes and not yes:
        screen.print(
            f"Nothing was changed. `usage-meter reread {found.month} --yes` brings the calls into lake and "
            "counters",
            soft_wrap=True,
        )


def _by_key(found: Rereading) -> Counter[tuple[str, str, str]]:
    by_key: Counter[tuple[str, str, str]] = Counter()
    for change, lines in found.changes.items():
        by_key[change.key, change.day, change.reason] += lines
    return by_key


def _most(counts: Counter[Any]) -> Iterator[tuple[str, ...]]:
    """Rows of a table for the most frequent, and one that says how many more there are."""
    for cells, lines in counts.most_common(MOST_SHOWN):
        yield *cells, f"{lines:,}"
    if len(counts) > MOST_SHOWN:
        yield (f"and {len(counts) - MOST_SHOWN:,} more",)


def _found(found: Rereading) -> dict[str, Any]:
    return {
        "month": found.month,
        "lines": found.lines,
        "calls": found.calls,
        "changes": [
            {"key": key, "day": day, "reason": reason, "lines": lines}
            for (key, day, reason), lines in sorted(_by_key(found).items())
        ],
        "left": [
            {"reason": reason, "because": str(why), "lines": lines}
            for (reason, why), lines in sorted(found.left.items())
        ],
    }
