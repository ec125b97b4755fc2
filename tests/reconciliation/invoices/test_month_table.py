"""One table of all accounts of a month."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import date

from metering.period import Period
from metering.prices.documents import InvoiceDocument
from metering.results.json_stream import json_parts
from metering.results.safe_csv import BYTE_ORDER_MARK
from metering.usage import Usage
from reconciliation.invoices.issue import Invoicing
from reconciliation.invoices.month_table import month_csv, month_rows, month_table
from reconciliation.invoices.numbering import Numbering
from tests.metering.prices.builders import flat, tariff, version
from tests.reconciliation.invoices.samples import Known, Shelves

OCTOBER = Period("2026-10")


def october() -> Sequence[InvoiceDocument]:
    """Two accounts, of which one has a name that a spreadsheet would change, and a tax."""
    read = tariff(
        {"pro": [version(flat("0.01"))]},
        {
            "0012": {"keys": ["k1"], "plan": "pro", "customer": {"name": "=Müller"}},
            "globex": {"keys": ["k2"], "plan": "pro", "tax": []},
        },
        invoices={
            "numbers": {"invoices": "INV-", "credit_notes": "CN-"},
            "tax": [{"name": "VAT", "percent": 10}],
        },
    )
    known, shelf = Known(), Shelves()
    for key, count in (("k1", 1000), ("k2", 300)):
        known.add(OCTOBER, key, Usage(count, count))
    numbering = Numbering(shelf, lambda: date(2026, 11, 2))
    return Invoicing(known, shelf, numbering=numbering).invoice(OCTOBER, read).invoices


def test_as_csv() -> None:
    """A row for each account, with amounts as numbers, and names as texts."""
    text = "".join(month_csv(OCTOBER, october())).removeprefix(BYTE_ORDER_MARK)
    rows = csv.DictReader(io.StringIO(text, newline=""))
    names = ("month", "account", "customer", "number", "date", "total", "tax", "amount_due", "currency")
    assert [
        ["2026-10", "'0012", "'=Müller", "INV-000001", "2026-11-02", "10.00", "1.00", "11.00", "EUR"],
        ["2026-10", "globex", "", "INV-000002", "2026-11-02", "3.00", "", "3.00", "EUR"],
    ] == [[row[name] for name in names] for row in rows]


def test_as_json() -> None:
    """The same rows, and the sums of each currency."""
    invoices = october()
    document = json.loads("".join(json_parts(month_table(OCTOBER, invoices, ["it runs"]))))
    sums = [{"currency": "EUR", "total": "13.00", "tax": "1.00", "amount_due": "14.00"}]
    rows = list(month_rows(invoices))
    assert (["it runs"], rows, sums) == (document["draft"], document["documents"], document["sums"])
