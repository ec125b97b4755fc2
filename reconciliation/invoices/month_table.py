"""All accounts of a month in one table: what each is billed, with its number and taxes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, TypedDict

from metering.period import Period
from metering.prices.documents import InvoiceDocument
from metering.prices.money import payable, total
from metering.safe_csv import Cell, Typed, csv_text

TABLE_FORMAT: Final = "usage-meter/month-table/1"
_KINDS: Final = {"credit_note": "credit note", "nothing_due": "nothing due"}
_AMOUNTS: Final = ("usage", "corrections", "total", "tax", "amount_due")


class TableRow(TypedDict):
    """A document of the month. Money is text."""

    account: str
    customer: str
    kind: str
    number: str
    date: str
    invoice: str
    usage: str
    corrections: str
    total: str
    tax: str
    amount_due: str
    currency: str


def month_rows(invoices: Iterable[InvoiceDocument]) -> list[TableRow]:
    """A row for each document, in the order of the accounts."""
    return [_row(one) for one in invoices]


def month_table(month: Period, rows: Sequence[TableRow], draft: Sequence[str]) -> dict[str, object]:
    """The table as JSON, with the sums of each currency."""
    return {
        "format": TABLE_FORMAT,
        "month": month,
        "draft": list(draft),
        "documents": list(rows),
        "sums": _sums(rows),
    }


def month_csv(month: Period, rows: Iterable[TableRow]) -> bytes:
    """The table for a spreadsheet."""
    header = ("month", *TableRow.__annotations__)
    return csv_text([header, *([Typed(month), *_cells(row)] for row in rows)]).encode()


def _row(invoice: InvoiceDocument) -> TableRow:
    taxes = total(Decimal(line["amount"]) for line in invoice.get("tax", []))
    return {
        "account": invoice["account"],
        "customer": invoice["customer"]["name"] if "customer" in invoice else "",
        "kind": _KINDS.get(invoice.get("kind", ""), "invoice"),
        "number": invoice.get("number", ""),
        "date": invoice.get("date", ""),
        "invoice": invoice["id"],
        "usage": invoice["usage_total"],
        "corrections": invoice["adjustment_total"],
        "total": invoice["total"],
        "tax": payable(taxes) if "tax" in invoice else "",
        "amount_due": invoice.get("amount_due", invoice["total"]),
        "currency": invoice["currency"],
    }


def _cells(row: TableRow) -> Sequence[Cell]:
    texts: dict[str, str] = {name: str(value) for name, value in row.items()}
    return [_cell(name, text) for name, text in texts.items()]


def _cell(name: str, text: str) -> Cell:
    if name in _AMOUNTS:
        return Decimal(text) if text else None
    return Typed(text) if name == "date" else text


def _sums(rows: Iterable[TableRow]) -> list[dict[str, str]]:
    by_currency: dict[str, list[TableRow]] = defaultdict(list)
    for row in rows:
        by_currency[row["currency"]].append(row)
    return [
        {
            "currency": currency,
            "total": payable(total(Decimal(row["total"]) for row in found)),
            "tax": payable(total(Decimal(row["tax"] or 0) for row in found)),
            "amount_due": payable(total(Decimal(row["amount_due"]) for row in found)),
        }
        for currency, found in sorted(by_currency.items())
    ]
