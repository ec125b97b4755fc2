from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from metering.prices.adjustment import adjust
from metering.prices.billing import Unpriced
from metering.prices.documents import InvoiceDocument
from metering.prices.invoice import invoice_document
from metering.prices.statement import Statement, make_statement
from metering.results.json_stream import json_parts
from metering.results.safe_csv import BYTE_ORDER_MARK, csv_text
from reconciliation.invoices.exports import (
    CSV_HEADER,
    NotExportable,
    csv_bytes,
    csv_rows,
    month_document,
    stripe_credits,
    stripe_meter_events,
)
from tests.metering.prices.builders import NOVEMBER, OCTOBER, acme_tariff, charges, flat, used

TARIFF = acme_tariff(flat("0.01"), flat("0.02", id="again"), flat("0.5", "errors"), minimum="20")


def october(requests: int) -> Statement:
    """Acme's October."""
    return make_statement("=acme", OCTOBER, TARIFF.version("pro", OCTOBER), [used("k1", requests)], "query")


def invoice(requests: int = 1000, late: int = 0) -> InvoiceDocument:
    """Acme's November, with late calls of an October of 1,000."""
    november = make_statement(
        "=acme", NOVEMBER, TARIFF.version("pro", NOVEMBER), [used("k1", requests, errors=3)], "query"
    )
    return invoice_document(november, adjust(october(1000 + late), charges(october(1000))))


def cells(document: InvoiceDocument) -> list[dict[str, str]]:
    """The rows as a spreadsheet reads them."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows([CSV_HEADER, *csv_rows(document)])
    return list(csv.DictReader(io.StringIO(buffer.getvalue())))


@pytest.mark.parametrize("late", [0, 5, -5])
@pytest.mark.parametrize("requests", [10, 1000])
def test_amounts_add_up(requests: int, late: int) -> None:
    """The column of amounts sums up to the invoice's total; minus signs stay numbers."""
    document = invoice(requests, late)
    assert Decimal(document["total"]) == sum(Decimal(row["amount"]) for row in cells(document))


def test_rows_spell_out_tiers() -> None:
    """A row shows the arithmetic of its amount."""
    rows = cells(invoice(10, late=5))
    assert [
        ("usage", "tier 1: 10 x 0.01 + 0 = 0.1", ""),
        ("usage", "tier 1: 10 x 0.02 + 0 = 0.2", ""),
        ("usage", "tier 1: 3 x 0.5 + 0 = 1.5", ""),
        ("commitment", "", "minimum 20.00"),
        ("adjustment", "tier 1: 1005 x 0.02 + 0 = 20.1", ""),
        ("adjustment", "tier 1: 1005 x 0.01 + 0 = 10.05", ""),
    ] == [(row["kind"], row["tiers"], row["bound"]) for row in rows]


def test_formulas_are_defused() -> None:
    """An account called =acme is a text in a spreadsheet."""
    rows = list(csv.DictReader(io.StringIO(csv_bytes(invoice()).decode("utf-8-sig"), newline="")))
    assert {"'=acme"} == {row["account"] for row in rows}


def test_fingerprints_keep_their_digits() -> None:
    """They are texts, and so is whatever looks like a number and is none; amounts and periods are not."""
    document = invoice()
    document["lines"] = document["lines"][:1]
    document["lines"][0]["fingerprint"] = "92191744219568100725705"
    document["lines"][0]["price_version"]["version"] = "2026-10"
    document["lines"][0]["price_version"]["digest"] = "1801057e73012345"
    [row] = list(csv.DictReader(io.StringIO(csv_bytes(document).decode("utf-8-sig"), newline="")))
    names = ("fingerprint", "price_version", "price_digest", "amount", "month", "quantity")
    kept = ["'92191744219568100725705", "'2026-10", "'1801057e73012345", "10.00", "2026-11", "1000"]
    assert kept == [row[name] for name in names]


def test_stripe_events() -> None:
    """One event a metric, however many prices it has: the month's quantity at its last second."""
    events = list(stripe_meter_events(invoice(), "cus_1"))
    assert [
        ("api_errors", {"stripe_customer_id": "cus_1", "value": "3"}),
        ("api_requests", {"stripe_customer_id": "cus_1", "value": "1000"}),
    ] == [(event["event_name"], event["payload"]) for event in events]
    assert {int(datetime(2026, 11, 30, 23, 59, 59, tzinfo=UTC).timestamp())} == {
        e["timestamp"] for e in events
    }


def test_stripe_adjustments_are_money() -> None:
    """Late calls are exported as the cents that they cost here."""
    *_, event = stripe_meter_events(invoice(late=5), "cus_1", prefix="gw_")
    assert ("gw_adjustment", "15") == (event["event_name"], event["payload"]["value"])
    assert [] == list(stripe_credits(invoice(late=5), "cus_1"))


def test_stripe_credits() -> None:
    """What the account gets back is a credit of its balance, and no meter event, of which Stripe makes 0."""
    [credit] = stripe_credits(invoice(late=-5), "cus_1")
    assert ("cus_1", -15, "eur", "2026-10") == (
        credit["customer"], credit["amount"], credit["currency"], credit["metadata"]["month"],
    )  # fmt: skip
    values = [event["payload"]["value"] for event in stripe_meter_events(invoice(late=-5), "cus_1")]
    assert ["3", "1000"] == values


def test_stripe_takes_fifteen_digits() -> None:
    """A value that Stripe would refuse is named, and is no event."""
    assert list(stripe_meter_events(invoice(10**15 - 1), "cus_1"))
    with pytest.raises(NotExportable, match=r"api_requests of account =acme is 10{15}: Stripe"):
        list(stripe_meter_events(invoice(10**15), "cus_1"))


def test_stripe_takes_whole_cents() -> None:
    """A credit finer than the currency's smallest unit is named."""
    document = invoice(late=-5)
    document["adjustments"][0]["amount"] = "-0.0001"
    with pytest.raises(NotExportable, match=r"EUR of account =acme is finer than Stripe's units of 2 digits"):
        list(stripe_credits(document, "cus_1"))


def test_stripe_identifiers_are_idempotent() -> None:
    """A repeated or corrected export sends the same identifiers; they are distinct, and short enough for
    Stripe.
    """
    identifiers = [event["identifier"] for event in stripe_meter_events(invoice(late=5), "cus_1")]
    assert identifiers == [
        event["identifier"] for event in stripe_meter_events(invoice(999, late=7), "cus_1")
    ]
    assert len(identifiers) == len(set(identifiers))
    assert all(len(identifier) <= 100 for identifier in identifiers)


def test_csv_file() -> None:
    """The file is what a spreadsheet reads: a header, and the rows."""
    content = csv_bytes(invoice(late=5))
    assert csv_text([CSV_HEADER, *csv_rows(invoice(late=5))]).encode() == content
    assert content.startswith(BYTE_ORDER_MARK.encode())


def test_month_document() -> None:
    """A month for a billing system: the invoices as issued, and what is on none, as JSON."""
    left = Unpriced(OCTOBER, None, ("k9",), "nobody's")
    document = json.loads("".join(json_parts(month_document(NOVEMBER, [invoice()], [left]))))
    assert {
        "format": "usage-meter/invoices/1",
        "month": "2026-11",
        "invoices": [invoice()],
        "credit_notes": [],
        "unpriced": [{"month": "2026-10", "account": None, "keys": ["k9"], "reason": "nobody's"}],
    } == document
