"""The recipes of docs/prices.md: each is run, and bills what the page shows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from metering.period import Period
from metering.prices.invoice import place_of
from metering.prices.tariff_file import read_tariff
from metering.strict_yaml import load_yaml
from metering.usage import Usage
from reconciliation.invoices.issue import Invoicing
from reconciliation.invoices.ports import CannotInvoice
from tests.reconciliation.invoices.samples import Known, Shelves

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "prices.md").read_text()
LIFE = PAGE.split("## A customer's life\n")[1].split("### Months that are final")[0]
BLOCKS = re.findall(r"```(?:yaml)?\n(.*?)```", LIFE, re.DOTALL)
BASE, UNCHANGED = BLOCKS[:2]
*RECIPES, CONTRADICTION = list(zip(BLOCKS[2::2], BLOCKS[3::2], strict=True))
TITLES = re.findall(r"^\*\*(.*?)\.\*\*", LIFE, re.MULTILINE)
SEPTEMBER, OCTOBER, NOVEMBER = Period("2026-09"), Period("2026-10"), Period("2026-11")
CALLS = {"a1b2c3d4e5": 1000, "f6g7h8i9j0": 500, "k1l2m3n4o5": 200, "p6q7r8s9t0": 100}


def loaded(text: str) -> dict[str, Any]:
    """The mapping in a block."""
    document = load_yaml(text)
    assert isinstance(document.value, dict)
    assert document.faults == ()
    return document.value


def calls(count: int) -> Usage:
    """Billable calls."""
    return Usage(count, count, fingerprint=count)


def october(change: str) -> tuple[Known, Shelves, str]:
    """September invoiced by the page's tariff, October by the changed one: what October bills."""
    known, shelf = Known(), Shelves()
    for month in (SEPTEMBER, OCTOBER):
        for key, count in CALLS.items():
            known.add(month, key, calls(count))
    Invoicing(known, shelf).invoice(SEPTEMBER, read_tariff(loaded(BASE)))
    known.add(SEPTEMBER, "a1b2c3d4e5", calls(100))
    changed = read_tariff({**loaded(BASE), **(loaded(change) if change else {})})
    invoiced = Invoicing(known, shelf).invoice(OCTOBER, changed)
    lines = [f"{place_of(one)} {one['total']} {one['currency']}\n" for one in invoiced.invoices]
    assert all(
        one["total"].rstrip("0.") == "" for one in Invoicing(known, shelf).invoice(NOVEMBER, changed).invoices
    )
    return known, shelf, "".join(lines)


def test_without_a_change() -> None:
    """What October bills by the tariff as it is."""
    assert UNCHANGED == october("")[2]


@pytest.mark.parametrize(("change", "bills"), RECIPES, ids=TITLES)
def test_recipe(change: str, bills: str) -> None:
    """October bills what the page shows, and nothing is left to correct in November, which has no calls."""
    assert bills == october(change)[2]


def test_a_contradiction() -> None:
    """Nothing is issued, and the page shows what is said."""
    change, reported = CONTRADICTION
    with pytest.raises(CannotInvoice) as refused:
        october(change)
    assert "\n".join(f"  {line}" for line in reported.splitlines()) in str(refused.value)


def test_further_blocks() -> None:
    """The blocks on documents and on further meters can be written into a tariff as they are shown."""
    shown = [
        loaded(block) for block in re.findall(r"```yaml\n((?:invoices|meters):\n.*?)```", PAGE, re.DOTALL)
    ]
    assert [["invoices"], ["meters"]] == [list(block) for block in shown]
    tariff = read_tariff({**loaded(BASE), **shown[0], **shown[1]})
    assert ["eu", "labs"] == [meter.name for meter in tariff.meters]
    assert tariff.terms is not None
    assert tariff.terms.seller is not None
    assert "DE123456789" == tariff.terms.seller.tax_id
