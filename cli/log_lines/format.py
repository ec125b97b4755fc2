"""`usage-meter format`: what is asked for. How it runs is in :mod:`cli.log_lines.format_session`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.options import AsJson, OutFile
from cli.common.output import output
from metering.line_format.format_check import KEY_VARIABLE
from metering.line_format.stage_format import ApiType

HELP = "The access-log format of a stage: what is missing for its calls to be fully metered."

EXAMPLES = """Examples:

    usage-meter format check '{"requestId":"$context.requestId","status":"$context.status"}'

    usage-meter format check format.json --api http --key-variable claims.client_id --json

    aws apigateway get-stage --rest-api-id API --stage-name STAGE | usage-meter format check -
"""

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keeps `check` a command of its own, though it is the only one."""


@app.command("check")
def check(
    *,
    format_: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT|FILE|-",
            help="The format itself, in single quotes; or a file with it, or with what "
            "`aws apigateway get-stage` or `aws apigatewayv2 get-stage` prints. - reads standard input.",
        ),
    ],
    api: Annotated[
        ApiType | None,
        typer.Option(help="The type of the API. By default it is recognised by the variables."),
    ] = None,
    key_variable: Annotated[
        str,
        typer.Option(
            metavar="NAME", help="What names the customer of an HTTP API in its authorizer's context."
        ),
    ] = KEY_VARIABLE,
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Show what is missing in a stage's format, and print the smallest extension of it that is fully metered.

    Exits 0 if nothing is missing, else 1.
    """
    from cli.log_lines.format_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(format_, api, key_variable, output(json=json, out=out))
