"""Numbers in sequence: no gap in a series, none twice, and one without a document is named."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest

from metering.period import Period
from metering.prices.documents import InvoiceDocument
from metering.prices.invoice import place_of
from metering.prices.tariff import Tariff
from metering.usage import Usage
from reconciliation.invoices.issue import DraftPolicy, Invoicing
from reconciliation.invoices.numbering import Numbering
from reconciliation.invoices.ports import CannotInvoice
from reconciliation.invoices.result import Invoiced
from tests.metering.prices.builders import Document, flat, tariff, version
from tests.reconciliation.invoices.samples import Killed, Known, Shelves

SEPTEMBER, OCTOBER, NOVEMBER = Period("2026-09"), Period("2026-10"), Period("2026-11")
SERIES = {"invoices": "INV-{year}-", "credit_notes": "CN-"}
DAYS = {SEPTEMBER: date(2026, 10, 2), OCTOBER: date(2026, 11, 3), NOVEMBER: date(2026, 12, 1)}


def read(terms: Mapping[str, object] | None = None, **accounts: Document) -> Tariff:
    """A euro a call, for accounts of a key each, by numbers."""
    held = accounts or {
        name: {"keys": [f"k-{name}"], "plan": "pro"} for name in ("acme", "globex", "initech")
    }
    return tariff({"pro": [version(flat())]}, held, invoices={"numbers": SERIES, **(terms or {})})


def calls(known: Known, month: Period, **requests: int) -> None:
    """Calls of accounts become known."""
    for account, count in requests.items():
        known.add(month, f"k-{account}", Usage(count, count, fingerprint=count))


def invoice(
    known: Known, shelf: Shelves, month: Period, read_tariff: Tariff | None = None, **more: Any
) -> Invoiced:
    """The month's invoices, issued on its day."""
    day = more.pop("day", DAYS[month])
    job = Invoicing(known, shelf, numbering=Numbering(shelf, lambda: day))
    return job.invoice(month, read_tariff or read(), **more)


def invoices(*numbers_in_series: int, year: int = 2026) -> dict[str, str | None]:
    """Numbers of the three accounts' invoices."""
    names = ("acme", "globex", "initech")
    return {name: f"INV-{year}-{number:06d}" for name, number in zip(names, numbers_in_series, strict=True)}


def numbers(found: Invoiced) -> dict[str, str | None]:
    """By place."""
    return {place_of(one): one.get("number") for one in found.invoices}


def issued(shelf: Shelves) -> dict[tuple[Period, str], InvoiceDocument]:
    """Every document that is kept."""
    return {
        (month, place): json.loads(content)
        for (month, place, name), content in shelf.kept.items()
        if name == "invoice.json"
    }


def test_numbers_count_on() -> None:
    """From month to month, in the order of the accounts, with the date of issue; credit notes have a series
    of their own.
    """
    known, shelf = Known(), Shelves()
    calls(known, SEPTEMBER, acme=5, globex=7, initech=1)
    first = invoice(known, shelf, SEPTEMBER)
    known.usage[SEPTEMBER]["k-globex"] = Usage(3, 3, fingerprint=3)
    second = invoice(known, shelf, OCTOBER)

    assert {"acme": "INV-2026-000001", "globex": "INV-2026-000002", "initech": "INV-2026-000003"} == numbers(
        first
    )
    assert {"acme": "INV-2026-000004", "globex": "CN-000001", "initech": "INV-2026-000005"} == numbers(second)
    assert {"2026-11-03"} == {one["date"] for one in second.invoices}
    assert () == second.unused


def test_run_again_numbers_stay() -> None:
    """A second run, on another day, gives nothing new and changes nothing."""
    known, shelf = Known(), Shelves()
    calls(known, SEPTEMBER, acme=5)
    invoice(known, shelf, SEPTEMBER)
    kept, given = dict(shelf.kept), dict(shelf.given)
    again = invoice(known, shelf, SEPTEMBER, day=date(2027, 1, 1))
    assert (kept, given) == (shelf.kept, shelf.given)
    assert all(one.is_as_computed and not one.is_new for one in again.issued)


def test_a_new_year_begins_a_series() -> None:
    """A pattern with the year counts from 1 each year; a batch is never dated before the one before it."""
    known, shelf = Known(), Shelves()
    invoice(known, shelf, SEPTEMBER, day=date(2026, 12, 31))
    late = invoice(known, shelf, OCTOBER, day=date(2026, 12, 30))
    assert {"2026-12-31"} == {one["date"] for one in late.invoices}
    new = invoice(known, shelf, NOVEMBER, day=date(2027, 1, 2))
    assert {"acme": "INV-2027-000001", "globex": "INV-2027-000002", "initech": "INV-2027-000003"} == numbers(
        new
    )


