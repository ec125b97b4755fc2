"""The invoices of a month: from proven usage to documents that are issued once.

1. **Order.** A month is invoiced after the one before and before the one after it: adjustments subtract what
   earlier invoices billed.
2. **Usage.** Of a sealed month as it was sealed; of any other, and of each earlier month that has invoices,
   as the lake has it now, once a reconciliation agrees. Late calls are thus seen in the month that they
   belong to.
3. **Price** the month, and the earlier ones again for those who were billed for them: what changed becomes an
   adjustment. Where the tariff contradicts what was billed, nothing is issued. Pure.
4. **Issue**, account by account:
   a. put the document, on the condition that there is none. It is decided by this one write, and whoever
      comes later goes on with what stands there;
   b. put the spreadsheet and the page that follow from the document that stands there.
5. **Keep** the list of the keys that nobody was billed for: that was decided now, and no later tariff
changes it
   in silence.

A month is final once `final_after` months of the tariff have passed. It is not read again: its Parquet files
may go, and a run costs no more with each year. So is a sealed month whose Parquet files are gone: it stays
as it was billed.

A job that is killed after any write is repeated from the start: what is decided stays, what follows from it
is the same bytes again. Two jobs at once end with one invoice for each account. A draft is never stored.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from metering.errors import MeterError
from metering.period import Period, begins_at, ends_at, following, months_between
from metering.prices.billing import Unpriced, bill_month, unbilled_keys
from metering.prices.canonical import canonical_json
from metering.prices.documents import (
    DOCUMENT_NAME,
    PAGE_NAME,
    SPREADSHEET_NAME,
    UNBILLED,
    InvoiceDocument,
    SourceDocument,
    UnbilledDocument,
)
from metering.prices.invoice import (
    AlteredInvoice,
    attested,
    place_of,
    read_invoice,
    read_unbilled,
    unbilled_document,
)
from metering.prices.repricing import Contradiction
from metering.prices.statement import KeyUsage, MonthUsage
from metering.prices.tariff import Tariff
from metering.usage import Usage
from reconciliation.invoices.exports import csv_bytes
from reconciliation.invoices.page import page
from reconciliation.lake.queries import USAGE_BY_KEY_AND_DAY, between, query_text
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler

MOST_SHOWN: Final = 10
"""Contradictions of a tariff that a refusal names."""


class CannotInvoice(MeterError):
    """A month that cannot be invoiced as things stand. The text says why, and what to do first."""


class InvoiceStore(Protocol):
    """Where issued invoices are kept, by month and account."""

    def months(self) -> Iterable[Period]:
        """The months that have invoices, in order."""
        ...

    def documents(self, month: Period) -> Iterable[tuple[str, bytes]]:
        """The documents of a month, each with the place where it is kept."""
        ...

    def decide(self, month: Period, account: str, document: bytes) -> tuple[bytes, bool]:
        """Keep the document of an account's month unless there is one; the one that is kept now, and whether
        it was put there by this call.
        """
        ...

    def add(self, month: Period, account: str, name: str, content: bytes) -> None:
        """Keep what follows from a document, beside it. Repeating it changes nothing."""
        ...


class Sealed(NamedTuple):
    """The usage of a sealed month, as it was sealed."""

    usage: Mapping[str, Usage]
    report: str
    """The id of the reconciliation with which it was sealed."""
    is_accepted: bool = False
    """Whether it was sealed though something differed, which somebody accepted."""


SealedUsage = Callable[[Period], Sealed | None]
"""The usage of a sealed month; None for any other."""


class Proven(NamedTuple):
    """What all keys used in a month, how it can be derived again, and what speaks against it."""

    usage: MonthUsage
    source: SourceDocument
    differing: tuple[str, ...] = ()
    """How the counters and the lake differ, a sentence each."""
    missing: tuple[str, ...] = ()
    """Why the month is not complete, a sentence each."""
    is_gone: bool = False
    """Whether it was sealed with usage, and its Parquet files are no longer there."""


class Usages(Protocol):
    """The usage of months: :class:`ProvenUsages`, or what stands in for it."""

    def billed(self, month: Period) -> Proven:
        """What a month is invoiced by."""
        ...

    def known(self, month: Period) -> Proven:
        """All that is known of a month by now."""
        ...


class DraftPolicy(NamedTuple):
    """What is let pass; whatever does makes the invoices drafts."""

    incomplete: bool = False
    unproven: bool = False


@dataclass(frozen=True, slots=True)
class Issued:
    """An invoice as it stands, and what became of this run's."""

    invoice: InvoiceDocument
    document: bytes
    is_new: bool
    """Whether this run issued it."""
    is_as_computed: bool
    """Whether this run came to the same. If not, late calls or another tariff have changed it since, and the
    next invoice adjusts it.
    """

    def files(self) -> dict[str, bytes]:
        """The document and what follows from it, by name."""
        return {DOCUMENT_NAME: self.document, **derived(self.invoice)}


