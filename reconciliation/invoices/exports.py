"""Invoices for other systems: rows for a spreadsheet, one JSON document of a month, and meter events and
credits in the shape that Stripe takes.

    NotExportable   a value that Stripe refuses, or would round: nothing may be written then
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import filterfalse
from typing import Final, TypedDict

from metering.period import Period, ends_at
from metering.prices.billing import Unpriced
from metering.prices.canonical import canonical_json
from metering.prices.currency import currency_digits
from metering.prices.documents import AdjustmentDocument, InvoiceDocument, LineDocument, TierDocument
from metering.prices.invoice import without_size
from metering.prices.money import EXACT, total
from metering.results.json_stream import StreamedList
from metering.results.safe_csv import Cell, Typed, csv_text

CSV_HEADER = (
    "invoice", "account", "invoice_month", "kind", "month", "line",
    "metric", "model", "quantity", "free", "charged", "tiers", "bound", "amount",
    "currency", "plan", "price_version", "price_digest", "fingerprint", "query",
)  # fmt: skip

MONTH_FORMAT: Final = "usage-meter/invoices/1"


STRIPE_DIGITS: Final = 15
"""Stripe answers 400 to a meter event whose value has more."""


class NotExportable(ValueError):
    """A value that Stripe does not take as it is. The text names the account and the value."""


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


class StripeCredit(TypedDict):
    """What Stripe's `POST /v1/customers/CUSTOMER/balance_transactions` takes, with the customer. The amount
    is in the currency's smallest unit, and below zero: Stripe's next invoice is reduced by it.
    """

    customer: str
    amount: int
    currency: str
    description: str
    metadata: dict[str, str]


def month_document(
    month: Period, invoices: Sequence[InvoiceDocument], unpriced: Sequence[Unpriced]
) -> dict[str, object]:
    """A month's invoices for a billing system: the documents as they were issued, and what is on none of
    them. Documents of accounts that owe nothing, and get no invoice, are apart. Each is read when it is
    written.
    """
    nothing_due = StreamedList(lambda: filter(_is_nothing_due, invoices))
    return {
        "format": MONTH_FORMAT,
        "month": month,
        "invoices": StreamedList(lambda: filterfalse(_is_nothing_due, invoices)),
        **({"nothing_due": nothing_due} if any(map(_is_nothing_due, invoices)) else {}),
        "credit_notes": StreamedList(lambda: _credit_notes(invoices)),
        "unpriced": StreamedList(lambda: map(unpriced_document, unpriced)),
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
    """The invoice as a file for a spreadsheet: CSV_HEADER and the rows."""
    return csv_text([CSV_HEADER, *csv_rows(invoice)]).encode()


def csv_rows(invoice: InvoiceDocument) -> Iterator[Sequence[Cell]]:
    """One row for each line and adjustment, in the columns of CSV_HEADER. The amounts of an invoice add up to
    its total.
    """
    for line in invoice["lines"]:
        yield _row(invoice, "usage" if line["rating"] else "commitment", line)
    for adjustment in invoice["adjustments"]:
        yield _row(invoice, "adjustment", adjustment)


def stripe_meter_events(
    invoice: InvoiceDocument, customer: str, prefix: str = "api_"
) -> Iterator[MeterEvent]:
    """The invoice as meter events: one for each metric that it prices, one for the adjustments of each
    earlier month that the account owes. What it gets back is a credit, and never an event: of usage below
    zero Stripe makes 0.

    The event of a metric is named after it (`api_requests`) and carries the month's quantity; Stripe applies
    the prices. Adjustments were priced here, because Stripe would put late calls into the tiers of the wrong
    month: their event (`api_adjustment`) carries money, in units of the last digit of the invoice's rounding
    (cents, for 2 digits). The time is the last second of the invoice's month; Stripe takes it for 35 days.

    The identifier depends on account, month and metric alone. An event that is sent again counts once: Stripe
    refuses its identifier (400) as long as it remembers it, 24 hours at least.

    Raises:
        NotExportable: a value has more digits than Stripe takes.
    """
    for metric, quantity in sorted(_quantities(invoice).items()):
        yield _event(invoice, customer, prefix + metric, quantity, metric)
    for month, amount in sorted(_adjusted(invoice).items()):
        if amount > 0:
            units = _units(invoice, amount, invoice["rounding"]["digits"])
            subject = f"adjustment {month}"
            if invoice.get("adjusts_only"):
                subject = f"{subject} {invoice['currency']}"
            yield _event(invoice, customer, f"{prefix}adjustment", units, subject)


def stripe_credits(invoice: InvoiceDocument, customer: str) -> Iterator[StripeCredit]:
    """What the account gets back for earlier months, one for each month.

    Raises:
        NotExportable: an amount is finer than the currency's smallest unit.
    """
    for month, amount in sorted(_adjusted(invoice).items()):
        if amount < 0:
            yield {
                "customer": customer,
                "amount": _units(invoice, amount, currency_digits(invoice["currency"])),
                "currency": invoice["currency"].lower(),
                "description": f"Adjustment of {month} by {invoice['id']}",
                "metadata": {"account": invoice["account"], "invoice": invoice["id"], "month": month},
            }


def _is_nothing_due(invoice: InvoiceDocument) -> bool:
    return invoice.get("kind") == "nothing_due"


def _credit_notes(invoices: Iterable[InvoiceDocument]) -> Iterator[str]:
    return (one["id"] for one in invoices if one.get("kind") == "credit_note")


def _units(invoice: InvoiceDocument, amount: Decimal, digits: int) -> int:
    """An amount in units of a digit after the point."""
    units = EXACT.scaleb(amount, digits)
    if units != units.to_integral_value():
        raise NotExportable(
            f"{amount} {invoice['currency']} of account {invoice['account']} is finer than Stripe's units of "
            f"{digits} digits: round to them in the tariff"
        )
    return int(units)


def _row(invoice: InvoiceDocument, kind: str, line: LineDocument | AdjustmentDocument) -> Sequence[Cell]:
    version = line["price_version"]
    month, amount = Typed(invoice["period"]["month"]), Decimal(line["amount"])
    head = (invoice["id"], invoice["account"], month, kind, Typed(line["month"]), line["line"])
    origin = (version["plan"], version["version"], version["digest"], line["fingerprint"], line["query"])
    return (*head, *_arithmetic(line), amount, invoice["currency"], *origin)


def _arithmetic(line: LineDocument) -> Sequence[Cell]:
    rating, commitment = line["rating"], line["commitment"]
    if rating is None:
        bound = f"{commitment['kind']} {commitment['bound']}" if commitment else None
        return (*(None,) * 6, bound)
    counts = (rating["quantity"], rating["free"], rating["charged"])
    bound = f"{rating['bound']} {rating['bound_amount']}" if rating["bound"] else None
    unknown = [without_size(calls)] if (calls := rating.get("unknown_sizes", 0)) else []
    steps = "; ".join([*map(_spelled_out, rating["tiers"]), *unknown])
    return (rating["metric"], rating["model"], *counts, steps, bound)


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
    if len(str(value)) > STRIPE_DIGITS:
        raise NotExportable(
            f"{name} of account {invoice['account']} is {value}: Stripe refuses values of more than "
            f"{STRIPE_DIGITS} digits. Split the account, or bill it by the invoice itself"
        )
    month = Period(invoice["period"]["month"])
    last_second = ends_at(month) - timedelta(seconds=1)
    identity = canonical_json([invoice["account"], month, subject])
    return {
        "event_name": name,
        "timestamp": int(last_second.timestamp()),
        "identifier": f"usage-meter-{month}-{hashlib.sha256(identity).hexdigest()[:32]}",
        "payload": {"stripe_customer_id": customer, "value": str(value)},
    }
