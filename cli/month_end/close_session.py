"""One run of `usage-meter close`."""

from __future__ import annotations

import uuid
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import msgspec
from rich.console import Console
from rich.status import Status

from cli.common.bootstrap import target
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import Output
from cli.common.question import agreed, paused
from cli.common.terminal import is_live
from cli.month_end.repair_session import refusals_as_messages
from metering.outcome import Outcome
from metering.period import Period
from metering.proof.month_state import Closing, State
from metering.usage import NO_USAGE
from reconciliation.closing import Closer
from reconciliation.model.report import Both, Report
from reconciliation.ports import StepProgress
from reconciliation.reconcile import Reconciler
from reconciliation.report.verdict import counted
from reconciliation.wiring import make_chain, make_closings, make_sources, utc_now


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseOptions:
    """How a month is closed."""

    accept: str = ""
    """Why it is closed though something differs or is missing; empty: it is not."""
    yes: bool = False
    """Whether the user has agreed already."""
    empty: bool = False
    """Whether a month without calls may be sealed."""


def run(month: Period, stack: str, options: CloseOptions, out: Output) -> None:
    """Close a month, and report its state.

    Raises:
        CommandError: it cannot be closed yet, or nobody agreed.
        typer.Abort: the answer was no. Nothing was written.
        MeterError, ClientError, BotoCoreError: something could not be read or written. What was done holds.
    """
    screen, where = out.screen(), target(stack)
    settings = where.deployment.reconciliation
    status = Status(f"Closing {month}", console=screen)
    shown: AbstractContextManager[object] = status if is_live(screen) else nullcontext()

    def on_progress(progress: StepProgress) -> None:
        status.update(f"Closing {month}: {progress.step} {progress.done:,}")

    with shown, refusals_as_messages():
        sources = make_sources(settings, where.client)
        reconciler = Reconciler(sources, utc_now, on_progress, allow_incomplete=bool(options.accept))

        def reconcile(period: Period, run_id: str) -> Report:
            return reconciler.reconcile(period, run_id=run_id)

        store = make_closings(settings, where.client)
        chain = make_chain(settings, where.client, where.caller)
        closer = Closer(store, sources.queries, reconcile, utc_now, where.caller, chain=chain)

        def confirm(report: Report) -> None:
            with paused(status, screen):
                _confirm(screen, report, options)

        closing = closer.close(month, run_id=str(uuid.uuid4()), accept=options.accept, confirm=confirm)
    out.write(document(month, closing))
    _show(screen, month, closing)


def _reserved_keys(report: Report) -> int:
    """How many of the reserved keys have rows in the lake: they are sealed with the others."""
    outcomes = report.tally.outcomes
    return sum(
        outcomes.get(one, Both()).in_lake != NO_USAGE for one in (Outcome.UNATTRIBUTED, Outcome.MALFORMED)
    )


def _confirm(screen: Console, report: Report, options: CloseOptions) -> None:
    """Show what would be sealed, and ask. A month without calls is more often a wrong month or stack."""
    in_counters, in_lake = report.tally.total.counted, report.tally.total.in_lake
    if not (in_counters.requests or in_lake.requests or options.empty):
        raise CommandError(
            f"{report.month} has no calls, neither in the counters nor in the lake: check the month and the "
            "stack, or seal it as an empty month with --empty. Nothing was sealed.",
            PROBLEM,
        )
    keys = max(report.tally.keys_counted, report.tally.keys_in_lake) + _reserved_keys(report)
    screen.print(
        f"{report.month}: {counted(keys, 'key')}, {counted(in_lake.requests, 'request')}, "
        f"{in_lake.billable:,} billable. Once "
        "sealed, it cannot be opened again: later calls are adjusted on the next invoice.",
        soft_wrap=True,
    )
    for reason in (*report.missing, *report.source_gaps):
        screen.print(f"Not complete: {reason}", markup=False, soft_wrap=True)
    if not report.agrees:
        screen.print("The counters and the lake differ, and this is accepted.", soft_wrap=True)
    agreed(f"Seal {report.month}?", yes=options.yes)


def show(month: Period, stack: str, out: Output) -> None:
    """Report the state of a month.

    Raises:
        MeterError, ClientError, BotoCoreError: it could not be read.
    """
    where = target(stack)
    found = make_closings(where.deployment.reconciliation, where.client).read(month)
    closing = None if found is None else found.closing
    out.write(document(month, closing))
    _show(out.screen(), month, closing)


def document(month: Period, closing: Closing | None) -> dict[str, Any]:
    """How a month stands, as JSON takes it. The fingerprint is a text: it lies above 2^53."""
    if closing is None:
        return {"month": month, "state": State.OPEN.value}
    found: dict[str, Any] = msgspec.to_builtins(closing)
    found["total"]["fingerprint"] = str(closing.total.fingerprint)
    return found


def _show(screen: Console, month: Period, closing: Closing | None) -> None:
    if closing is None:
        screen.print(f"{month} is open: closing has not begun")
        return
    if closing.state is not State.SEALED:
        screen.print(
            f"{month} is being closed since {closing.begun_at:%Y-%m-%d %H:%M} by {closing.begun_by}: "
            f"`usage-meter close {month}` continues where that stopped",
            markup=False,
            soft_wrap=True,
        )
        return
    screen.print(
        f"{month} was sealed on {closing.sealed_at:%Y-%m-%d %H:%M} by {closing.sealed_by}: "
        f"{counted(closing.keys, 'key')}, {counted(closing.total.requests, 'request')}, "
        f"{closing.total.billable:,} billable",
        markup=False,
        soft_wrap=True,
    )
    if closing.accepted:
        screen.print(
            f"Accepted: {counted(closing.differences, 'difference')}, because: {closing.accepted}",
            markup=False,
            soft_wrap=True,
        )
        for reason in closing.missing:
            screen.print(f"Not complete: {reason}", markup=False, soft_wrap=True)
    screen.print(f"As billed: {closing.usage}, by report {closing.report}", markup=False, soft_wrap=True)
