"""A month for all accounts: who is billed what, and what nobody is billed for and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from metering.period import Period, following
from metering.prices.adjustment import Adjustment, Charge, adjust
from metering.prices.billed_months import NOTHING_BILLED, billed_months
from metering.prices.documents import InvoiceDocument, UnbilledDocument
from metering.prices.invoice import identified, invoice_document
from metering.prices.repricing import Contradiction, RepricedMonth, is_reserved, reprice_month, withdrawn
from metering.prices.statement import KeyUsage, MonthUsage, Statement, make_statement
from metering.prices.tariff import KEY_ACCOUNT, Account, AccountPlan, Holding, NoPrice, Tariff
from metering.prices.terms.invoice_terms import on_paper
from metering.prices.terms.parties import Party
from metering.prices.terms.tax import Tax
from metering.prices.terms.validity import UNDATED, Validity


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Usage or a correction that is on no invoice, with the reason. Nothing is left out in silence."""

    month: Period
    account: str | None
    keys: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class PricedMonth:
    """A month under a tariff, by account, in the order of their names."""

    month: Period
    statements: Mapping[str, Statement]
    unpriced: tuple[Unpriced, ...]


@dataclass(frozen=True, slots=True)
class Billing:
    """The documents of a month, in the order of the accounts. Those of an account with contradictions must
    not be issued: they lack what is contradicted.
    """

    invoices: tuple[InvoiceDocument, ...]
    unpriced: tuple[Unpriced, ...]
    contradictions: tuple[Contradiction, ...] = ()


def price_month(tariff: Tariff, usage: MonthUsage, prices_of: Period | None = None) -> PricedMonth:
    """Prices a month's usage, by the plans and versions of `prices_of` (default: of the month itself).

    An account pays for its months even without calls. A key of no account is billed alone by the default
    plan, for the months in which it has calls. The reserved keys (`-`, and those that begin with `!`) are
    never billed.
    """
    by_key = {used.key: used for used in usage.keys if not is_reserved(used.key)}
    strangers = sorted(by_key.keys() - tariff.owners_in(usage.month).keys())
    accounts = [*tariff.accounts_in(usage.month), *_key_accounts(tariff, prices_of or usage.month, strangers)]
    statements, unpriced = {}, list(_unowned(tariff, usage.month, strangers))
    for account in sorted(accounts, key=lambda account: account.id):
        used = [by_key.get(key) or KeyUsage.none(key) for key in account.keys_in(usage.month)]
        try:
            version = tariff.version(account.plan_in(prices_of or usage.month), prices_of or usage.month)
        except NoPrice as no_price:
            unpriced.append(Unpriced(usage.month, account.id, account.keys, str(no_price)))
        else:
            statements[account.id] = make_statement(account.id, usage.month, version, used, usage.query)
    return PricedMonth(usage.month, statements, tuple(unpriced))


def bill_month(  # noqa: PLR0913 - two months' worth of input
    tariff: Tariff,
    usage: MonthUsage,
    earlier: Sequence[MonthUsage] = (),
    issued: Iterable[InvoiceDocument] = (),
    unbilled: Iterable[UnbilledDocument] = (),
    *,
    reprice: str | None = None,
) -> Billing:
    """The invoices of a month, with adjustments for the `earlier` months, whose usage is all that is known of
    them now.

    `issued` are all invoices so far, `unbilled` the lists of keys that nobody was billed for. Invoices of
    this month and later are passed over, so that a repeated run gives the same as the first. `reprice` is
    the reason why earlier months are priced by the tariff against what was billed.
    """
    before = [document for document in issued if document["period"]["month"] < usage.month]
    billed = billed_months(before, unbilled)
    now = price_month(tariff, usage)
    months = [
        reprice_month(tariff, one, billed.get(one.month, NOTHING_BILLED), by_tariff=reprice is not None)
        for one in earlier
    ]
    contradictions = tuple(found for month in months for found in month.contradictions)
    due = _Due(tariff, usage, now, reprice)
    for month in months:
        due.take(month)
    names = sorted(now.statements.keys() | due.accounts)
    unpriced = [entry for month in months for entry in _left_out(month)]
    papers = _Papers(tariff, before)
    invoices = tuple(papers.of(document) for name in names for document in due.documents(name))
    return Billing(invoices, (*now.unpriced, *unpriced), contradictions)


def unbilled_keys(unpriced: Iterable[Unpriced]) -> dict[Period, list[str]]:
    """The keys of no account, by month, that nobody is billed for."""
    found: dict[Period, list[str]] = defaultdict(list)
    for entry in unpriced:
        if entry.account is None:
            found[entry.month] += entry.keys
    return dict(found)


def _left_out(month: RepricedMonth) -> Iterator[Unpriced]:
    for key, reason in sorted(month.unbilled.items()):
        yield Unpriced(month.month, None, (key,), reason)


