"""`usage-meter cost`: what the running month costs so far. :mod:`cli.billing.cost_session` runs it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output

EXAMPLES = """Examples:

    usage-meter cost

    usage-meter cost acme --out cost.json

    usage-meter cost --tariff next-year.yaml
"""


def command(
    *,
    account: Annotated[
        str | None,
        typer.Argument(metavar="[ACCOUNT]", help="An account of the tariff, or key:KEY. Without it, all."),
    ] = None,
    tariff: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            exists=True,
            dir_okay=False,
            readable=True,
            help="Use this tariff, not the one published by `usage-meter tariff publish`.",
        ),
    ] = None,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Show what the current month costs so far, line by line, and in full at this pace.

    The figures are from the counters, which are seconds old and not proven: invoices are made from the lake,
    after a reconciliation without differences. Nothing is issued. Exits 1 if calls have no price.
    """
    from cli.billing.cost_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run(account, tariff, stack, output(json=json, out=out))
