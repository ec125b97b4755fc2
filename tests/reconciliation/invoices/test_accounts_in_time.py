"""Accounts, keys and prices have a time: no edit of a tariff bills a month twice, or gives it back."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from metering.period import Period
from metering.prices.documents import InvoiceDocument
from metering.prices.invoice import place_of
from metering.prices.tariff import Tariff
from metering.usage import Usage
from reconciliation.invoices.issue import Invoicing
from reconciliation.invoices.ports import CannotInvoice
from reconciliation.invoices.result import Invoiced
from tests.metering.prices.builders import Document, flat, tariff, version
from tests.reconciliation.invoices.samples import Known, Shelves

AUGUST, SEPTEMBER, OCTOBER, NOVEMBER, DECEMBER = (
    Period(f"2026-{month}") for month in ("08", "09", "10", "11", "12")
)
PLANS: dict[str, list[Document]] = {
    "payg": [version(flat("0.01"))],
    "team": [version(flat("0.008"))],
    "dear": [version(flat("0.02"))],
}


class Meter:
    """Months that are invoiced one after the other, each by the tariff of its time."""

    def __init__(self) -> None:
        self.known = Known()
        self.shelf = Shelves()

    def calls(self, month: Period, **requests: int) -> None:
        """Calls of keys become known."""
        for key, count in requests.items():
            self.known.add(month, key, Usage(count, count, fingerprint=count))

    def invoice(self, month: Period, read: Tariff, **more: Any) -> Invoiced:
        """The month's invoices."""
        return Invoicing(self.known, self.shelf).invoice(month, read, **more)

    def totals(self, month: Period, read: Tariff, **more: Any) -> dict[str, str]:
        """What each document of the month comes to; nothing is left out."""
        invoiced = self.invoice(month, read, **more)
        assert () == invoiced.unpriced
        return {place_of(one): one["total"] for one in invoiced.invoices if one["total"] != "0.00"}


def accounts(read_default: object = None, plans: object = None, **held: Document) -> Tariff:
    """A tariff of accounts."""
    more = {} if read_default is None else {"default_plan": read_default}
    return tariff(plans or PLANS, held, **more)  # type: ignore[arg-type]


def account(*keys: object, plan: object = "team", **more: object) -> Document:
    """An account as it stands in a file."""
    return {"keys": list(keys), "plan": plan, **more}


def dated(key: str, start: str | None = None, end: str | None = None) -> Document:
    """A key with its time as it stands in a file."""
    return {"key": key, **({"from": start} if start else {}), **({"until": end} if end else {})}


OTHER = account("ko")


@pytest.mark.parametrize(
    "plan", ["team", [{"plan": "team", "valid_from": "2026-10"}]], ids=["undated", "dated"]
)
def test_a_stray_key_gets_a_contract(plan: object) -> None:
    """September was paid by the default plan, and stays so; the contract holds for the months after."""
    meter = Meter()
    meter.calls(SEPTEMBER, k1=1000)
    assert {"key:k1": "10.00"} == meter.totals(SEPTEMBER, accounts("payg", other=OTHER))
    later = accounts("payg", other=OTHER, acme=account("k1", plan=plan))
    for month in (OCTOBER, NOVEMBER):
        meter.calls(month, k1=1000)
        assert {"acme": "8.00"} == meter.totals(month, later)


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(accounts(acme=account("knew")), id="taken out"),
        pytest.param(accounts("payg", acme=account("knew")), id="taken out, with a default plan"),
        pytest.param(accounts(acme=account("knew"), globex=account("kold")), id="given to another"),
        pytest.param(
            accounts(
                acme=account("knew", dated("kold", end="2026-10")), globex=account(dated("kold", "2026-10"))
            ),
            id="given to another from October on",
        ),
    ],
)
def test_a_rotated_key(later: Tariff) -> None:
    """Nothing is given back, and no other account pays for it; late calls go to who paid for the key."""
    meter = Meter()
    meter.calls(SEPTEMBER, kold=1000)
    meter.calls(OCTOBER, knew=500)
    meter.totals(SEPTEMBER, accounts(acme=account("kold")))
    assert {"acme": "4.00"} == meter.totals(OCTOBER, later)
    meter.calls(SEPTEMBER, kold=100)
    assert {"acme": "0.80"} == meter.totals(NOVEMBER, later)


def test_a_renamed_account() -> None:
    """It is billed once for each month; late calls of the old months are billed under the old name."""
    meter = Meter()
    meter.calls(AUGUST, k1=1000)
    meter.calls(SEPTEMBER, k1=1000)
    assert {"acme": "8.00"} == meter.totals(AUGUST, accounts(acme=account("k1")))
    renamed = accounts(**{"acme-inc": account("k1")})
    assert {"acme-inc": "8.00"} == meter.totals(SEPTEMBER, renamed)
    meter.calls(AUGUST, k1=100)
    assert {"adjustment:EUR:acme": "0.80"} == meter.totals(OCTOBER, renamed)


