"""Finance at the end of a month: reconcile, close, draft, invoice, verify; then the documents on a screen."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import pytest

from tests.dashboard import chromium
from tests.people.conftest import Up
from tests.people.screens import SCREENS, fits
from tests.people.terminal import Terminal, Typed

pytestmark = pytest.mark.exhaustive

MONTH = "2026-10"
TARIFF = """
currency: EUR
rounding: {digits: 2, mode: half_even}
default_plan: pro
plans:
  pro:
    - version: "1"
      valid_from: 2026-01
      prices: [{metric: requests, model: flat, unit_price: "0.10"}]
"""


def test_finance(demo: Up, tmp_path: Path) -> None:
    """The month is sealed and invoiced after two questions, the table adds up to what was counted, and all is
    as it was billed.
    """
    (tmp_path / "tariff.yaml").write_text(TARIFF, encoding="utf-8")
    with Terminal(80, demo.environment, tmp_path) as terminal:
        report = _done(terminal, f"usage-meter reconcile {MONTH} --out report --json")
        proven = json.loads(report.plain[report.plain.index("{") : report.plain.rindex("}") + 1])
        assert proven["agrees"]

        terminal.begin(f"usage-meter close {MONTH}")
        terminal.wait_for(f"Seal {MONTH}? [y/N]:")
        terminal.answer("n\n")
        assert 0 != terminal.end().code
        assert "open" in _done(terminal, f"usage-meter close {MONTH} --status").plain

        question, sealed = _agreed(terminal, f"usage-meter close {MONTH}", f"Seal {MONTH}? [y/N]:")
        keys = question.rsplit(f"{MONTH}: ", 1)[1].split(" keys")[0]
        assert f"{keys} keys" in sealed.plain.split("was sealed")[1], "the question says what is sealed"

        command = f"usage-meter invoice {MONTH} --tariff tariff.yaml"
        assert "Draft" in _done(terminal, f"{command} --draft --table drafts.csv").plain
        _, issued = _agreed(terminal, f"{command} --out issued --table issued.csv", "? [y/N]:")
        assert f"invoices for {MONTH}." in issued.plain
        assert "Everything is as it was billed." in _done(terminal, "usage-meter verify").plain

    rows = _table(tmp_path / "issued.csv")
    billed = proven["tally"]["outcomes"]["metered"]["in_lake"]["requests"]
    assert sum(Decimal(row["total"]) for row in rows) == Decimal("0.10") * billed
    assert [row["total"] for row in _table(tmp_path / "drafts.csv")] == [row["total"] for row in rows]

    invoices = sorted((tmp_path / "issued").rglob("*.html"))
    assert len(rows) == len(invoices)
    with chromium.running() as chrome:
        for screen in SCREENS:
            fits(chrome, invoices[0].as_uri(), screen)
            shown = chrome.find_element("tag name", "body").text
            assert f"{rows[0]['total']} EUR" in shown or f"EUR {rows[0]['total']}" in shown
            assert "Appendix: how each amount is derived" in shown


def _table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8-sig", newline="") as source:
        return list(csv.DictReader(source))


def _done(terminal: Terminal, command: str) -> Typed:
    found = terminal.run(command)
    assert 0 == found.code, found.plain
    return found


def _agreed(terminal: Terminal, command: str, question: str) -> tuple[str, Typed]:
    """What is shown before the question, and all of it, once it is answered."""
    terminal.begin(command)
    before = terminal.wait_for(question)
    terminal.answer("y\n")
    found = terminal.end()
    assert 0 == found.code, found.plain
    return before, found
