"""All documents of a month in one object, a line each: a later month reads that, and not each document.

It is a copy, and decides nothing. Of a line only that counts which is the document that the chain of what was
billed names, by its SHA-256; before there is a chain, a document whose id fits its content. What the copy
lacks, or has otherwise, is read by itself: a month that was invoiced before there were copies, documents of a
job that was killed, a copy that was damaged or removed. The next run that ends writes the copy anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple, cast

import msgspec

from metering.bucket_layout import INVOICES, invoice_name
from metering.period import Period
from metering.prices.documents import (
    ADJUSTMENTS,
    DOCUMENT_NAME,
    FORMAT,
    UNBILLED,
    UNBILLED_FORMAT,
    InvoiceDocument,
    UnbilledDocument,
)
from metering.prices.invoice import AlteredInvoice, read_invoice, read_unbilled
from metering.proof.billing_chain import NO_HEAD, ReadChain, digest_of
from reconciliation.billing_chain import BillingChain, Objects, unlinked_objects
from reconciliation.invoices.ports import CannotInvoice, InvoiceStore
from reconciliation.invoices.refusal import MOST_SHOWN
from reconciliation.spool import RecordSpool

NO_CHAIN: Final = ReadChain((), NO_HEAD, ())


class StoredDocument(NamedTuple):
    """A document of a month as it is kept."""

    name: str
    """Of its object."""
    content: bytes
    is_copied: bool
    """Whether it came from the copy."""

    def invoice(self) -> InvoiceDocument | None:
        """It as an invoice; None: it is the list of keys that nobody was billed for.

        Raises:
            CannotInvoice: it is not what was issued.
        """
        if self.unbilled() is not None:
            return None
        return read_document(self.content) if self.is_copied else as_issued(self.name, self.content)

    def unbilled(self) -> UnbilledDocument | None:
        """It as the list of keys that nobody was billed for; None: it is an invoice."""
        return read_unbilled(self.content)


class _Place(msgspec.Struct):
    """What gives the name of a document's object."""

    format: str = ""
    account: str = ""
    currency: str = ""
    adjusts_only: bool = False


_decode: Final = msgspec.json.Decoder(_Place).decode
_decode_document: Final = msgspec.json.Decoder(dict[str, Any]).decode


class MonthDocuments:
    """The documents of the months that a run looks at, held against the chain of what was billed."""

    def __init__(self, store: InvoiceStore, chain: BillingChain | None) -> None:
        """`chain` names what was issued; None: nothing does."""
        self._store = store
        self._chain = chain
        self.links = NO_CHAIN
        """The chain, once :meth:`months` has read it."""
        self._apart: dict[Period, tuple[dict[str, str], RecordSpool]] = {}
        """Of earlier months whose copy is not complete, the SHA-256 of each document that it has, and the
        documents that it lacks.
        """

    def months(self) -> list[Period]:
        """The months that have invoices, in order.

        Raises:
            BrokenChainError: all those of a month are missing, or a link is not what it was.
        """
        found = sorted(self._store.months())
        if self._chain is not None:
            self.links = self._chain.whole()
            self._chain.check_months(INVOICES, found, self.links)
        return found

    def of_month(self, month: Period) -> Iterator[StoredDocument]:
        """The documents of the month that is invoiced. What is there may not be linked yet.

        Raises:
            BrokenChainError: one is missing or altered. It is raised after the last.
        """
        named, found = self._named(month), {}
        for one in stored_documents(self._store, month, self._store.names(month), named):
            found[one.name] = digest_of(one.content)
            yield one
        unlinked_objects(named, _prefix(month), found)

    def of_earlier(self, month: Period, *, is_last: bool) -> Iterator[StoredDocument]:
        """The documents of an earlier month, as far as links name them; of the last one it is looked whether
        there are others.

        Raises:
            BrokenChainError: one is missing or altered. It is raised after the last.
            CannotInvoice: one is not linked, likewise.
        """
        named = self._named(month)
        is_listed = is_last or named is None
        names = self._store.names(month) if is_listed or named is None else _ours(month, named)
        found: dict[str, str] = {}
        copied: dict[str, str] = {}
        apart = RecordSpool()
        for one in stored_documents(self._store, month, names, named):
            found[one.name] = digest_of(one.content)
            if one.is_copied:
                copied[one.name] = found[one.name]
            else:
                apart.add(one.content)
            yield one
        if apart:
            self._apart[month] = copied, apart
        _refuse(month, unlinked_objects(named, _prefix(month), found))

    def complete_copies(self) -> None:
        """Write the copies of earlier months that were not complete."""
        for month, (copied, apart) in self._apart.items():
            lines = (one.content for one in stored_documents(self._store, month, copied, copied))
            self._store.copy(month, chain(lines, apart))

    def _named(self, month: Period) -> Objects | None:
        return None if self._chain is None else self._chain.named(month, self.links)


def _ours(month: Period, named: Objects) -> list[str]:
    return sorted(name for name in named if name.startswith(_prefix(month)))


def _prefix(month: Period) -> str:
    return f"{INVOICES}{month}/"


def _refuse(month: Period, unlinked: Sequence[str]) -> None:
    if unlinked:
        raise CannotInvoice(
            f"{', '.join(unlinked[:MOST_SHOWN])}: not linked into the chain of what was billed, since "
            "the job that issued it was stopped, or somebody else wrote it. Look at it; `usage-meter "
            f"invoice {month}`, run again, links it"
        )


def as_issued(place: str, stored: bytes) -> InvoiceDocument:
    """An invoice as it was issued.

    Raises:
        CannotInvoice: it is not one, or was changed since.
    """
    try:
        return read_invoice(stored)
    except AlteredInvoice as altered:
        raise CannotInvoice(f"{place}: {altered}; bring back its first version") from altered


def read_document(content: bytes) -> InvoiceDocument:
    """A document that is known to be an invoice. Money is text, so that nothing of it is rounded."""
    return cast("InvoiceDocument", _decode_document(content))


def stored_documents(
    store: InvoiceStore, month: Period, names: Iterable[str], linked: Mapping[str, str] | None
) -> Iterator[StoredDocument]:
    """The documents of those names, each once; but for those that are gone. `linked` are the SHA-256 of those
    that the chain names; None: there is no chain.

    Raises:
        MeterError: the store cannot be read.
    """
    wanted = dict.fromkeys(names)
    for line in store.copied(month):
        name = _name(month, line)
        if name in wanted and _is_document(line, month, name, linked):
            del wanted[name]
            yield StoredDocument(name, line, is_copied=True)
    for name, content in zip(wanted, store.contents(list(wanted)), strict=True):
        if content is not None:
            yield StoredDocument(name, content, is_copied=False)


def _name(month: Period, line: bytes) -> str:
    """The object of which a line is a copy; empty: of none."""
    try:
        found = _decode(line)
    except msgspec.DecodeError:
        return ""
    if found.format == UNBILLED_FORMAT:
        return invoice_name(month, UNBILLED, DOCUMENT_NAME)
    adjustments = f"{ADJUSTMENTS}{found.currency}:" if found.adjusts_only else ""
    return (
        invoice_name(month, f"{adjustments}{found.account}", DOCUMENT_NAME) if found.format == FORMAT else ""
    )


def _is_document(line: bytes, month: Period, name: str, linked: Mapping[str, str] | None) -> bool:
    if linked is not None:
        return linked.get(name) == digest_of(line)
    try:
        return read_unbilled(line) is not None or read_invoice(line)["period"]["month"] == month
    except AlteredInvoice:
        return False
