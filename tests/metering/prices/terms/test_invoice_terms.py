"""Parties, taxes and what is due, as the tariff gives them."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

import pytest

from metering.period import Period
from metering.prices.adjustment import adjust
from metering.prices.billing import Billing, bill_month
from metering.prices.canonical import canonical_json
from metering.prices.documents import InvoiceDocument
from metering.prices.invoice import invoice_document, invoice_id
from metering.prices.statement import make_statement
from tests.metering.prices.builders import (
    NOVEMBER,
    OCTOBER,
    Document,
    acme_tariff,
    charges,
    flat,
    month_usage,
    tariff,
    used,
    version,
)

SELLER: Document = {"name": "Example Ltd", "address": ["1 Street", "Town"], "tax_id": "DE1"}
CUSTOMER: Document = {"name": "Acme Ltd", "address": ["2 Road"]}
VAT: list[Document] = [
    {"name": "VAT", "percent": 16, "until": "2026-11"},
    {"name": "VAT", "percent": "19.5", "from": "2026-11"},
]
ACME: Document = {"keys": ["k1"], "plan": "pro", "customer": CUSTOMER}


def billed(
    month: Period,
    requests: int,
    issued: tuple[InvoiceDocument, ...] = (),
    late: int = 0,
    *,
    terms: Document | None = None,
    accounts: Mapping[str, Document] | None = None,
) -> Billing:
    """Acme's month, with October as it is known then, by a tariff that may have another account or terms."""
    read = tariff(
        {"pro": [version(flat("0.01"))]},
        accounts or {"acme": ACME},
        invoices={"seller": SELLER, "tax": VAT, **(terms or {})},
    )
    earlier = [month_usage(used("k1", late))] if late else []
    return bill_month(read, month_usage(used("k1", requests), month=month), earlier, issued)


def lines(invoice: InvoiceDocument) -> list[dict[str, object]]:
    """The taxes of an invoice, but for their months."""
    return [{k: v for k, v in line.items() if k != "months"} for line in invoice["tax"]]


def test_parties_and_taxes() -> None:
    """Seller and customer as given; the tax of the month, rounded once, and what is due."""
    [invoice] = billed(OCTOBER, 1003).invoices
    assert SELLER == invoice["seller"]
    assert CUSTOMER == invoice["customer"]
    assert [{"name": "VAT", "percent": "16", "base": "10.03", "amount": "1.60"}] == lines(invoice)
    assert ("10.03", "11.63") == (invoice["total"], invoice["amount_due"])
    assert invoice_id(invoice) == invoice["id"]


def test_a_correction_is_taxed_by_its_month() -> None:
    """Late calls of October are taxed by October's rate, on November's invoice."""
    october = billed(OCTOBER, 1000)
    [invoice] = billed(NOVEMBER, 2000, october.invoices, late=1500).invoices
    assert [
        {"name": "VAT", "percent": "16", "base": "5.00", "amount": "0.80"},
        {"name": "VAT", "percent": "19.5", "base": "20.00", "amount": "3.90"},
    ] == lines(invoice)
    assert ("25.00", "29.70") == (invoice["total"], invoice["amount_due"])


def test_an_account_has_taxes_of_its_own() -> None:
    """In place of all that the tariff says; none of them: tax is not included."""
    for own, due in (([{"name": "Reverse charge", "percent": 0}], "10.00"), ([], None)):
        [invoice] = billed(OCTOBER, 1000, accounts={"acme": {**ACME, "tax": own}}).invoices
        assert due == invoice.get("amount_due")


@pytest.mark.parametrize(
    ("own", "due"), [([{"name": "Reverse charge", "percent": 0}], "5.00"), (VAT, "5.80")]
)
def test_an_account_that_has_left(own: list[Document], due: str) -> None:
    """Its last document is to the same customer, and taxed as the month was that it corrects."""
    october = billed(OCTOBER, 1000, accounts={"acme": {**ACME, "tax": own}})
    others: dict[str, Document] = {"globex": {"keys": ["k2"], "plan": "pro"}}
    found = billed(NOVEMBER, 0, october.invoices, late=1500, accounts=others).invoices
    [invoice] = [one for one in found if one["account"] == "acme"]
    assert (CUSTOMER, "5.00", due) == (invoice["customer"], invoice["total"], invoice["amount_due"])


def test_nothing_is_due() -> None:
    """Where the tariff wants no invoice at zero, one is none; where it does not say so, it is one."""
    no_invoice: Document = {"at_zero": False}
    for terms, kind in ((no_invoice, "nothing_due"), (None, None)):
        [invoice] = billed(OCTOBER, 0, terms=terms).invoices
        assert kind == invoice.get("kind")


RECORDED = "790cca53b9fece9efc0d8adde300213a683a6e9d8fab793304f4a349b9483b99"


def test_without_terms_the_bytes_are_those_of_before() -> None:
    """An invoice by a tariff that says nothing of paper is, to the last byte, what it was before there was
    anything to say.
    """
    read = acme_tariff(flat("0.5"), flat("0.25", "errors"), minimum="40")
    october = [
        make_statement("acme", OCTOBER, read.version("pro", OCTOBER), [used("k1", n)]) for n in (100, 130)
    ]
    november = make_statement(
        "acme", NOVEMBER, read.version("pro", NOVEMBER), [used("k1", 13, 77, errors=3)], "query"
    )
    content = canonical_json(invoice_document(november, adjust(october[1], charges(october[0]))))
    assert RECORDED == sha256(content).hexdigest()
