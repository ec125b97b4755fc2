"""The invoices of the account that a key belongs to, as they were issued: nothing is computed here.

The account is the one that owns the key in the current month, by the tariff in force: who was given a key
sees the invoices of the account that pays for it now, and of no other.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Final, NamedTuple, cast

from metering.period import Period
from metering.prices.documents import (
    ADJUSTMENTS,
    DOCUMENT_NAME,
    PAGE_NAME,
    SPREADSHEET_NAME,
    InvoiceDocument,
)
from metering.prices.tariff import KEY_ACCOUNT, Tariff
from usage_api.costs import NO_TARIFF
from usage_api.ports import InvoiceSource
from usage_api.problems import NotFound
from usage_api.schemas import InvoiceEntry, InvoicesAnswer

NOT_SENT: Final = "nothing_due"
"""The kind of a document that keeps what was billed, and is sent to nobody."""
NO_INVOICES: Final = "No invoice was issued yet."
NO_SUCH_INVOICE: Final = (
    "This account has no invoice of that name: the list of invoices names those that it has."
)

MEDIA_TYPES: Final = {
    "application/json": DOCUMENT_NAME,
    "text/csv": SPREADSHEET_NAME,
    "text/html": PAGE_NAME,
}
"""The forms of an invoice, each a file that was kept when it was issued. The first is that of a caller who
wants none of them.
"""


class InvoiceFile(NamedTuple):
    """A file of an invoice."""

    name: str
    """Under which it is saved."""
    media_type: str
    content: bytes


def account_of(key: str, month: Period, tariff: Tariff | None) -> str | None:
    """The account that pays for a key in a month; a key without one is its own. None: there is no tariff."""
    if tariff is None:
        return None
    owner = tariff.owners_in(month).get(key)
    return f"{KEY_ACCOUNT}{key}" if owner is None else owner.account.id


def invoices_of(key: str, account: str | None, now: datetime, source: InvoiceSource) -> InvoicesAnswer:
    """The invoices of a key's account, the latest first."""
    found = () if account is None else source.documents(account)
    entries = tuple(_entry(one) for one in map(_read, found) if _is_of(one, account))
    reason = NO_TARIFF if account is None else None if entries else NO_INVOICES
    return InvoicesAnswer(key=key, account=account, as_of=now, invoices=entries, reason=reason)


def invoice_file(account: str | None, name: str, media_type: str, source: InvoiceSource) -> InvoiceFile:
    """A file of an account's invoice, by the name that the list gives.

    Raises:
        NotFound: the account has no such invoice.
    """
    year, number, *rest = name.split("-")
    month, currency = Period(f"{year}-{number}"), "".join(rest)
    place = f"{ADJUSTMENTS}{currency}:{account}" if currency else account
    document = None if place is None or account is None else source.file(month, place, DOCUMENT_NAME)
    if place is None or document is None or not _is_of(_read(document), account):
        raise NotFound(NO_SUCH_INVOICE)
    file = MEDIA_TYPES[media_type]
    content = document if file == DOCUMENT_NAME else source.file(month, place, file)
    if content is None:
        raise NotFound(f"The invoice has no {file} yet: request it as application/json.")
    return InvoiceFile(f"invoice-{name}.{file.rpartition('.')[2]}", media_type, content)


def _read(content: bytes) -> InvoiceDocument:
    return cast("InvoiceDocument", json.loads(content))


def _is_of(document: InvoiceDocument, account: str | None) -> bool:
    """Whether a document is an invoice that was sent to an account."""
    return document["account"] == account and document.get("kind") != NOT_SENT


def _entry(document: InvoiceDocument) -> InvoiceEntry:
    month = document["period"]["month"]
    suffix = f"-{document['currency']}" if document.get("adjusts_only") else ""
    return InvoiceEntry(
        invoice=f"{month}{suffix}",
        month=month,
        kind="credit_note" if document.get("kind") == "credit_note" else "invoice",
        number=document.get("number"),
        date=document.get("date"),
        currency=document["currency"],
        total=document["total"],
        amount_due=document.get("amount_due", document["total"]),
    )
