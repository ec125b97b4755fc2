"""The page of an invoice."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from metering.prices.adjustment import adjust
from metering.prices.documents import InvoiceDocument, SourceDocument
from metering.prices.invoice import attested, invoice_document
from metering.prices.statement import KeyUsage, make_statement
from metering.usage import Usage
from reconciliation.invoices.exports import csv_bytes
from reconciliation.invoices.page import page
from tests.metering.prices.builders import NOVEMBER, OCTOBER, acme_tariff, charges, flat, used

RECORDED = Path(__file__).resolve().parent / "recorded_pages"
HOSTILE = "<script>alert('x')</script>&\""
TARIFF = acme_tariff(
    {"metric": "requests", "model": "graduated", "free_units": 2, "tiers": [
        {"up_to": 10, "unit_price": "1", "flat_fee": "2"}, {"unit_price": "0.125"}]},
    {"id": "errors", "metric": "errors", "model": "package", "package_size": 10, "package_price": "0.5"},
    flat("0.5", "response_bytes", per=1000, maximum="3"),
    minimum="40",
)  # fmt: skip


def source(**changes: str) -> SourceDocument:
    """Where November comes from."""
    whole = {
        "month": "2026-11", "query": "usage-1", "sql": "SELECT 1 WHERE a < b", "parameters": ["2026", "11"],
        "lake": "s3://lake/lake/", "report": "report-7",
    }  # fmt: skip
    return {**whole, **changes}  # type: ignore[typeddict-item]  # of the same names


def invoice(account: str = "acme", key: str = "k1", **changes: str) -> InvoiceDocument:
    """November's, with late calls of October."""
    version = TARIFF.version("pro", OCTOBER)
    october = [make_statement(account, OCTOBER, version, [used(key, requests)]) for requests in (12, 30)]
    november = make_statement(
        account, NOVEMBER, version, [used(key, 13, 77, errors=21, response_bytes=7001)], "usage-1"
    )
    late = adjust(october[1], charges(october[0]))
    return attested(invoice_document(november, late), [source(**changes)])


def on_paper(document: InvoiceDocument) -> InvoiceDocument:
    """The same with all that a tariff can say of paper."""
    return {
        **document,
        "number": "INV-2026-000017",
        "date": "2026-12-02",
        "seller": {"name": "Example APIs GmbH", "address": ["Street 1", "10115 Town"], "tax_id": "DE1"},
        "customer": {"name": "Acme Ltd", "address": ["1 High Street"]},
        "tax": [{"name": "VAT", "percent": "19", "months": ["2026-11"], "base": "40.00", "amount": "7.60"}],
        "amount_due": "47.60",
        "payment": "Payable within 14 days.",
    }


