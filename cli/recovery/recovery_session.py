"""What the commands share that bring calls in: what would change is shown, and with `--yes` it is done."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import typer
from rich.console import Console
from rich.status import Status

from adapters.s3.lake_writer import LakeWriter
from cli.common.bootstrap import Target, target
from cli.common.errors import PROBLEM
from cli.common.output import Output
from cli.common.terminal import is_live
from cli.month_end.repair_session import document, refusals_as_messages, repairer, report_repairs
from reconciliation.ports import OnProgress, StepProgress
from reconciliation.reconcile import Sources
from reconciliation.recovery.recoverer import Recovered, Recoverer
from reconciliation.report.verdict import counted
from reconciliation.wiring import make_recoverer, make_sources, utc_now

MOST_SHOWN: Final = 20

Found = TypeVar("Found")
"""What a command has found, and would change."""
Cells = TypeVar("Cells", bound=tuple[str, ...])


@dataclass(frozen=True, slots=True)
class RecoveryTools:
    """A deployed stack, with what changes its lake and its counters."""

    where: Target
    sources: Sources
    writer: LakeWriter
    recoverer: Recoverer
    on_progress: OnProgress


@dataclass(frozen=True, slots=True)
class Task(Generic[Found]):
    """What a command looks for in a stack, and how it brings it in."""

    look: Callable[[str], Found]
    """What would be changed, by a run of this id. Nothing is changed."""
    carry_out: Callable[[Found, str, str, datetime], Recovered]
    """Bring in what was found: by a run of this id, for this caller, at this time."""


@dataclass(frozen=True, slots=True)
class Command(Generic[Found]):
    """What one command does in its own way."""

    name: str
    reading: str
    """Shown while it looks."""
    task: Callable[[RecoveryTools], Task[Found]]
    is_change: Callable[[Found], bool]
    show: Callable[[Console, Found, bool], None]
    """To the terminal; the last argument: whether it was brought in."""
    document: Callable[[Found], dict[str, Any]]
    """As JSON takes it."""


def run(command: Command[Found], stack: str, out: Output, *, yes: bool) -> None:
    """Say what would be brought in; with `yes`, bring it in.

    Raises:
        CommandError: what was asked for is refused.
        MeterError, ClientError, BotoCoreError: something could not be read or written. What was done holds.
        typer.Exit: with 1, if a counter was left alone.
    """
    screen = out.screen()
    status = Status(command.reading, console=screen)
    recovered = Recovered()
    where = target(stack)
    with status if is_live(screen) else nullcontext(), refusals_as_messages():
        recovery = _recovery(where, status)
        work = command.task(recovery)
        if yes:
            recovered.add(recovery.recoverer.finish())
        found = work.look(_new_id(command.name))
        if yes and command.is_change(found):
            recovered.add(work.carry_out(found, _new_id(command.name), where.caller, utc_now()))
    repaired = [*map(document, recovered.repaired)]
    out.write({**command.document(found), "dry_run": not yes, "repaired": repaired})
    command.show(screen, found, yes)
    for one in recovered.repaired:
        report_repairs(screen, one)
    if recovered.left:
        screen.print(
            f"{counted(recovered.left, 'counter')} left unchanged: run it again later", soft_wrap=True
        )
        raise typer.Exit(PROBLEM)


def _recovery(where: Target, status: Status) -> RecoveryTools:
    def on_progress(progress: StepProgress) -> None:
        status.update(f"Bringing calls in: {progress.step} {progress.done:,}")

    settings = where.deployment.reconciliation
    database, name = where.deployment.values("LakeDatabaseName", "LakeTableName")
    sources = make_sources(settings, where.client)
    recoverer = make_recoverer(settings, where.client, sources, repairer(where, sources, on_progress))
    writer = LakeWriter.from_glue(where.client("s3"), where.client("glue"), database, name)
    return RecoveryTools(where, sources, writer, recoverer, on_progress)


def _new_id(command: str) -> str:
    return f"{command}-{uuid.uuid4()}"


def most_frequent(counts: Counter[Cells]) -> Iterator[tuple[str, ...]]:
    """Rows of a table for the most frequent, and one that says how many more there are."""
    for cells, lines in counts.most_common(MOST_SHOWN):
        yield *cells, f"{lines:,}"
    if len(counts) > MOST_SHOWN:
        yield (f"and {len(counts) - MOST_SHOWN:,} more",)
