"""`usage-meter tariff`: what things cost, as a file and in force."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output

HELP = "What calls cost: the tariff file that invoices are made by."

EXAMPLES = """Examples:

    usage-meter tariff check tariff.yaml

    usage-meter tariff check tariff.yaml --out checked.json

    usage-meter tariff publish tariff.yaml
"""

app = typer.Typer(no_args_is_help=True)


@app.callback()
def tariff() -> None:
    """Commands of the tariff file."""


@app.command("check")
def check(
    *,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", exists=True, dir_okay=False, readable=True, help="Such as tariff.yaml."
        ),
    ],
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Check a tariff, and name every fault with its place. Exits 1 if there is one.

    docs/prices.md explains the file, docs/examples/tariff.yaml shows one. AWS is not called.
    """
    from cli.billing.tariff_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(file, output(json=json, out=out))


@app.command("publish")
def publish(
    *,
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", exists=True, dir_okay=False, readable=True, help="Such as tariff.yaml."
        ),
    ],
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Check a tariff, and put it in force for the cost of the current month, in the look-up API and
    `usage-meter cost`.

    Each one is kept in the lake's bucket under its own number. Invoices use the file given to `usage-meter
    invoice`.
    """
    from cli.billing.tariff_session import publish as put_in_force  # noqa: PLC0415 - slow to load, as above

    put_in_force(file, stack, output(json=json, out=out))
