"""`usage-meter lines`: what is asked for. How it runs is in :mod:`cli.log_lines.lines_session`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.numbers import whole_number
from cli.common.options import AsJson, OutFile
from cli.common.output import output
from metering.billing_rule import BillingRule
from metering.line_format.field_map import parse_field_map

EXAMPLES = """Examples:

    usage-meter lines access.jsonl.gz

    usage-meter lines --log-group my-api-access-log

    usage-meter lines access.jsonl --fields status=code,apiKeyId=customer --json

    head -n 1000 access.log | usage-meter lines -
"""


def command(  # noqa: PLR0913 - each is an option
    *,
    file: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE|-",
            help="Lines, or deliveries and events of CloudWatch Logs with lines in them; plain or gzip. "
            "- reads standard input.",
        ),
    ] = None,
    log_group: Annotated[
        str | None,
        typer.Option("--log-group", metavar="NAME", help="Read the last hour of this log group instead."),
    ] = None,
    fields: Annotated[
        str,
        typer.Option(
            metavar="VALUE=NAME,...",
            help="The names of fields that differ, as in the stack's parameter FieldMap.",
        ),
    ] = "",
    limit: Annotated[
        int, typer.Option(metavar="N", parser=whole_number, help="The maximum number of lines to read.")
    ] = 10_000,
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Show for a sample of log lines, by kind, what is counted and what is not, why, and what to do.

    Exits 0 if every line is counted; 1 if some are not, or are counted for nobody because their format
    has no key.
    """
    if (file is None) == (log_group is None):
        raise typer.BadParameter("give exactly one of a file, - and --log-group", param_hint="FILE")
    try:
        rule = BillingRule(fields=parse_field_map(fields))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--fields") from error
    from cli.log_lines.lines_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(file, log_group, rule, limit=limit, out=output(json=json, out=out))
