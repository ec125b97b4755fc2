"""Whatever happens to accounts, all documents together come to what is due, and each call is paid once."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metering.period import Period
from metering.prices.invoice import invoiced_charges, read_invoice
from tests.examples import examples
from tests.reconciliation.invoices.histories import History, lived
from tests.reconciliation.invoices.samples import Shelves


def billed(shelf: Shelves) -> tuple[dict[tuple[Period, str, str], Decimal], dict[Period, int]]:
    """What all documents billed, by month, account and currency, and the calls that they bill."""
    amounts: dict[tuple[Period, str, str], Decimal] = defaultdict(Decimal)
    calls: dict[Period, int] = defaultdict(int)
    for month in shelf.months():
        for stored in shelf.documents(month):
            for charge in invoiced_charges(read_invoice(stored)):
                amounts[charge.month, charge.account, charge.currency] += charge.amount
                calls[charge.month] += charge.quantity
    return amounts, calls


@settings(max_examples=examples(120))
@given(st.integers(0, 2**32))
@pytest.mark.exhaustive
def test_all_documents_equal_an_oracle_that_knew_everything(seed: int) -> None:
    """New, renamed, merged, split, rotated, moved and ended accounts, other plans, currencies, roundings and
    prices, late calls and killed jobs: the sums equal the oracle's. Where a later document has fewer digits
    than the month, less than half of its last digit is left of each line.
    """
    history, shelf = lived(seed, group_size=1 + seed % 3)
    amounts, calls = billed(shelf)
    due = history.due()
    for place in amounts.keys() | due.keys():
        month, account, _ = place
        digits = history.coarsest.get((month, account))
        version = history.versions[month, account][1]
        is_coarser = digits is not None and digits < version["rounding"]["digits"]
        left = Decimal(10) ** -digits if digits is not None and is_coarser else Decimal(0)
        difference = abs(amounts.get(place, Decimal(0)) - due.get(place, Decimal(0)))
        assert difference <= left, (seed, place, amounts.get(place), due.get(place))
    wanted = {
        month: sum(used["requests"] for used in of_keys.values()) for month, of_keys in history.calls.items()
    }
    assert wanted == {month: calls[month] for month in wanted}
    assert_numbers(history, shelf)


@settings(max_examples=examples(20))
@given(st.integers(0, 2**32))
def test_parts_come_to_what_the_whole_does(seed: int) -> None:
    """However few accounts are priced together, all objects have the same bytes, and so has what is said."""
    (apart, in_parts), (together, at_once) = lived(seed, group_size=1), lived(seed, group_size=1_000)
    assert at_once.kept == in_parts.kept
    assert {month: sorted(lines) for month, lines in at_once.copies.items()} == {
        month: sorted(lines) for month, lines in in_parts.copies.items()
    }
    assert (together.lost, at_once.given) == (apart.lost, in_parts.given)


def assert_numbers(history: History, shelf: Shelves) -> None:
    """Each series counts on without a gap; a number is on one document, or was named as on none. What is due
    has its taxes; a document without a number is one by which nothing is due.
    """
    documents = [read_invoice(stored) for month in shelf.months() for stored in shelf.documents(month)]
    used = [one["number"] for one in documents if "number" in one]
    assert sorted([*used, *history.lost]) == sorted(
        f"{series}{number:06d}"
        for series in shelf.series()
        for number in range(1, max(batch.following for batch in shelf.batches(series)))
    )
    for one in documents if history.on_paper else []:
        assert ("number" in one) == (one.get("kind") != "nothing_due")
        taxes = sum(Decimal(line["amount"]) for line in one["tax"])
        assert Decimal(one["amount_due"]) == Decimal(one["total"]) + taxes
