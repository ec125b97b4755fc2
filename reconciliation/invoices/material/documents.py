"""The documents of a run of invoices: those of its month, those of earlier months, and what it comes to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from metering.bucket_layout import invoice_name
from metering.period import Period
from metering.prices.billing import Unpriced, bill_month
from metering.prices.canonical import canonical_json
from metering.prices.documents import DOCUMENT_NAME, UNBILLED, InvoiceDocument, SourceDocument
from metering.prices.invoice import attested, place_of
from metering.prices.repricing import Contradiction
from metering.prices.terms.numbers import GivenNumber
from metering.proof.billing_chain import digest_of
from reconciliation.invoices.material.account_groups import AccountPart, Material
from reconciliation.invoices.month_copy import MonthDocuments, StoredDocument, read_document
from reconciliation.invoices.order import in_time, not_billed_elsewhere
from reconciliation.invoices.result import Issued
from reconciliation.spool import RecordSpool, SpoolView


class KeptDocuments:
    """The documents that a month has, those of this run included."""

    def __init__(self, documents: Iterable[StoredDocument], material: Material) -> None:
        self.places: dict[str, int] = {}
        """By place the number of its line, of those that were there before."""
        self.digests: dict[str, str] = {}
        """By the name of the object."""
        self.given: dict[str, GivenNumber] = {}
        self.numbers: set[str] = set()
        self.is_to_be_copied = False
        """Whether the copy lacks a document."""
        self._lines = RecordSpool()
        self._copied: set[str] = set()
        for one in documents:
            self._take(one, material)

    def _take(self, one: StoredDocument, material: Material) -> None:
        invoice = one.invoice()
        place = UNBILLED if invoice is None else place_of(invoice)
        self.keep(place, one.name, one.content, is_copied=one.is_copied)
        if invoice is not None:
            material.add_document(invoice)
            if "number" in invoice:
                self.given[place] = GivenNumber(invoice["number"], invoice["date"])
                self.numbers.add(invoice["number"])

    def keep(self, place: str, name: str, content: bytes, *, is_copied: bool = False) -> None:
        """A document is there."""
        self.places[place] = self._lines.add(content)
        self.digests[name] = digest_of(content)
        self.is_to_be_copied |= not is_copied
        if is_copied:
            self._copied.add(place)

    def note(self, month: Period, invoice: InvoiceDocument, document: bytes) -> None:
        """An invoice is issued."""
        place = place_of(invoice)
        self.digests[invoice_name(month, place, DOCUMENT_NAME)] = digest_of(document)
        self.is_to_be_copied |= place not in self.places
        if "number" in invoice:
            self.numbers.add(invoice["number"])

    def document(self, place: str) -> StoredDocument | None:
        """What was there before in a place."""
        if place not in self.places:
            return None
        return StoredDocument("", self._lines[self.places[place]], place in self._copied)

    def others(self, places: Iterable[str]) -> Iterator[bytes]:
        """The documents but for those of these places."""
        computed = set(places)
        return (self._lines[number] for place, number in self.places.items() if place not in computed)


class EarlierDocuments:
    """The documents of earlier months: they are added to the material, and what else is needed is noted."""

    def __init__(self, documents: MonthDocuments, months: Sequence[Period], material: Material) -> None:
        self.firsts: list[InvoiceDocument] = []
        """One of each month that has any."""
        self._numbers: dict[Period, str] = {}
        for month in months:
            self._take(month, documents.of_earlier(month, is_last=month == months[-1]), material)

    def _take(self, month: Period, documents: Iterable[StoredDocument], material: Material) -> None:
        numbers, has_first = [], False
        for one in documents:
            if (nobodys := one.unbilled()) is not None:
                material.add_unbilled(nobodys)
            if (invoice := one.invoice()) is None:
                continue
            material.add_document(invoice)
            if "number" in invoice:
                numbers.append(invoice["number"])
            if not has_first and invoice["sources"]:
                self.firsts.append(invoice)
                has_first = True
        self._numbers[month] = "\n".join(numbers)

    def numbers(self, month: Period) -> set[str]:
        """The numbers of a month's documents."""
        return set(self._numbers.get(month, "").split("\n"))


class ComputedInvoices:
    """The invoices that this run came to, in a temporary file."""

    def __init__(self, month: Period, sources: Sequence[SourceDocument], draft: Sequence[str]) -> None:
        self.places: list[str] = []
        self.contradictions: list[Contradiction] = []
        self.too_late: list[Unpriced] = []
        self._month = month
        self._sources = sources
        self._draft = draft
        self._accounts: list[str] = []
        self._unpriced: list[Unpriced] = []
        self._spool = RecordSpool()

    def take(
        self, part: AccountPart, account: str | None, reprice: str | None, invoiced: Sequence[Period]
    ) -> None:
        """Price a part of the accounts."""
        billing = bill_month(
            part.tariff, part.usage, part.earlier, part.documents, part.unbilled, reprice=reprice
        )
        self.contradictions += [one for one in billing.contradictions if account in (None, one.account)]
        self._unpriced += billing.unpriced
        wanted = [one for one in billing.invoices if account is None or one["account"] == account]
        invoices = [attested(one, self._sources, self._draft) for one in wanted]
        if not self._draft:
            have = [one for one in part.documents if one["period"]["month"] == self._month]
            invoices, too_late = in_time(self._month, invoices, have, invoiced)
            self.too_late += too_late
            invoices = not_billed_elsewhere(invoices, have)
        for one in invoices:
            self._accounts.append(one["account"])
            self.places.append(place_of(one))
            self._spool.add(canonical_json(one))

    @property
    def order(self) -> Sequence[int]:
        """The numbers of the invoices, in the order of the accounts."""
        return sorted(range(len(self._accounts)), key=self._accounts.__getitem__)

    def unpriced(self) -> tuple[Unpriced, ...]:
        """What is on none: of the month itself first; keys before accounts."""
        return tuple(sorted(self._unpriced, key=self._rank))

    def _rank(self, one: Unpriced) -> tuple[bool, Period, bool, str]:
        return one.month != self._month, one.month, one.account is not None, one.account or one.keys[0]

    def invoice(self, number: int) -> InvoiceDocument:
        """One of them."""
        return _read(self._spool[number])

    def invoices(self, numbers: Sequence[int]) -> Sequence[InvoiceDocument]:
        """Some of them."""
        return SpoolView(self._spool, _read, numbers)

    def drafts(self) -> Sequence[Issued]:
        """All of them, as drafts."""
        return SpoolView(self._spool, _draft, self.order)


def _read(document: bytes) -> InvoiceDocument:
    return read_document(document)


def _draft(document: bytes) -> Issued:
    return Issued(_read(document), is_new=False, is_as_computed=True)
