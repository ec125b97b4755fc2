"""`usage-meter resume`: a counters table that was restored may call itself complete again."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output

EXAMPLES = """Examples:

    usage-meter resume

    usage-meter resume --yes
"""


def command(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Report again how far the counters are complete, after their table was restored.

    First set the event source mapping back to before the time up to which the restored table is complete; the
    runbook has the commands. This is checked: the mapping must be enabled, read the meter's stream, and begin
    at a time before. The recorded progress of the shards is removed, so that only what is read from there on
    counts. Exits 1 if the table was not restored or changed meanwhile, or the mapping was not set back.
    """
    from cli.recovery.resume_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(stack, output(json=json, out=out), yes=yes)
