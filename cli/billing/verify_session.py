"""One run of `usage-meter verify`."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict

import typer
from rich.console import Console
from rich.status import Status

from cli.common.bootstrap import target
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import Output
from cli.common.terminal import Text, is_live
from metering.period import Period
from metering.proof.billing_chain import Head, parse_head
from reconciliation.ports import StepProgress
from reconciliation.report.verdict import counted
from reconciliation.verification import Verification, Verifier
from reconciliation.wiring import make_athena, make_chain

_MOST_SHOWN = 50


def run(months: Collection[Period], stack: str, heads: Sequence[str], out: Output, *, rows: bool) -> None:
    """Verify, and say what was found.

    Raises:
        CommandError: a head is not one.
        MeterError, ClientError, BotoCoreError: something could not be read.
        typer.Exit: with 1, if anything is wrong.
    """
    kept = [_head(text) for text in heads]
    screen, where = out.picture(), target(stack)
    settings = where.deployment.reconciliation
    status = Status("Verifying", console=screen)
    shown: AbstractContextManager[object] = status if is_live(screen) else nullcontext()

    def on_progress(progress: StepProgress) -> None:
        status.update(f"Verifying: {progress.step} {progress.done:,}")

    def rows_of(month: Period) -> bool:
        return rows and (not months or month in months)

    with shown:
        chain, queries = make_chain(settings, where.client), make_athena(settings, where.client)
        found = Verifier(chain, queries, str(uuid.uuid4()), on_progress).verify(kept, rows_of)
    out.write({**asdict(found), "head": str(found.head)})
    _show(screen, found)
    if found.faults:
        raise typer.Exit(PROBLEM)


def _head(text: str) -> Head:
    try:
        return parse_head(text)
    except ValueError as error:
        raise CommandError(f"{error}.") from error


def _show(screen: Console, found: Verification) -> None:
    for note in found.notes:
        screen.print(f"Not checked: {note}", markup=False, soft_wrap=True)
    for fault in found.faults[:_MOST_SHOWN]:
        screen.print(f"  {fault}", markup=False, soft_wrap=True)
    if len(found.faults) > _MOST_SHOWN:
        screen.print(f"  and {len(found.faults) - _MOST_SHOWN:,} more: see --json")
    late = f", {counted(found.late_rows, 'row')} added later" if found.late_rows else ""
    looked_at = (
        f"{counted(found.links, 'link')}, {counted(found.objects, 'object')}, the rows of "
        f"{counted(found.days, 'day')}{late}"
    )
    screen.print(f"{looked_at}. Head of the chain: {found.head}", soft_wrap=True)
    if found.faults:
        screen.print(
            Text(f"PROBLEM: {counted(len(found.faults), 'difference')} from what was billed", "bold red")
        )
    else:
        screen.print(Text("Everything is as it was billed.", "bold green"))
