"""What invoices say of the months that they bill: who paid for which key, by which price version.

It decides who an adjustment of such a month belongs to. The tariff says so only of what no invoice names.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from metering.period import Period
from metering.prices.adjustment import BilledVersion, Charge
from metering.prices.documents import InvoiceDocument, UnbilledDocument
from metering.prices.invoice import billed_keys, invoiced_charges
from metering.prices.tariff import KEY_ACCOUNT


@dataclass(frozen=True, slots=True)
class BilledMonth:
    """What all invoices issued so far say of a month."""

    holders: Mapping[str, str] = field(default_factory=dict)
    """The account that was billed for a key."""
    charges: Mapping[str, list[Charge]] = field(default_factory=dict)
    """By account."""
    unbilled: frozenset[str] = frozenset()
    """Keys that nobody was billed for, which was reported when the month was invoiced."""

    def version(self, account: str) -> BilledVersion | None:
        """The version that an account was billed by last. None: it has not been billed."""
        charges = self.charges.get(account)
        return charges[-1].version if charges else None


NOTHING_BILLED: Final = BilledMonth()


def billed_months(
    documents: Iterable[InvoiceDocument], unbilled: Iterable[UnbilledDocument] = ()
) -> dict[Period, BilledMonth]:
    """What documents say of each month, those of later months last."""
    holders: dict[Period, dict[str, str]] = defaultdict(dict)
    charges: dict[Period, dict[str, list[Charge]]] = defaultdict(lambda: defaultdict(list))
    for document in sorted(documents, key=lambda one: (one["period"]["month"], one["id"])):
        for month, key in billed_keys(document):
            holders[month][key] = document["account"]
        for charge in invoiced_charges(document):
            charges[charge.month][charge.account].append(charge)
            if charge.account.startswith(KEY_ACCOUNT):
                holders[charge.month].setdefault(charge.account.removeprefix(KEY_ACCOUNT), charge.account)
    nobody: dict[Period, frozenset[str]] = {}
    for one in unbilled:
        for called, keys in one["keys"].items():
            nobody[Period(called)] = nobody.get(Period(called), frozenset()) | frozenset(keys)
    months = holders.keys() | charges.keys() | nobody.keys()
    return {
        month: BilledMonth(
            holders.get(month, {}), dict(charges.get(month, {})), nobody.get(month, frozenset())
        )
        for month in months
    }
