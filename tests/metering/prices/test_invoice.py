from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.period import Period
from metering.prices.adjustment import NotComparable, adjust
from metering.prices.canonical import canonical_json
from metering.prices.documents import InvoiceDocument, SourceDocument
from metering.prices.invoice import (
    AlteredInvoice,
    attested,
    invoice_document,
    invoice_id,
    invoiced_charges,
    read_invoice,
)
from metering.prices.statement import KeyUsage, Statement, make_statement
from tests.metering.prices.builders import NOVEMBER, OCTOBER, acme_tariff, charges, flat, used

TARIFF = acme_tariff(
    {"metric": "requests", "model": "graduated", "free_units": 2, "tiers": [
        {"up_to": 10, "unit_price": "1", "flat_fee": "2"}, {"unit_price": "0.125"}]},
    flat("0.5", "response_bytes", per=1000, maximum="3"),
    minimum="40",
)  # fmt: skip


def statement(month: Period, *keys: KeyUsage, account: str = "acme") -> Statement:
    """A month under the tariff above."""
    return make_statement(account, month, TARIFF.version("pro", month), keys, f"query of {month}")


def invoice() -> InvoiceDocument:
    """November's, with an adjustment of October."""
    late = adjust(statement(OCTOBER, used("k1", 30)), charges(statement(OCTOBER, used("k1", 12))))
    november = statement(NOVEMBER, used("k2", 6, 2**100), used("k1", 7, 1, response_bytes=7001))
    return invoice_document(november, late)


def test_says_all_that_derives_it() -> None:
    """A line names month, price version, fingerprint, query, and the arithmetic of every tier."""
    calls, traffic, minimum = invoice()["lines"]
    version = {"plan": "pro", "version": "v1", "digest": TARIFF.version("pro", OCTOBER).digest}
    assert {
        "line": "requests",
        "month": "2026-11",
        "price_version": version,
        "fingerprint": str(2**100 + 1),
        "query": "query of 2026-11",
        "rating": {
            "metric": "requests",
            "model": "graduated",
            "quantity": 13,
            "free": 2,
            "charged": 11,
            "package_size": 1,
            "tiers": [
                {"tier": 1, "quantity": 10, "unit_price": "1", "per": 1, "flat_fee": "2", "amount": "12"},
                {
                    "tier": 2,
                    "quantity": 1,
                    "unit_price": "0.125",
                    "per": 1,
                    "flat_fee": "0",
                    "amount": "0.125",
                },
            ],
            "subtotal": "12.125",
            "bound": None,
            "bound_amount": None,
        },
        "commitment": None,
        "amount": "12.12",
    } == calls
    capped = traffic["rating"]
    assert capped is not None
    assert ("maximum", "3", "3.5005") == (capped["bound"], capped["bound_amount"], capped["subtotal"])
    assert (None, {"kind": "minimum", "bound": "40.00"}, "24.88") == (
        minimum["rating"], minimum["commitment"], minimum["amount"],
    )  # fmt: skip


def test_totals() -> None:
    """Usage, adjustments and their sum are stated, with all digits."""
    document = invoice()
    assert ("40.00", "0.00", "40.00") == (
        document["usage_total"],
        document["adjustment_total"],
        document["total"],
    )
    assert [("plan:minimum", "-2.25"), ("requests", "2.25")] == [
        (line["line"], line["amount"]) for line in document["adjustments"]
    ]
    assert {"month": "2026-11", "start": "2026-11-01T00:00:00Z", "end": "2026-12-01T00:00:00Z"} == document[
        "period"
    ]


def test_an_adjustment_names_its_own_month() -> None:
    """The line of an earlier month refers to that month's query and shows what was billed."""
    adjustment = invoice()["adjustments"][1]
    assert ("2026-10", "query of 2026-10") == (adjustment["month"], adjustment["query"])
    assert ("12.00", "14.25", 12) == (
        adjustment["billed"],
        adjustment["repriced"],
        adjustment["quantity_billed"],
    )


@given(st.permutations([used("k1", 3, 11), used("k2", 4, 22), used("k3", 5, 33)]))
def test_same_input_same_bytes(keys: list[KeyUsage]) -> None:
    """The order of arrival is not in the invoice: the same usage gives the same bytes and the same id."""
    first = invoice_document(statement(OCTOBER, used("k1", 3, 11), used("k2", 4, 22), used("k3", 5, 33)))
    again = invoice_document(statement(OCTOBER, *keys))
    assert canonical_json(first) == canonical_json(again)


