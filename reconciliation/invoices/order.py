"""The order in which months are invoiced, and what can no longer be issued once a later month is invoiced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from metering.period import Period, following
from metering.prices.billing import Unpriced
from metering.prices.documents import InvoiceDocument
from metering.prices.invoice import place_of
from metering.prices.tariff import Tariff
from reconciliation.invoices.ports import CannotInvoice


def earlier_months(month: Period, invoiced: Iterable[Period]) -> list[Period]:
    """The earlier months that have invoices: all since the first, or this one would come too early.

    Raises:
        CannotInvoice: a month in between has none, or a later one has some and this one has none.
    """
    found = sorted(invoiced)
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


def check_has_prices(month: Period, tariff: Tariff) -> None:
    """Refuse a month in which no plan of the tariff is valid: it is more often a wrong month.

    Raises:
        CannotInvoice: there is none.
    """
    versions = [version for plan in tariff.plans.values() for version in plan]
    if any(version.valid_in(month) for version in versions):
        return
    first = min(version.valid_from for version in versions)
    begins = f"it begins in {first}" if month < first else "its last version has ended by then"
    raise CannotInvoice(
        f"the tariff has no prices for {month}: {begins}. Check the month, or give a plan a version that is "
        f"valid in {month}"
    )


def check_is_first(
    month: Period, invoiced: Sequence[Period], first_month: Callable[[], Period | None] | None
) -> None:
    """Refuse the first invoices ever where earlier months have calls: they lock these out. `first_month`
    finds the first month with calls; None: any may be the first.

    Raises:
        CannotInvoice: there are such months.
    """
    if first_month is None or invoiced:
        return
    first = first_month()
    if first is not None and first < month:
        raise CannotInvoice(
            f"{first} has calls, and no month has invoices yet: once {month} has some, no month before "
            f"it can be invoiced. Run `usage-meter invoice {first}` first, or leave what is before "
            f"{month} unbilled with --begin-here"
        )


def in_time(
    month: Period,
    invoices: Sequence[InvoiceDocument],
    issued: Sequence[InvoiceDocument],
    invoiced: Iterable[Period],
) -> tuple[list[InvoiceDocument], list[Unpriced]]:
    """The invoices of a month that may be issued, and what comes too late. Once a later month has invoices,
    those of this month are complete: what an account used that has none was adjusted there. `issued` are
    those that the month has.
    """
    later = [one for one in invoiced if one > month]
    if not later:
        return list(invoices), []
    have = {place_of(one) for one in issued}
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


def not_billed_elsewhere(
    invoices: Sequence[InvoiceDocument], issued: Sequence[InvoiceDocument]
) -> list[InvoiceDocument]:
    """The invoices but for new ones whose adjustments are on another document of the same account and month:
    a tariff that was changed between two runs may put them elsewhere. `issued` are those that the month has.
    """
    if not any(one.get("adjusts_only") for one in invoices):
        return list(invoices)
    places = {place_of(one) for one in issued}
    adjusted = {line for one in issued for line in _adjusted(one)}
    return [one for one in invoices if place_of(one) in places or not _adjusted(one) & adjusted]


def _adjusted(invoice: InvoiceDocument) -> set[tuple[str, str, str, str]]:
    """What the adjustments of an invoice correct."""
    account, currency = invoice["account"], invoice["currency"]
    return {(account, currency, line["month"], line["line"]) for line in invoice["adjustments"]}