def test_a_customer_who_comes_in_october() -> None:
    """A plan dated from the first month is no problem of the months before."""
    meter = Meter()
    later = accounts(other=OTHER, acme=account("k1", plan=[{"plan": "team", "valid_from": "2026-10"}]))
    assert {} == meter.totals(SEPTEMBER, accounts(other=OTHER))
    meter.calls(OCTOBER, k1=100)
    assert {"acme": "0.80"} == meter.totals(OCTOBER, later)
    assert {} == meter.totals(NOVEMBER, later)


@pytest.mark.parametrize(
    "later",
    [
        pytest.param(account("k1", until="2026-10", plan="min"), id="account"),
        pytest.param(account("k1", plan=[{"plan": "min", "valid_until": "2026-10"}]), id="plan"),
        pytest.param(None, id="taken out"),
    ],
)
def test_a_customer_who_leaves(later: Document | None) -> None:
    """His last invoice is that of September, with its minimum, whose late calls he still pays for."""
    plans = {"min": [version(flat("0.01"), minimum="50")], "team": [version(flat("0.008"))]}
    meter = Meter()
    meter.calls(SEPTEMBER, k1=100)
    first = accounts(plans=plans, other=OTHER, acme=account("k1", plan="min"))
    assert {"acme": "50.00"} == meter.totals(SEPTEMBER, first)
    after = accounts(plans=plans, other=OTHER, **({} if later is None else {"acme": later}))
    assert {} == meter.totals(OCTOBER, after)
    meter.calls(SEPTEMBER, k1=5000)
    assert {"adjustment:EUR:acme": "1.00"} == meter.totals(NOVEMBER, after)


def test_calls_after_he_left_are_named() -> None:
    """They belong to nobody, and that is reported."""
    meter = Meter()
    meter.calls(OCTOBER, k1=5)
    invoiced = meter.invoice(OCTOBER, accounts(acme=account("k1", until="2026-10")))
    assert [("k1",)] == [entry.keys for entry in invoiced.unpriced]


def test_what_nobody_was_billed_for_stays_so() -> None:
    """Calls that were reported as on no invoice are not billed by a later tariff, and reported once; late
    calls of a key that was unknown are billed.
    """
    meter = Meter()
    meter.calls(SEPTEMBER, free1=100)
    first = meter.invoice(SEPTEMBER, accounts(other=OTHER))
    assert [("free1",)] == [entry.keys for entry in first.unpriced]
    meter.calls(OCTOBER, free1=100)
    assert {"key:free1": "1.00"} == meter.totals(OCTOBER, accounts("payg", other=OTHER))
    meter.calls(SEPTEMBER, free1=1, free2=200)
    later = accounts("payg", other=OTHER, acme=account("free1"))
    assert {"key:free2": "2.00"} == meter.totals(NOVEMBER, later)


def test_what_nobody_was_billed_for_is_billed_by_a_date() -> None:
    """Who writes that a key was an account's in September has it billed, as an adjustment."""
    meter = Meter()
    meter.calls(SEPTEMBER, free1=100)
    meter.invoice(SEPTEMBER, accounts(other=OTHER))
    later = accounts(other=OTHER, acme=account(dated("free1", "2026-09")))
    assert {"acme": "0.80"} == meter.totals(OCTOBER, later)
    assert {} == meter.totals(NOVEMBER, later)


def test_late_calls_of_a_new_key_are_billed_once() -> None:
    """A key that no invoice named is billed to its account, and stays billed to it when it moves on."""
    meter = Meter()
    meter.totals(SEPTEMBER, accounts(acme=account("k1"), globex=account("k2")))
    meter.calls(SEPTEMBER, k3=1000)
    first = accounts(acme=account("k1", "k3"), globex=account("k2"))
    assert {"acme": "8.00"} == meter.totals(OCTOBER, first)
    moved = accounts(acme=account("k1"), globex=account("k2", "k3"))
    assert {} == meter.totals(NOVEMBER, moved)


def test_a_currency_changes() -> None:
    """The new month is invoiced in dollars, late calls of the old one on a document in euros."""
    plans = {
        "team": [
            version(flat("0.01"), name="eur", currency="EUR"),
            version(flat("0.01"), name="usd", valid_from="2026-10", currency="USD"),
        ]
    }
    read = accounts(plans=plans, acme=account("k1"))
    meter = Meter()
    meter.calls(SEPTEMBER, k1=1000)
    meter.totals(SEPTEMBER, read)
    meter.calls(SEPTEMBER, k1=1)
    meter.calls(OCTOBER, k1=1000)
    assert {"acme": "10.00", "adjustment:EUR:acme": "0.01"} == meter.totals(OCTOBER, read)
    assert {"acme": "10.00", "adjustment:EUR:acme": "0.01"} == meter.totals(OCTOBER, read), "run again"
    meter.calls(NOVEMBER, k1=1000)
    assert {"acme": "10.00"} == meter.totals(NOVEMBER, read)


