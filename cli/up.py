"""A local cloud that stays up until it is interrupted."""

from __future__ import annotations

import threading

from rich.console import Console

from local_cloud.stack import LocalCloud


def tell_address(screen: Console, cloud: LocalCloud) -> None:
    """Let other commands find the cloud, and print what they need for it: lines for another terminal."""
    cloud.publish()
    screen.print("\nThe local cloud is up. In another terminal:\n")
    for name, value in cloud.endpoint.environment.items():
        screen.print(f"    export {name}={value}", markup=False, soft_wrap=True)
    screen.print(f"    usage-meter reconcile {cloud.clock.now():%Y-%m}\n", markup=False)
    screen.print(
        f"Lines put into the log group {cloud.log_group} are counted. Ctrl-C ends it.\n", markup=False
    )


def stay_up(screen: Console) -> None:
    """Wait for Ctrl-C."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        screen.print("\nThe local cloud ends, and all that it held.")
