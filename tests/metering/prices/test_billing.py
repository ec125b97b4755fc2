from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from metering.period import Period
from metering.prices.billing import Unpriced, bill_month, price_month
from metering.prices.canonical import canonical_json
from metering.prices.documents import InvoiceDocument
from metering.prices.invoice import invoiced_charges, place_of, read_invoice
from metering.prices.money import EXACT
from metering.prices.statement import KeyUsage, MonthUsage
from metering.prices.tariff_file import read_tariff
from metering.usage import Metric
from tests.examples import examples
from tests.metering.prices import oracle
from tests.metering.prices.builders import (
    NOVEMBER,
    OCTOBER,
    acme_tariff,
    flat,
    month_usage,
    tariff,
    used,
    version,
)
from tests.metering.prices.random_tariffs import METRICS, random_quantities, random_tariff

TWO_PLANS = {
    "pro": [version(flat("2"))],
    "basic": [version(flat("1", flat_fee="3", zero_month="first_tier"))],
}
OWNERS = {"b": ["k1"], "a": ["k2", "k3"]}


def test_one_invoice_an_account() -> None:
    """Accounts come in the order of their names, each with its keys; one without calls pays for its month."""
    read = tariff(
        TWO_PLANS, {"b": {"keys": ["k1"], "plan": "pro"}, "a": {"keys": ["k2", "k3"], "plan": "basic"}}
    )
    billing = bill_month(read, month_usage(used("k1", 5)))
    assert [("a", "3.00"), ("b", "10.00")] == [
        (invoice["account"], invoice["total"]) for invoice in billing.invoices
    ]
    assert () == billing.unpriced


def test_reserved_keys_are_never_billed() -> None:
    """Calls without a key and what could not be parsed belong to nobody, not even to the default plan."""
    read = tariff(TWO_PLANS, default_plan="pro")
    billing = bill_month(read, month_usage(used("-", 5), used("!malformed", 7), used("k1", 2)))
    assert ["key:k1"] == [invoice["account"] for invoice in billing.invoices]


def test_a_key_without_account_is_named() -> None:
    """Without a default plan, usage that nobody is billed for is reported and not dropped."""
    assert (
        Unpriced(OCTOBER, None, ("k9",), "key k9 has no account; add it to one, or give a default_plan"),
    ) == (price_month(acme_tariff(), month_usage(used("k9", 4))).unpriced)


def test_an_account_without_a_price_is_named() -> None:
    """A plan that begins later prices nothing now; the other accounts are billed."""
    read = tariff(
        {**TWO_PLANS, "late": [version(flat(), valid_from="2027-01")]},
        {"a": {"keys": ["k1"], "plan": "late"}, "b": {"keys": ["k2"], "plan": "pro"}},
    )
    billing = bill_month(read, month_usage(used("k1", 1), used("k2", 1)))
    assert ["b"] == [invoice["account"] for invoice in billing.invoices]
    assert [("a", "plan late has no version for 2026-10; it has v1 from 2027-01 on")] == [
        (entry.account, entry.reason) for entry in billing.unpriced
    ]


def test_a_plan_changes_with_the_month() -> None:
    """An account pays each month by the plan it had then, adjustments included."""
    plans = [{"plan": "basic", "valid_from": "2026-01"}, {"plan": "pro", "valid_from": "2026-11"}]
    read = tariff(TWO_PLANS, {"a": {"keys": ["k1"], "plan": plans}})
    first = bill_month(read, month_usage(used("k1", 5)))
    second = bill_month(
        read, month_usage(used("k1", 1), month=NOVEMBER), [month_usage(used("k1", 7))], first.invoices
    )
    assert ("8.00", "2.00", "2.00") == (
        first.invoices[0]["total"], second.invoices[0]["usage_total"], second.invoices[0]["adjustment_total"],
    )  # fmt: skip


def test_a_stray_key_pays_no_fee_for_months_without_calls() -> None:
    """A late call of a key without account is billed next month, without that month's flat fee."""
    read = tariff(TWO_PLANS, default_plan="basic")
    billing = bill_month(read, month_usage(month=NOVEMBER), [month_usage(used("k1", 2))])
    assert [("key:k1", "0.00", "5.00")] == [
        (invoice["account"], invoice["usage_total"], invoice["total"]) for invoice in billing.invoices
    ]


def test_a_stray_key_without_calls_and_adjustments_gets_no_invoice() -> None:
    """A key without account that was billed in October is left alone in a November without it."""
    read = tariff(TWO_PLANS, default_plan="basic")
    october = month_usage(used("k1", 2))
    first = bill_month(read, october).invoices
    assert () == bill_month(read, month_usage(month=NOVEMBER), [october], first).invoices


def test_no_fee_for_months_before_an_account_came() -> None:
    """An account that was never billed for October and has no calls in it owes nothing for it."""
    read = tariff(TWO_PLANS, {"a": {"keys": ["k1"], "plan": "basic"}})
    billing = bill_month(read, month_usage(used("k1", 1), month=NOVEMBER), [month_usage()])
    assert [[]] == [invoice["adjustments"] for invoice in billing.invoices]


