"""What a run of invoices came to. Its documents are in a temporary file: each is read when it is wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from metering.period import Period
from metering.prices.billing import Unpriced
from metering.prices.canonical import canonical_json
from metering.prices.documents import DOCUMENT_NAME, PAGE_NAME, SPREADSHEET_NAME, InvoiceDocument
from reconciliation.invoices.exports import csv_bytes
from reconciliation.invoices.month_copy import read_document
from reconciliation.invoices.numbering import UnusedNumber
from reconciliation.invoices.page import page
from reconciliation.spool import RecordSpool, SpoolView


@dataclass(frozen=True, slots=True)
class Issued:
    """An invoice as it was issued, and what became of this run's."""

    invoice: InvoiceDocument
    is_new: bool
    """Whether this run issued it."""
    is_as_computed: bool
    """Whether this run came to the same. If not, late calls or another tariff have changed it since, and the
    next invoice adjusts it.
    """
    stored: bytes | None = None
    """The document as it is kept, where that is not what this run came to."""
    kept: Mapping[str, bytes] = field(default_factory=dict)
    """What follows from it, by name, where other bytes are kept than this version of the meter derives."""

    @property
    def document(self) -> bytes:
        """The document as it is kept."""
        return canonical_json(self.invoice) if self.stored is None else self.stored

    def files(self) -> dict[str, bytes]:
        """The document and what follows from it, by name, as it is kept. It is derived anew: the pages of all
        accounts would be most of what a run holds.
        """
        return {DOCUMENT_NAME: self.document, **derived(self.invoice), **self.kept}


def derived(invoice: InvoiceDocument) -> dict[str, bytes]:
    """What follows from an invoice, by name. Where nothing is due, nothing does."""
    if invoice.get("kind") == "nothing_due":
        return {}
    return {SPREADSHEET_NAME: csv_bytes(invoice), PAGE_NAME: page(invoice)}


@dataclass(frozen=True, slots=True)
class Invoiced:
    """What a run came to: the invoices by account, what is on none of them, and why they are drafts."""

    month: Period
    issued: Sequence[Issued]
    unpriced: tuple[Unpriced, ...]
    draft: tuple[str, ...]
    final: tuple[Period, ...] = ()
    """Earlier months that stay as they were billed, since their Parquet files are gone."""
    unused: tuple[UnusedNumber, ...] = ()
    """Numbers that were given, and that no document has."""

    @property
    def invoices(self) -> Sequence[InvoiceDocument]:
        """The documents."""
        return _Invoices(self.issued)


class Proposal(NamedTuple):
    """What is about to be issued for good."""

    month: Period
    invoices: Sequence[InvoiceDocument]
    """Those that are not issued yet."""
    has_calls: bool
    """Whether the month has any calls, of whatever key."""
    unbilled: int
    """How many keys nobody will be billed for, if that is not decided yet."""


class _Invoices(Sequence[InvoiceDocument]):
    """The documents of what was issued."""

    def __init__(self, issued: Sequence[Issued]) -> None:
        self._issued = issued

    def __len__(self) -> int:
        return len(self._issued)

    def __getitem__(self, index: Any) -> Any:
        found = self._issued[index]
        return found.invoice if isinstance(found, Issued) else [one.invoice for one in found]


class _Record(msgspec.Struct, array_like=True):
    """An issued invoice in the file."""

    document: bytes
    is_new: bool
    is_as_computed: bool
    kept: dict[str, bytes]


_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(_Record).decode


class IssuedSpool:
    """What a run has issued so far."""

    def __init__(self) -> None:
        self._spool = RecordSpool()

    def add(self, one: Issued, document: bytes) -> None:
        """Add an invoice, `document` being its bytes as they are kept."""
        self._spool.add(_encode(_Record(document, one.is_new, one.is_as_computed, dict(one.kept))))

    def documents(self) -> Sequence[bytes]:
        """The documents as they are kept."""
        return SpoolView(self._spool, lambda record: _decode(record).document)

    def issued(self) -> Sequence[Issued]:
        """All of them."""
        return SpoolView(self._spool, _issued)


def _issued(record: bytes) -> Issued:
    found = _decode(record)
    stored = None if found.is_as_computed else found.document
    return Issued(read_document(found.document), found.is_new, found.is_as_computed, stored, found.kept)
