"""One run of `usage-meter reconcile`."""

from __future__ import annotations

import uuid
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import boto3
import typer
from rich.console import Console
from rich.status import Status
from rich.text import Text

from adapters.deployment import Deployment
from cli.errors import PROBLEM
from cli.proof_table import differences_told, outcomes_table
from cli.terminal import console, is_live
from metering.period import Period
from reconciliation.handler import make_sources
from reconciliation.job import Reconciler
from reconciliation.ports import Progress
from reconciliation.report import Report


def run(month: Period, stack: str, json: Path | None) -> None:
    """Reconcile, and tell what was found.

    Raises:
        MeterError, ClientError, BotoCoreError: something could not be read.
        typer.Exit: with 1, if something differs.
    """
    screen = console()
    report = _reconciled(month, stack, screen)
    if json is not None:
        json.write_bytes(report.to_json() + b"\n")
    _tell(screen, report)
    if not report.agrees:
        raise typer.Exit(PROBLEM)


def _reconciled(month: Period, stack: str, screen: Console) -> Report:
    session = boto3.session.Session()
    settings = Deployment.of_stack(session.client("cloudformation"), stack).reconciliation
    status = Status(f"Reconciling {month}", console=screen)
    shown: AbstractContextManager[object] = status if is_live(screen) else nullcontext()

    def on_progress(progress: Progress) -> None:
        status.update(f"Reconciling {month}: {progress.step} {progress.done:,}")

    with shown:
        sources = make_sources(settings, session.client)
        reconciler = Reconciler(sources, lambda: datetime.now(UTC), on_progress)
        return reconciler.reconcile(month, run_id=str(uuid.uuid4()))


def _tell(screen: Console, report: Report) -> None:
    screen.print(outcomes_table([report]))
    screen.print()
    for reason in report.missing:
        screen.print(f"Not complete: {reason}", markup=False)
    scanned = (
        f"{report.tally.counters:,} counters, {report.tally.lake_rows:,} rows, {report.scanned_bytes:,} bytes"
    )
    screen.print(f"Read: {scanned} of the lake", markup=False)
    if report.agrees:
        screen.print(Text("No drift: the counters and the lake hold the same events.", "bold green"))
        return
    found = report.differences_found + report.contradictions_found
    screen.print(Text(f"PROBLEM: {found:,} differences", "bold red"))
    for line in differences_told(report.differences, report.differences_found):
        screen.print(line, markup=False)
    for contradiction in report.contradictions:
        part = f"part {contradiction.part}" if contradiction.part else "its parts"
        screen.print(
            f"  {contradiction.key} {contradiction.period}: {part} hold {contradiction.held:,} requests, "
            f"expected {contradiction.expected:,}",
            markup=False,
        )
