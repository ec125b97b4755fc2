"""An invoice as one HTML page to print or to read: no script, nothing from elsewhere, every text escaped.

The page is made of the document alone, so that the same invoice always gives the same bytes. Each amount
is beside its arithmetic; what only an auditor needs is in an appendix, which is printed when it is open. What
the page says is decided here, how it looks in `templates`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from metering.period import Period, following
from metering.prices.documents import (
    AdjustmentDocument,
    InvoiceDocument,
    LineDocument,
    PartyDocument,
    RatingDocument,
    SourceDocument,
    TaxDocument,
)
from metering.prices.invoice import without_size
from metering.prices.money import difference
from reconciliation.page_template import rendered, stylesheet

_TEMPLATES: Final = Path(__file__).parent / "templates"
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_TITLES: Final = {"credit_note": "Credit note", "nothing_due": "Statement: nothing is due"}


class _Line(NamedTuple):
    name: str
    steps: list[str]
    """From a quantity to the amount, a sentence each."""
    amount: str


class _Party(NamedTuple):
    name: str
    lines: list[str]


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
        title=f"{_kind(invoice)} {invoice.get('number', invoice['period']['month'])}",
        due_is="Credit" if invoice.get("kind") == "credit_note" else "Amount due",
        period=_month(invoice["period"]["month"]),
        seller=_party(invoice.get("seller")),
        customer=_party(invoice.get("customer")) or _Party(invoice["account"], []),
        facts=_facts(invoice),
        usage=[_usage(line) for line in invoice["lines"]],
        adjustments=[_adjustment(line) for line in invoice["adjustments"]],
        taxes=[_tax(line) for line in invoice.get("tax", [])],
        total=_total(invoice),
        due=invoice.get("amount_due", invoice["total"]),
        payment=invoice.get("payment", ""),
        attestation=_attestation(invoice),
        plans=_plans(invoice),
        metrics=list(keys[0]["quantities"]) if keys else [],
        sources=[_source(source) for source in invoice["sources"]],
    )


def _kind(invoice: InvoiceDocument) -> str:
    kind = _TITLES.get(invoice.get("kind", ""), "Invoice")
    if not invoice["draft"]:
        return kind
    return "Draft of a credit note" if kind == "Credit note" else "Draft of an invoice"


def _month(month: str) -> str:
    """Such as October 2026."""
    return f"{_MONTHS[int(month[5:7]) - 1]} {month[:4]}"


def _day(day: str) -> str:
    """Such as 2 November 2026."""
    return f"{int(day[8:])} {_month(day)}"


def _days(month: str) -> str:
    """Such as 1 to 31 October 2026."""
    first = date.fromisoformat(f"{month}-01")
    after = date.fromisoformat(f"{following(Period(month))}-01")
    return f"1 to {(after - first).days} {_month(month)} (UTC)"


def _party(party: PartyDocument | None) -> _Party | None:
    if party is None:
        return None
    tax_id = [f"Tax ID {party['tax_id']}"] if "tax_id" in party else []
    return _Party(party["name"], [*party["address"], *tax_id])


def _facts(invoice: InvoiceDocument) -> dict[str, str]:
    number = {"Number": invoice["number"], "Date": _day(invoice["date"])} if "number" in invoice else {}
    reason = {"Earlier months billed again": invoice["reprice"]} if "reprice" in invoice else {}
    name = "Credit period" if invoice.get("kind") == "credit_note" else "Period"
    return {**number, name: _days(invoice["period"]["month"]), "Account": invoice["account"], **reason}


def _tax(line: TaxDocument) -> _Line:
    return _Line(f"{line['name']}, {line['percent']} % of {line['base']}", [], line["amount"])


def _total(invoice: InvoiceDocument) -> str:
    """How the total is named above taxes, and where there are corrections."""
    if not invoice["adjustments"]:
        return "Total without tax" if "tax" in invoice else ""
    return f"Total: {invoice['usage_total']} + {invoice['adjustment_total']}"


def _attestation(invoice: InvoiceDocument) -> dict[str, str]:
    rounding = invoice["rounding"]
    return {
        "Document": invoice["id"],
        "Rounding": f"each line once, to {rounding['digits']} digits, {rounding['mode'].replace('_', ' ')}",
        "Fingerprint of all calls": invoice["fingerprint"],
    }


def _plans(invoice: InvoiceDocument) -> dict[str, str]:
    """By month, the price versions that were applied."""
    lines = [*invoice["lines"], *invoice["adjustments"]]
    return {_month(line["month"]): _plan(line) for line in reversed(lines)}


def _usage(line: LineDocument) -> _Line:
    return _Line(_name(line), list(_arithmetic(line, line["amount"])), line["amount"])


def _adjustment(line: AdjustmentDocument) -> _Line:
    steps = [*_arithmetic(line, line["repriced"]), _change(line)]
    return _Line(f"{_month(line['month'])}: {_name(line)}", steps, line["amount"])


def _source(source: SourceDocument) -> _Source:
    meter = {"Meter": source["meter"]} if "meter" in source else {}
    fingerprint = {"Fingerprint": source["fingerprint"]} if "fingerprint" in source else {}
    facts = {
        "Month": _month(source["month"]),
        **meter,
        **fingerprint,
        "Parquet files": source["lake"],
        "Query": source["query"],
        "Parameters": ", ".join(source["parameters"]),
        "Report": source["report"] or "none: the month was open, and was compared for this invoice",
    }
    return _Source(facts, source["sql"])


def _name(line: LineDocument) -> str:
    if line["commitment"]:
        return f"{line['commitment']['kind']} of the plan"
    return line["line"].replace("_", " ")


def _arithmetic(line: LineDocument, amount: str) -> Iterator[str]:
    """The steps from a quantity to an amount, a sentence each."""
    if line["commitment"]:
        bound = line["commitment"]
        yield f"all lines together are billed at the {bound['kind']} of {bound['bound']}"
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
    if calls := rating.get("unknown_sizes", 0):
        yield without_size(calls)
    for tier in rating["tiers"]:
        per = f" / {tier['per']:,}" if tier["per"] != 1 else ""
        fee = f" + fee {tier['flat_fee']}" if tier["flat_fee"] != "0" else ""
        place = f"tier {tier['tier']}: " if len(rating["tiers"]) > 1 or tier["tier"] > 1 else ""
        yield f"{place}{tier['quantity']:,} × {tier['unit_price']}{per}{fee} = {tier['amount']}"
    if len(rating["tiers"]) > 1:
        yield f"sum of the tiers: {rating['subtotal']}"
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