@pytest.mark.parametrize(
    "other",
    [
        statement(OCTOBER, used("k1", 14)),
        statement(OCTOBER, used("k1", 13, 1)),
        statement(OCTOBER, used("k2", 13)),
        statement(NOVEMBER, used("k1", 13)),
        statement(OCTOBER, used("k1", 13), account="other"),
    ],
)
def test_id_is_of_the_content(other: Statement) -> None:
    """A different account, month, key, quantity or set of calls is a different invoice."""
    first = invoice_document(statement(OCTOBER, used("k1", 13)))
    assert first["id"].startswith("inv-2026-10-")
    assert first["id"] != invoice_document(other)["id"]


def test_comes_back_as_it_was_stored() -> None:
    """A stored invoice is read again, and holds the charges that the next month subtracts."""
    read = read_invoice(canonical_json(invoice()))
    assert invoice() == read
    found = {
        (charge.month, charge.line): (charge.quantity, charge.amount) for charge in invoiced_charges(read)
    }
    assert {
        (NOVEMBER, "requests"): (13, Decimal("12.12")),
        (NOVEMBER, "response_bytes"): (7001, Decimal("3.00")),
        (NOVEMBER, "plan:minimum"): (0, Decimal("24.88")),
        (OCTOBER, "requests"): (18, Decimal("2.25")),
        (OCTOBER, "plan:minimum"): (0, Decimal("-2.25")),
    } == found


def test_an_altered_invoice_is_refused() -> None:
    """A changed amount, or a missing line, no longer gives the id."""
    document = invoice()
    document["lines"][0]["amount"] = "1.00"
    with pytest.raises(
        AlteredInvoice, match=f"invoice {document['id']} holds the content of {invoice_id(document)}"
    ):
        read_invoice(canonical_json(document))


@pytest.mark.parametrize(
    "stored",
    [
        b"",
        b"{}",
        b"[]",
        b"7",
        b'{"format":"other","id":"x","period":{"month":"2026-10"}}',
        b'{"format":"usage-meter/invoice/1"}',
    ],
)
def test_what_is_no_invoice_is_refused(stored: bytes) -> None:
    """Foreign or broken JSON is named as such."""
    with pytest.raises(AlteredInvoice, match="not an invoice of the form usage-meter/invoice/1"):
        read_invoice(stored)


def test_money_is_text() -> None:
    """No amount of an invoice is a number in JSON, which many readers keep as a float."""
    floats: list[str] = []
    json.loads(canonical_json(invoice()), parse_float=floats.append)
    assert [] == floats


def test_an_adjustment_of_another_account_is_refused() -> None:
    """An adjustment goes to the account it belongs to."""
    late = adjust(statement(OCTOBER, used("k1", 3), account="other"), ())
    with pytest.raises(
        NotComparable, match="an adjustment of other in EUR is not for the invoice of acme in EUR"
    ):
        invoice_document(statement(NOVEMBER, used("k1", 1)), late)


@pytest.mark.parametrize("value", [{"a": float("nan")}, float("inf")])
def test_canonical_json_has_no_nan(value: object) -> None:
    """What JSON has not is refused."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical_json(value)


def test_canonical_json_is_one_text() -> None:
    """The order of keys does not matter, and texts stay readable."""
    assert '{"a":1,"b":"ü"}'.encode() == canonical_json({"b": "ü", "a": 1})


def source(month: Period) -> SourceDocument:
    """Where a month comes from."""
    return {
        "month": month, "query": "q", "sql": "SELECT 1", "parameters": [], "lake": "s3://l/", "report": None,
    }  # fmt: skip


def test_attested_with_the_sources_of_its_months() -> None:
    """Only the months that an invoice bills are in it; they are part of what the id covers."""
    months = {month: source(month) for month in (Period("2026-09"), OCTOBER, NOVEMBER)}
    document = attested(invoice(), months.values())
    assert [OCTOBER, NOVEMBER] == [one["month"] for one in document["sources"]]
    assert invoice()["id"] != document["id"]
    assert document == read_invoice(canonical_json(document))


def test_a_draft_has_an_id_of_its_kind() -> None:
    """Nobody can take a draft for an invoice."""
    assert attested(invoice(), [], ["why"])["id"].startswith("draft-2026-11-")
    assert attested(invoice(), [])["id"].startswith("inv-2026-11-")
