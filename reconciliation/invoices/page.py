"""An invoice as one HTML page to print or to read: no script, nothing from elsewhere, every text escaped.

The page is made of the document alone, so that the same invoice always gives the same bytes. Each amount
stands beside its arithmetic. What the page says is decided here, how it looks in `templates`.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from metering.prices.documents import (
    AdjustmentDocument,
    InvoiceDocument,
    LineDocument,
    RatingDocument,
    SourceDocument,
)
from metering.prices.money import difference
from reconciliation.page_template import rendered, stylesheet

_TEMPLATES: Final = Path(__file__).parent / "templates"


class _Line(NamedTuple):
    name: str
    steps: list[str]
    """From a quantity to the amount, a sentence each."""
    amount: str


class _Source(NamedTuple):
    facts: dict[str, str]
    sql: str


def page(invoice: InvoiceDocument) -> bytes:
    """The page, in UTF-8."""
    keys = invoice["keys"]
    return rendered(
        _TEMPLATES,
        "page.html",
        style=stylesheet(_TEMPLATES / "page.css"),
        invoice=invoice,
        kind=_kind(invoice),
        facts=_facts(invoice),
        usage=[_usage(line) for line in invoice["lines"]],
        adjustments=[_adjustment(line) for line in invoice["adjustments"]],
        metrics=list(keys[0]["quantities"]) if keys else [],
        sources=[_source(source) for source in invoice["sources"]],
    )


def _kind(invoice: InvoiceDocument) -> str:
    kind = "credit note" if invoice.get("kind") == "credit_note" else "invoice"
    if invoice["draft"]:
        return f"Draft of {'a' if kind == 'credit note' else 'an'} {kind}"
    return kind.capitalize()


def _facts(invoice: InvoiceDocument) -> dict[str, str]:
    period, rounding = invoice["period"], invoice["rounding"]
    reason = {"Earlier months billed again": invoice["reprice"]} if "reprice" in invoice else {}
    return {
        "Account": invoice["account"],
        "Invoice": invoice["id"],
        "Month": f"{period['month']} (from {period['start']} until before {period['end']})",
        "Total": f"{invoice['total']} {invoice['currency']}",
        "Rounding": f"each line once, to {rounding['digits']} digits, {rounding['mode'].replace('_', ' ')}",
        **reason,
    }


def _usage(line: LineDocument) -> _Line:
    return _Line(_name(line), [*_arithmetic(line, line["amount"]), _plan(line)], line["amount"])


def _adjustment(line: AdjustmentDocument) -> _Line:
    steps = [*_arithmetic(line, line["repriced"]), _change(line), _plan(line)]
    return _Line(f"{line['month']}: {_name(line)}", steps, line["amount"])


def _source(source: SourceDocument) -> _Source:
    facts = {
        "Month": source["month"],
        "Parquet files": source["lake"],
        "Query": source["query"],
        "Parameters": ", ".join(source["parameters"]),
        "Report": source["report"] or "none: the month was open, and was compared for this invoice",
    }
    return _Source(facts, source["sql"])


def _name(line: LineDocument) -> str:
    if line["commitment"]:
        return f"{line['commitment']['kind']} of the plan"
    return line["line"]


def _arithmetic(line: LineDocument, amount: str) -> Iterator[str]:
    """The steps from a quantity to an amount, a sentence each."""
    if line["commitment"]:
        yield f"all lines together come to the {line['commitment']['kind']}, {line['commitment']['bound']}"
    if rating := line["rating"]:
        yield from _rating(rating)
        exact = rating["bound_amount"] or rating["subtotal"]
        if Decimal(exact) != Decimal(amount):
            yield f"{exact} rounded to {amount}"


def _rating(rating: RatingDocument) -> Iterator[str]:
    free = f", {rating['free']:,} free" if rating["free"] else ""
    size = f", packages of {rating['package_size']:,}: {rating['charged']:,}"
    packages = size if rating["model"] == "package" else ""
    yield f"{rating['model']}: {rating['quantity']:,} {rating['metric'].replace('_', ' ')}{free}{packages}"
    for tier in rating["tiers"]:
        per = f" / {tier['per']:,}" if tier["per"] != 1 else ""
        fee = f" + {tier['flat_fee']}" if tier["flat_fee"] != "0" else ""
        place = f"tier {tier['tier']}: " if len(rating["tiers"]) > 1 or tier["tier"] > 1 else ""
        yield f"{place}{tier['quantity']:,} × {tier['unit_price']}{per}{fee} = {tier['amount']}"
    if len(rating["tiers"]) > 1:
        yield f"together {rating['subtotal']}"
    if rating["bound"]:
        yield f"{rating['bound']} {rating['bound_amount']} in place of {rating['subtotal']}"


def _change(line: AdjustmentDocument) -> str:
    quantity = line["rating"]["quantity"] if line["rating"] else 0
    exact = difference(Decimal(line["repriced"]), Decimal(line["billed"]))
    is_whole = exact == Decimal(line["amount"])
    result = line["amount"] if is_whole else f"{exact:f}, of which {line['amount']} is billed now"
    return (
        f"now {line['repriced']} for {quantity:,}, billed {line['billed']} for {line['quantity_billed']:,}: "
        f"{line['repriced']} - {line['billed']} = {result}"
    )


def _plan(line: LineDocument) -> str:
    version = line["price_version"]
    return f"plan {version['plan']}, version {version['version']} (digest {version['digest']})"
