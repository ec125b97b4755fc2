"""The invoices of a month: from proven usage to documents that are issued once.

1. **Order.** A month is invoiced after the one before and before the one after it: adjustments subtract what
   earlier invoices billed.
2. **Usage.** Of a sealed month as it was sealed; of any other, and of each earlier month that has invoices,
   as the lake has it now, once a reconciliation agrees. Late calls are thus seen in the month that they
   belong to.
3. **Price** the month, and the earlier ones again for those who were billed for them: what changed becomes an
   adjustment. Where the tariff contradicts what was billed, nothing is issued. Pure.
4. **Number** what is new, where the tariff says so: see :mod:`reconciliation.invoices.numbering`.
5. **Issue**, account by account:
   a. put the document, on the condition that there is none. It is decided by this one write, and whoever
      comes later goes on with what is there;
   b. put the spreadsheet and the page that follow from the document that stands there.
6. **Keep** the list of the keys that nobody was billed for: that was decided now, and no later tariff
   changes it in silence.
7. **Link** all documents of the month into the chain of what was billed, see
   :mod:`reconciliation.billing_chain`. What is linked of this month and of earlier ones is held against it
   when it is read: a document that is missing or altered stops the run.

A month is final once `final_after` months of the tariff have passed. It is not read again: its Parquet files
may go, and a run costs no more with each year. So is a sealed month whose Parquet files are gone: it stays
as it was billed.

A job that is killed after any write is repeated from the start: what is decided stays, what follows from it
is the same bytes again. Two jobs at once end with one invoice for each account. A draft is never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from metering.bucket_layout import INVOICES
from metering.period import Period, months_between
from metering.prices.billing import Unpriced, bill_month, unbilled_keys
from metering.prices.canonical import canonical_json
from metering.prices.documents import (
    DOCUMENT_NAME,
    PAGE_NAME,
    SPREADSHEET_NAME,
    UNBILLED,
    InvoiceDocument,
    UnbilledDocument,
)
from metering.prices.invoice import (
    AlteredInvoice,
    attested,
    numbered,
    place_of,
    read_invoice,
    read_unbilled,
    unbilled_document,
)
from metering.prices.tariff import Tariff
from metering.prices.terms.numbers import GivenNumber
from metering.proof.billing_chain import LinkKind, digest_of
from reconciliation.billing_chain import BillingChain
from reconciliation.invoices.exports import csv_bytes
from reconciliation.invoices.numbering import Numbering, UnusedNumber
from reconciliation.invoices.order import (
    check_has_prices,
    check_is_first,
    earlier_months,
    in_time,
    not_billed_elsewhere,
)
from reconciliation.invoices.page import page
from reconciliation.invoices.ports import CannotInvoice, InvoiceStore, Proven, Usages
from reconciliation.invoices.refusal import MOST_SHOWN, refuse_contradictions
from reconciliation.invoices.several_meters import check_meters

REQUESTED: Final = "it was made as a draft, as requested"


class DraftPolicy(NamedTuple):
    """What is let pass; whatever does makes the invoices drafts."""

    incomplete: bool = False
    unproven: bool = False
    requested: bool = False
    """Whether drafts are wanted though nothing is against the month."""


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


@dataclass(frozen=True, slots=True)
class Invoiced:
    """What a run came to: the invoices by account, what is on none of them, and why they are drafts."""

    month: Period
    issued: tuple[Issued, ...]
    unpriced: tuple[Unpriced, ...]
    draft: tuple[str, ...]
    final: tuple[Period, ...] = ()
    """Earlier months that stay as they were billed, since their Parquet files are gone."""
    unused: tuple[UnusedNumber, ...] = ()
    """Numbers that were given, and that no document has."""

    @property
    def invoices(self) -> list[InvoiceDocument]:
        """The documents."""
        return [one.invoice for one in self.issued]


class Proposal(NamedTuple):
    """What is about to be issued for good."""

    month: Period
    invoices: Sequence[InvoiceDocument]
    """Those that are not issued yet."""
    has_calls: bool
    """Whether the month has any calls, of whatever key."""
    unbilled: int
    """How many keys nobody will be billed for, if that is not decided yet."""


class Invoicing:
    """Issues the invoices of one deployment by one tariff."""

    def __init__(  # noqa: PLR0913 - what it works on, and how
        self,
        usages: Usages,
        shelf: InvoiceStore,
        leniency: DraftPolicy = DraftPolicy(),  # noqa: B008 - it cannot change
        *,
        at_once: int = 1,
        first_month: Callable[[], Period | None] | None = None,
        confirm: Callable[[Proposal], None] | None = None,
        chain: BillingChain | None = None,
        numbering: Numbering | None = None,
    ) -> None:
        """`at_once` is how many accounts are issued at the same time; they do not depend on one another.
        `first_month` finds the first month with calls, before which the first invoices ever must not begin;
        None: they may begin with any. `confirm` is called before the first invoice is issued; what it raises
        ends the run; None: nobody is asked. `chain` names what was issued; None: nothing does. `numbering`
        gives the numbers of tariffs that want them.
        """
        self._chain = chain
        self._numbering = numbering
        self._confirm = confirm
        self._first_month = first_month
        self._usages = usages
        self._shelf = shelf
        self._leniency = leniency
        self._at_once = at_once

    def proven(self, month: Period) -> Proven:
        """The usage that a month is invoiced by.

        Raises:
            CannotInvoice: it is not proven, or not complete, and that is not let pass.
            MeterError: something could not be read.
        """
        return self._let_pass(self._usages.billed(month))

    def invoice(
        self, month: Period, tariff: Tariff, account: str | None = None, reprice: str | None = None
    ) -> Invoiced:
        """Do the steps of the module's docstring, for all accounts or one. `reprice` is the reason why
        earlier months are priced by the tariff against what was billed; the invoices show it.

        Raises:
            CannotInvoice: nothing was issued; the text says what to do first.
            MeterError: something could not be read or written. What was issued holds, and the next run does
                the rest.
        """
        invoiced = sorted(self._shelf.months())
        self._check_months(invoiced)
        have = self._documents([month])[0]
        earlier = earlier_months(month, invoiced)  # 1
        check_has_prices(month, tariff)
        now = self.proven(month)  # 2
        known = [self._known(one) for one in earlier if not _is_final(one, month, tariff)]
        before = [one for one in known if not one.is_gone]
        draft = [doubt for proven in (now, *before) for doubt in (*proven.differing, *proven.missing)]
        if self._leniency.requested:
            draft = draft or [REQUESTED]
        usages = [one.usage for one in before]
        first = min((one.month for one in usages), default=month)
        documents, unbilled = self._documents((one for one in earlier if one >= first), are_earlier=True)
        check_meters(before, documents)
        billing = bill_month(tariff, now.usage, usages, documents, unbilled, reprice=reprice)  # 3
        contradictions = [one for one in billing.contradictions if account in (None, one.account)]
        refuse_contradictions(contradictions, month)
        sources = [source for one in (now, *before) for source in one.sources]
        wanted = [one for one in billing.invoices if account is None or one["account"] == account]
        invoices = [attested(one, sources, draft) for one in wanted]
        if draft:
            return Invoiced(month, tuple(map(_draft, invoices)), billing.unpriced, tuple(draft))
        check_is_first(month, invoiced, self._first_month)
        invoices, too_late = in_time(month, invoices, have, invoiced)
        invoices = not_billed_elsewhere(invoices, have)
        nobodys = 0 if month in invoiced else sum(map(len, unbilled_keys(billing.unpriced).values()))
        self._ask(Proposal(month, _not_in(have, invoices), bool(now.usage.keys), nobodys))
        if self._chain is not None:
            self._chain.begin()
        invoices = self._numbered(month, invoices, have, tariff)  # 4
        with ThreadPoolExecutor(self._at_once) as pool:
            issued = tuple(pool.map(lambda one: self._issue(month, one), invoices))  # 5
        self._keep_unbilled(month, billing.unpriced)  # 6
        self._link(month)  # 7
        gone = tuple(one.usage.month for one in known if one.is_gone)
        unused = self._unused(first, [*documents, *have, *(one.invoice for one in issued)], account)
        return Invoiced(month, issued, (*billing.unpriced, *too_late), (), gone, unused)

    def _numbered(
        self,
        month: Period,
        invoices: Sequence[InvoiceDocument],
        have: Sequence[InvoiceDocument],
        tariff: Tariff,
    ) -> list[InvoiceDocument]:
        """The invoices with their numbers: those that are issued have one, or none for good."""
        kept = {place_of(one): one for one in have}
        series = None if tariff.terms is None else tariff.terms.numbers
        new = [one for one in _not_in(have, invoices) if one.get("kind") != "nothing_due"]
        given = {
            place: GivenNumber(one["number"], one["date"]) for place, one in kept.items() if "number" in one
        }
        if series is not None and new:
            given |= self._register.numbers(month, new, series)
        return [numbered(one, given[place_of(one)]) if place_of(one) in given else one for one in invoices]

    @property
    def _register(self) -> Numbering:
        if self._numbering is None:
            raise CannotInvoice("the tariff numbers its invoices, and there is nowhere to keep the numbers")
        return self._numbering

    def _unused(
        self, since: Period, documents: Sequence[InvoiceDocument], account: str | None
    ) -> tuple[UnusedNumber, ...]:
        """Numbers without a document. Where one account is invoiced, others may follow."""
        if self._numbering is None or account is not None:
            return ()
        return tuple(self._numbering.unused(since, documents))

    def _ask(self, proposal: Proposal) -> None:
        """Have what is decided for good confirmed, if somebody wants to be asked."""
        if self._confirm is not None and (proposal.invoices or proposal.unbilled):
            self._confirm(proposal)

    def _let_pass(self, proven: Proven) -> Proven:
        if proven.differing and not self._leniency.unproven:
            raise CannotInvoice(
                f"{'; '.join(proven.differing)}. Find out why by `usage-meter reconcile "
                f"{proven.usage.month}`; --repair there brings the counters to the lake's figure, those of a "
                "sealed month, too. Or make drafts with --unproven"
            )
        if proven.missing and not self._leniency.incomplete:
            raise CannotInvoice(
                f"{'; '.join(proven.missing)}. Wait until it is complete, or make drafts with "
                "--allow-incomplete"
            )
        return proven

    def _known(self, month: Period) -> Proven:
        """All that is known of an earlier month."""
        known = self._usages.known(month)
        if known.is_gone:
            return known
        try:
            return self._let_pass(known)
        except CannotInvoice as refusal:
            raise CannotInvoice(
                f"{refusal}. If its Parquet files cannot be brought back, since a lifecycle rule deletes "
                "them, let months be final earlier: final_after in the tariff"
            ) from refusal

    def _documents(
        self, months: Iterable[Period], *, are_earlier: bool = False
    ) -> tuple[list[InvoiceDocument], list[UnbilledDocument]]:
        issued, unbilled = [], []
        texts: dict[str, str] = {}
        for month in months:
            digests: dict[str, str] = {}
            for place, stored in self._shelf.documents(month):
                digests[place] = digest_of(stored)
                if (nobody := read_unbilled(stored)) is not None:
                    unbilled.append(nobody)
                else:
                    issued.append(_with_shared_texts(_as_issued(place, stored), texts))
            self._check(month, digests, is_earlier=are_earlier)
        return issued, unbilled

    def _check_months(self, invoiced: Collection[Period]) -> None:
        """Raises BrokenChainError where all invoices of a month are gone."""
        if self._chain is not None:
            self._chain.check_months(INVOICES, invoiced)

    def _check(self, month: Period, documents: Mapping[str, str], *, is_earlier: bool) -> None:
        """Hold the documents of a month against the chain.

        Raises:
            BrokenChainError: one is missing or altered, or the chain is.
            CannotInvoice: no link names a document of an earlier month.
        """
        if self._chain is None:
            return
        unlinked = self._chain.unlinked(month, f"{INVOICES}{month}/", documents)
        if unlinked and is_earlier:
            raise CannotInvoice(
                f"{', '.join(unlinked[:MOST_SHOWN])}: not linked into the chain of what was billed, since "
                "the job that issued it was stopped, or somebody else wrote it. Look at it; `usage-meter "
                f"invoice {month}`, run again, links it"
            )

    def _link(self, month: Period) -> None:
        if self._chain is not None:
            documents = {name: digest_of(stored) for name, stored in self._shelf.documents(month)}
            self._chain.add(LinkKind.INVOICES, month, documents)

    def _keep_unbilled(self, month: Period, unpriced: Iterable[Unpriced]) -> None:
        keys = unbilled_keys(unpriced)
        if keys:
            self._shelf.decide(month, UNBILLED, canonical_json(unbilled_document(month, keys)))

    def _issue(self, month: Period, invoice: InvoiceDocument) -> Issued:
        place, computed = place_of(invoice), canonical_json(invoice)
        document, is_new = self._shelf.decide(month, place, computed)  # 5a
        is_as_computed = document == computed
        issued = invoice if is_as_computed else _as_issued(f"{place} {month}", document)
        kept = {  # 5b
            name: found
            for name, content in derived(issued).items()
            if (found := self._shelf.add(month, place, name, content)) != content
        }
        return Issued(issued, is_new, is_as_computed, None if is_as_computed else document, kept)


def derived(invoice: InvoiceDocument) -> dict[str, bytes]:
    """What follows from an invoice, by name. Where nothing is due, nothing does."""
    if invoice.get("kind") == "nothing_due":
        return {}
    return {SPREADSHEET_NAME: csv_bytes(invoice), PAGE_NAME: page(invoice)}


def _not_in(have: Iterable[InvoiceDocument], invoices: Iterable[InvoiceDocument]) -> list[InvoiceDocument]:
    places = {place_of(one) for one in have}
    return [one for one in invoices if place_of(one) not in places]


def _as_issued(place: str, stored: bytes) -> InvoiceDocument:
    try:
        return read_invoice(stored)
    except AlteredInvoice as altered:
        raise CannotInvoice(f"{place}: {altered}; bring back its first version") from altered


def _with_shared_texts(invoice: InvoiceDocument, texts: dict[str, str]) -> InvoiceDocument:
    """The same document. The query of a month is one text for all accounts, and the longest of a document."""
    for source in invoice["sources"]:
        source["sql"] = texts.setdefault(source["sql"], source["sql"])
    return invoice


def _is_final(earlier: Period, month: Period, tariff: Tariff) -> bool:
    return months_between(earlier, month) > tariff.final_after


def _draft(invoice: InvoiceDocument) -> Issued:
    return Issued(invoice, is_new=False, is_as_computed=True)