def test_a_rounding_changes() -> None:
    """A total stays payable: what a correction leaves below a cent waits until it is one."""
    fine, cents = ({"digits": digits, "mode": "half_even"} for digits in (4, 2))
    plans = {
        "team": [
            version(flat("0.0001"), name="fine", rounding=fine),
            version(flat("0.0001"), name="cents", valid_from="2026-10", rounding=cents),
        ]
    }
    read = accounts(plans=plans, acme=account("k1"))
    meter = Meter()
    meter.calls(SEPTEMBER, k1=12345)
    assert {"acme": "1.2345"} == meter.totals(SEPTEMBER, read)
    meter.calls(SEPTEMBER, k1=12)
    meter.calls(OCTOBER, k1=10000)
    assert {"acme": "1.00"} == meter.totals(OCTOBER, read)
    meter.calls(SEPTEMBER, k1=43)
    assert {"acme": "0.01"} == meter.totals(NOVEMBER, read)


# Contradictions


def refusal(meter: Meter, month: Period, read: Tariff) -> str:
    """Why nothing was issued."""
    kept = dict(meter.shelf.kept)
    with pytest.raises(CannotInvoice) as refused:
        meter.invoice(month, read)
    assert kept == meter.shelf.kept
    return str(refused.value)


def billed(meter: Meter, *months: Period) -> Tariff:
    """Acme, a thousand calls each month, billed."""
    read = accounts(acme=account("k1"))
    for month in months:
        meter.calls(month, k1=1000)
        meter.invoice(month, read)
    return read


def test_an_edited_price_issues_nothing() -> None:
    """The lines that it would change, what they come to, and what to write instead."""
    meter = Meter()
    billed(meter, AUGUST, SEPTEMBER)
    edited = accounts(plans={"team": [version(flat("0.02"))]}, acme=account("k1"))
    reported = refusal(meter, OCTOBER, edited)
    assert "says otherwise than 2 invoices of earlier months, and nothing was issued" in reported
    assert "2026-08 acme: it was billed by plan team, version v1 (digest " in reported
    assert "requests: billed 8.00, now 20.00: +12.00 EUR" in reported
    assert "put version v1 of plan team back as it was" in reported
    assert "`usage-meter invoice 2026-10` with --reprice REASON" in reported


def test_reprice_bills_them_again_on_purpose() -> None:
    """The reason stands on the document; the next month has nothing left to correct."""
    meter = Meter()
    billed(meter, SEPTEMBER)
    edited = accounts(plans={"team": [version(flat("0.02"))]}, acme=account("k1"))
    [invoice] = meter.invoice(OCTOBER, edited, reprice="a slip, agreed with Acme").invoices
    assert ("12.00", "a slip, agreed with Acme") == (invoice["total"], invoice.get("reprice"))
    assert {} == meter.totals(NOVEMBER, edited)


@pytest.mark.parametrize(
    ("later", "says", "after"),
    [
        pytest.param(
            accounts(acme=account("k9"), globex=account(dated("k1", "2026-09"))),
            "key k1 was billed to acme, and is globex's by a date in the tariff",
            {"acme": "-8.00", "globex": "8.00"},
            id="another owner",
        ),
        pytest.param(
            accounts("dear", acme=account("k9", dated("k1", end="2026-09"))),
            "key k1 was billed to acme, and is not its by a date in the tariff",
            {"acme": "-8.00", "key:k1": "20.00"},
            id="no longer its",
        ),
        pytest.param(
            accounts(acme=account("k1", until="2026-09"), globex=account("k2")),
            "key k1 was billed to acme, and is not its by a date in the tariff",
            {"adjustment:EUR:acme": "-8.00"},
            id="account ended before",
        ),
        pytest.param(
            accounts(acme=account("k1", plan="dear")),
            "it was billed by plan team, version v1",
            {"acme": "12.00"},
            id="another plan",
        ),
        pytest.param(
            accounts(
                plans={"team": [version(flat("0.01"), currency="USD")]},
                acme=account("k1"),
            ),
            "it was billed by plan team, version v1",
            {"acme": "10.00", "adjustment:EUR:acme": "-8.00"},
            id="another currency",
        ),
    ],
)
def test_what_the_tariff_says_otherwise(later: Tariff, says: str, after: dict[str, str]) -> None:
    """Owner, plan and currency: refused, and followed where somebody asks for it; then nothing is left."""
    meter = Meter()
    billed(meter, SEPTEMBER)
    assert says in refusal(meter, OCTOBER, later)
    invoiced = meter.invoice(OCTOBER, later, reprice="agreed")
    assert after == {place_of(one): one["total"] for one in invoiced.invoices if Decimal(one["total"])}
    following = meter.invoice(NOVEMBER, later, reprice="agreed")
    assert {} == {place_of(one): one["total"] for one in following.invoices if Decimal(one["total"])}


