"""One invoice for the calls that several meters counted."""

from __future__ import annotations

import pytest

from metering.errors import Misconfigured
from metering.period import Period
from metering.prices.documents import InvoiceDocument
from metering.prices.tariff import Tariff
from metering.prices.terms.meters import FurtherMeter
from metering.usage import Usage
from reconciliation.invoices.issue import DraftPolicy, Invoicing
from reconciliation.invoices.ports import CannotInvoice
from reconciliation.invoices.result import Invoiced
from reconciliation.invoices.several_meters import SeveralMeters
from tests.metering.prices.builders import Document, tariff, version
from tests.reconciliation.invoices.samples import Known, Shelves

SEPTEMBER, OCTOBER, NOVEMBER = Period("2026-09"), Period("2026-10"), Period("2026-11")
EU: Document = {"eu": {"stack": "meter-eu", "region": "eu-west-1"}}
FROM_OCTOBER: Document = {"eu": {"stack": "meter-eu", "from": "2026-10"}}


class World:
    """Two meters, and the invoices of both."""

    def __init__(self) -> None:
        self.meters = {"main": Known(), "eu": Known()}
        self.shelf = Shelves()
        self.is_reached = True

    def calls(self, meter: str, month: Period, **requests: int) -> None:
        """Calls of keys become known to a meter."""
        for key, count in requests.items():
            self.meters[meter].add(month, key, Usage(count, count, fingerprint=1000 + count))

    def invoice(self, month: Period, further: Document | None, **more: object) -> Invoiced:
        """The month's invoices, of the main meter and further ones."""
        read = self.tariff(further)
        usages = SeveralMeters("main", self.meters["main"], read.meters, self._usages_of)
        job = Invoicing(usages if further else self.meters["main"], self.shelf, **more)  # type: ignore[arg-type]
        return job.invoice(month, read)

    def tariff(self, further: Document | None) -> Tariff:
        """A cent a call for two accounts, one of which has a key in both meters."""
        accounts: dict[str, Document] = {
            "acme": {"keys": ["k1", "k2"], "plan": "pro"},
            "globex": {"keys": ["k3"], "plan": "pro"},
        }
        tiers = [{"up_to": 1000, "unit_price": "0.01"}, {"unit_price": "0.001"}]
        price: Document = {"metric": "requests", "model": "graduated", "tiers": tiers}
        return tariff({"pro": [version(price)]}, accounts, **({"meters": further} if further else {}))

    def _usages_of(self, meter: FurtherMeter) -> Known:
        if not self.is_reached:
            raise Misconfigured([f"there is no stack {meter.stack} in {meter.region}"])
        return self.meters[meter.name]


def totals(found: Invoiced) -> dict[str, tuple[str, str]]:
    """Usage and adjustments by account."""
    return {one["account"]: (one["usage_total"], one["adjustment_total"]) for one in found.invoices}


def fingerprints(invoice: InvoiceDocument) -> list[tuple[str, str]]:
    """By meter."""
    return [(one["meter"], one["fingerprint"]) for one in invoice["sources"]]


def test_the_months_of_all_meters_are_added() -> None:
    """Before tiers are applied, also of one key in both; each meter is named with the fingerprint of the
    account's calls, which add up to the invoice's.
    """
    world = World()
    world.calls("main", OCTOBER, k1=600, k3=7)
    world.calls("eu", OCTOBER, k1=300, k2=400)
    found = world.invoice(OCTOBER, EU)
    acme, globex = found.invoices
    assert {"acme": ("10.30", "0.00"), "globex": ("0.07", "0.00")} == totals(found)
    assert [("main", "1600"), ("eu", "2700")] == [
        (one["meter"], one["fingerprint"]) for one in acme["sources"]
    ]
    assert [("main", "1007"), ("eu", "0")] == [
        (one["meter"], one["fingerprint"]) for one in globex["sources"]
    ]
    assert "4300" == acme["fingerprint"]


def test_late_calls_of_a_further_meter() -> None:
    """They are adjusted as those of any, and their month's sources are named as well."""
    world = World()
    world.calls("main", OCTOBER, k1=600)
    world.invoice(OCTOBER, EU)
    world.calls("eu", OCTOBER, k1=500)
    found = world.invoice(NOVEMBER, EU)
    assert ("0.00", "4.10") == totals(found)["acme"]
    [source] = [
        one for one in found.invoices[0]["sources"] if (one["month"], one["meter"]) == (OCTOBER, "eu")
    ]
    assert "1500" == source["fingerprint"]


@pytest.mark.parametrize("leniency", [DraftPolicy(), DraftPolicy(incomplete=True, unproven=True)])
def test_a_meter_that_is_missing_holds_the_invoice_back(leniency: DraftPolicy) -> None:
    """By its name, and drafts as well: what it counted is not known."""
    world = World()
    world.is_reached = False
    with pytest.raises(CannotInvoice, match=r"meter eu \(stack meter-eu\) cannot be read: there is no stack"):
        world.invoice(OCTOBER, EU, leniency=leniency)
    assert {} == world.shelf.kept


@pytest.mark.parametrize(("against", "says"), [("differing", "they differ"), ("missing", "it runs")])
def test_a_meter_that_is_not_proven_holds_the_invoice_back(against: str, says: str) -> None:
    """By its name, whether it differs or is not complete."""
    world = World()
    setattr(world.meters["eu"], against, (says,))
    with pytest.raises(CannotInvoice, match=f"meter eu: {says}"):
        world.invoice(OCTOBER, EU)
    assert {} == world.shelf.kept


def test_a_meter_has_a_time() -> None:
    """Months before it, and their invoices, are left alone."""
    world = World()
    world.calls("main", SEPTEMBER, k1=100)
    world.calls("eu", SEPTEMBER, k1=100)
    world.calls("eu", OCTOBER, k1=100)
    world.invoice(SEPTEMBER, None)
    assert {"acme": ("1.00", "0.00"), "globex": ("0.00", "0.00")} == totals(
        world.invoice(OCTOBER, FROM_OCTOBER)
    )
    ended: Document = {"eu": {"stack": "meter-eu", "from": "2026-10", "until": "2026-11"}}
    assert ("0.00", "0.00") == totals(world.invoice(NOVEMBER, ended))["acme"]


@pytest.mark.parametrize(
    ("first", "later", "says"),
    [
        (EU, None, "2026-09 was invoiced with meter eu, which the tariff does not name for it: put it"),
        (EU, FROM_OCTOBER, "2026-09 was invoiced with meter eu"),
        (
            None,
            EU,
            "2026-09 was invoiced without meter eu, which the tariff names for it: say from which month",
        ),
    ],
)
def test_an_invoiced_month_keeps_its_meters(
    first: Document | None, later: Document | None, says: str
) -> None:
    """No edit of the list gives back what a meter counted, or bills it in silence."""
    world = World()
    for meter in world.meters:
        world.calls(meter, SEPTEMBER, k1=100)
    world.invoice(SEPTEMBER, first)
    kept = dict(world.shelf.kept)
    with pytest.raises(CannotInvoice, match=says):
        world.invoice(OCTOBER, later)
    assert kept == world.shelf.kept