@pytest.mark.parametrize("is_written", [False, True], ids=["before", "after"])
def test_killed_between_any_two_writes(is_written: bool) -> None:
    """Run again, on the next day, the end has the numbers and dates of a run that nobody killed, but for the
    date where no number was given yet.
    """
    known, undisturbed = Known(), Shelves()
    calls(known, SEPTEMBER, acme=5, globex=7)
    invoice(known, undisturbed, SEPTEMBER)
    assert 1 + 9 + 1 == undisturbed.writes
    for killed_at in range(undisturbed.writes):
        shelf = Shelves(killed_at=killed_at, is_written=is_written)
        with pytest.raises(Killed):
            invoice(known, shelf, SEPTEMBER)
        was_given = bool(shelf.given)
        again = invoice(known, shelf, SEPTEMBER, day=date(2026, 10, 3))
        assert () == again.unused
        assert invoices(1, 2, 3) == numbers(again)
        if was_given:
            assert undisturbed.kept == shelf.kept


def test_a_number_that_is_lost_is_named() -> None:
    """A job was killed after it gave numbers, and late calls make credit notes of two invoices: their numbers
    are never given again, and each run names them.
    """
    known, shelf = Known(), Shelves()
    calls(known, SEPTEMBER, acme=50, globex=70, initech=5)
    invoice(known, shelf, SEPTEMBER)
    shelf.killed_at, shelf.is_written = shelf.writes, True
    with pytest.raises(Killed):
        invoice(known, shelf, OCTOBER)
    for name in ("acme", "globex"):
        known.usage[SEPTEMBER][f"k-{name}"] = Usage(1, 1, fingerprint=1)
    again = invoice(known, shelf, OCTOBER)
    following = invoice(known, shelf, NOVEMBER)

    assert {"acme": "CN-000001", "globex": "CN-000002", "initech": "INV-2026-000006"} == numbers(again)
    lost = [("INV-2026-000004", OCTOBER, "acme"), ("INV-2026-000005", OCTOBER, "globex")]
    assert lost == list(again.unused) == list(following.unused)
    assert invoices(7, 8, 9) == numbers(following)


def test_two_jobs_at_once() -> None:
    """The other job gives its numbers first, to an account that this one has as well, and to another: nobody
    has two numbers, and no number is on two documents.
    """
    known, shelf = Known(), Shelves()
    calls(known, SEPTEMBER, acme=5, globex=7)
    theirs: list[Invoiced] = []

    def other_job() -> None:
        shelf.before_giving = lambda: None
        theirs.append(invoice(known, shelf, SEPTEMBER, account="globex"))

    shelf.before_giving = other_job
    ours = invoice(known, shelf, SEPTEMBER)
    assert {"globex": "INV-2026-000001"} == numbers(theirs[0])
    assert {"acme": "INV-2026-000002", "globex": "INV-2026-000001", "initech": "INV-2026-000003"} == numbers(
        ours
    )
    assert () == ours.unused


def test_nothing_is_due() -> None:
    """Without invoices at zero the document keeps what was billed, has no number, and nothing to send; the
    next month finds it.
    """
    known, shelf = Known(), Shelves()
    calls(known, SEPTEMBER, acme=5)
    found = invoice(known, shelf, SEPTEMBER, read({"at_zero": False}))
    assert {"acme": "INV-2026-000001", "globex": None, "initech": None} == numbers(found)
    assert ["invoice.json"] == [name for _, place, name in shelf.kept if place == "globex"]
    document = issued(shelf)[SEPTEMBER, "globex"]
    assert ("nothing_due", "nothing-2026-09-") == (document.get("kind"), document["id"][:16])
    calls(known, SEPTEMBER, globex=2)
    assert "INV-2026-000002" == numbers(invoice(known, shelf, OCTOBER, read({"at_zero": False})))["globex"]


def test_drafts_have_no_number() -> None:
    """What was not issued uses up none."""
    known, shelf = Known(missing=("it runs",)), Shelves()
    job = Invoicing(
        known, shelf, DraftPolicy(incomplete=True), numbering=Numbering(shelf, lambda: DAYS[OCTOBER])
    )
    assert {None} == set(numbers(job.invoice(OCTOBER, read())).values())
    assert {} == shelf.given


def test_without_a_place_to_keep_them() -> None:
    """Nothing is issued."""
    shelf = Shelves()
    with pytest.raises(CannotInvoice, match="nowhere to keep the numbers"):
        Invoicing(Known(), shelf).invoice(OCTOBER, read())
    assert {} == shelf.kept
