"""All accounts of a month in one table: what each is billed, with its number and taxes.

Documents are read one by one, when their rows are written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import chain
from typing import Final, Literal, TypedDict

from metering.period import Period
from metering.prices.documents import InvoiceDocument
from metering.prices.money import ZERO, payable, total
from metering.results.json_stream import StreamedList
from metering.results.safe_csv import Cell, Typed, csv_lines

TABLE_FORMAT: Final = "usage-meter/month-table/1"
_KINDS: Final = {"credit_note": "credit note", "nothing_due": "nothing due"}
_AMOUNTS: Final = ("usage", "corrections", "total", "tax", "amount_due")
_SUMMED: Final[tuple[Literal["total", "tax", "amount_due"], ...]] = ("total", "tax", "amount_due")


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


def month_rows(invoices: Iterable[InvoiceDocument]) -> Iterator[TableRow]:
    """A row for each document, in the order of the accounts."""
    return map(_row, invoices)


def month_table(
    month: Period, invoices: Sequence[InvoiceDocument], draft: Sequence[str]
) -> dict[str, object]:
    """The table as JSON, with the sums of each currency."""
    return {
        "format": TABLE_FORMAT,
        "month": month,
        "draft": list(draft),
        "documents": StreamedList(lambda: month_rows(invoices)),
        "sums": StreamedList(lambda: _sums(month_rows(invoices))),
    }


def month_csv(month: Period, invoices: Iterable[InvoiceDocument]) -> Iterator[str]:
    """The table for a spreadsheet, line by line."""
    header = ("month", *TableRow.__annotations__)
    return csv_lines(chain([header], ([Typed(month), *_cells(row)] for row in month_rows(invoices))))


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
    sums: dict[str, dict[str, Decimal]] = {}
    for row in rows:
        of_currency = sums.setdefault(row["currency"], dict.fromkeys(map(str, _SUMMED), ZERO))
        for name in _SUMMED:
            of_currency[name] = total([of_currency[name], Decimal(row[name] or 0)])
    return [
        {"currency": currency, **{name: payable(amount) for name, amount in of_currency.items()}}
        for currency, of_currency in sorted(sums.items())
    ]
