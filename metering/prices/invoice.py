"""Invoices: a statement and the adjustments of earlier months, as one document that anyone can derive again.

The same input gives the same bytes and the same id: there is no clock, no counter and no order of arrival in
it.

    AlteredInvoice   a stored invoice whose content does not give its id
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, cast

from metering.period import Period, begins_at, following
from metering.prices.adjustment import Adjustment, BilledVersion, Charge, NotComparable
from metering.prices.canonical import canonical_json
from metering.prices.documents import (
    ADJUSTMENTS,
    FORMAT,
    UNBILLED_FORMAT,
    AdjustmentDocument,
    CommitmentDocument,
    InvoiceDocument,
    KeyDocument,
    LineDocument,
    PeriodDocument,
    RatingDocument,
    SourceDocument,
    TierDocument,
    UnbilledDocument,
    VersionDocument,
)
from metering.prices.money import Rounding, payable, plain, total
from metering.prices.rating import RatedPrice, RatedTier
from metering.prices.statement import KeyUsage, Statement
from metering.prices.terms.numbers import GivenNumber

_ID_OF_KIND: Final = {"credit_note": "credit", "nothing_due": "nothing"}


class AlteredInvoice(ValueError):
    """A stored invoice that is not what was issued."""


def invoice_document(
    statement: Statement,
    adjustments: Sequence[Adjustment] = (),
    adjusted_keys: Mapping[Period, Sequence[str]] | None = None,
    reprice: str | None = None,
    *,
    adjusts_only: bool = False,
) -> InvoiceDocument:
    """The invoice of an account's month. Raises NotComparable when an adjustment is of another account or
    currency.
    """
    _check(statement, adjustments)
    usage, corrections = statement.total, total(adjustment.amount for adjustment in adjustments)
    rounding = statement.version.rounding
    document: InvoiceDocument = {
        "format": FORMAT,
        "id": "",
        "draft": [],
        "account": statement.account,
        "period": _period(statement.month),
        "currency": statement.version.currency,
        "rounding": {"digits": rounding.digits, "mode": rounding.mode},
        "keys": [_key(usage) for usage in statement.keys],
        "fingerprint": str(statement.fingerprint),
        "lines": list(_lines(statement)),
        "adjustments": [_adjustment(adjustment) for adjustment in _in_order(adjustments)],
        "sources": [],
        "usage_total": _text(usage, rounding),
        "adjustment_total": _text(corrections, rounding),
        "total": _text(total((usage, corrections)), rounding),
    }
    if adjusts_only:
        document["adjusts_only"] = True
    if adjusted_keys:
        document["adjusted_keys"] = {month: list(keys) for month, keys in sorted(adjusted_keys.items())}
    if reprice and adjustments:
        document["reprice"] = reprice
    if meters := _meters([statement, *(adjustment.repriced_month for adjustment in adjustments)]):
        document["meters"] = meters
    if total((usage, corrections)) < 0:
        document["kind"] = "credit_note"
    return identified(document)


def attested(
    document: InvoiceDocument, sources: Iterable[SourceDocument], draft: Sequence[str] = ()
) -> InvoiceDocument:
    """The invoice with the sources of the months that it bills, each with the fingerprint of the account's
    calls where there are several meters; and, for a draft, with the reasons why it is one. Its id covers all.
    """
    months = {document["period"]["month"], *(line["month"] for line in document["adjustments"])}
    by_meter = document.get("meters", {})
    found = [_of_account(one, by_meter) for one in sources if one["month"] in months]
    dated: InvoiceDocument = {**document, "draft": list(draft)}
    dated["sources"] = sorted(found, key=lambda one: one["month"])
    dated.pop("meters", None)
    return identified(dated)


def _of_account(source: SourceDocument, by_meter: Mapping[str, Mapping[str, str]]) -> SourceDocument:
    if "meter" not in source:
        return source
    fingerprints = by_meter.get(source["month"], {})
    return {**source, "fingerprint": fingerprints.get(source["meter"], "0")}


def _meters(statements: Iterable[Statement]) -> dict[str, dict[str, str]]:
    """By month and meter, the fingerprint of the calls."""
    found = {one.month: one.by_meter for one in statements if one.by_meter}
    return {month: {name: str(value) for name, value in by.items()} for month, by in sorted(found.items())}


def numbered(document: InvoiceDocument, given: GivenNumber) -> InvoiceDocument:
    """The invoice with its number and date. Its id covers them."""
    found: InvoiceDocument = {**document, "number": given.number, "date": given.date}
    return identified(found)


def identified(document: InvoiceDocument) -> InvoiceDocument:
    """The invoice with the id that its content gives."""
    return {**document, "id": invoice_id(document)}


def invoice_id(document: InvoiceDocument) -> str:
    """The id that the content gives: `inv-2026-10-` (of a credit note `credit-2026-10-`, of a draft
    `draft-2026-10-`, where nothing is due `nothing-2026-10-`) and 96 bits of its hash.
    """
    content = canonical_json({name: value for name, value in document.items() if name != "id"})
    kind = "draft" if document["draft"] else _ID_OF_KIND.get(document.get("kind", ""), "inv")
    return f"{kind}-{document['period']['month']}-{hashlib.sha256(content).hexdigest()[:24]}"


def read_invoice(stored: bytes) -> InvoiceDocument:
    """A stored invoice. Raises AlteredInvoice when it is none, or was changed since it was issued."""
    try:
        document = cast(InvoiceDocument, json.loads(stored))
        given, derived = document["id"], invoice_id(document)
        if document["format"] != FORMAT:
            raise ValueError(f"it is of the form {document['format']}")
    except (ValueError, LookupError, TypeError, AttributeError) as unreadable:
        raise AlteredInvoice(f"not an invoice of the form {FORMAT}: {unreadable!r}") from unreadable
    if given != derived:
        raise AlteredInvoice(f"invoice {given} holds the content of {derived}")
    return document


def read_unbilled(stored: bytes) -> UnbilledDocument | None:
    """The list of a month's keys that nobody was billed for; None for any other document."""
    if not stored.startswith(f'{{"format":"{UNBILLED_FORMAT}"'.encode()):
        return None
    return cast(UnbilledDocument, json.loads(stored))


