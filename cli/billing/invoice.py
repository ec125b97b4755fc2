"""`usage-meter invoice`: what is asked for. How it runs is in :mod:`cli.billing.invoice_session`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cli.common.months import month_argument
from cli.common.options import AsJson, StackName
from cli.common.output import check_standard_output, output, written_later
from metering.period import Period

EXAMPLES = """Examples:

    usage-meter invoice 2026-10 --tariff tariff.yaml --out invoices

    usage-meter invoice 2026-10 --tariff tariff.yaml --draft --out drafts --pdf --table october.csv

    usage-meter invoice 2026-10 --tariff tariff.yaml --rehearse next-year.yaml

    usage-meter invoice 2026-10 --tariff tariff.yaml --export stripe events.jsonl
"""


class ExportKind(StrEnum):
    """For whom invoices are exported."""

    JSON = "json"
    STRIPE = "stripe"


def _readable(help_text: str, metavar: str = "FILE") -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        metavar=metavar, exists=True, dir_okay=False, readable=True, help=help_text
    )
    return option


def command(  # noqa: PLR0913 - each is an option
    *,
    of_month: Annotated[
        str, typer.Argument(metavar="MONTH", parser=month_argument, help="Such as 2026-10, in UTC.")
    ],
    tariff: Annotated[Path, _readable("The tariff: what calls cost, and who pays. See docs/prices.md.")],
    account: Annotated[
        str | None, typer.Option(metavar="ACCOUNT", help="Invoice this account of the tariff only.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", file_okay=False, help="Also write the invoices into this folder."),
    ] = None,
    rehearse: Annotated[
        Path | None,
        _readable("Issue nothing; show who would have paid more or less under this tariff."),
    ] = None,
    export: Annotated[
        tuple[ExportKind, Path] | None,
        typer.Option(
            metavar="json|stripe FILE",
            help="Export the month to a billing system: all documents as JSON, or meter events as JSON "
            "lines. "
            "- is standard output.",
        ),
    ] = None,
    reprice: Annotated[
        str | None,
        typer.Option(
            metavar="REASON",
            help="Bill earlier months again where the tariff disagrees with their invoices. The new "
            "invoices show the reason.",
        ),
    ] = None,
    begin_here: Annotated[
        bool,
        typer.Option("--begin-here", help="Begin with this month; earlier months with calls stay unbilled."),
    ] = False,
    allow_incomplete: Annotated[
        bool, typer.Option("--allow-incomplete", help="Make drafts of a month that is not complete.")
    ] = False,
    unproven: Annotated[
        bool, typer.Option("--unproven", help="Make drafts although counters and lake differ.")
    ] = False,
    draft: Annotated[bool, typer.Option("--draft", help="Make drafts only; nothing is issued.")] = False,
    pdf: Annotated[
        bool,
        typer.Option("--pdf", help="Also print each page of --out as invoice.pdf, with Chromium or Chrome."),
    ] = False,
    table: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            dir_okay=False,
            allow_dash=True,
            help="Write one table of all accounts: .csv, or JSON otherwise; - is standard output.",
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Issue without asking.")] = False,
    empty: Annotated[
        bool,
        typer.Option("--empty", help="Issue invoices, including minimums, although the month has no calls."),
    ] = False,
    stack: StackName = "usage-meter",
    json: AsJson = False,
) -> None:
    """Issue the invoices of a month, one for each account, with adjustments of earlier months.

    A month is invoiced by its usage in the lake, after a reconciliation without differences or gaps; a
    sealed month by its sealed usage. Invoices are kept in the lake's bucket. A month of an account has one
    invoice
    for good: a second run reports the same one. Exits 1 if usage is on no invoice.
    """
    if reprice is not None and not reprice.strip():
        raise typer.BadParameter(
            "a reason cannot be empty: --reprice 'a price was wrong, as agreed with Acme'"
        )
    if rehearse is not None and (out is not None or export is not None):
        raise typer.BadParameter("a rehearsal issues nothing: leave out --out and --export")
    if pdf and out is None:
        raise typer.BadParameter("--pdf prints the pages in a folder: give --out, too")
    from cli.billing.invoice_session import InvoiceOptions, run  # noqa: PLC0415 - slow to load, and not needed for --help
    from cli.billing.rehearsal_session import run as run_rehearsal  # noqa: PLC0415 - as above

    result = output(json=json, out=None)
    exported = None if export is None else (export[0].value, written_later(export[1], "--export"))
    table = written_later(table, "--table")
    check_standard_output([*result.places, table, exported[1] if exported else None])
    options = InvoiceOptions(
        month=Period(of_month),
        tariff=tariff,
        stack=stack,
        account=account,
        out=out,
        export=exported,
        reprice=reprice,
        begins_here=begin_here,
        incomplete=allow_incomplete,
        unproven=unproven,
        result=result,
        yes=yes,
        empty=empty,
        draft=draft,
        table=table,
        pdf=pdf,
    )
    if rehearse is not None:
        run_rehearsal(options, rehearse)
    else:
        run(options)
