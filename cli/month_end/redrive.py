"""`usage-meter redrive`: what the lake lacks because Firehose could not deliver it."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output

EXAMPLES = """Examples:

    usage-meter redrive --dry-run

    usage-meter redrive --stack my-meter --out redriven.json
"""


def command(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and change nothing.")
    ] = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Bring records under the lake's error prefix into the lake, if they can be read.

    The command can be interrupted and repeated: the lake holds each record once. What cannot be read is
    explained and left where it is. Exits 1 if anything is left.
    """
    from cli.month_end.redrive_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(stack, output(json=json, out=out), dry_run=dry_run)
