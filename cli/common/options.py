"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StackName = Annotated[
    str, typer.Option("--stack", metavar="NAME", help="The meter's CloudFormation stack.", show_default=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON, and nothing else.")]
OutFile = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        dir_okay=False,
        allow_dash=True,
        help="Write the result to this file as JSON; - is standard output.",
    ),
]
