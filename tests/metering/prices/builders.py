"""Tariffs and usages for the tests of prices, in as few words as a test needs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from metering.period import Period
from metering.prices.adjustment import Charge
from metering.prices.invoice import invoice_document, invoiced_charges
from metering.prices.money import Rounding, RoundingMode
from metering.prices.price import Model, Price, Tier, ZeroMonth
from metering.prices.statement import KeyUsage, MonthUsage, Statement
from metering.prices.tariff import Tariff
from metering.prices.tariff_file import read_tariff
from metering.usage import Metric

CENTS = Rounding(2, RoundingMode.HALF_EVEN)
OCTOBER, NOVEMBER, DECEMBER = Period("2026-10"), Period("2026-11"), Period("2026-12")

Document = dict[str, object]


def tiers(*rows: tuple[int | None, str, str]) -> tuple[Tier, ...]:
    """Rows of (up_to, unit price, flat fee)."""
    return tuple(Tier(up_to, Decimal(unit_price), Decimal(flat_fee)) for up_to, unit_price, flat_fee in rows)


def price(
    *rows: tuple[int | None, str, str],
    model: Model = Model.GRADUATED,
    zero_month: ZeroMonth = ZeroMonth.NOTHING,
    per: int = 1,
    package_size: int = 1,
    free_units: int = 0,
    minimum: str | None = None,
    maximum: str | None = None,
) -> Price:
    """A price of requests."""
    bounds = [None if bound is None else Decimal(bound) for bound in (minimum, maximum)]
    return Price(
        "calls",
        Metric.REQUESTS,
        model,
        tiers(*rows),
        per,
        package_size,
        free_units,
        *bounds,
        zero_month=zero_month,
    )


def flat(unit_price: str = "1", metric: str = "requests", **more: object) -> Document:
    """A flat price as it stands in a file."""
    return {"metric": metric, "model": "flat", "unit_price": unit_price, **more}


def version(*prices: Document, name: str = "v1", valid_from: str = "2026-01", **more: object) -> Document:
    """A plan version as it stands in a file."""
    return {"version": name, "valid_from": valid_from, "prices": list(prices), **more}


def document(
    plans: Mapping[str, list[Document]], accounts: Mapping[str, Document] | None = None, **more: object
) -> Document:
    """A tariff file in euros and cents."""
    whole = {
        "currency": "EUR",
        "rounding": {"digits": 2, "mode": "half_even"},
        "zero_month": "nothing",
        "plans": plans,
    }
    return {**whole, "accounts": accounts or {}, **more}


def tariff(
    plans: Mapping[str, list[Document]], accounts: Mapping[str, Document] | None = None, **more: object
) -> Tariff:
    """The same, read."""
    return read_tariff(document(plans, accounts, **more))


def acme_tariff(*prices: Document, **version_fields: object) -> Tariff:
    """One plan, and the account acme with the keys k1 and k2."""
    plans = {"pro": [version(*(prices or (flat(),)), **version_fields)]}  # type: ignore[arg-type]
    return tariff(plans, {"acme": {"keys": ["k1", "k2"], "plan": "pro"}})


def used(key: str, requests: int, fingerprint: int = 0, **more: int) -> KeyUsage:
    """A key's usage: requests, and any other metric by name."""
    return KeyUsage(
        key, {metric: more.get(metric, 0) for metric in Metric} | {Metric.REQUESTS: requests}, fingerprint
    )


def month_usage(*keys: KeyUsage, month: Period = OCTOBER, query: str = "query-1") -> MonthUsage:
    """A month's usage of some keys."""
    return MonthUsage(month, keys, query)


def charges(statement: Statement) -> list[Charge]:
    """What the invoice of a statement has billed."""
    return list(invoiced_charges(invoice_document(statement)))