@dataclass(frozen=True, slots=True)
class Invoiced:
    """What a run came to: the invoices by account, what is on none of them, and why they are drafts."""

    month: Period
    issued: tuple[Issued, ...]
    unpriced: tuple[Unpriced, ...]
    draft: tuple[str, ...]
    final: tuple[Period, ...] = ()
    """Earlier months that stay as they were billed, since their Parquet files are gone."""

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


class ProvenUsages:
    """The usage of months, each compared with the counters."""

    def __init__(
        self,
        reconciler: Reconciler,
        lake: str,
        run_id: str,
        sealed_usage: SealedUsage = lambda _month: None,
    ) -> None:
        """`lake` is the location of the Parquet files. `run_id` names the queries: one run asks for each
        once.
        """
        self._reconciler = reconciler
        self._lake = lake
        self._run_id = run_id
        self._sealed_usage = sealed_usage

    def billed(self, month: Period) -> Proven:
        """What a month is invoiced by: its usage as sealed, or, while it is open, as the lake has it.

        Raises:
            MeterError: something could not be read.
        """
        sealed = self._sealed_usage(month)
        if sealed is None:
            return self.known(month)
        return self._proven(month, sealed.usage, sealed.report)

    def known(self, month: Period) -> Proven:
        """All usage of a month that the lake has by now, and what the reconciliation has against it. What was
        accepted when the month was sealed is no longer against it.

        Raises:
            MeterError: something could not be read.
        """
        report, usage = self._reconciler.reconciled(month, run_id=self._run_id)
        missing = tuple(f"{month}: {reason}" for reason in report.missing)
        if report.compared_until is not None:
            until = f"{month}: it is complete until {report.compared_until:%Y-%m-%d}, and invoiced as a whole"
            return self._proven(month, {}, None)._replace(missing=missing or (until,))
        sealed = self._sealed_usage(month)
        found = usage()
        proven = self._proven(month, found, sealed.report if sealed else None)
        if sealed is not None and sealed.usage and not found:
            return proven._replace(is_gone=True)
        if sealed is not None and sealed.is_accepted:
            return proven
        return proven._replace(differing=tuple(_differing(report)), missing=missing)

    def _proven(self, month: Period, usage: Mapping[str, Usage], report: str | None) -> Proven:
        source = source_of(month, self._lake, report)
        keys = tuple(KeyUsage.of(key, usage[key]) for key in sorted(usage))
        return Proven(MonthUsage(month, keys, source["query"]), source)


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
    ) -> None:
        """`at_once` is how many accounts are issued at the same time; they do not depend on one another.
        `first_month` finds the first month with calls, before which the first invoices ever must not begin;
        None: they may begin with any. `confirm` is called before the first invoice is issued; what it raises
        ends the run; None: nobody is asked.
        """
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
        earlier months are priced by the tariff against what was billed; it stands on the invoices.

        Raises:
            CannotInvoice: nothing was issued; the text says what to do first.
            MeterError: something could not be read or written. What was issued holds, and the next run does
                the rest.
        """
        earlier = self._earlier(month)  # 1
        now = self.proven(month)  # 2
        known = [self._known(one) for one in earlier if not _is_final(one, month, tariff)]
        before = [one for one in known if not one.is_gone]
        draft = [doubt for proven in (now, *before) for doubt in (*proven.differing, *proven.missing)]
        usages = [one.usage for one in before]
        first = min((one.month for one in usages), default=month)
        documents, unbilled = self._documents(one for one in earlier if one >= first)
        billing = bill_month(tariff, now.usage, usages, documents, unbilled, reprice=reprice)  # 3
        _refuse([one for one in billing.contradictions if account in (None, one.account)], month)
        sources = {one.usage.month: one.source for one in (now, *before)}
        wanted = [one for one in billing.invoices if account is None or one["account"] == account]
        invoices = [attested(one, sources, draft) for one in wanted]
        if draft:
            return Invoiced(month, tuple(map(_draft, invoices)), billing.unpriced, tuple(draft))
        self._check_is_first(month)
        invoices, too_late = self._in_time(month, invoices)
        invoices = self._not_billed_elsewhere(month, invoices)
        self._ask(month, invoices, has_calls=bool(now.usage.keys))
        with ThreadPoolExecutor(self._at_once) as pool:
            issued = tuple(pool.map(lambda one: self._issue(month, one), invoices))  # 4
        self._keep_unbilled(month, billing.unpriced)  # 5
        gone = tuple(one.usage.month for one in known if one.is_gone)
        return Invoiced(month, issued, (*billing.unpriced, *too_late), (), gone)

    def _ask(self, month: Period, invoices: Sequence[InvoiceDocument], *, has_calls: bool) -> None:
        """Have the invoices that are new confirmed, if somebody wants to be asked."""
        if self._confirm is None:
            return
        have = {place_of(one) for one in self._documents([month])[0]}
        if new := [one for one in invoices if place_of(one) not in have]:
            self._confirm(Proposal(month, new, has_calls))

    def _earlier(self, month: Period) -> list[Period]:
        """The earlier months that have invoices: all since the first, or this one would come too early."""
        found = sorted(self._shelf.months())
        later = [one for one in found if one > month]
        if later and month not in found:
            raise CannotInvoice(
                f"{', '.join(later)} has invoices already, and {month} has none: what was used in {month} "
                "can no longer be invoiced before it"
            )
        earlier = [one for one in found if one < month]
        if earlier and following(earlier[-1]) != month:
            gap = following(earlier[-1])
            raise CannotInvoice(f"{gap} has no invoices yet: run `usage-meter invoice {gap}` first")
        return earlier

    def _check_is_first(self, month: Period) -> None:
        """Raises CannotInvoice where earlier months have calls: the first invoices lock them out."""
        if self._first_month is None or self._shelf.months():
            return
        first = self._first_month()
        if first is not None and first < month:
            raise CannotInvoice(
                f"{first} has calls, and no month has invoices yet: once {month} has some, no month before "
                f"it can be invoiced. Run `usage-meter invoice {first}` first, or leave what is before "
                f"{month} unbilled with --begin-here"
            )

    def _in_time(
        self, month: Period, invoices: Sequence[InvoiceDocument]
    ) -> tuple[list[InvoiceDocument], list[Unpriced]]:
        """The invoices that may be issued, and what comes too late. Once a later month has invoices, those of
        this month are complete: what an account used that has none was adjusted there.
        """
        later = [one for one in self._shelf.months() if one > month]
        if not later:
            return list(invoices), []
        have = {place_of(one) for one in self._documents([month])[0]}
        too_late = [
            Unpriced(
                month,
                one["account"],
                tuple(key["key"] for key in one["keys"]),
                f"account {one['account']} has no invoice for {month}, and {later[0]} has invoices already: "
                "what it used is adjusted there",
            )
            for one in invoices
            if place_of(one) not in have and any(any(key["quantities"].values()) for key in one["keys"])
        ]
        return [one for one in invoices if place_of(one) in have], too_late

    def _not_billed_elsewhere(
        self, month: Period, invoices: Sequence[InvoiceDocument]
    ) -> list[InvoiceDocument]:
        """The invoices but for new ones whose adjustments stand on another document of the same account and
        month: a tariff that was changed between two runs may put them elsewhere.
        """
        if not any(one.get("adjusts_only") for one in invoices):
            return list(invoices)
        issued = self._documents([month])[0]
        places = {place_of(one) for one in issued}
        adjusted = {line for one in issued for line in _adjusted(one)}
        return [one for one in invoices if place_of(one) in places or not _adjusted(one) & adjusted]

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

    def _documents(self, months: Iterable[Period]) -> tuple[list[InvoiceDocument], list[UnbilledDocument]]:
        issued, unbilled = [], []
        for month in months:
            for place, stored in self._shelf.documents(month):
                if (nobody := read_unbilled(stored)) is not None:
                    unbilled.append(nobody)
                else:
                    issued.append(_as_issued(place, stored))
        return issued, unbilled

    def _keep_unbilled(self, month: Period, unpriced: Iterable[Unpriced]) -> None:
        keys = unbilled_keys(unpriced)
        if keys:
            self._shelf.decide(month, UNBILLED, canonical_json(unbilled_document(month, keys)))

    def _issue(self, month: Period, invoice: InvoiceDocument) -> Issued:
        place, computed = place_of(invoice), canonical_json(invoice)
        document, is_new = self._shelf.decide(month, place, computed)  # 4a
        stands = _as_issued(f"{place} {month}", document)
        for name, content in derived(stands).items():
            self._shelf.add(month, place, name, content)  # 4b
        return Issued(stands, document, is_new, document == computed)


def source_of(month: Period, lake: str, report: str | None) -> SourceDocument:
    """Where the usage of a month comes from. The reference of the query is a hash of text and parameters."""
    sql = query_text(USAGE_BY_KEY_AND_DAY)
    parameters = list(between(begins_at(month), ends_at(month)))
    digest = hashlib.sha256(canonical_json([sql, parameters])).hexdigest()
    return {
        "month": month,
        "query": f"{USAGE_BY_KEY_AND_DAY}-{digest[:16]}",
        "sql": sql,
        "parameters": parameters,
        "lake": lake,
        "report": report,
    }


def derived(invoice: InvoiceDocument) -> dict[str, bytes]:
    """What follows from an invoice, by name."""
    return {SPREADSHEET_NAME: csv_bytes(invoice), PAGE_NAME: page(invoice)}


def _as_issued(place: str, stored: bytes) -> InvoiceDocument:
    try:
        return read_invoice(stored)
    except AlteredInvoice as altered:
        raise CannotInvoice(f"{place}: {altered}; bring back its first version") from altered


def _is_final(earlier: Period, month: Period, tariff: Tariff) -> bool:
    return months_between(earlier, month) > tariff.final_after


def _adjusted(invoice: InvoiceDocument) -> set[tuple[str, str, str, str]]:
    """What the adjustments of an invoice correct."""
    account, currency = invoice["account"], invoice["currency"]
    return {(account, currency, line["month"], line["line"]) for line in invoice["adjustments"]}


def _refuse(found: Sequence[Contradiction], month: Period) -> None:
    """Say which invoices the tariff contradicts, what it would come to, and what to write instead."""
    if not found:
        return
    shown = "\n".join(f"  {line}" for one in found[:MOST_SHOWN] for line in _contradiction(one))
    more = f"\n  and {len(found) - MOST_SHOWN:,} more" if len(found) > MOST_SHOWN else ""
    raise CannotInvoice(
        f"the tariff says otherwise than {len(found):,} invoices of earlier months, and nothing was issued:\n"
        f"{shown}{more}\nWhere these months are to be billed again on purpose, run "
        f"`usage-meter invoice {month}` with --reprice REASON"
    )


def _contradiction(one: Contradiction) -> Iterator[str]:
    yield f"{one.month} {one.account}: {one.says}"
    for line in one.adjustments:
        change = f"billed {line.billed}, now {line.repriced}"
        yield f"  {line.line}: {change}: {line.amount:+} {line.repriced_month.version.currency}"
    yield f"  instead: {one.remedy}"


def _draft(invoice: InvoiceDocument) -> Issued:
    return Issued(invoice, canonical_json(invoice), is_new=False, is_as_computed=True)


def _differing(report: Report) -> Iterator[str]:
    if not report.agrees:
        found = report.differences_found + report.contradictions_found + report.altered_rows
        yield f"{report.month}: the counters and the lake differ in {found:,} places"
