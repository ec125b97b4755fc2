"""A month of invoices in a file for a billing system: all documents as JSON, or what Stripe takes.

Documents are read one by one, and written as they are read: a month of any size takes no more memory.
"""

from __future__ import annotations

import json as json_text
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple

from rich.console import Console

from cli.common.errors import PROBLEM, CommandError
from cli.common.output import STANDARD, whole, write_json
from cli.common.whole_file import is_special
from metering.prices.documents import InvoiceDocument
from metering.prices.tariff import Tariff
from reconciliation.invoices.exports import (
    MeterEvent,
    NotExportable,
    StripeCredit,
    month_document,
    stripe_credits,
    stripe_meter_events,
)
from reconciliation.invoices.result import Invoiced
from reconciliation.report.verdict import counted

STRIPE: Final = "stripe"
_CREDITS_NEED_A_FILE: Final = "Nothing was exported: credits have a file of their own, so name a file."
WantedExport = tuple[str, Path | None] | None
"""The kind of an export, and its file; None: there is none."""


def export(wanted: WantedExport, invoiced: Invoiced, tariff: Tariff, screen: Console) -> None:
    """Write the export, if one is wanted.

    Raises:
        CommandError: Stripe does not take all of it, or the invoices are drafts. Nothing was written.
    """
    kind, path = wanted or ("", None)
    if path is None:
        return
    if kind != STRIPE:
        write_json(path, month_document(invoiced.month, invoiced.invoices, invoiced.unpriced))
    elif invoiced.draft:
        raise CommandError("Drafts are not exported to Stripe: make invoices first.", PROBLEM)
    else:
        _export_to_stripe(path, _StripeMonth(invoiced, tariff), screen)


def left_out(wanted: WantedExport, invoiced: Invoiced, tariff: Tariff) -> Iterator[str]:
    """The accounts that could not be in the export."""
    if wanted and wanted[0] == STRIPE:
        for invoice in invoiced.invoices:
            if _customer(invoice, tariff) is None:
                yield invoice["account"]


class _StripeMonth(NamedTuple):
    """The month as Stripe takes it."""

    invoiced: Invoiced
    tariff: Tariff

    def events(self) -> Iterator[MeterEvent]:
        for invoice, customer in self._of_customers():
            yield from stripe_meter_events(invoice, customer)

    def credits(self) -> Iterator[StripeCredit]:
        for invoice, customer in self._of_customers():
            yield from stripe_credits(invoice, customer)

    def _of_customers(self) -> Iterator[tuple[InvoiceDocument, str]]:
        for invoice in self.invoiced.invoices:
            if (customer := _customer(invoice, self.tariff)) is not None:
                yield invoice, customer


def _customer(invoice: InvoiceDocument, tariff: Tariff) -> str | None:
    account = tariff.accounts.get(invoice["account"])
    return None if account is None else account.stripe_customer


def _export_to_stripe(path: Path, month: _StripeMonth, screen: Console) -> None:
    """Write meter events, and beside them credits where there are some: both files, or neither. Credits of an
    earlier export do not stay beside these events: whoever posts both files would credit them again.
    """
    beside = path.with_name(f"{path.stem}.credits{path.suffix}")
    needs_a_file = path == STANDARD or is_special(path)
    with _explained(), ExitStack() as files:
        _write_lines(files.enter_context(whole(path)), month.events())
        credit = sum(1 for _ in month.credits())
        if credit and needs_a_file:
            raise CommandError(_CREDITS_NEED_A_FILE, PROBLEM)
        is_old = not (credit or needs_a_file) and _has_lines(beside)
        if credit or is_old:
            _write_lines(files.enter_context(whole(beside)), month.credits())
    if credit:
        report = f"{counted(credit, 'credit')} in {beside}: Stripe counts a negative meter event as 0"
        screen.print(report, markup=False, soft_wrap=True)
    elif is_old:
        report = f"There are no credits: {beside} was of an earlier export, and is empty now"
        screen.print(report, markup=False, soft_wrap=True)


def _has_lines(file: Path) -> bool:
    return file.is_file() and file.stat().st_size > 0


@contextmanager
def _explained() -> Iterator[None]:
    """Turns a refusal into an error message."""
    try:
        yield
    except NotExportable as refused:
        raise CommandError(f"Nothing was exported: {refused}.", PROBLEM) from refused


def _write_lines(file: IO[bytes], lines: Iterable[object]) -> None:
    file.writelines(f"{json_text.dumps(line)}\n".encode() for line in lines)
