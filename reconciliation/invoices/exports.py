"""Invoices for other systems: rows for a spreadsheet, one JSON document of a month, and meter events in the
shape that Stripe takes.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final, TypedDict

from metering.period import Period, ends_at
from metering.prices.billing import Unpriced
from metering.prices.canonical import canonical_json
from metering.prices.documents import AdjustmentDocument, InvoiceDocument, LineDocument, TierDocument
from metering.prices.money import EXACT, total
from metering.safe_csv import defused

CSV_HEADER = (
    "invoice", "account", "invoice_month", "kind", "month", "line",
    "metric", "model", "quantity", "free", "charged", "tiers", "bound", "amount",
    "currency", "plan", "price_version", "price_digest", "fingerprint", "query",
)  # fmt: skip

MONTH_FORMAT: Final = "usage-meter/invoices/1"


class UnpricedDocument(TypedDict):
    """Usage or a correction that is on no invoice, and why."""

    month: str
    account: str | None
    keys: list[str]
    reason: str


class MeterEvent(TypedDict):
    """What Stripe's `POST /v1/billing/meter_events` takes."""

    event_name: str
    timestamp: int
    identifier: str
    payload: dict[str, str]


def month_document(
    month: Period, invoices: Sequence[InvoiceDocument], unpriced: Iterable[Unpriced]
) -> dict[str, object]:
    """A month's invoices for a billing system: the documents as they were issued, and what is on none of
    them.
    """
    return {
        "format": MONTH_FORMAT,
        "month": month,
        "invoices": list(invoices),
        "unpriced": [unpriced_document(entry) for entry in unpriced],
    }


def unpriced_document(entry: Unpriced) -> UnpricedDocument:
    """What is on no invoice, as it is written in JSON."""
    return {
        "month": entry.month,
        "account": entry.account,
        "keys": list(entry.keys),
        "reason": entry.reason,
    }


def csv_bytes(invoice: InvoiceDocument) -> bytes:
    """The invoice as a file for a spreadsheet (RFC 4180, UTF-8): CSV_HEADER and the rows."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([CSV_HEADER, *csv_rows(invoice)])
    return text.getvalue().encode()


def csv_rows(invoice: InvoiceDocument) -> Iterator[tuple[str, ...]]:
    """One row for each line and adjustment, in the columns of CSV_HEADER. The amounts of an invoice add up to
    its total.

    A text that a spreadsheet would run as a formula gets an apostrophe before it. Amounts are numbers and
    keep their sign.
    """
    for line in invoice["lines"]:
        yield _row(invoice, "usage" if line["rating"] else "commitment", line)
    for adjustment in invoice["adjustments"]:
        yield _row(invoice, "adjustment", adjustment)


def stripe_meter_events(
    invoice: InvoiceDocument, customer: str, prefix: str = "api_"
) -> Iterator[MeterEvent]:
    """The invoice as meter events: one for each metric that it prices, one for the adjustments of each
    earlier month.

    The event of a metric is named after it (`api_requests`) and carries the month's quantity; Stripe applies
    the prices. Adjustments were priced here, because Stripe would put late calls into the tiers of the wrong
    month: their event (`api_adjustment`) carries money, in units of the last digit of the invoice's rounding
    (cents, for 2 digits), and may be negative. The time is the last second of the invoice's month; Stripe
    takes it for 35 days.

    The identifier depends on account, month and metric alone. Sent twice, or sent again after a new run, an
    event counts once, as long as Stripe remembers it (at least 24 hours).
    """
    for metric, quantity in sorted(_quantities(invoice).items()):
        yield _event(invoice, customer, prefix + metric, quantity, metric)
    for month, amount in sorted(_adjusted(invoice).items()):
        units = int(EXACT.scaleb(amount, invoice["rounding"]["digits"]).to_integral_exact(context=EXACT))
        yield _event(invoice, customer, f"{prefix}adjustment", units, f"adjustment {month}")


def _row(invoice: InvoiceDocument, kind: str, line: LineDocument | AdjustmentDocument) -> tuple[str, ...]:
    version = line["price_version"]
    texts = [invoice["id"], invoice["account"], invoice["period"]["month"], kind, line["month"], line["line"]]
    origin = [
        invoice["currency"],
        version["plan"],
        version["version"],
        version["digest"],
        line["fingerprint"],
        line["query"],
    ]
    return (*map(defused, texts), *_arithmetic(line), line["amount"], *map(defused, origin))


def _arithmetic(line: LineDocument) -> tuple[str, ...]:
    rating, commitment = line["rating"], line["commitment"]
    if rating is None:
        return ("",) * 6 + (f"{commitment['kind']} {commitment['bound']}" if commitment else "",)
    counts = (str(rating["quantity"]), str(rating["free"]), str(rating["charged"]))
    bound = f"{rating['bound']} {rating['bound_amount']}" if rating["bound"] else ""
    return (rating["metric"], rating["model"], *counts, "; ".join(map(_spelled_out, rating["tiers"])), bound)


def _spelled_out(tier: TierDocument) -> str:
    per = f" / {tier['per']}" if tier["per"] != 1 else ""
    sum_of = f"{tier['quantity']} x {tier['unit_price']}{per} + {tier['flat_fee']}"
    return f"tier {tier['tier']}: {sum_of} = {tier['amount']}"


def _quantities(invoice: InvoiceDocument) -> Mapping[str, int]:
    return {
        line["rating"]["metric"]: line["rating"]["quantity"] for line in invoice["lines"] if line["rating"]
    }


def _adjusted(invoice: InvoiceDocument) -> dict[str, Decimal]:
    months = {adjustment["month"] for adjustment in invoice["adjustments"]}
    sums = {m: total(Decimal(a["amount"]) for a in invoice["adjustments"] if a["month"] == m) for m in months}
    return {month: amount for month, amount in sums.items() if amount}


def _event(invoice: InvoiceDocument, customer: str, name: str, value: int, subject: str) -> MeterEvent:
    month = Period(invoice["period"]["month"])
    last_second = ends_at(month) - timedelta(seconds=1)
    identity = canonical_json([invoice["account"], month, subject])
    return {
        "event_name": name,
        "timestamp": int(last_second.timestamp()),
        "identifier": f"usage-meter-{month}-{hashlib.sha256(identity).hexdigest()[:32]}",
        "payload": {"stripe_customer_id": customer, "value": str(value)},
    }
