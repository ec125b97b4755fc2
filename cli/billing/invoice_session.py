"""One run of `usage-meter invoice`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console
from rich.status import Status

from cli.billing.invoice_exports import export, left_out
from cli.billing.invoice_files import browser, folder_of, print_pages, write_files, write_table
from cli.billing.meters import Meters
from cli.billing.tariff_file import read_tariff_file
from cli.common.bootstrap import target
from cli.common.errors import PROBLEM, CommandError
from cli.common.output import NO_OUTPUT, Output, screen_beside
from cli.common.question import agreed, paused
from cli.common.terminal import Text, is_live, table
from metering.period import Period
from metering.prices.billing import Unpriced
from metering.prices.tariff import Tariff
from metering.prices.tariff_file import InvalidTariff
from metering.results.json_stream import StreamedList
from metering.visible_text import visible
from reconciliation.billing_chain import BrokenChainError
from reconciliation.closing import NotLinkedError
from reconciliation.invoices.exports import unpriced_document
from reconciliation.invoices.issue import DraftPolicy, Invoicing
from reconciliation.invoices.ports import CannotInvoice
from reconciliation.invoices.result import Invoiced, Issued, Proposal
from reconciliation.ports import OnProgress, StepProgress
from reconciliation.report.verdict import counted
from reconciliation.wiring import (
    make_chain,
    make_invoices,
    make_numbering,
)

WRITERS = 8
"""Invoices that are written at the same time: fewer than the ten connections that a client keeps."""
_MOST_SHOWN = 20
_LISTED = "they are listed, and later tariffs do not change that"


@dataclass(frozen=True, slots=True)
class InvoiceOptions:
    """What the user asked for."""

    month: Period
    tariff: Path
    stack: str
    account: str | None = None
    out: Path | None = None
    export: tuple[str, Path | None] | None = None
    """The kind, and the file."""
    reprice: str | None = None
    """Why earlier months are billed again by another tariff."""
    begins_here: bool = False
    """Whether earlier months with calls are left without invoices."""
    incomplete: bool = False
    unproven: bool = False
    result: Output = NO_OUTPUT
    yes: bool = False
    """Whether the user has agreed already."""
    empty: bool = False
    """Whether a month without calls may be invoiced."""
    draft: bool = False
    """Whether nothing is issued."""
    table: Path | None = None
    pdf: bool = False
    """Whether the pages are printed as well."""

    def screen(self) -> Console:
        """Where what is done is reported."""
        return screen_beside([*self.result.places, self.table, self.export[1] if self.export else None])


def run(options: InvoiceOptions) -> None:
    """Issue the invoices, and report what was issued.

    Raises:
        CommandError: the month cannot be invoiced, the tariff cannot be used, or nobody agreed.
        typer.Abort: the answer was no. Nothing was issued.
        MeterError, ClientError, BotoCoreError: something could not be read or written.
        typer.Exit: with 1, if usage is on no invoice.
    """
    screen, tariff = options.screen(), readable_tariff(options.tariff)
    program = browser() if options.pdf else ""
    if options.account is not None and not _can_be_billed(options.account, tariff):
        raise CommandError(
            f"{options.account} is not an account of {options.tariff}, which has "
            f"{', '.join(tariff.accounts) or 'none'}."
        )
    status = Status(f"Invoicing {options.month}", console=screen)

    def confirm(proposal: Proposal) -> None:
        with paused(status, screen):
            _confirm(screen, proposal, options)

    with shown(screen, options.month, status) as on_progress, explained_refusals():
        invoiced = invoicing(options, tariff, on_progress, confirm).invoice(
            options.month, tariff, options.account, options.reprice
        )
    if options.out is not None:
        write_files(options.out, invoiced.issued)
        if options.pdf:
            print_pages(program, (folder_of(options.out, one) for one in invoiced.issued))
    write_table(options.table, invoiced)
    export(options.export, invoiced, tariff, screen)
    options.result.write(summary(invoiced))
    _show(screen, options, invoiced)
    is_whole = not invoiced.unpriced
    for account in left_out(options.export, invoiced, tariff):
        screen.print(f"Not exported: account {account} has no stripe_customer in the tariff", markup=False)
        is_whole = False
    if not is_whole:
        raise typer.Exit(PROBLEM)


def _confirm(screen: Console, proposal: Proposal, options: InvoiceOptions) -> None:
    """Show what would be issued, and ask. A month without calls is more often a wrong month or stack."""
    if not (proposal.has_calls or options.empty):
        raise CommandError(
            f"{proposal.month} has no calls: check the month and the stack, or issue the invoices of an "
            "empty month, including minimums, with --empty. Nothing was issued.",
            PROBLEM,
        )
    numbers = ("usage", "adjustments", "total")
    rows = table("account", *numbers, "", numbers=numbers)
    for one in proposal.invoices[:_MOST_SHOWN]:
        sums = (one["usage_total"], one["adjustment_total"], one["total"])
        rows.add_row(Text(one["account"]), *sums, one["currency"])
    screen.print(rows)
    if len(proposal.invoices) > _MOST_SHOWN:
        screen.print(f"and {len(proposal.invoices) - _MOST_SHOWN:,} more")
    if proposal.unbilled:
        nobodys = f"{counted(proposal.unbilled, 'key')} with calls will be billed to nobody"
        screen.print(f"{nobodys}: {_LISTED}", soft_wrap=True)
    screen.print("An issued invoice is never changed: later calls are adjusted on the next one.")
    agreed(f"Issue {counted(len(proposal.invoices), 'invoice')} for {proposal.month}?", yes=options.yes)


def readable_tariff(path: Path) -> Tariff:
    """The tariff of a file.

    Raises:
        CommandError: it cannot be used; every fault is named.
    """
    try:
        return read_tariff_file(path)
    except InvalidTariff as invalid:
        raise CommandError(f"{path} cannot be used: {invalid}") from invalid


def invoicing(
    options: InvoiceOptions,
    tariff: Tariff,
    on_progress: OnProgress,
    confirm: Callable[[Proposal], None] | None = None,
) -> Invoicing:
    """The job on a deployed stack, and on the further meters of the tariff.

    Raises:
        Misconfigured, Transient: the stack cannot be found.
    """
    where = target(options.stack)
    settings = where.deployment.reconciliation
    chain = make_chain(settings, where.client, where.caller)
    meters = Meters(where, options.stack, tariff.meters, on_progress, allow_incomplete=options.incomplete)
    return Invoicing(
        meters.usages(),
        make_invoices(settings, where.client),
        DraftPolicy(options.incomplete, options.unproven, options.draft),
        at_once=WRITERS,
        first_month=None if options.begins_here else meters.first_month,
        confirm=confirm,
        chain=chain,
        numbering=make_numbering(settings, where.client),
        looks_again=options.out is not None,
    )


@contextmanager
def explained_refusals() -> Iterator[None]:
    """Turns a refusal into an error message, in place of a traceback."""
    try:
        yield
    except (CannotInvoice, NotLinkedError, BrokenChainError) as refusal:
        raise CommandError(f"{refusal}.", PROBLEM) from refusal


@contextmanager
def shown(screen: Console, month: Period, status: Status | None = None) -> Iterator[OnProgress]:
    """Shows how far the reconciliations are, where lines can be drawn anew."""
    status = status or Status(f"Invoicing {month}", console=screen)

    def on_progress(progress: StepProgress) -> None:
        status.update(f"Invoicing {month}: {progress.step} {progress.done:,}")

    on_screen: AbstractContextManager[object] = status if is_live(screen) else nullcontext()
    with on_screen:
        yield on_progress


def summary(invoiced: Invoiced) -> dict[str, object]:
    """A run as `--json` has it. Documents are read one by one, when they are written."""
    return {
        "month": invoiced.month,
        "draft": list(invoiced.draft),
        "invoices": StreamedList(lambda: map(_summed_up, invoiced.issued)),
        "unpriced": StreamedList(lambda: map(unpriced_document, invoiced.unpriced)),
        "unused_numbers": [
            {"number": one.number, "month": one.month, "account": one.place} for one in invoiced.unused
        ],
    }


def _summed_up(one: Issued) -> dict[str, object]:
    return {
        "id": one.invoice["id"],
        "number": one.invoice.get("number"),
        "account": one.invoice["account"],
        "currency": one.invoice["currency"],
        "usage_total": one.invoice["usage_total"],
        "adjustment_total": one.invoice["adjustment_total"],
        "total": one.invoice["total"],
        "is_new": one.is_new,
        "is_as_computed": one.is_as_computed,
    }


def unpriced_lines(unpriced: Sequence[Unpriced]) -> Iterator[str]:
    """A line for each of the first things that are on no invoice, and how many more there are."""
    for entry in unpriced[:_MOST_SHOWN]:
        yield f"  {entry.month}: {entry.reason}"
    if len(unpriced) > _MOST_SHOWN:
        yield f"  and {len(unpriced) - _MOST_SHOWN:,} more: see --json"


def _can_be_billed(account: str, tariff: Tariff) -> bool:
    return account in tariff.accounts or (account.startswith("key:") and bool(tariff.default_plans))


def _show(screen: Console, options: InvoiceOptions, invoiced: Invoiced) -> None:
    numbers = ("usage", "adjustments", "total")
    rows = table("account", "invoice", *numbers, "", "state", numbers=numbers)
    for one in invoiced.issued[:_MOST_SHOWN]:
        invoice = one.invoice
        sums = (invoice["usage_total"], invoice["adjustment_total"], invoice["total"])
        rows.add_row(
            Text(invoice["account"]),
            invoice.get("number", invoice["id"]),
            *sums,
            invoice["currency"],
            _state(one, invoiced),
        )
    screen.print(rows)
    if len(invoiced.issued) > _MOST_SHOWN:
        screen.print(f"and {len(invoiced.issued) - _MOST_SHOWN:,} more: see --json")
    screen.print()
    if standing := sum(not one.is_as_computed for one in invoiced.issued):
        screen.print(
            f"{counted(standing, 'invoice')} already issued from other usage or another tariff, and not "
            "changed: late calls are adjusted "
            "on the next invoice",
            soft_wrap=True,
        )
    for line in _notes(invoiced):
        screen.print(line, markup=False, soft_wrap=True)
    if options.out is not None:
        screen.print(f"The files are in {options.out}", markup=False, soft_wrap=True)
    if invoiced.draft:
        screen.print(Text("Nothing was issued: these are drafts.", "bold yellow"))
    elif not invoiced.unpriced:
        screen.print(Text(f"{counted(len(invoiced.issued), 'invoice')} for {invoiced.month}.", "bold green"))
    else:
        screen.print(Text(f"PROBLEM: {counted(len(invoiced.unpriced), 'item')} on no invoice", "bold red"))


def _notes(invoiced: Invoiced) -> Iterator[str]:
    """What there is to know beside the amounts."""
    for reason in invoiced.draft:
        yield f"Draft: {reason}"
    for month in invoiced.final:
        yield f"{month} remains as billed: its Parquet files no longer exist"
    for unused in invoiced.unused[:_MOST_SHOWN]:
        given = f"it was given to {visible(unused.place)} for {unused.month}"
        yield f"Number {visible(unused.number)} is on no document: {given}"
    for line in unpriced_lines(invoiced.unpriced):
        yield f"On no invoice:{line[1:]}"


def _state(one: Issued, invoiced: Invoiced) -> str:
    if invoiced.draft:
        return "draft"
    if one.invoice.get("kind") == "nothing_due":
        return "nothing due"
    if one.is_new:
        return "issued"
    return "issued before" if one.is_as_computed else "stands"
