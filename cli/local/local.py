"""`usage-meter local`: the meter on this machine, until Ctrl-C."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

EXAMPLES = """Examples:

    usage-meter local

    usage-meter local --access-log access.jsonl.gz --speed 60
"""


def command(
    *,
    access_log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE[.gz]",
            exists=True,
            dir_okay=False,
            readable=True,
            help="Play this access log, one JSON object a line, while the local cloud runs.",
        ),
    ] = None,
    speed: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            help="Play N times as fast as the log was written, instead of as fast as the local cloud "
            "accepts it.",
        ),
    ] = None,
) -> None:
    """Run the whole meter on this machine, and print how to reach it.

    Everything written to its log group is counted and stored in its lake, as on AWS.
    """
    if speed is not None and not speed > 0:
        raise typer.BadParameter(f"{speed} is not a valid speed: give a number above 0", param_hint="--speed")
    from cli.local.local_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(access_log, speed)
