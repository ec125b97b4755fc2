"""An invoice as one HTML page to print or to read: no script, nothing from elsewhere, every text escaped.

The page is made of the document alone, so that the same invoice always gives the same bytes. Each amount
stands beside its arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from html import escape

from metering.prices.documents import (
    AdjustmentDocument,
    InvoiceDocument,
    LineDocument,
    RatingDocument,
    SourceDocument,
)

_STYLE = """
:root { color-scheme: light; }
body { font: 14px/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; margin: 1rem 0; }
dt { color: #595959; }
dd { margin: 0; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
caption { text-align: left; color: #595959; padding-bottom: .3rem; }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0;
  border-bottom: 1px solid #ccc; }
th { font-weight: 600; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.number:last-child { padding-right: 0; }
.how { color: #404040; font-variant-numeric: tabular-nums; }
.how p { margin: 0; }
tfoot td, tfoot th { border-bottom: 0; font-weight: 600; }
code, pre { font: 12px/1.5 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; }
.draft { border: 2px solid #9a3412; color: #7c2d12; padding: .5rem 1rem; margin: 1rem 0; }
@media print {
  body { margin: 0; max-width: none; font-size: 11px; }
  thead { display: table-header-group; }
  tr, .draft { break-inside: avoid; }
  @page { margin: 18mm; }
}
""".strip()


_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def page(invoice: InvoiceDocument) -> bytes:
    """The page, in UTF-8."""
    kind = "Draft of an invoice" if invoice["draft"] else "Invoice"
    title = f"{kind} {invoice['period']['month']}: {invoice['account']}"
    parts = [
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">',
        f"<title>{escape(title)}</title>",
        f"<style>{_STYLE}</style></head><body><main>",
        f"<header><h1>{kind}</h1>",
        *_facts(invoice),
        *_reasons(invoice["draft"]),
        "</header>",
        *_usage(invoice),
        *_adjustments(invoice),
        *_total(invoice),
        *_keys(invoice),
        *_proof(invoice),
        "</main></body></html>\n",
    ]
    return "\n".join(parts).encode()


def _facts(invoice: InvoiceDocument) -> Iterator[str]:
    period, rounding = invoice["period"], invoice["rounding"]
    facts = {
        "Account": invoice["account"],
        "Invoice": invoice["id"],
        "Month": f"{period['month']} (from {period['start']} until before {period['end']})",
        "Total": _money(invoice["total"], invoice),
        "Rounding": f"each line once, to {rounding['digits']} digits, {rounding['mode'].replace('_', ' ')}",
    }
    yield from _definitions(facts)


def _reasons(draft: Sequence[str]) -> Iterator[str]:
    if draft:
        items = "".join(f"<li>{escape(reason)}</li>" for reason in draft)
        yield f'<div class="draft"><strong>A draft: nothing was issued.</strong><ul>{items}</ul></div>'


def _usage(invoice: InvoiceDocument) -> Iterator[str]:
    yield "<h2>Usage</h2><table><thead><tr><th>Line</th><th>How it comes about</th>"
    yield f'<th class="number">{escape(invoice["currency"])}</th></tr></thead><tbody>'
    for line in invoice["lines"]:
        yield _row(_name(line), [*_arithmetic(line, line["amount"]), _plan(line)], line["amount"])
    yield f"</tbody><tfoot>{_sum_row('Usage', invoice['usage_total'])}</tfoot></table>"


def _adjustments(invoice: InvoiceDocument) -> Iterator[str]:
    if not invoice["adjustments"]:
        return
    yield "<h2>Adjustments</h2><table><caption>Earlier months, priced again with all that is known now."
    yield "</caption><thead><tr><th>Line</th><th>How it comes about</th>"
    yield f'<th class="number">{escape(invoice["currency"])}</th></tr></thead><tbody>'
    for line in invoice["adjustments"]:
        name = f"{line['month']}: {_name(line)}"
        yield _row(name, [*_arithmetic(line, line["repriced"]), _change(line), _plan(line)], line["amount"])
    yield f"</tbody><tfoot>{_sum_row('Adjustments', invoice['adjustment_total'])}</tfoot></table>"


def _total(invoice: InvoiceDocument) -> Iterator[str]:
    sums = f"{invoice['usage_total']} + {invoice['adjustment_total']} = {invoice['total']}"
    yield "<h2>Total</h2>"
    yield f"<p>{escape(sums)} {escape(invoice['currency'])}</p>"


def _keys(invoice: InvoiceDocument) -> Iterator[str]:
    if not invoice["keys"]:
        return
    metrics = list(invoice["keys"][0]["quantities"])
    heads = "".join(f'<th class="number">{escape(metric.replace("_", " "))}</th>' for metric in metrics)
    yield f"<h2>Keys</h2><table><thead><tr><th>Key</th>{heads}<th>Fingerprint</th></tr></thead><tbody>"
    for key in invoice["keys"]:
        cells = "".join(f'<td class="number">{key["quantities"][metric]:,}</td>' for metric in metrics)
        fingerprint = f"<td><code>{escape(key['fingerprint'])}</code></td>"
        yield f"<tr><td>{escape(key['key'])}</td>{cells}{fingerprint}</tr>"
    yield "</tbody></table>"


def _proof(invoice: InvoiceDocument) -> Iterator[str]:
    yield "<h2>Proof</h2><p>The quantities are those of the lake, each event once. A fingerprint is the sum"
    yield "of the event hashes and stands for the set of calls. Anyone who may read the Parquet files can"
    yield "derive every amount again.</p>"
    yield from _definitions({"Fingerprint of all calls": invoice["fingerprint"]})
    for source in invoice["sources"]:
        yield from _source(source)


def _source(source: SourceDocument) -> Iterator[str]:
    facts = {
        "Month": source["month"],
        "Parquet files": source["lake"],
        "Query": source["query"],
        "Parameters": ", ".join(source["parameters"]),
        "Report": source["report"] or "none: the month was open, and was compared for this invoice",
    }
    yield from _definitions(facts)
    yield f"<pre>{escape(source['sql'])}</pre>"


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
    return (
        f"now {line['repriced']} for {quantity:,}, billed {line['billed']} for {line['quantity_billed']:,}: "
        f"{line['repriced']} - {line['billed']} = {line['amount']}"
    )


def _plan(line: LineDocument) -> str:
    version = line["price_version"]
    return f"plan {version['plan']}, version {version['version']} (digest {version['digest']})"


def _money(amount: str, invoice: InvoiceDocument) -> str:
    return f"{amount} {invoice['currency']}"


def _row(name: str, how: Sequence[str], amount: str) -> str:
    steps = "".join(f"<p>{escape(step)}</p>" for step in how)
    number = f'<td class="number">{escape(amount)}</td>'
    return f'<tr><td>{escape(name)}</td><td class="how">{steps}</td>{number}</tr>'


def _sum_row(name: str, amount: str) -> str:
    return f'<tr><th colspan="2">{escape(name)}</th><td class="number">{escape(amount)}</td></tr>'


def _definitions(facts: dict[str, str]) -> Iterator[str]:
    yield "<dl>"
    for name, value in facts.items():
        yield f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>"
    yield "</dl>"
