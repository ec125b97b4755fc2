"""One run of `usage-meter dashboard`."""

from __future__ import annotations

import secrets
import threading

from botocore.config import Config
from rich.console import Console

from cli.common.bootstrap import target
from cli.common.errors import CommandError
from cli.common.terminal import console
from cli.look_up.usage_source import settings_of, utc_now
from local_cloud.api_gateway.http_front import Access, LookUpFront
from local_cloud.lambda_.function import LambdaFunction
from local_cloud.telemetry import quiet_telemetry
from local_cloud.template.document import Stack
from usage_api.handler import Clocks, make_handler

_PATIENCE = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
"""A page waits for the answer, and the way to AWS is longer from here than from Lambda."""

_FUNCTION_ARN = "arn:aws:lambda:local:000000000000:function:look-ups"
_TIMEOUT_SECONDS = 20
_TOKEN_BYTES = 16


def run(stack: str, port: int) -> None:
    """Serve the dashboard until Ctrl-C.

    Raises:
        CommandError: the port cannot be had.
        MeterError, ClientError, BotoCoreError: there is no such stack, or AWS does not answer.
    """
    screen, server = console(), _server(stack, port)
    with server:
        screen.print(f"The dashboard of the stack {stack} is at", markup=False)
        screen.print(f"\n    {server.url}\n", markup=False, soft_wrap=True)
        screen.print("It reads with your AWS credentials, for whoever has this address: keep it to yourself.")
        screen.print("Ctrl-C ends it.")
        wait(screen)


def wait(screen: Console) -> None:
    """Until Ctrl-C."""
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        screen.print("\nThe dashboard has stopped.")


def _server(stack: str, port: int) -> LookUpFront:
    where = target(stack)
    settings, dynamodb = settings_of(where.deployment), where.client("dynamodb", config=_PATIENCE)
    handler = make_handler(
        settings, dynamodb, quiet_telemetry("usage_api"), Clocks(utc_now), lambda: where.client("s3")
    )
    function = LambdaFunction("look-ups", handler, arn=_FUNCTION_ARN, timeout_seconds=_TIMEOUT_SECONDS)
    try:
        return LookUpFront(function, Stack(), port, access=Access(token=secrets.token_urlsafe(_TOKEN_BYTES)))
    except OSError as error:
        raise CommandError(
            f"Port {port} of 127.0.0.1 cannot be used: {error.strerror}. Leave out --port for a free one."
        ) from error
