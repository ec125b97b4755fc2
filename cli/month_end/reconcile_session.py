"""One run of `usage-meter reconcile`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from json import loads
from pathlib import Path
from typing import NamedTuple

import typer
from rich.console import Console
from rich.status import Status
from rich.table import Table

from cli.common.bootstrap import target
from cli.common.errors import PROBLEM
from cli.common.output import Output, screen_beside, write_bytes
from cli.common.terminal import Text, is_live
from cli.month_end.proof_table import difference_lines, outcomes_table
from cli.month_end.repair_session import document as repaired_document
from cli.month_end.repair_session import repair
from metering.period import Period
from metering.proof.witness import witness_lines
from reconciliation.model.causes import ADVICE, Cause
from reconciliation.model.report import Report
from reconciliation.ports import StepProgress
from reconciliation.reconcile import Reconciler
from reconciliation.report.csv import report_csv
from reconciliation.report.page import report_page
from reconciliation.report.publication import ReportPublisher
from reconciliation.report.verdict import counted, extent
from reconciliation.wiring import make_reports, make_sources, make_witnesses, utc_now

_MOST_SHOWN = 10


class Files(NamedTuple):
    """Which files are written, beside the JSON."""

    html: Path | None = None
    csv: Path | None = None

    def write(self, report: Report) -> None:
        """Write them."""
        write_bytes(self.html, report_page(report))
        write_bytes(self.csv, report_csv(report))


class ReconcileOptions(NamedTuple):
    """What else is asked for."""

    allow_incomplete: bool = False
    repair: bool = False
    yes: bool = False
    """Repair without asking."""
    lower: str = ""
    """Why a repair may lower counters; empty: it may not."""
    publish: bool = False
    files: Files = Files()
    witnesses: bool = False
    """Compare with what AWS itself counted, too."""


def run(month: Period, stack: str, out: Output, options: ReconcileOptions) -> None:
    """Reconcile, report what was found, and repair it with `--repair`.

    Raises:
        MeterError, ClientError, BotoCoreError: something could not be read.
        typer.Exit: with 1, if something differs or it was refused.
    """
    screen = screen_beside([*out.places, *options.files])
    report, place = _reconciled(month, stack, screen, options)
    document = loads(report.to_json())
    out.write_early(document)
    options.files.write(report)
    _show(screen, report)
    if place:
        screen.print(place, markup=False, soft_wrap=True)
    is_solved = report.agrees
    try:
        if not report.agrees and options.repair and not report.refused:
            is_solved, repaired = repair(report, stack, screen, yes=options.yes, lower=options.lower)
            document["repair"] = repaired_document(repaired)
    finally:
        out.write(document)
    if not is_solved:
        raise typer.Exit(PROBLEM)


def _reconciled(month: Period, stack: str, screen: Console, options: ReconcileOptions) -> tuple[Report, str]:
    """The report, and where it was published."""
    found = target(stack)
    settings = found.deployment.reconciliation
    status = Status(f"Reconciling {month}", console=screen)
    shown: AbstractContextManager[object] = status if is_live(screen) else nullcontext()

    def on_progress(progress: StepProgress) -> None:
        status.update(f"Reconciling {month}: {progress.step} {progress.done:,}")

    run_id, allowed = str(uuid.uuid4()), options.allow_incomplete
    with shown:
        witnesses = make_witnesses(settings, found.client) if options.witnesses else ()
        sources = make_sources(settings, found.client)._replace(witnesses=witnesses)
        reconciler = Reconciler(sources, utc_now, on_progress)
        if not options.publish:
            return reconciler.reconcile(month, run_id=run_id, allow_incomplete=allowed), ""
        publisher = ReportPublisher(make_reports(settings, found.client), reconciler, utc_now)
        published = publisher.publish(month, run_id=run_id, allow_incomplete=allowed)
    whose = (
        "Published" if published.is_own else "Another job found the same at the same time, and published it"
    )
    return published.report, f"{whose}: {published.place}"


def _show(screen: Console, report: Report) -> None:
    for line in described(report):
        screen.print(line, markup=False) if isinstance(line, str) else screen.print(line)


def described(report: Report) -> Iterator[str | Text | Table]:
    """The report, part by part."""
    if report.refused:
        yield from (f"Missing: {reason}" for reason in report.missing)
        yield Text(f"REFUSED: {report.month} is not complete on both paths.", "bold red")
        yield "Compare it when it is, or now with --allow-incomplete."
        return
    yield outcomes_table([report])
    yield ""
    yield from (f"Not complete: {reason}" for reason in (*report.missing, *report.source_gaps))
    yield from witness_lines(report.witnesses)
    if report.compared_until is not None:
        yield f"Compared: the days before {report.compared_until:%Y-%m-%d}"
    yield (
        f"Read: {counted(report.tally.counters, 'counter')}, {counted(report.tally.lake_rows, 'row')}, "
        f"{counted(report.scanned_bytes, 'byte')} of the lake in "
        f"{counted(len(report.proofs), 'query', 'queries')}"
    )
    if report.agrees and not (report.tally.counters or report.tally.lake_rows):
        yield Text(f"No calls: the counters and the lake hold no calls of {report.month}.", "bold yellow")
    elif report.agrees:
        yield Text("No drift: the counters and the lake hold the same events.", "bold green")
    else:
        yield Text(f"PROBLEM: {extent(report)}", "bold red")
        yield from difference_lines(report.differences, report.differences_found)
        yield from _disagreeing_counters(report)
    for repeated in report.repeated_objects[:_MOST_SHOWN]:
        yield f"  {repeated.object} repeats {counted(repeated.rows, 'row')} of {repeated.copy_of}"
    yield from finding_lines(report)


def _disagreeing_counters(report: Report) -> Iterator[str]:
    for contradiction in report.contradictions[:_MOST_SHOWN]:
        yield f"  {contradiction.key} {contradiction.period}: {contradiction.sentence}"


def finding_lines(report: Report) -> Iterator[str]:
    """A line for each of the first findings, and for each of their causes what to do."""
    for cause, number in report.causes.items():
        yield f"{cause}: {number:,}. {ADVICE[Cause(cause)]}"
        of_cause = [finding for finding in report.findings if finding.cause == cause]
        for finding in of_cause[:_MOST_SHOWN]:
            name = finding.event_id or (f"hash {finding.event_hash}" if finding.event_hash else "counter")
            yield f"  {finding.key} {finding.period} {name}: {finding.note}"
    if (rest := report.findings_found - len(report.findings)) > 0:
        yield f"and {counted(rest, 'more finding')}"
    if report.investigation_ended:
        yield f"The investigation ended early: {report.investigation_ended}."
    if report.not_looked_into:
        yield (
            f"{counted(report.not_looked_into, 'more difference')} not investigated: repair the ones "
            "above first"
        )
