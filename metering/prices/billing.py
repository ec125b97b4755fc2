"""A month for all accounts: who is billed what, and what nobody is billed for and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from metering.prices.adjustment import Adjustment, Charge, NotComparable, adjust
from metering.prices.documents import InvoiceDocument
from metering.prices.invoice import invoice_document
from metering.prices.month import Month
from metering.prices.statement import KeyUsage, MonthUsage, Statement, make_statement
from metering.prices.tariff import KEY_ACCOUNT, Account, AccountPlan, NoPrice, Tariff


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Usage or a correction that is on no invoice, with the reason. Nothing is left out in silence."""

    month: Month
    account: str | None
    keys: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class PricedMonth:
    """A month under a tariff, by account, in the order of their names."""

    month: Month
    statements: Mapping[str, Statement]
    unpriced: tuple[Unpriced, ...]


@dataclass(frozen=True, slots=True)
class Billing:
    """The invoices of a month, in the order of the accounts."""

    invoices: tuple[InvoiceDocument, ...]
    unpriced: tuple[Unpriced, ...]


def price_month(tariff: Tariff, usage: MonthUsage, prices_of: Month | None = None) -> PricedMonth:
    """Prices a month's usage, by the plans and versions of `prices_of` (default: of the month itself).

    An account pays for its month even without calls. A key of no account is billed alone by the default plan,
    for the months in which it has calls. The reserved keys (`-`, and those that begin with `!`) are never
    billed.
    """
    by_key = {used.key: used for used in usage.keys if not _reserved(used.key)}
    owned = tariff.account_of_key()
    strangers = sorted(by_key.keys() - owned.keys())
    accounts = [*tariff.accounts.values(), *_key_accounts(tariff, strangers)]
    statements, unpriced = {}, list(_unowned(tariff, usage.month, strangers))
    for account in sorted(accounts, key=lambda account: account.id):
        try:
            statements[account.id] = _statement(tariff, account, usage, by_key, prices_of or usage.month)
        except NoPrice as no_price:
            unpriced.append(Unpriced(usage.month, account.id, account.keys, str(no_price)))
    return PricedMonth(usage.month, statements, tuple(unpriced))


def bill_month(
    tariff: Tariff, usage: MonthUsage, earlier: Sequence[MonthUsage] = (), issued: Iterable[Charge] = ()
) -> Billing:
    """The invoices of a month, with adjustments for the `earlier` months, whose usage is all that is known of
    them now.

    `issued` are the charges of all invoices so far. Those of this month and later are passed over, so that a
    repeated run gives the same invoices as the first.
    """
    charges = _by_account_and_month(charge for charge in issued if charge.invoiced_in < usage.month)
    now, before = price_month(tariff, usage), [price_month(tariff, month) for month in earlier]
    adjustments, refused = _adjustments(before, charges)
    invoices, unpriced = (
        [],
        [*now.unpriced, *refused, *(entry for month in before for entry in month.unpriced)],
    )
    for account in sorted(now.statements.keys() | adjustments.keys()):
        try:
            statement = now.statements.get(account) or _without_calls(tariff, account, usage)
            invoices.append(invoice_document(statement, adjustments.get(account, ())))
        except (NoPrice, NotComparable) as reason:
            unpriced.append(Unpriced(usage.month, account, (), str(reason)))
    return Billing(tuple(invoices), tuple(unpriced))


def _reserved(key: str) -> bool:
    return key == "-" or key.startswith("!")


def _key_accounts(tariff: Tariff, keys: Iterable[str]) -> Iterator[Account]:
    if tariff.default_plan is not None:
        for key in keys:
            yield Account(KEY_ACCOUNT + key, (key,), (AccountPlan(tariff.default_plan, Month("0001-01")),))


def _unowned(tariff: Tariff, month: Month, keys: Iterable[str]) -> Iterator[Unpriced]:
    if tariff.default_plan is None:
        for key in keys:
            yield Unpriced(
                month, None, (key,), f"key {key} has no account; add it to one, or give a default_plan"
            )


def _statement(
    tariff: Tariff, account: Account, usage: MonthUsage, by_key: Mapping[str, KeyUsage], prices_of: Month
) -> Statement:
    version = tariff.version(account.plan_in(prices_of), prices_of)
    used = (by_key.get(key) or KeyUsage.none(key) for key in account.keys)
    return make_statement(account.id, usage.month, version, used, usage.query)


def _without_calls(tariff: Tariff, account: str, usage: MonthUsage) -> Statement:
    """A key of the default plan that has no calls this month pays nothing for it, and still gets its
    adjustments.
    """
    if tariff.default_plan is None or not account.startswith(KEY_ACCOUNT):
        raise NoPrice(
            f"account {account} is owed adjustments, and has no price in {usage.month}; keep it in the tariff"
        )
    version = tariff.version(tariff.default_plan, usage.month)
    return Statement(account, usage.month, version, (), (), None, usage.query)


def _by_account_and_month(charges: Iterable[Charge]) -> dict[tuple[str, Month], list[Charge]]:
    grouped = defaultdict(list)
    for charge in charges:
        grouped[charge.account, charge.month].append(charge)
    return grouped


def _adjustments(
    months: Iterable[PricedMonth], charges: Mapping[tuple[str, Month], list[Charge]]
) -> tuple[dict[str, list[Adjustment]], list[Unpriced]]:
    found: dict[str, list[Adjustment]] = defaultdict(list)
    refused: list[Unpriced] = []
    for month in months:
        refused += _lost(month, charges)
        for account, statement in month.statements.items():
            billed = charges.get((account, month.month), [])
            if billed or any(any(used.quantities.values()) for used in statement.keys):
                try:
                    changed = adjust(statement, billed)
                except NotComparable as reason:
                    refused.append(Unpriced(month.month, account, (), str(reason)))
                    continue
                if changed:
                    found[account] += changed
    return found, refused


def _lost(month: PricedMonth, charges: Iterable[tuple[str, Month]]) -> Iterator[Unpriced]:
    known = month.statements.keys() | {entry.account for entry in month.unpriced}
    for account, billed_month in sorted(charges):
        if billed_month == month.month and account not in known:
            reason = f"account {account} was billed for {billed_month}; keep it in the tariff with its plan"
            yield Unpriced(billed_month, account, (), reason)
