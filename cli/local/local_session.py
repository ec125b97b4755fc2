"""One run of `usage-meter local`."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from adapters.settings.process import external_dynamodb, set_apart
from cli.common.errors import CommandError
from cli.common.terminal import console
from cli.local.demo_view import watching
from cli.local.uptime import allow_trial, show_address, stay_up
from local_cloud.api_gateway.lookup_server import LookUpServer
from local_cloud.api_gateway.orders_api import GuardedApi
from local_cloud.demo.parameters import machine_parameters
from local_cloud.demo.progress import DemoProgress
from local_cloud.demo.run import Demo, DemoSettings
from local_cloud.demo.source import AccessLog, UnreadableLogError, from_file
from local_cloud.pipeline import Listeners, Pipeline
from local_cloud.schedule import ScheduledRuns
from local_cloud.stack import LocalCloud, NotOnThisMachineError
from reconciliation.report.verdict import counted
from stream_processor.processor import BatchReport


def run(access_log: Path | None, speed: float | None) -> None:
    """Keep the cloud and both functions running, and play a log if there is one.

    Raises:
        CommandError: it could not be run as wished.
    """
    set_apart()
    screen = console()
    try:
        if access_log is None:
            _run_empty(screen)
        else:
            _run_playing(screen, from_file(access_log), speed)
    except (UnreadableLogError, NotOnThisMachineError) as error:
        raise CommandError(f"{error}.") from error


def _run_empty(screen: Console) -> None:
    dynamodb = external_dynamodb()
    parameters = machine_parameters(external_dynamodb=dynamodb is not None)
    listeners = Listeners(on_batch=lambda report: screen.print(_line(report), markup=False))
    with (
        LocalCloud(parameters, dynamodb_endpoint=dynamodb) as cloud,
        Pipeline(cloud, listeners),
        LookUpServer(cloud) as dashboard,
        GuardedApi(cloud) as api,
    ):
        allow_trial(cloud)
        show_address(screen, cloud, dashboard, of_log=False, api=api)
        stay_up(screen, ScheduledRuns(cloud).run)


def _run_playing(screen: Console, log: AccessLog, speed: float | None) -> None:
    progress = DemoProgress(log.total)
    settings = DemoSettings(log, speed=speed, dynamodb_endpoint=external_dynamodb())
    with Demo(settings, progress) as demo, LookUpServer(demo.cloud) as dashboard:
        show_address(screen, demo.cloud, dashboard, of_log=False)
        with watching(screen, progress.snapshot):
            demo.play()
            demo.settle()
        screen.print(f"{counted(progress.sent, 'log event')} counted and stored in the lake.")
        runs = ScheduledRuns(demo.cloud)
        runs.run()  # of the log's month, before the clock leaves it
        demo.cloud.clock.release()
        stay_up(screen, runs.run)


def _line(report: BatchReport) -> str:
    return (
        f"counted {counted(report.metered, 'call')}, {report.unattributed:,} unattributed, "
        f"{report.malformed:,} malformed, {report.undecodable:,} undecodable; "
        f"{counted(report.duplicates, 'duplicate')} ignored"
    )