def test_an_account_that_left_the_tariff_pays_for_late_calls() -> None:
    """By the version that it was billed by, on a document that bills adjustments only; without late calls it
    gets none.
    """
    first = bill_month(acme_tariff(), month_usage(used("k1", 5))).invoices
    gone = tariff({"pro": [version(flat())]}, {"other": {"keys": ["k9"], "plan": "pro"}})
    late = bill_month(gone, month_usage(month=NOVEMBER), [month_usage(used("k1", 7))], first)
    quiet = bill_month(gone, month_usage(month=NOVEMBER), [month_usage(used("k1", 5))], first)
    assert [("acme", "2.00", True), ("other", "0.00", None)] == [
        (one["account"], one["total"], one.get("adjusts_only")) for one in late.invoices
    ]
    assert ["other"] == [one["account"] for one in quiet.invoices]
    assert ((), ()) == (late.unpriced, late.contradictions)


def test_adjustments_in_another_currency_have_their_own_document() -> None:
    """An account that pays in dollars now gets its invoice, and one more in euros."""
    prices = [version(flat(), name="a"), version(flat(), name="b", valid_from="2026-11", currency="USD")]
    read = tariff({"pro": prices}, {"acme": {"keys": ["k1"], "plan": "pro"}})
    first = bill_month(read, month_usage(used("k1", 6))).invoices
    second = bill_month(read, month_usage(used("k1", 2), month=NOVEMBER), [month_usage(used("k1", 7))], first)
    assert [("acme", "USD", "2.00"), ("adjustment:EUR:acme", "EUR", "1.00")] == [
        (place_of(one), one["currency"], one["total"]) for one in second.invoices
    ]


def test_adjustments_of_an_account_without_a_plan_now() -> None:
    """What is owed for October is billed though November has no price."""
    prices = [version(flat(), valid_until="2026-11")]
    read = tariff({"pro": prices}, {"acme": {"keys": ["k1"], "plan": "pro"}})
    first = bill_month(read, month_usage(used("k1", 6))).invoices
    second = bill_month(read, month_usage(month=NOVEMBER), [month_usage(used("k1", 7))], first)
    assert [("adjustment:EUR:acme", "1.00")] == [(place_of(one), one["total"]) for one in second.invoices]


MONTHS = [Period(month) for month in ("2026-08", "2026-09", "2026-10", "2026-11", "2026-12")]
KEYS = {"acme": ["k1", "k2"], "globex": ["k3"]}


def lateness(random: Random, file: dict[str, Any]) -> list[tuple[Period, Period, KeyUsage]]:
    """Usage of the first three months, in portions: (month of the calls, month in which they became known,
    usage).
    """
    portions = []
    for call_month in MONTHS[:3]:
        for key in ("k1", "k2", "k3"):
            for _ in range(random.randint(0, 3)):
                known = random.choice(MONTHS[MONTHS.index(call_month) :])
                quantities = {Metric(name): n for name, n in random_quantities(random, file).items()}
                portions.append((call_month, known, KeyUsage(key, quantities, random.getrandbits(60))))
    return portions


def known_usage(
    portions: list[tuple[Period, Period, KeyUsage]], call_month: Period, by: Period
) -> MonthUsage:
    """What is known of a month at the end of another."""
    sums: dict[str, Counter[Metric]] = defaultdict(Counter)
    prints: Counter[str] = Counter()
    for month, known, usage in portions:
        if month == call_month and known <= by:
            sums[usage.key].update(usage.quantities)
            prints[usage.key] += usage.fingerprint
    keys = (KeyUsage(key, {m: counts[m] for m in Metric}, prints[key]) for key, counts in sums.items())
    return MonthUsage(call_month, tuple(keys), f"query of {call_month}")


@settings(max_examples=examples(150))
@given(st.integers(0, 2**32))
def test_invoice_and_adjustments_equal_an_oracle_that_knew_everything(seed: int) -> None:
    """However late calls become known, what was billed for a month sums up to the price of all its calls.

    Every month is billed twice, the second time by a job that sees its own invoices already: the bytes are
    the same.
    """
    random = Random(seed)
    file = random_tariff(random)
    accounts = {name: {"keys": keys, "plan": "p"} for name, keys in KEYS.items()}
    read, portions = read_tariff({**file, "accounts": accounts}), lateness(random, file)
    issued: list[InvoiceDocument] = []
    for now in MONTHS:
        current, earlier = (
            known_usage(portions, now, now),
            [known_usage(portions, m, now) for m in MONTHS if m < now],
        )
        billing = bill_month(read, current, earlier, issued)
        stored = [canonical_json(invoice) for invoice in billing.invoices]
        issued += map(read_invoice, stored)
        assert stored == [
            canonical_json(i) for i in bill_month(read, current, earlier, reversed(issued)).invoices
        ]
    for account, keys in KEYS.items():
        for month in MONTHS:
            assert expected(file, portions, month, keys) == billed(file, issued, account, month)


def expected(
    file: dict[str, Any], portions: list[tuple[Period, Period, KeyUsage]], month: Period, keys: list[str]
) -> int:
    """The oracle's price of all calls of a month."""
    quantities = dict.fromkeys(METRICS, 0)
    for call_month, _, usage in portions:
        if call_month == month and usage.key in keys:
            for metric, quantity in usage.quantities.items():
                quantities[metric.value] += quantity
    [written] = file["plans"]["p"]
    lines = [oracle.line_amount(price, file, quantities[price["metric"]]) for price in written["prices"]]
    return oracle.month_total(written, file, lines)


def billed(file: dict[str, Any], issued: list[InvoiceDocument], account: str, month: Period) -> Decimal:
    """What all invoices together billed for a month, in the last digit of the rounding."""
    charges = (charge for invoice in issued for charge in invoiced_charges(invoice))
    amounts = (charge.amount for charge in charges if (charge.account, charge.month) == (account, month))
    return EXACT.scaleb(sum(amounts, Decimal(0)), file["rounding"]["digits"])