def invoiced_charges(document: InvoiceDocument) -> Iterator[Charge]:
    """Everything an issued invoice billed, for its own month and, by adjustments, for earlier ones."""
    for line in document["lines"]:
        yield _charge(document, line, _quantity(line))
    for line in document["adjustments"]:
        yield _charge(document, line, _quantity(line) - line["quantity_billed"])


def billed_keys(document: InvoiceDocument) -> Iterator[tuple[Period, str]]:
    """The keys that an issued invoice bills its account for, each with the month of the calls."""
    for key in document["keys"]:
        yield Period(document["period"]["month"]), key["key"]
    for month, keys in document.get("adjusted_keys", {}).items():
        for name in keys:
            yield Period(month), name


def place_of(document: InvoiceDocument) -> str:
    """Under which name a document is kept in its month: the account's, but for one that only adjusts."""
    account = document["account"]
    return f"{ADJUSTMENTS}{document['currency']}:{account}" if document.get("adjusts_only") else account


def unbilled_document(month: Period, keys: Mapping[Period, Iterable[str]]) -> UnbilledDocument:
    """The keys, by month, that nobody was billed for when `month` was invoiced."""
    by_month = {str(called): sorted(found) for called, found in keys.items()}
    return {"format": UNBILLED_FORMAT, "keys": by_month, "month": month}


def _charge(document: InvoiceDocument, line: LineDocument, quantity: int) -> Charge:
    return Charge(
        document["account"],
        Period(line["month"]),
        line["line"],
        quantity,
        Decimal(line["amount"]),
        document["currency"],
        Period(document["period"]["month"]),
        BilledVersion(**line["price_version"]),
        int(line["fingerprint"]),
    )


def _quantity(line: LineDocument) -> int:
    return line["rating"]["quantity"] if line["rating"] else 0


def _check(statement: Statement, adjustments: Sequence[Adjustment]) -> None:
    for adjustment in adjustments:
        other = adjustment.repriced_month
        if (other.account, other.version.currency) != (statement.account, statement.version.currency):
            raise NotComparable(
                f"an adjustment of {other.account} in {other.version.currency} is not for the invoice of "
                f"{statement.account} in {statement.version.currency}"
            )


