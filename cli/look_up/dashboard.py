"""`usage-meter dashboard`: what is asked for. How it runs is in :mod:`cli.look_up.dashboard_session`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.options import StackName

EXAMPLES = """Examples:

    usage-meter dashboard

    usage-meter dashboard --port 8080 --stack my-meter
"""


def command(
    *,
    port: Annotated[
        int,
        typer.Option("--port", min=0, max=65535, help="The port on 127.0.0.1; 0 finds a free one."),
    ] = 0,
    stack: StackName = "usage-meter",
) -> None:
    """Serve the dashboard of a deployment on this machine, for an operator, until Ctrl-C.

    The counters are read with your own AWS credentials, found by the usual settings (AWS_PROFILE,
    AWS_REGION); they need dynamodb:Query and dynamodb:BatchGetItem on the counters table, and
    cloudformation:DescribeStacks. Whoever has the printed address sees all keys. It contains a token that is
    new each time and that no other user of this machine and no page in your browser knows.
    """
    from cli.look_up.dashboard_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(stack, port)
