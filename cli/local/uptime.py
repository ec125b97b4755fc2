"""A local cloud that stays up until it is interrupted."""

from __future__ import annotations

import threading

from rich.console import Console

from cli.local.this_command import this_command
from local_cloud.api_gateway.lookup_server import LookUpServer
from local_cloud.stack import LocalCloud


def tell_address(screen: Console, cloud: LocalCloud, dashboard: LookUpServer, *, of_log: bool) -> None:
    """Let other commands find the cloud, and print what they need for it: lines for another terminal. The
    dashboard is to be opened at the month of the log, or at the current one.
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
        f"\nLines put into the log group {cloud.log_group} are counted. Ctrl-C stops it.\n", markup=False
    )


def stay_up(screen: Console) -> None:
    """Wait for Ctrl-C."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        screen.print("\nStopped; its data is gone.")
