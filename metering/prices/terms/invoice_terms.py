"""What the tariff says of invoices on paper, and an invoice that has it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from metering.prices.documents import InvoiceDocument
from metering.prices.money import payable, total
from metering.prices.terms.numbers import NumberSeries
from metering.prices.terms.parties import Party
from metering.prices.terms.tax import Tax, tax_lines


@dataclass(frozen=True, slots=True)
class InvoiceTerms:
    """What is on each invoice of a tariff besides amounts."""

    seller: Party | None = None
    numbers: NumberSeries | None = None
    """None: documents have their id only."""
    taxes: tuple[Tax, ...] = ()
    """None of them: tax is not included."""
    payment: str | None = None
    """How and until when it is paid."""
    at_zero: bool = True
    """Whether there is an invoice where nothing is due."""


def on_paper(
    document: InvoiceDocument, terms: InvoiceTerms, customer: Party | None, taxes: Iterable[Tax]
) -> InvoiceDocument:
    """The invoice with parties, taxes and what is due. Its id is to be derived again."""
    found: InvoiceDocument = {**document}
    if terms.seller is not None:
        found["seller"] = terms.seller.document()
    if customer is not None:
        found["customer"] = customer.document()
    if lines := list(tax_lines(document, taxes)):
        found["tax"] = lines
        amounts = (document["total"], *(line["amount"] for line in lines))
        found["amount_due"] = payable(total(map(Decimal, amounts)))
    if terms.payment is not None:
        found["payment"] = terms.payment
    if not (terms.at_zero or Decimal(found["total"]) or Decimal(found.get("amount_due", "0"))):
        found["kind"] = "nothing_due"
    return found
