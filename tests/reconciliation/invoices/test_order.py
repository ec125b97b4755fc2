"""The order in which months are invoiced."""

from __future__ import annotations

import pytest

from metering.period import Period
from metering.usage import Usage
from reconciliation.invoices.issue import Invoicing
from reconciliation.invoices.ports import CannotInvoice
from reconciliation.invoices.result import Proposal
from tests.metering.prices.builders import Document, flat, tariff, version
from tests.reconciliation.invoices.samples import Known, Shelves

OCTOBER = Period("2026-10")
ACME: dict[str, Document] = {"acme": {"keys": ["k1"], "plan": "pro"}}


@pytest.mark.parametrize(
    ("month", "says"),
    [
        ("2025-12", "no prices for 2025-12: it begins in 2026-01"),
        ("2026-11", "no prices for 2026-11: its last version has ended by then"),
    ],
)
def test_a_month_without_prices_is_refused(month: str, says: str) -> None:
    """A month before the tariff begins or after it has ended is named, and nothing is kept of it."""
    known, shelf = Known(), Shelves()
    known.add(Period(month), "k1", Usage(1, 1))
    read = tariff({"pro": [version(flat(), valid_until="2026-11")]}, ACME)
    with pytest.raises(CannotInvoice, match=says):
        Invoicing(known, shelf).invoice(Period(month), read)
    assert {} == shelf.kept


def test_asks_before_it_is_decided_that_nobody_pays() -> None:
    """A month in which no account is billed is asked for as well; the same again is not."""
    known, shelf = Known(), Shelves()
    known.add(OCTOBER, "stray", Usage(1, 1))
    asked: list[Proposal] = []
    read = tariff({"pro": [version(flat())]}, {"acme": {"keys": ["k1"], "plan": "pro", "from": "2026-11"}})
    for _ in range(2):
        Invoicing(known, shelf, confirm=asked.append).invoice(OCTOBER, read)
    assert [Proposal(OCTOBER, [], has_calls=True, unbilled=1)] == [
        one._replace(invoices=[*one.invoices]) for one in asked
    ]
