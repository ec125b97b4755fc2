"""The invoices of a month: from proven usage to documents that are issued once.

1. **Order.** A month is invoiced after the one before and before the one after it: adjustments subtract what
   earlier invoices billed.
2. **Usage.** Of a sealed month as it was sealed; of any other, and of each earlier month that has invoices,
   as the lake has it now, once a reconciliation agrees. Late calls are thus seen in the month that they
   belong to.
3. **Price** the month, and the earlier ones again for those who were billed for them: what changed becomes an
   adjustment. Where the tariff contradicts what was billed, nothing is issued. Pure, and done for some
   accounts after the others: see :mod:`reconciliation.invoices.material.account_groups`.
4. **Number** what is new, where the tariff says so: see :mod:`reconciliation.invoices.numbering`.
5. **Issue**, account by account, some at a time:
   a. put the document, on the condition that there is none. It is decided by this one write, and whoever
      comes later goes on with what is there;
   b. put the spreadsheet and the page that follow from the document that stands there.
6. **Keep** the list of the keys that nobody was billed for: that was decided now, and no later tariff
   changes it in silence.
7. **Link** all documents of the month into the chain of what was billed, see
   :mod:`reconciliation.billing_chain`. What is linked of this month and of earlier ones is held against it
   when it is read: a document that is missing or altered stops the run.
8. **Copy** all documents of the month into one object, by which later runs know them: see
   :mod:`reconciliation.invoices.month_copy`.

A month is final once `final_after` months of the tariff have passed. It is not read again: its Parquet files
may go, and a run costs no more with each year. So is a sealed month whose Parquet files are gone: it stays
as it was billed.

Of this month and the one before all documents are listed, so that one that is missing, or that nobody has
linked, is seen. Of the months before those nothing new can have come: once the month after has invoices, a
month gets no more.

A job that is killed after any write is repeated from the start: what is decided stays, what follows from it
is the same bytes again. Two jobs at once end with one invoice for each account. A draft is never stored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, islice
from typing import Final, NamedTuple

from metering.bucket_layout import invoice_name
from metering.period import Period, months_between
from metering.prices.billing import Unpriced, unbilled_keys
from metering.prices.canonical import canonical_json
from metering.prices.documents import DOCUMENT_NAME, UNBILLED, InvoiceDocument
from metering.prices.invoice import numbered, place_of, unbilled_document
from metering.prices.statement import MonthUsage
from metering.prices.tariff import Tariff
from metering.prices.terms.numbers import GivenNumber
from metering.proof.billing_chain import LinkKind
from reconciliation.billing_chain import BillingChain
from reconciliation.invoices.material.account_groups import GROUP, Material
from reconciliation.invoices.material.documents import ComputedInvoices, EarlierDocuments, KeptDocuments
from reconciliation.invoices.month_copy import MonthDocuments, StoredDocument, as_issued
from reconciliation.invoices.numbering import Numbering, UnusedNumber
from reconciliation.invoices.order import check_has_prices, check_is_first, earlier_months
from reconciliation.invoices.ports import CannotInvoice, InvoiceStore, Proven, Usages
from reconciliation.invoices.refusal import refuse_contradictions
from reconciliation.invoices.result import Invoiced, Issued, IssuedSpool, Proposal, derived
from reconciliation.invoices.several_meters import check_meters

REQUESTED: Final = "it was made as a draft, as requested"
_AT_A_TIME: Final = 64
"""Invoices that wait for a writer."""


class DraftPolicy(NamedTuple):
    """What is let pass; whatever does makes the invoices drafts."""

    incomplete: bool = False
    unproven: bool = False
    requested: bool = False
    """Whether drafts are wanted though nothing is against the month."""


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
        looks_again: bool = True,
        group_size: int = GROUP,
    ) -> None:
        """`at_once` is how many accounts are issued at the same time; they do not depend on one another.
        `first_month` finds the first month with calls, before which the first invoices ever must not begin;
        None: they may begin with any. `confirm` is called before the first invoice is issued; what it raises
        ends the run; None: nobody is asked. `chain` names what was issued; None: nothing does. `numbering`
        gives the numbers of tariffs that want them. With `looks_again` a repeated run finds what is kept of
        the files that follow from documents; without, they are taken to be there. `group_size` is how many
        accounts are priced at a time.
        """
        self._chain = chain
        self._numbering = numbering
        self._confirm = confirm
        self._first_month = first_month
        self._usages = usages
        self._shelf = shelf
        self._leniency = leniency
        self._at_once = at_once
        self._looks_again = looks_again
        self._group_size = group_size

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
        documents = MonthDocuments(self._shelf, self._chain)
        invoiced = documents.months()
        material = Material(tariff, self._group_size)
        kept = KeptDocuments(documents.of_month(month), material)
        earlier = earlier_months(month, invoiced)  # 1
        check_has_prices(month, tariff)
        now = _added(material, self.proven(month))  # 2
        known = [_added(material, self._known(one)) for one in earlier if not _is_final(one, month, tariff)]
        before = [one for one in known if not one.is_gone]
        draft = [doubt for proven in (now, *before) for doubt in (*proven.differing, *proven.missing)]
        if self._leniency.requested:
            draft = draft or [REQUESTED]
        first = min((one.usage.month for one in before), default=month)
        past = EarlierDocuments(documents, [one for one in earlier if one >= first], material)
        check_meters(before, past.firsts)
        computed = ComputedInvoices(
            month, [source for one in (now, *before) for source in one.sources], draft
        )
        for part in material.parts(now.usage, [one.usage for one in before]):
            computed.take(part, account, reprice, invoiced)  # 3
        refuse_contradictions(computed.contradictions, month)
        if draft:
            return Invoiced(month, computed.drafts(), computed.unpriced(), tuple(draft))
        check_is_first(month, invoiced, self._first_month)
        new = [number for number in computed.order if computed.places[number] not in kept.places]
        nobodys = 0 if month in invoiced else sum(map(len, unbilled_keys(computed.unpriced()).values()))
        proposal = Proposal(month, computed.invoices(new), material.has(month), nobodys)
        self._ask(proposal)
        if self._chain is not None:
            self._chain.begin(documents.links)
        given = {**kept.given, **self._given(month, proposal.invoices, tariff)}  # 4
        issued = self._issue(month, computed, kept, given)  # 5
        self._keep_unbilled(month, computed.unpriced(), kept)  # 6
        if self._chain is not None:
            self._chain.add(LinkKind.INVOICES, month, kept.digests)  # 7
        if kept.is_to_be_copied:
            self._shelf.copy(month, chain(issued.documents(), kept.others(computed.places)))  # 8
        documents.complete_copies()
        gone = tuple(one.usage.month for one in known if one.is_gone)
        unused = self._unused(first, account, lambda of: kept.numbers if of == month else past.numbers(of))
        unpriced = (*computed.unpriced(), *computed.too_late)
        return Invoiced(month, issued.issued(), unpriced, (), gone, unused)

    def _given(
        self, month: Period, new: Sequence[InvoiceDocument], tariff: Tariff
    ) -> Mapping[str, GivenNumber]:
        """The numbers of new documents. Those that are issued have one, or none for good."""
        series = None if tariff.terms is None else tariff.terms.numbers
        if series is None or not any(_has_number(one) for one in new):
            return {}
        return self._register.numbers(month, filter(_has_number, new), series)

    @property
    def _register(self) -> Numbering:
        if self._numbering is None:
            raise CannotInvoice("the tariff numbers its invoices, and there is nowhere to keep the numbers")
        return self._numbering

    def _unused(
        self, since: Period, account: str | None, used: Callable[[Period], Collection[str]]
    ) -> tuple[UnusedNumber, ...]:
        """Numbers without a document. Where one account is invoiced, others may follow."""
        if self._numbering is None or account is not None:
            return ()
        return tuple(self._numbering.unused(since, used))

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

    def _issue(
        self, month: Period, computed: ComputedInvoices, kept: KeptDocuments, given: Mapping[str, GivenNumber]
    ) -> IssuedSpool:
        """Issue what is not issued yet, some invoices at a time."""
        issued = IssuedSpool()
        with ThreadPoolExecutor(self._at_once) as pool:
            numbers = iter(computed.order)
            while some := list(islice(numbers, _AT_A_TIME)):
                wanted = [_numbered(computed.invoice(number), given) for number in some]
                stored = [kept.document(place_of(one)) for one in wanted]
                for one, document in pool.map(self._issue_one, wanted, stored):
                    issued.add(one, document)
                    kept.note(month, one.invoice, document)
        return issued

    def _issue_one(self, invoice: InvoiceDocument, stored: StoredDocument | None) -> tuple[Issued, bytes]:
        """Issue an invoice, unless it is; `stored` is the document that is kept, if that is known."""
        month, place, computed = (
            Period(invoice["period"]["month"]),
            place_of(invoice),
            canonical_json(invoice),
        )
        if stored is None:
            document, is_new = self._shelf.decide(month, place, computed)  # 5a
        else:
            document, is_new = stored.content, False
        is_as_computed = document == computed
        issued = invoice if is_as_computed else as_issued(f"{place} {month}", document)
        kept = {}
        if stored is None or not stored.is_copied or self._looks_again:
            kept = {  # 5b
                name: found
                for name, content in derived(issued).items()
                if (found := self._shelf.add(month, place, name, content)) != content
            }
        return Issued(issued, is_new, is_as_computed, None if is_as_computed else document, kept), document

    def _keep_unbilled(self, month: Period, unpriced: Iterable[Unpriced], kept: KeptDocuments) -> None:
        keys = unbilled_keys(unpriced)
        if keys and UNBILLED not in kept.places:
            document = canonical_json(unbilled_document(month, keys))
            document, _ = self._shelf.decide(month, UNBILLED, document)
            kept.keep(UNBILLED, invoice_name(month, UNBILLED, DOCUMENT_NAME), document)


def _added(material: Material, proven: Proven) -> Proven:
    """What is proven of a month, its usage added to the material and held no longer."""
    if not proven.is_gone:
        material.add_usage(proven.usage)
    return proven._replace(usage=MonthUsage(proven.usage.month, (), proven.usage.query))


def _numbered(invoice: InvoiceDocument, given: Mapping[str, GivenNumber]) -> InvoiceDocument:
    place = place_of(invoice)
    return numbered(invoice, given[place]) if place in given else invoice


def _has_number(invoice: InvoiceDocument) -> bool:
    return invoice.get("kind") != "nothing_due"


def _is_final(earlier: Period, month: Period, tariff: Tariff) -> bool:
    return months_between(earlier, month) > tariff.final_after
