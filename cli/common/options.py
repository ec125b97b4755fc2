"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

StackName = Annotated[
    str, typer.Option("--stack", metavar="NAME", help="The meter's CloudFormation stack.", show_default=True)
]