class Reader(HTMLParser):
    """What a browser makes of a page: tags, their attributes, and the text."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_shows_the_arithmetic_of_every_amount() -> None:
    """Each line stands with its tiers, free units, packages and bounds."""
    texts = Reader(page(invoice())).texts
    for step in (
        "graduated: 13 requests, 2 free",
        "tier 1: 10 × 1 + fee 2 = 12",
        "tier 2: 1 × 0.125 = 0.125",
        "sum of the tiers: 12.125",
        "12.125 rounded to 12.12",
        "package: 21 errors, packages of 10: 3",
        "3 × 0.5 = 1.5",
        "7,001 × 0.5 / 1,000 = 3.5005",
        "maximum 3 in place of 3.5005",
        "all lines together are billed at the minimum of 40.00",
        "now 14.25 for 30, billed 12.00 for 12: 14.25 - 12.00 = 2.25",
        "Total: 40.00 + 0.00",
    ):
        assert step in texts


def test_says_which_calls_have_no_known_size() -> None:
    """Beside a price on bytes, and beside no other: they are charged as 0 bytes. So does the spreadsheet."""
    version = TARIFF.version("pro", OCTOBER)
    used_by = [
        KeyUsage.of(key, Usage(7, 7, 0, 2000, 0, 0, 1, calls)) for key, calls in (("k1", 1200), ("k2", 34))
    ]
    document = invoice_document(make_statement("acme", OCTOBER, version, used_by))
    said = "1,234 calls had no known size and are charged as 0 bytes"
    ratings = [line["rating"] for line in document["lines"] if line["rating"]]
    assert [0, 0, 1234] == [rating.get("unknown_sizes", 0) for rating in ratings]
    assert 1 == page(document).decode().count(said)
    assert [said] == re.findall(
        r"[\d,]+ calls had no known size and are charged as 0 bytes", csv_bytes(document).decode()
    )
    known = invoice_document(
        make_statement("acme", OCTOBER, version, [KeyUsage.of("k1", Usage(7, 7, 0, 2000))])
    )
    assert all("unknown_sizes" not in (line["rating"] or {}) for line in known["lines"])


def test_every_amount_of_the_document_is_there() -> None:
    """No line, adjustment or total is missing."""
    document, texts = invoice(), Reader(page(invoice())).texts
    amounts = [line["amount"] for line in (*document["lines"], *document["adjustments"])]
    assert 6 == len(amounts)
    assert [] == [amount for amount in amounts if amount not in texts]
    assert document["id"] in texts


def test_says_how_to_derive_it() -> None:
    """Fingerprints, query with text and parameters, report and Parquet location."""
    texts = Reader(page(invoice())).texts
    assert {"77", "usage-1", "2026, 11", "SELECT 1 WHERE a < b", "report-7", "s3://lake/lake/"} <= set(texts)


def test_looks_like_an_invoice() -> None:
    """Number, dates as people write them, both parties, taxes, what is due and how it is paid."""
    texts = Reader(page(on_paper(invoice()))).texts
    for text in (
        "INV-2026-000017",
        "2 December 2026",
        "1 to 30 November 2026 (UTC)",
        "Example APIs GmbH",
        "Tax ID DE1",
        "Acme Ltd",
        "VAT, 19 % of 40.00",
        "47.60 EUR",
        "Payable within 14 days.",
        "October 2026: requests",
    ):
        assert text in texts
    assert "Tax is not included." not in texts
    assert "Tax is not included." in Reader(page(invoice())).texts


def test_a_credit_note() -> None:
    """It is none that anybody pays."""
    texts = Reader(page({**invoice(), "kind": "credit_note"})).texts
    assert {"Credit note", "Credit"} <= set(texts)
    assert "Amount due" not in texts


@pytest.mark.parametrize("where", ["account", "key", "sql", "lake", "report"])
def test_escapes_everything(where: str) -> None:
    """Whatever a text holds, it is shown and never read as HTML."""
    content = page(invoice(**{where: HOSTILE}))
    assert b"<script" not in content
    assert any(HOSTILE in text for text in Reader(content).texts)


def test_is_self_contained() -> None:
    """No script, no image, no link, nothing from elsewhere; and a policy that forbids it all."""
    reader = Reader(page(invoice()))
    assert set() == {"script", "img", "link", "iframe", "object", "a", "form"} & set(reader.tags)
    assert set() == {"src", "href", "onclick", "srcset"} & {name for name, _ in reader.attributes}
    assert b"url(" not in page(invoice())
    assert b"default-src 'none'" in page(invoice())
    assert [] == reader.open


def test_can_be_printed() -> None:
    """It has a style for paper."""
    assert b"@media print" in page(invoice())


def test_a_draft_is_marked() -> None:
    """A draft says so above everything else, with its reasons."""
    draft = attested(invoice(), [], ["they <differ>"])
    texts = Reader(page(draft)).texts
    assert "Draft of an invoice" in texts
    assert "they <differ>" in texts
    assert "Invoice" in Reader(page(invoice())).texts


def test_recorded_bytes() -> None:
    """The page of an invoice that was issued is derived again to the last byte: a change shows here, and is
    meant.
    """
    draft = attested(invoice(), [source()], ["they <differ>"])
    assert (RECORDED / "invoice.html").read_text(encoding="utf-8") == page(draft).decode()


@pytest.mark.parametrize("where", ["account", "key", "report"])
def test_what_cannot_be_seen_is_spelled_out(where: str) -> None:
    """No name on an invoice looks like another by characters that turn a line or have no width."""
    texts = Reader(page(invoice(**{where: "acme\u202e\u200b\x1b[2J"}))).texts
    assert any(r"acme\u202e\u200b\x1b[2J" in text for text in texts)


def test_same_invoice_same_bytes() -> None:
    """The page follows from the document alone."""
    assert page(invoice()) == page(invoice())
    assert page(invoice()) != page(invoice(key="k2"))