class _Papers:
    """What is on invoices besides amounts. An account that has left the tariff is named, and taxed, as on its
    documents so far.
    """

    def __init__(self, tariff: Tariff, issued: Iterable[InvoiceDocument]) -> None:
        self._tariff = tariff
        self._issued: dict[str, list[InvoiceDocument]] = defaultdict(list)
        for one in sorted(issued, key=lambda one: one["period"]["month"]):
            self._issued[one["account"]].append(one)

    def of(self, document: InvoiceDocument) -> InvoiceDocument:
        """The document with what the tariff says of it."""
        terms = self._tariff.terms
        if terms is None:
            return document
        account = self._tariff.accounts.get(document["account"])
        before = self._issued.get(document["account"], [])
        if account is not None:
            taxes = terms.taxes if account.taxes is None else account.taxes
            return identified(on_paper(document, terms, account.customer, taxes))
        is_of_a_key = document["account"].startswith(KEY_ACCOUNT)
        taxes = terms.taxes if is_of_a_key or not before else tuple(_charged_taxes(before))
        return identified(on_paper(document, terms, _last_customer(before), taxes))


def _last_customer(documents: Iterable[InvoiceDocument]) -> Party | None:
    named = [one["customer"] for one in documents if "customer" in one]
    if not named:
        return None
    return Party(named[-1]["name"], tuple(named[-1]["address"]), named[-1].get("tax_id"))


def _charged_taxes(documents: Iterable[InvoiceDocument]) -> Iterator[Tax]:
    """The taxes by which the calls of each month were billed."""
    by_month = {month: one for one in documents for line in one.get("tax", []) for month in line["months"]}
    for month, document in by_month.items():
        for line in document.get("tax", []):
            if month in line["months"]:
                validity = Validity(Period(month), following(Period(month)))
                yield Tax(line["name"], Decimal(line["percent"]), validity)


class _Due:
    """What accounts are to be billed: the month itself, and adjustments by currency."""

    def __init__(self, tariff: Tariff, usage: MonthUsage, now: PricedMonth, reprice: str | None) -> None:
        self._tariff = tariff
        self._usage = usage
        self._now = now.statements
        self._reprice = reprice
        self._adjustments: dict[str, dict[str, list[Adjustment]]] = defaultdict(lambda: defaultdict(list))
        self._keys: dict[tuple[str, str], dict[Period, list[str]]] = defaultdict(dict)

    @property
    def accounts(self) -> set[str]:
        """Those that have adjustments."""
        return {account for account, found in self._adjustments.items() if any(found.values())}

    def take(self, month: RepricedMonth) -> None:
        """The adjustments of an earlier month."""
        for account, statement in month.statements.items():
            if month.is_of_somebody(account):
                charges = month.billed.charges.get(account, [])
                self._adjust(statement, [one for one in charges if _is_in(one, statement)])
                for charge in _last_by_currency(one for one in charges if not _is_in(one, statement)):
                    gone = withdrawn(account, month.month, charge, self._usage.query)
                    self._adjust(gone, [one for one in charges if one.currency == charge.currency])
                if new := month.new_keys(account):
                    self._keys[account, statement.version.currency][month.month] = new

    def _adjust(self, statement: Statement, charges: Sequence[Charge]) -> None:
        currency = statement.version.currency
        found = adjust(statement, charges, self._digits(statement))
        self._adjustments[statement.account][currency] += found

    def _digits(self, statement: Statement) -> int:
        """Of the document that bills an adjustment: the digits of the account's prices now, if they are in
        its currency.
        """
        now = self._now.get(statement.account)
        is_billed_now = now is not None and now.version.currency == statement.version.currency
        return (now if now is not None and is_billed_now else statement).version.rounding.digits

    def documents(self, account: str) -> Iterator[InvoiceDocument]:
        """The account's invoice, and a document for the adjustments in each other currency."""
        by_currency = {name: found for name, found in sorted(self._adjustments[account].items()) if found}
        own = self._now.get(account) or self._without_calls(account)
        if own is not None and (account in self._now or own.version.currency in by_currency):
            currency = own.version.currency
            keys = self._keys.get((account, currency))
            yield invoice_document(own, by_currency.pop(currency, ()), keys, self._reprice)
        for currency, found in by_currency.items():
            latest = max((one.repriced_month for one in found), key=lambda one: one.month)
            empty = Statement(account, self._usage.month, latest.version, (), (), None, self._usage.query)
            keys = self._keys.get((account, currency))
            yield invoice_document(empty, found, keys, self._reprice, adjusts_only=True)

    def _without_calls(self, account: str) -> Statement | None:
        """A key of the default plan that has no calls this month pays nothing for it, and still gets its
        adjustments.
        """
        plan = self._tariff.default_plan_in(self._usage.month)
        if plan is None or not account.startswith(KEY_ACCOUNT):
            return None
        try:
            version = self._tariff.version(plan, self._usage.month)
        except NoPrice:
            return None
        return Statement(account, self._usage.month, version, (), (), None, self._usage.query)


def _is_in(charge: Charge, statement: Statement) -> bool:
    return charge.currency == statement.version.currency


def _last_by_currency(charges: Iterable[Charge]) -> Iterable[Charge]:
    return {charge.currency: charge for charge in charges}.values()


def _key_accounts(tariff: Tariff, month: Period, keys: Iterable[str]) -> Iterator[Account]:
    plan = tariff.default_plan_in(month)
    if plan is not None:
        for key in keys:
            yield Account(KEY_ACCOUNT + key, (Holding(key, UNDATED),), (AccountPlan(plan),))


def _unowned(tariff: Tariff, month: Period, keys: Iterable[str]) -> Iterator[Unpriced]:
    if tariff.default_plan_in(month) is None:
        for key in keys:
            yield Unpriced(
                month, None, (key,), f"key {key} has no account; add it to one, or give a default_plan"
            )
