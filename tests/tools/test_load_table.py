"""The third table of docs/scale.md is what the shipped code takes."""

from __future__ import annotations

import re

import pytest

from tools.load_table import ROWS, of_accounts, of_calls, of_keys, of_months, of_shards
from tools.scale_table import PAGE


def cells(kind: str) -> list[str]:
    """The figures of a row, as the page has them."""
    row, _ = ROWS[kind]
    (line,) = re.findall(
        rf"^\| {row.grows_with} \| {row.what} \| (.*) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return str(line).split(" | ")


@pytest.mark.parametrize("kind", ROWS)
def test_sizes_in_the_page(kind: str) -> None:
    """Each row is there with each of its sizes; all but the months over three orders of magnitude."""
    row, _ = ROWS[kind]
    assert [f"{size:,}" for size in row.sizes] == [cell.partition(": ")[0] for cell in cells(kind)]
    assert kind == "months" or row.sizes[-1] == 1_000 * row.sizes[0]


@pytest.mark.parametrize("kind", ["accounts", "months", "shards"])
def test_requests_in_the_page(kind: str) -> None:
    """They do not depend on the machine, and are those of the code as it is. The largest take too long."""
    row, measure = ROWS[kind]
    for size, cell in list(zip(row.sizes, cells(kind), strict=True))[:2]:
        assert cell.endswith(f", {measure(size).requests:,} requests")


def test_requests_grow_no_faster_than_their_cause() -> None:
    """Invoices: four an account in a second month. Months that are final are not read: a later month costs
    what the one before it does, and at most one listing more.
    """
    assert of_accounts(40).requests - of_accounts(20).requests == 4 * 20
    assert (
        of_months(16).requests - of_months(15).requests
        == of_months(15).requests - of_months(14).requests
        <= 1
    )


def test_time_is_taken() -> None:
    """Every figure is of work that was done."""
    assert all(load.seconds > 0 for load in (of_calls(1_000), of_keys(10), of_shards(100)))
