"""`usage-meter verify`: whether all that was billed is still what it was. :mod:`cli.billing.verify_session`
runs it.
"""

from __future__ import annotations

from typing import Annotated

import typer

from cli.common.months import month_argument
from cli.common.options import AsJson, OutFile, StackName
from cli.common.output import output
from metering.period import Period

EXAMPLES = """Examples:

    usage-meter verify

    usage-meter verify 2026-10 --out october.json

    usage-meter verify --no-rows --head 7:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""


def command(  # noqa: PLR0913 - each is an option
    *,
    months: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MONTH]...",
            parser=month_argument,
            help="Months whose rows are computed again, such as 2026-10. Without one, all sealed months.",
        ),
    ] = None,
    rows: Annotated[
        bool, typer.Option("--rows/--no-rows", help="Compute the rows of sealed months again from the lake.")
    ] = True,
    head: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NUMBER:SHA256", help="A head of the chain that you kept earlier. May be repeated."
        ),
    ] = None,
    stack: StackName = "usage-meter",
    json: AsJson = False,
    out: OutFile = None,
) -> None:
    """Check everything that decides billing (seals, sealed usage, invoices) against the chain of what was
    billed.

    Each link of the chain names objects, and the link before it, by SHA-256; the last link is kept in the
    counters' table, too. The rows of each sealed month are computed again from the lake and compared with
    those that were billed. Nothing is written. Exits 1 if anything is missing or was altered.
    """
    from cli.billing.verify_session import run  # noqa: PLC0415 - slow to load, and not needed for --help

    run([Period(month) for month in months or ()], stack, head or (), output(json=json, out=out), rows=rows)
