"""`usage-meter send`: what is asked for. How it runs is in :mod:`cli.log_lines.send_session`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output

EXAMPLES = """Examples:

    usage-meter send access.jsonl.gz

    tail -n 100 access.jsonl | usage-meter send - --yes

    usage-meter send access.jsonl --log-group my-api-access-log
"""


def command(  # noqa: PLR0913 - each is an option
    *,
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE|-",
            help="Log lines, or deliveries and events of CloudWatch Logs, one a line; plain or gzip. "
            "- reads standard input.",
        ),
    ],
    log_group: Annotated[
        str | None,
        typer.Option("--log-group", metavar="NAME", help="Into this log group instead of the stack's own."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Send to AWS without asking.")] = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Put access-log lines into the meter's log group, as API Gateway would: they are counted and billed.

    Into the local cloud by the variables that `usage-meter local` prints; into an AWS account by the usual
    settings (AWS_PROFILE, AWS_REGION), after asking. A line's own time decides the month that it counts in.
    Exits 1 if lines were not taken.
    """
    from cli.log_lines.send_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(file, stack, log_group, output(json=json, out=out), yes=yes)
