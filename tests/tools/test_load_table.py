"""The third table of docs/scale.md is what the shipped code takes."""

from __future__ import annotations

import re

import pytest

from tools.load_table import ROWS, of_accounts, of_calls, of_keys, of_late_accounts, of_months, of_shards
from tools.scale_table import PAGE


def cells(kind: str) -> list[str]:
    """The figures of a row, as the page has them."""
    row, _ = ROWS[kind]
    (line,) = re.findall(
        rf"^\| {row.grows_with} \| {row.what} \| (.*) \| [0-9.e-]+ \|$",
        PAGE.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return str(line).split(" | ")


@pytest.mark.parametrize("kind", ROWS)
def test_sizes_in_the_page(kind: str) -> None:
    """Each row is there with each of its sizes; all but the months over three orders of magnitude."""
    row, _ = ROWS[kind]
    assert [f"{size:,}" for size in row.sizes] == [cell.partition(": ")[0] for cell in cells(kind)]
    assert kind == "months" or row.sizes[-1] == 1_000 * row.sizes[0]


@pytest.mark.parametrize("kind", ["accounts", "late-accounts", "months", "shards"])
def test_requests_in_the_page(kind: str) -> None:
    """They do not depend on the machine, and are those of the code as it is. The largest take too long."""
    row, measure = ROWS[kind]
    for size, cell in list(zip(row.sizes, cells(kind), strict=True))[: 1 if "accounts" in kind else 2]:
        assert cell.endswith(f", {measure(size).requests:,} requests")


@pytest.mark.exhaustive
def test_requests_grow_no_faster_than_their_cause() -> None:
    """Invoices: three an account, in the first month and in the 36th: no document of an earlier month is
    read. Each month that there has been costs two, for its link of the chain, whatever the accounts.
    """
    assert 3 * 20 == of_accounts(40).requests - of_accounts(20).requests
    assert 3 * 20 == of_late_accounts(40).requests - of_late_accounts(20).requests
    for months in (16, 36):
        assert 2 == of_months(months).requests - of_months(months - 1).requests


def test_money() -> None:
    """Three writes an account are 15 USD a million, and time is that of a function with its memory."""
    first, second = of_accounts(20), of_accounts(40)
    assert 3 * 20 * 0.005 / 1_000 == pytest.approx(second.usd - first.usd)
    load = of_shards(100)
    assert load.seconds * 0.25 * 0.0000133334 == pytest.approx(load.usd)


def test_time_is_taken() -> None:
    """Every figure is of work that was done."""
    assert all(load.seconds > 0 for load in (of_calls(1_000), of_keys(10), of_shards(100)))
