"""`usage-meter redrive`: what the lake lacks because Firehose could not deliver it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.common.options import StackName
from cli.common.output import written_later

EXAMPLES = """Examples:

    usage-meter redrive --dry-run

    usage-meter redrive --stack my-meter --json redriven.json
"""


def command(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and change nothing.")
    ] = False,
    stack: StackName = "usage-meter",
    json: Annotated[
        Path | None,
        typer.Option(metavar="FILE", dir_okay=False, help="Write the figures to this file as JSON."),
    ] = None,
) -> None:
    """Bring what lies under the lake's error prefix into the lake, as far as it can be read.

    It may be repeated and interrupted at will: the lake holds each record once. What cannot be read stays
    where it is and is explained. Exits 1 if something stays.
    """
    from cli.month_end.redrive_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(stack, written_later(json), dry_run=dry_run)
