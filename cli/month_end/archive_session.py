"""One run of `usage-meter archive`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console
from rich.status import Status

from adapters.s3.bucket import Bucket
from adapters.s3.tariffs import S3Tariffs
from cli.common.bootstrap import Target, target
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import Output
from cli.common.question import agreed, paused
from cli.common.terminal import is_live
from cli.month_end.repair_session import refusals_as_messages
from metering.period import Period
from metering.prices.tariff import FINAL_AFTER
from metering.prices.tariff_file import read_tariff
from metering.proof.archive import ArchiveIndex, ArchiveMark
from reconciliation.archive.archiver import Archivable, Archived, Archiver, CannotArchiveError
from reconciliation.closing import NotLinkedError, SealedMonths
from reconciliation.model.report import Report
from reconciliation.ports import StepProgress
from reconciliation.reconcile import Reconciler
from reconciliation.report.verdict import counted
from reconciliation.wiring import make_archive_stores, make_chain, make_closings, make_sources, utc_now

ARCHIVED: Final = "archived"
PARTLY: Final = "partly archived"
NOT_ARCHIVED: Final = "not archived"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveOptions:
    """How a month is archived, or restored."""

    yes: bool = False
    """Whether the user has agreed already."""
    dry_run: bool = False


def run(month: Period, stack: str, options: ArchiveOptions, out: Output) -> None:
    """Archive a month, and report what was done.

    Raises:
        CommandError: it cannot be archived, or nobody agreed.
        typer.Abort: the answer was no. Nothing was written.
        MeterError, ClientError, BotoCoreError: something could not be read or written. What was done holds.
    """
    screen = out.screen()
    with _archiver(month, "Archiving", stack, screen) as (archiver, status):
        found = archiver.look(month, run_id=str(uuid.uuid4()))
        done = Archived(month, found.index, found.mark)
        if not options.dry_run and found.index.rows:
            with paused(status, screen):
                _agree(found, screen, options)
            done = archiver.archive(found)
    out.write(
        {**document(month, found.index, done.mark), "removed": done.removed, "dry_run": options.dry_run}
    )
    if options.dry_run:
        _show_index(screen, found.index)
        screen.print("Nothing was changed (--dry-run).")
    elif not found.index.rows:
        screen.print(f"{month} has no counters of days: there is nothing to archive")
    else:
        _show(screen, month, found.index, done.mark)
        _show_removed(screen, done.removed)


def _agree(found: Archivable, screen: Console, options: ArchiveOptions) -> None:
    """Ask, unless the month has been archived: then nothing but what is there twice leaves the table."""
    if found.mark is None or not found.mark.is_whole:
        _show_index(screen, found.index)
        agreed(f"Archive {found.month}?", yes=options.yes)


def restore_month(month: Period, stack: str, options: ArchiveOptions, out: Output) -> None:
    """Bring a month back into the table, and report what was done.

    Raises:
        CommandError: it never was archived, or nobody agreed.
        typer.Abort: the answer was no. Nothing was written.
        MeterError, ClientError, BotoCoreError: something could not be read or written. What was done holds.
    """
    screen = out.screen()
    with _archiver(month, "Restoring", stack, screen) as (archiver, status):
        found = archiver.restorable(month)
        if not options.dry_run:
            with paused(status, screen):
                _show_restorable(screen, found)
                agreed(f"Bring {counted(found.index.rows, 'counter')} back into the table?", yes=options.yes)
            found = archiver.restore(found)
    out.write({**document(month, found.index, found.mark), "dry_run": options.dry_run})
    if options.dry_run:
        _show_restorable(screen, found)
        screen.print("Nothing was changed (--dry-run).")
    else:
        _show(screen, month, None, None)


def show(month: Period, stack: str, out: Output) -> None:
    """Report whether a month is archived.

    Raises:
        MeterError, ClientError, BotoCoreError: it could not be read.
    """
    screen = out.screen()
    with _archiver(month, "Reading", stack, screen) as (archiver, _):
        try:
            found = archiver.archived(month)
        except CannotArchiveError:
            out.write({"month": month, "state": NOT_ARCHIVED})
            _show(screen, month, None, None)
            return
    out.write(document(month, found.index, found.mark))
    _show(screen, month, found.index, found.mark)


@contextmanager
def _archiver(month: Period, doing: str, stack: str, screen: Console) -> Iterator[tuple[Archiver, Status]]:
    """What archives months of a stack, with a line of progress while it is used."""
    status = Status(f"{doing} {month}", console=screen)

    def on_progress(progress: StepProgress) -> None:
        status.update(f"{doing} {month}: {progress.step} {progress.done:,}")

    where = target(stack)
    settings = where.deployment.reconciliation
    sources = make_sources(settings, where.client)
    reconciler = Reconciler(sources, utc_now, on_progress)

    def reconcile(period: Period, run_id: str) -> Report:
        return reconciler.reconcile(period, run_id=run_id)

    chain = make_chain(settings, where.client, where.caller)
    (stream_name,) = where.deployment.values("CallStreamName")
    made = Archiver(
        make_archive_stores(settings, stream_name, where.client),
        SealedMonths(make_closings(settings, where.client), sources.queries, chain),
        chain,
        reconcile,
        utc_now,
        who=where.caller,
        final_after=_final_after(where),
        on_progress=on_progress,
    )
    try:
        with status if is_live(screen) else nullcontext(), refusals_as_messages():
            yield made, status
    except (CannotArchiveError, NotLinkedError) as refusal:
        raise CommandError(f"{refusal}.", PROBLEM) from refusal


def _final_after(where: Target) -> int:
    """That of the tariff in force; where none was published, what a tariff has that does not say it."""
    latest = S3Tariffs(Bucket(where.client("s3"), where.deployment.reconciliation.lake_bucket)).latest()
    return FINAL_AFTER if latest is None else read_tariff(latest.value).final_after


def document(month: Period, index: ArchiveIndex, mark: ArchiveMark | None) -> dict[str, Any]:
    """What is archived, as JSON takes it."""
    return {
        "month": month,
        "state": _state(mark),
        "keys": index.keys,
        "keys_left": index.keys_left,
        "counters": index.rows,
        "parts": len(index.parts),
        "index": None if mark is None else mark.name,
        "sha256": None if mark is None else mark.sha256,
        "batches": index.batches,
        "batches_moved": 0 if mark is None else mark.moved,
    }


def _state(mark: ArchiveMark | None) -> str:
    if mark is None:
        return NOT_ARCHIVED
    return ARCHIVED if mark.is_whole else PARTLY


def _show_index(screen: Console, index: ArchiveIndex) -> None:
    screen.print(
        f"{index.month}: {counted(index.rows, 'counter')} of days, of {counted(index.keys, 'key')}, move to "
        f"{counted(len(index.parts), 'object')} of the lake's bucket. Months' own counters stay.",
        soft_wrap=True,
    )
    if index.keys_left:
        screen.print(
            f"{counted(index.keys_left, 'key')} with calls after the sealing: counters of days stay, too.",
            soft_wrap=True,
        )


def _show_restorable(screen: Console, found: Archived) -> None:
    if found.mark is not None:
        _show(screen, found.month, found.index, found.mark)
        return
    screen.print(
        f"{found.month} is not archived now. What the table lacks of {counted(found.index.rows, 'counter')} "
        "of its last archive comes back, as after a restore of the table; all others stay as they are",
        soft_wrap=True,
    )


def _show_removed(screen: Console, removed: int) -> None:
    if removed:
        screen.print(
            f"{counted(removed, 'counter')} of the archive had come back with a restore of the table, "
            "and left it again",
            soft_wrap=True,
        )


def _show(screen: Console, month: Period, index: ArchiveIndex | None, mark: ArchiveMark | None) -> None:
    if mark is None or index is None:
        screen.print(f"{month} is not archived: the counters of its days are in the table")
        return
    if mark.is_whole:
        screen.print(
            f"{month} is archived: {counted(index.rows, 'counter')} of {counted(index.keys, 'key')} in "
            f"{mark.name}. `usage-meter archive {month} --restore` brings them back",
            markup=False,
            soft_wrap=True,
        )
        return
    screen.print(
        f"{month} is partly archived: {mark.moved:,} of {counted(mark.batches, 'batch', 'batches')} left the "
        f"table. `usage-meter archive {month}` goes on, `--restore` brings them back",
        markup=False,
        soft_wrap=True,
    )
