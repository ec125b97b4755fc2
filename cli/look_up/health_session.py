"""One run of `usage-meter health`."""

from __future__ import annotations

import typer

from cli.common.errors import PROBLEM
from cli.look_up.health_view import draw_health
from cli.look_up.usage_output import How, show
from cli.look_up.usage_source import look_ups_of_stack


def run(stack: str, how: How) -> None:
    """Show the meter's health.

    Raises:
        MeterError, ClientError, BotoCoreError: something could not be read.
        typer.Exit: with 1, if the meter was not well in the last answer: behind, stopped, or unknown.
    """
    answer = show(look_ups_of_stack(stack).health, draw_health, how)
    if answer.status != "ok":
        raise typer.Exit(PROBLEM)
