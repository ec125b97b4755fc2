"""One run of `usage-meter rebuild`."""

from __future__ import annotations

import uuid
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime

import typer
from rich.status import Status

from cli.common.bootstrap import target, unknown_note
from cli.common.errors import PROBLEM
from cli.common.output import Output
from cli.common.question import agreed
from cli.common.terminal import is_live
from cli.month_end.repair_session import document, refusals_as_messages, repairer, report_repairs
from metering.period import Period
from reconciliation.lake.month_readiness import readiness_of
from reconciliation.ports import StepProgress
from reconciliation.reconcile import Sources
from reconciliation.repair.rebuild import rebuild
from reconciliation.repair.scope import NotRepairableError, Scope
from reconciliation.report.verdict import counted
from reconciliation.wiring import make_sources, utc_now


@dataclass(frozen=True, slots=True, kw_only=False)
class RebuildOptions:
    """What is to be rebuilt, and how."""

    month: Period
    key: str | None = None
    day: Period | None = None
    correct: bool = False
    lower: str = ""
    """Why counters may be lowered; empty: none is."""
    yes: bool = False
    allow_incomplete: bool = False


def run(options: RebuildOptions, stack: str, out: Output) -> None:
    """Rebuild, and report what was done.

    Raises:
        CommandError: it cannot be rebuilt as wished.
        MeterError, ClientError, BotoCoreError: something could not be read or written. What was done holds.
        typer.Exit: with 1, if a counter was left alone.
    """
    screen = out.screen()
    if options.correct:
        agreed(f"Set the counters of {options.month} to the lake's figures?", yes=options.yes)
    where = target(stack)
    status = Status(f"Rebuilding {options.month}", console=screen)
    shown: AbstractContextManager[object] = status if is_live(screen) else nullcontext()

    def on_progress(progress: StepProgress) -> None:
        status.update(f"Rebuilding {options.month}: {progress.step} {progress.done:,}")

    with shown, refusals_as_messages():
        sources = make_sources(where.deployment.reconciliation, where.client)
        scope = Scope(
            options.month,
            f"rebuild-{uuid.uuid4()}",
            "rebuilt from the lake",
            _complete_through(options, sources),
            None if options.key is None else {options.key},
            None if options.day is None else {options.day},
            lower=options.lower,
        )
        repairing = repairer(where, sources, on_progress)
        rebuilt = rebuild(repairing, scope, correct=options.correct)
    out.write(document(rebuilt))
    report_repairs(screen, rebuilt)
    if options.key is not None and not rebuilt.keys:
        screen.print(unknown_note(where, options.key), soft_wrap=True)
    if rebuilt.held_back:
        screen.print(
            f"{counted(rebuilt.held_back, 'counter')} higher than the lake and left unchanged: find out "
            "which side is right (`usage-meter reconcile`), then give a reason (--lower REASON)",
            soft_wrap=True,
        )
    if rebuilt.left or rebuilt.held_back:
        raise typer.Exit(PROBLEM)


def _complete_through(options: RebuildOptions, sources: Sources) -> datetime:
    """How far the lake is complete. How far the counters are is seen by the rebuild itself: it waits for the
    stream, also where the table with the progress was lost.

    Raises:
        NotRepairableError: not all that was asked for is complete.
    """
    time = utc_now()
    if options.allow_incomplete:
        return time
    ready = readiness_of(options.month, time, None, sources.delivered, sources.errors())
    if ready.missing and options.day is None:
        raise NotRepairableError(
            f"{options.month} is not complete: {'; '.join(ready.missing)}. Rebuild it when it is, or the "
            "days that are over with --allow-incomplete"
        )
    return ready.until
