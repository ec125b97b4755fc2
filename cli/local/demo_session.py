"""One run of `usage-meter demo` in a terminal: what is played, watched, reported and left running."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import typer
from rich.console import Console

from adapters.settings.process import external_dynamodb, set_apart
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import NO_OUTPUT, Output, write_bytes
from cli.common.terminal import is_live
from cli.local.demo_quota_report import show_quota
from cli.local.demo_report import show_next, show_result
from cli.local.demo_view import watching
from cli.local.log_form import show_form, show_malformed
from cli.local.uptime import show_address, stay_up
from local_cloud.api_gateway.lookup_server import LookUpServer
from local_cloud.demo.lake_copy import copy_lake
from local_cloud.demo.progress import DemoProgress, StuckError
from local_cloud.demo.quota import play_quota
from local_cloud.demo.result import DemoResult
from local_cloud.demo.run import Demo, DemoSettings
from local_cloud.demo.source import AccessLog, UnreadableLogError, from_file, generated
from local_cloud.firehose.delivery_stream import DeliveryFailedError
from local_cloud.lambda_.event_source_mapping import MappingFailedError
from local_cloud.playback.traffic import TrafficSettings
from local_cloud.schedule import ScheduledRuns
from local_cloud.stack import LocalCloud, NotOnThisMachineError
from metering.visible_text import visible
from reconciliation.model.report import Report
from reconciliation.report.csv import report_csv
from reconciliation.report.page import report_page
from reconciliation.report.verdict import counted

GENERATED_LINES: Final = 1000
"""What a laptop plays and proves in well under 20 seconds."""


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """What the user asked for."""

    access_log: Path | None = None
    chaos: int | None = None
    result: Output = NO_OUTPUT
    lake: Path | None = None
    report: Path | None = None
    serve: bool = False
    speed: float | None = None
    lines: int | None = None
    """Of generated traffic, or of the log's beginning; None: 1,000, or all."""


def run(options: DemoOptions) -> None:
    """Run the demo, and report what it found.

    Raises:
        CommandError: it could not be run as wished.
        typer.Exit: with 1, if the meter did not keep a promise.
    """
    set_apart()
    try:
        with _warned_once():
            problems = _run(options, options.result.screen())
    except (UnreadableLogError, NotOnThisMachineError) as error:
        raise CommandError(f"{error}.") from error
    except (MappingFailedError, DeliveryFailedError, TimeoutError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, StuckError) else error
        raise CommandError(f"The demo cannot continue: {cause}.", PROBLEM) from error
    if problems:
        raise typer.Exit(PROBLEM)


@contextmanager
def _warned_once() -> Iterator[None]:
    """The error that ends the demo says what the local cloud logs of its own end, too."""
    logger = logging.getLogger("local_cloud")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def _run(options: DemoOptions, screen: Console) -> list[str]:
    log = _log(options)
    dynamodb = external_dynamodb()
    _announce(screen, log, options, dynamodb)
    if options.access_log is not None:
        show_form(screen, log, options.access_log)
    progress = DemoProgress(log.total)
    settings = DemoSettings(log, options.chaos, options.speed, dynamodb)
    with Demo(settings, progress) as demo:
        result = _watched(demo, progress, screen)
        options.result.write(result.to_json())
        show_result(screen, result)
        if options.access_log is not None:
            show_malformed(screen, result, options.access_log)
        if options.lake is not None:
            _keep_lake(screen, demo, options.lake)
        if options.report is not None:
            _keep_reports(screen, result.proof.reports, options.report)
        if not result.problems and options.chaos is None and options.access_log is None:
            show_quota(screen, play_quota(demo.cloud, demo.settle))
        show_next(screen)
        if options.serve and is_live(screen):
            _serve(screen, demo.cloud)
    return result.problems


def _log(options: DemoOptions) -> AccessLog:
    if options.access_log is None:
        return generated(TrafficSettings(calls=options.lines or GENERATED_LINES))
    return from_file(options.access_log, options.lines)


def _serve(screen: Console, cloud: LocalCloud) -> None:
    """Keep the cloud up, and serve its dashboard: of the log's month, which may be long ago."""
    with LookUpServer(cloud) as dashboard:
        runs = ScheduledRuns(cloud)
        runs.run()  # of the log's month, before the clock leaves it
        show_address(screen, cloud, dashboard, of_log=True)
        cloud.clock.release()
        stay_up(screen, runs.run)


def _watched(demo: Demo, progress: DemoProgress, screen: Console) -> DemoResult:
    with watching(screen, progress.snapshot):
        demo.play()
        demo.settle()
        return demo.reconcile()


def _keep_lake(screen: Console, demo: Demo, folder: Path) -> None:
    try:
        files, refused = copy_lake(demo.cloud, folder)
    except OSError as error:
        raise CommandError(f"The lake cannot be written to {folder}: {error.strerror}.") from error
    screen.print(f"\n{len(files):,} Parquet files are in {folder}", markup=False, soft_wrap=True)
    for name in refused:
        message = f"Left out, because its name points outside the folder: {visible(name)}"
        screen.print(message, markup=False, soft_wrap=True)


def _keep_reports(screen: Console, reports: Iterable[Report], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for report in reports:
            write_bytes(folder / f"{report.month}.json", report.to_json() + b"\n")
            write_bytes(folder / f"{report.month}.csv", report_csv(report))
            write_bytes(folder / f"{report.month}.html", report_page(report))
    except OSError as error:
        raise CommandError(f"The reports cannot be written to {folder}: {error.strerror}.") from error
    screen.print(f"\nThe reports of the months are in {folder}", markup=False, soft_wrap=True)


def _announce(screen: Console, log: AccessLog, options: DemoOptions, dynamodb: str | None) -> None:
    faults = "no faults" if options.chaos is None else f"faults drawn from seed {options.chaos}"
    engine = f"DynamoDB at {dynamodb}" if dynamodb else "DynamoDB by moto"
    screen.print(
        f"Playing {log.name}: {counted(log.total, 'line')}, {faults}, {engine}", markup=False, soft_wrap=True
    )