def _in_order(adjustments: Sequence[Adjustment]) -> list[Adjustment]:
    return sorted(adjustments, key=lambda adjustment: (adjustment.repriced_month.month, adjustment.line))


def _period(month: Period) -> PeriodDocument:
    return {"month": month, "start": _instant(month), "end": _instant(following(month))}


def _instant(month: Period) -> str:
    return begins_at(month).strftime("%Y-%m-%dT%H:%M:%SZ")


def _key(usage: KeyUsage) -> KeyDocument:
    quantities = {metric.value: quantity for metric, quantity in usage.quantities.items()}
    return {"key": usage.key, "quantities": quantities, "fingerprint": str(usage.fingerprint)}


def _lines(statement: Statement) -> Iterator[LineDocument]:
    for rated in statement.lines:
        yield _line(statement, rated.price.id, rated, rated.amount)
    if statement.commitment:
        yield _line(statement, statement.commitment.id, None, statement.commitment.amount)


def _line(statement: Statement, line: str, rated: RatedPrice | None, amount: Decimal) -> LineDocument:
    return {
        "line": line,
        "month": statement.month,
        "price_version": _version(statement),
        "fingerprint": str(statement.fingerprint),
        "query": statement.query,
        "rating": _rating(rated, statement.unknown_sizes(rated.price.metric)) if rated else None,
        "commitment": _commitment(statement, line),
        "amount": _text(amount, statement.version.rounding),
    }


def _adjustment(adjustment: Adjustment) -> AdjustmentDocument:
    statement = adjustment.repriced_month
    rounding = statement.version.rounding
    digits = rounding.digits if adjustment.digits is None else min(adjustment.digits, rounding.digits)
    return {
        **_line(statement, adjustment.line, adjustment.rated, adjustment.amount),
        "amount": _text(adjustment.amount, Rounding(digits, rounding.mode)),
        "quantity_billed": adjustment.quantity_billed,
        "billed": _text(adjustment.billed, rounding),
        "repriced": _text(adjustment.repriced, rounding),
    }


def _commitment(statement: Statement, line: str) -> CommitmentDocument | None:
    commitment = statement.commitment
    if commitment is None or commitment.id != line:
        return None
    return {"kind": commitment.kind, "bound": payable(commitment.bound)}


def _version(statement: Statement) -> VersionDocument:
    version = statement.version
    return {"plan": version.plan, "version": version.version, "digest": version.digest}


def _rating(rated: RatedPrice, unknown_sizes: int) -> RatingDocument:
    bounds = {"minimum": rated.price.minimum, "maximum": rated.price.maximum}
    bound_amount = bounds[rated.bound] if rated.bound else None
    rating: RatingDocument = {
        "metric": rated.price.metric,
        "model": rated.price.model,
        "quantity": rated.quantity,
        "free": rated.free,
        "charged": rated.charged,
        "package_size": rated.price.package_size,
        "tiers": [_tier(rated, tier) for tier in rated.tiers],
        "subtotal": plain(rated.subtotal),
        "bound": rated.bound,
        "bound_amount": None if bound_amount is None else plain(bound_amount),
    }
    if unknown_sizes:
        rating["unknown_sizes"] = unknown_sizes
    return rating


def without_size(calls: int) -> str:
    """What an invoice says of the calls that a price on bytes charges nothing for."""
    had = "1 call had no known size and is" if calls == 1 else f"{calls:,} calls had no known size and are"
    return f"{had} charged as 0 bytes"


def _tier(rated: RatedPrice, tier: RatedTier) -> TierDocument:
    return {
        "tier": tier.number,
        "quantity": tier.quantity,
        "unit_price": plain(tier.unit_price),
        "per": rated.price.per,
        "flat_fee": plain(tier.flat_fee),
        "amount": plain(tier.amount),
    }


def _text(amount: Decimal, rounding: Rounding) -> str:
    """An amount with at least the digits of the rounding; an earlier rounding may have had more."""
    return payable(amount if -int(amount.as_tuple().exponent) > rounding.digits else rounding.apply(amount))
