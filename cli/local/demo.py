"""`usage-meter demo`: what is asked for. How it runs is in :mod:`cli.local.demo_session`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.common.numbers import whole_number
from cli.common.options import AsJson, OutFile
from cli.common.output import output

EXAMPLES = """Examples:

    usage-meter demo

    usage-meter demo --access-log access.jsonl.gz --out out.json

    usage-meter demo --lines 20k

    usage-meter demo --chaos 1 --no-serve

    usage-meter demo --no-serve --lake lake --report reports

    AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8000 usage-meter demo
"""


def command(  # noqa: PLR0913 - each is an option
    *,
    access_log: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE[.gz]",
            exists=True,
            dir_okay=False,
            readable=True,
            help="Play this access log, one JSON object a line, instead of generated traffic.",
        ),
    ] = None,
    chaos: Annotated[
        int | None,
        typer.Option(
            metavar="SEED",
            help="Inject faults from this random seed: duplicates, failures, crashes, a change of shards.",
        ),
    ] = None,
    json: AsJson = False,
    out: OutFile = None,
    lake: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER", file_okay=False, help="Keep the Parquet files of the lake in this new folder."
        ),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            file_okay=False,
            help="Write the report of each month to this folder: as JSON, as CSV, and as a page.",
        ),
    ] = None,
    lines: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            parser=whole_number,
            help="Lines of generated traffic, 1,000 without it; or of the access log, all without it.",
        ),
    ] = None,
    no_serve: Annotated[
        bool,
        typer.Option(
            "--no-serve",
            help="Stop when everything is reconciled, instead of keeping the local cloud running.",
        ),
    ] = False,
    speed: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            help="Play N times as fast as the log was written, instead of as fast as the meter counts.",
        ),
    ] = None,
) -> None:
    """Play an access log through the whole meter on this machine, and reconcile it.

    Log group, stream, both Lambda functions, counters, lake and reconciliation run in this process; nothing
    leaves it and no AWS account is needed. Exits 0 only if the counters and the lake hold the same calls.
    """
    if lake is not None and lake.exists() and any(lake.iterdir()):
        raise typer.BadParameter(f"{lake} is not empty: name a new folder", param_hint="--lake")
    if speed is not None and not speed > 0:
        raise typer.BadParameter(f"{speed} is not a valid speed: give a number above 0", param_hint="--speed")
    from cli.local.demo_session import DemoOptions, run  # noqa: PLC0415 - slow to load, and not needed for --help

    files = output(json=json, out=out), lake, report
    run(DemoOptions(access_log, chaos, *files, serve=not no_serve, speed=speed, lines=lines))
