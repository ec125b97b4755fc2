"""One run of `usage-meter reread`."""

from __future__ import annotations

from collections import Counter
from functools import partial

from rich.console import Console

from adapters.s3.lake_rewriter import LakeRewriter
from cli.common.errors import CommandError
from cli.common.output import Output
from cli.common.terminal import table
from cli.recovery import recovery_session
from cli.recovery.recovery_session import Command, RecoveryTools, Task, most_frequent
from metering.billing_rule import BillingRule
from metering.period import Period
from reconciliation.recovery.reread import Reread, Rereading
from reconciliation.report.verdict import counted


def run(month: Period, stack: str, fields: str | None, out: Output, *, yes: bool) -> None:
    """Say what would change; with `yes`, change it.

    Raises:
        CommandError: the field map is none.
        MeterError, ClientError, BotoCoreError: something could not be read or written. What was done holds.
        typer.Exit: with 1, if a counter was left alone.
    """
    task = partial(_task, month=month, fields=fields)
    command = Command("reread", f"Reading {month} again", task, _is_change, _show, _found)
    recovery_session.run(command, stack, out, yes=yes)


def _task(recovery: RecoveryTools, month: Period, fields: str | None) -> Task[Rereading]:
    deployment = recovery.where.deployment
    reread = Reread(
        recovery.sources.queries,
        LakeRewriter(recovery.where.client("s3")),
        recovery.writer,
        recovery.recoverer,
        deployment.rule if fields is None else _rule(recovery, fields),
        deployment.personal,
    )
    return Task(partial(reread.look, month), reread.carry_out)


def _rule(recovery: RecoveryTools, fields: str) -> BillingRule:
    try:
        return recovery.where.deployment.rule_by(fields)
    except ValueError as error:
        raise CommandError(f"--fields: {error}") from error


def _is_change(found: Rereading) -> bool:
    return bool(found.changes)


def _show(screen: Console, found: Rereading, yes: bool) -> None:  # noqa: FBT001 - as Report calls it
    left = found.left.total()
    become = "became" if yes else "would become"
    screen.print(
        f"{found.month}: {counted(found.lines, 'malformed line')} in the lake; of these, "
        f"{found.calls:,} {become} calls, "
        f"{left:,} left unchanged",
        soft_wrap=True,
    )
    if found.changes:
        rows = table("key", "day", "was malformed as", "lines", numbers=("lines",))
        for cells in most_frequent(_by_key(found)):
            rows.add_row(*cells)
        screen.print(rows)
    if found.left:
        rows = table("left: malformed as", "because", "lines", numbers=("lines",))
        for cells in most_frequent(found.left):
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


def _found(found: Rereading) -> dict[str, object]:
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
