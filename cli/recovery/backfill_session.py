"""One run of `usage-meter backfill`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rich.console import Console

from adapters.access_log_search import AccessLogSearch
from cli.common.output import Output
from cli.common.terminal import table
from cli.recovery import recovery_session
from cli.recovery.recovery_session import MOST_SHOWN, Command, RecoveryTools, Task, most_frequent
from metering.period import Period
from reconciliation.recovery.backfill import Backfill, Backfiller
from reconciliation.report.verdict import counted
from reconciliation.wiring import utc_now


def run(days: Sequence[Period], stack: str, out: Output, *, yes: bool) -> None:
    """Say what would be brought in; with `yes`, bring it in.

    Raises:
        MeterError, ClientError, BotoCoreError: something could not be read or written. What was done holds.
        typer.Exit: with 1, if a counter was left alone.
    """
    task = partial(_task, days=days)
    command = Command("backfill", "Reading the log groups", task, _is_change, _show, _found)
    recovery_session.run(command, stack, out, yes=yes)


def _task(recovery: RecoveryTools, days: Sequence[Period]) -> Task[Backfill]:
    deployment = recovery.where.deployment
    settings = deployment.reconciliation
    backfiller = Backfiller(
        AccessLogSearch(recovery.where.client("logs"), settings.log_groups, settings.rule, utc_now),
        recovery.sources.queries,
        recovery.writer,
        recovery.recoverer,
        deployment.rule,
        personal=deployment.personal,
        on_progress=recovery.on_progress,
    )
    return Task(partial(backfiller.look, days), backfiller.carry_out)


def _is_change(found: Backfill) -> bool:
    return bool(found.missing)


def _show(screen: Console, found: Backfill, yes: bool) -> None:  # noqa: FBT001 - as Report calls it
    span = f"{found.days[0]} to {found.days[-1]}" if len(found.days) > 1 else found.days[0]
    came = "came" if yes else "would come"
    screen.print(
        f"{span}: {counted(found.lines, 'line')} in the log groups; {found.missing.total():,} {came} "
        "into lake and "
        f"counters, {found.left.total():,} left unchanged",
        soft_wrap=True,
    )
    for day in found.gone[:MOST_SHOWN]:
        screen.print(f"The log groups no longer have all lines of {day}")
    if found.missing:
        rows = table("key", "day", "lines", numbers=("lines",))
        for cells in most_frequent(found.missing):
            rows.add_row(*cells)
        screen.print(rows)
    for why, lines in found.left.most_common():
        screen.print(f"Left: {counted(lines, 'line')}: {why}", soft_wrap=True)
    if found.missing and not yes:
        screen.print("Nothing was changed. --yes brings the calls into lake and counters.")


def _found(found: Backfill) -> dict[str, object]:
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
