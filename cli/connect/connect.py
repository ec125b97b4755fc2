"""`usage-meter connect`: what is asked for. How it runs is in :mod:`cli.connect.session`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output
from cli.connect.snippets import DefinitionLanguage

EXAMPLES = """Examples:

    usage-meter connect

    usage-meter connect --api a1b2c3d4e5/prod --apply

    usage-meter connect --all --apply

    usage-meter connect --print terraform

    usage-meter connect --write-meter meter.json

    usage-meter connect --meter meter.json --log-group api-access --all --apply
"""

RecordFile = Annotated[
    Path | None,
    typer.Option(
        "--record",
        metavar="FILE",
        dir_okay=False,
        help="The file that records the former settings; STACK.connected.json if not given.",
    ),
]

MeterFileOption = Annotated[
    Path | None,
    typer.Option(
        "--meter",
        metavar="FILE",
        dir_okay=False,
        exists=True,
        help="The meter lies in another account, and this file describes it: see --write-meter.",
    ),
]


def command(  # noqa: PLR0913 - each is an option
    *,
    api: Annotated[
        list[str] | None,
        typer.Option("--api", metavar="ID[/STAGE]", help="An API, or a stage of one. May be repeated."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All stages of the account and region.")] = False,
    apply: Annotated[
        bool, typer.Option("--apply", help="Make the changes. Without it, they are only shown.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also replace formats that are not JSON.")
    ] = False,
    print_as: Annotated[
        DefinitionLanguage | None,
        typer.Option("--print", help="Print the settings for the definition of a stage, and change nothing."),
    ] = None,
    meter: MeterFileOption = None,
    log_group: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="With --meter: the log group of this account for stages that log nothing yet.",
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(
            "--write-meter",
            metavar="FILE",
            dir_okay=False,
            help="Write what other accounts need to connect their stages to this stack, and change nothing.",
        ),
    ] = None,
    record: RecordFile = None,
    json: AsJson = False,
    out: OutFile = None,
    stack: StackName = "usage-meter",
) -> None:
    """Set up stages of REST, HTTP and WebSocket APIs to log what the meter reads.

    Shows each stage, its format and its new format (its own fields are kept), and the log group that gets a
    subscription filter. With --apply the changes are made, for the stages that --api names or for all. The
    former settings are recorded in a file, from which `usage-meter disconnect` restores them. Exits 1 if a
    stage cannot be connected.
    """
    # Slow to load, and not needed for --help.
    from cli.connect.meter import meter_of_file, meter_of_stack  # noqa: PLC0415
    from cli.connect.session import connect, print_meter, print_snippet  # noqa: PLC0415

    if meter is None and log_group is not None:
        raise typer.BadParameter("only with --meter: the stack has its own", param_hint="--log-group")
    if meter is not None and (print_as is not None or write is not None):
        raise typer.BadParameter("reads a file; the other two read the stack", param_hint="--meter")
    if write is not None:
        print_meter(stack, write)
        return
    if print_as is not None:
        print_snippet(stack, print_as)
        return
    if apply and not api and not every:
        raise typer.BadParameter("name stages by --api, or say --all", param_hint="--apply")
    found = meter_of_stack(stack) if meter is None else meter_of_file(meter, log_group)
    connect(found, api or [], record, output(json=json, out=out), applies=apply, replaces=replace)
