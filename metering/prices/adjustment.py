"""Adjustments: what changes for a month that was already billed.

An adjustment is the difference between the month priced again, with all that is known now, and the sum of
what was billed for it: its invoice and the adjustments issued since. Late calls are never priced on their
own, so that tiers, free units, packages, minimum and maximum come out as if they had been on time.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from metering.period import Period
from metering.prices.money import ZERO, at_most_digits, difference, total
from metering.prices.rating import RatedPrice
from metering.prices.statement import Statement


class NotComparable(ValueError):
    """Two amounts that cannot be set against each other: another account, month or currency."""


@dataclass(frozen=True, slots=True)
class BilledVersion:
    """The price version that a line was billed by."""

    plan: str
    version: str
    digest: str


@dataclass(frozen=True, slots=True)
class Charge:
    """A line of an issued invoice: what it billed for `month`, whichever month the invoice itself is of.

    `quantity` and `amount` of an adjustment are differences.
    """

    account: str
    month: Period
    line: str
    quantity: int
    amount: Decimal
    currency: str
    invoiced_in: Period
    version: BilledVersion = BilledVersion("", "", "")
    fingerprint: int = 0
    """Of all calls of the account's month, when it was billed."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """The correction of one line of an earlier month: `amount = repriced - billed`, in the digits of the
    document that bills it. What it leaves of a finer rounding is less than half of its last digit, and part
    of the difference of the next.
    """

    repriced_month: Statement
    line: str
    rated: RatedPrice | None
    quantity_billed: int
    quantity: int
    billed: Decimal
    repriced: Decimal
    digits: int | None = None
    """Of the document; None: as many as the month itself was rounded to."""

    @property
    def amount(self) -> Decimal:
        """What the account owes more, or gets back."""
        exact = difference(self.repriced, self.billed)
        return exact if self.digits is None else at_most_digits(exact, self.digits)


def adjust(
    repriced: Statement, charges: Iterable[Charge], digits: int | None = None
) -> tuple[Adjustment, ...]:
    """The lines in which a month, priced again, differs from what was billed for it. Empty when nothing
    changed.

    `charges` are all charges for the statement's account and month. `digits` are those of the document that
    bills the adjustments. Raises NotComparable for charges of anything else.
    """
    billed = list(charges)
    for charge in billed:
        _check(charge, repriced)
    lines = [line.price.id for line in repriced.lines]
    others = sorted({charge.line for charge in billed} | set(_commitment(repriced)))
    found = (_adjustment(repriced, line, billed, digits) for line in dict.fromkeys([*lines, *others]))
    return tuple(a for a in found if a.amount or a.quantity != a.quantity_billed)


def _check(charge: Charge, repriced: Statement) -> None:
    here = (charge.account, charge.month, charge.currency)
    there = (repriced.account, repriced.month, repriced.version.currency)
    if here != there:
        raise NotComparable(
            f"billed {charge.line} to {charge.account} for {charge.month} in {charge.currency}; "
            f"the month priced again is {repriced.account}'s {repriced.month} in {repriced.version.currency}"
        )


def _adjustment(repriced: Statement, line: str, billed: Iterable[Charge], digits: int | None) -> Adjustment:
    before = [charge for charge in billed if charge.line == line]
    rated = next((candidate for candidate in repriced.lines if candidate.price.id == line), None)
    return Adjustment(
        repriced,
        line,
        rated,
        quantity_billed=sum(charge.quantity for charge in before),
        quantity=rated.quantity if rated else 0,
        billed=total(charge.amount for charge in before),
        repriced=rated.amount if rated else _commitment(repriced).get(line, ZERO),
        digits=digits,
    )


def _commitment(repriced: Statement) -> dict[str, Decimal]:
    return {repriced.commitment.id: repriced.commitment.amount} if repriced.commitment else {}
