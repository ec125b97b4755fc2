"""A local cloud that stays up until it is interrupted."""

from __future__ import annotations

import shlex
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from rich.console import Console

from cli.local.this_command import this_command
from local_cloud.api_gateway.lookup_server import LookUpServer
from local_cloud.api_gateway.orders_api import GuardedApi, GuardedCall, line_of, set_limit
from local_cloud.schedule import SECONDS
from local_cloud.stack import LocalCloud
from metering.quotas.plan import Limit, Span
from metering.usage import Metric

TRIAL: Final = "trial"
"""A key, and its id, and its plan: on one machine there is no secret."""
TRIAL_AMOUNT: Final = 5


def show_address(
    screen: Console,
    cloud: LocalCloud,
    dashboard: LookUpServer,
    *,
    of_log: bool,
    api: GuardedApi | None = None,
) -> None:
    """Let other commands find the cloud, and print what they need for it: lines for another terminal. The
    dashboard is to be opened at the month of the log, or at the current one. `api` is one to try a denial at.
    """
    cloud.publish()
    month = f"{cloud.clock.now():%Y-%m}"
    place = f"#/overview?month={month}" if of_log else ""
    screen.print("\nThe local cloud is running. Its dashboard is at\n")
    screen.print(f"    {dashboard.url}{place}\n", markup=False, soft_wrap=True)
    screen.print("where you sign in with the id of a key. In another terminal:\n")
    for name, value in cloud.endpoint.environment.items():
        screen.print(f"    export {name}={value}", markup=False, soft_wrap=True)
    for command in (f"top --period {month}", "health --watch", f"reconcile {month}"):
        screen.print(f"    {this_command(elsewhere=True)} {command}", markup=False, soft_wrap=True)
    screen.print(
        f"\nLines put into the log group {cloud.log_group} are counted. This sends one:\n", soft_wrap=True
    )
    now_ms = (
        time.time_ns() // 1_000_000
    )  # it is logged when it is sent, whatever the time of a log that was played
    line = line_of(cloud, {}, GuardedCall(key="my-key"), at_ms=now_ms)
    screen.print(f"    echo {shlex.quote(line)} | {this_command(elsewhere=True)} send -", soft_wrap=True)
    look = f"usage my-key --period {datetime.fromtimestamp(now_ms / 1000, UTC):%Y-%m}"
    screen.print(f"    {this_command(elsewhere=True)} {look}\n", markup=False, soft_wrap=True)
    if api is not None:
        screen.print(
            f"This API lets the key {TRIAL} through {TRIAL_AMOUNT} times an hour; then it is denied:\n"
        )
        screen.print(f"    curl -i -H 'x-api-key: {TRIAL}' {api.url}\n", soft_wrap=True)
    screen.print("Ctrl-C stops it.\n")


def allow_trial(cloud: LocalCloud) -> None:
    """Make the key that the small API is tried with."""
    set_limit(cloud, TRIAL, TRIAL, Limit(Metric.REQUESTS, Span.HOUR, TRIAL_AMOUNT), TRIAL)


def stay_up(screen: Console, add_up: Callable[[], None]) -> None:
    """Wait for Ctrl-C, and `add_up` what pages show, again and again."""
    try:
        while True:
            add_up()
            threading.Event().wait(SECONDS)
    except KeyboardInterrupt:
        screen.print("\nStopped; its data is gone.")