def test_a_version_that_is_gone() -> None:
    """A price that invoices name, and that the tariff has no more, is missed only where late calls need it,
    and then also by who bills again on purpose.
    """
    meter = Meter()
    billed(meter, SEPTEMBER)
    renamed = accounts(
        plans={"crew": [version(flat("0.008"), name="x")]}, **{"acme-inc": account("k1", plan="crew")}
    )
    meter.calls(SEPTEMBER, k1=100)
    assert {"adjustment:EUR:acme": "0.80"} == meter.totals(OCTOBER, renamed), "another name, the same prices"
    gone = accounts(plans={"crew": [version(flat("1"))]}, **{"acme-inc": account("k1", plan="crew")})
    assert {} == meter.totals(NOVEMBER, gone)
    meter.calls(SEPTEMBER, k1=100)
    assert "put that version back as it was" in refusal(meter, DECEMBER, gone)
    with pytest.raises(CannotInvoice, match="put that version back as it was"):
        meter.invoice(DECEMBER, gone, reprice="because")


def test_only_the_account_that_is_asked_for_is_refused() -> None:
    """Another account's contradiction does not stop the one that is invoiced alone."""
    meter = Meter()
    meter.calls(SEPTEMBER, k1=1, k2=1)
    meter.invoice(SEPTEMBER, accounts(acme=account("k1"), globex=account("k2")))
    later = accounts(acme=account("k1", plan="dear"), globex=account("k2"))
    assert "acme" in refusal(meter, OCTOBER, later)
    assert ["globex"] == [one["account"] for one in meter.invoice(OCTOBER, later, account="globex").invoices]


def test_a_credit_is_a_credit_note() -> None:
    """A document whose total is below zero says so, also in its number."""
    meter = Meter()
    billed(meter, SEPTEMBER)
    meter.known.usage[SEPTEMBER]["k1"] = Usage(500, 500, fingerprint=500)
    document: InvoiceDocument
    [document] = meter.invoice(OCTOBER, accounts(acme=account("k1"))).invoices
    assert ("-4.00", "credit_note") == (document["total"], document.get("kind"))
    assert document["id"].startswith("credit-2026-10-")


# Months that are final


def test_a_month_is_final_after_some_months() -> None:
    """It is not read again: its late calls are on no invoice, whatever comes."""
    meter = Meter()
    meter.calls(AUGUST, k1=1000)
    meter.invoice(AUGUST, accounts(acme=account("k1")))
    meter.calls(AUGUST, k1=1000)
    for months, total in ((1, {}), (2, {"acme": "8.00"})):
        read = tariff(PLANS, {"acme": account("k1")}, final_after=months)
        meter.shelf.kept = {place: kept for place, kept in meter.shelf.kept.items() if place[0] == AUGUST}
        meter.totals(SEPTEMBER, tariff(PLANS, {"acme": account("k1")}, final_after=0))
        assert total == meter.totals(OCTOBER, read)


def test_a_month_whose_files_are_gone_stays_as_billed() -> None:
    """A sealed month that the lake no longer has is not given back, and that is said."""
    meter = Meter()
    read = billed(meter, SEPTEMBER)
    meter.known.gone.add(SEPTEMBER)
    meter.calls(OCTOBER, k1=1000)
    invoiced = meter.invoice(OCTOBER, read)
    assert ([SEPTEMBER], ["8.00"]) == (list(invoiced.final), [one["total"] for one in invoiced.invoices])


def test_the_first_invoices_ask() -> None:
    """The first month that is ever invoiced locks out those before it: one with calls comes first."""
    meter = Meter()
    read = accounts(acme=account("k1"))
    job = Invoicing(meter.known, meter.shelf, first_month=lambda: AUGUST)
    with pytest.raises(
        CannotInvoice, match=r"2026-08 has calls.*`usage-meter invoice 2026-08`.*--begin-here"
    ):
        job.invoice(OCTOBER, read)
    assert {} == meter.shelf.kept
    job.invoice(AUGUST, read)
    job.invoice(SEPTEMBER, read)
    assert [AUGUST, SEPTEMBER] == meter.shelf.months()
