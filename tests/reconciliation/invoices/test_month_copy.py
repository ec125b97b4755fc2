"""The copy of a month's documents: later runs read it, and what it lacks or has otherwise by itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from metering.period import Period, following
from metering.prices.canonical import canonical_json
from metering.prices.invoice import identified, read_invoice
from metering.usage import Usage
from reconciliation.billing_chain import BrokenChainError
from reconciliation.invoices.issue import Invoicing
from reconciliation.invoices.result import Invoiced
from tests.metering.prices.builders import flat, tariff, version
from tests.reconciliation.chain_stores import MemoryChain
from tests.reconciliation.invoices.samples import Known, Shelves

OCTOBER, NOVEMBER = Period("2026-10"), Period("2026-11")
NAMES = [f"account-{number}" for number in range(6)]
TARIFF = tariff({"pro": [version(flat())]}, {name: {"keys": [f"k-{name}"], "plan": "pro"} for name in NAMES})
ACME = (OCTOBER, NAMES[0], "invoice.json")


class Office:
    """A store, a chain that names what it has, and calls, some of a key of nobody's."""

    def __init__(self) -> None:
        self.shelf, self.chain, self.known = Shelves(), MemoryChain(), Known()
        for number, name in enumerate(NAMES, 1):
            self.known.add(OCTOBER, f"k-{name}", Usage(number, number, fingerprint=number))
        self.known.add(OCTOBER, "stray", Usage(1, 1, fingerprint=1))

    def invoice(
        self, month: Period = OCTOBER, account: str | None = None, *, looks_again: bool = False
    ) -> Invoiced:
        """Issue a month; how many documents were read by themselves is counted anew."""
        self.shelf.reads = self.shelf.writes = 0
        job = Invoicing(self.known, self.shelf, chain=self.chain.chain(), looks_again=looks_again)
        return job.invoice(month, TARIFF, account)


@pytest.fixture
def office() -> Office:
    """October is invoiced."""
    found = Office()
    found.invoice()
    return found


def test_a_later_month_reads_the_copy(office: Office) -> None:
    """No document is read by itself; a late call is adjusted, so that the copy is what was billed."""
    office.known.add(OCTOBER, "k-account-2", Usage(5, 5, fingerprint=9))
    second = office.invoice(NOVEMBER)
    assert 0 == office.shelf.reads
    assert ["0.00", "0.00", "5.00", "0.00", "0.00", "0.00"] == [
        one["adjustment_total"] for one in second.invoices
    ]
    assert [len(NAMES) + 1, len(NAMES)] == [len(office.shelf.copies[month]) for month in (OCTOBER, NOVEMBER)]


def test_a_second_run_writes_and_reads_nothing(office: Office) -> None:
    """It knows all documents by the copy, and gives the same; where files are wanted, it looks for each."""
    kept = dict(office.shelf.kept)
    again = office.invoice()
    assert (0, 0, kept) == (office.shelf.reads, office.shelf.writes, office.shelf.kept)
    assert [kept[OCTOBER, name, "invoice.json"] for name in NAMES] == [one.document for one in again.issued]
    assert {(False, True)} == {(one.is_new, one.is_as_computed) for one in again.issued}
    office.shelf.kept[OCTOBER, NAMES[1], "invoice.html"] = b"an older page"
    assert b"an older page" == office.invoice(looks_again=True).issued[1].files()["invoice.html"]


def test_accounts_one_by_one() -> None:
    """Each run adds its document to the copy."""
    office = Office()
    for number, name in enumerate(NAMES, 1):
        office.invoice(account=name)
        assert (number, 0) == (len(office.shelf.copies[OCTOBER]) - 1, office.shelf.reads)


def otherwise(line: bytes) -> bytes:
    """A document that bills something else, its id fitting."""
    return canonical_json(identified({**read_invoice(line), "total": "0.00"}))


DAMAGES: dict[str, tuple[Callable[[list[bytes]], list[bytes]], int]] = {
    "gone": (lambda _: [], len(NAMES) + 1),
    "cut off": (lambda lines: lines[:4], len(NAMES) - 3),
    "a line is missing": (lambda lines: lines[1:], 1),
    "a line is altered": (lambda lines: [otherwise(lines[0]), *lines[1:]], 1),
    "lines of something else": (lambda lines: [b"no json", b"{}", b'{"format": "other"}', *lines], 0),
    "a line twice": (lambda lines: [*lines, *lines[:2]], 0),
}


@pytest.mark.parametrize(("damage", "reads"), DAMAGES.values(), ids=DAMAGES)
def test_what_a_copy_lacks(office: Office, damage: Callable[[list[bytes]], list[bytes]], reads: int) -> None:
    """That is read by itself, and the copy is whole again; what is billed is the same."""
    whole = office.shelf.copies[OCTOBER]
    office.shelf.copies[OCTOBER] = damage(whole)
    second = office.invoice(NOVEMBER)
    assert {"0.00"} == {one["adjustment_total"] for one in second.invoices}
    assert reads == office.shelf.reads
    if reads:
        assert sorted(whole) == sorted(office.shelf.copies[OCTOBER])
    office.shelf.copies[OCTOBER] = damage(whole)
    office.invoice(OCTOBER)
    assert reads == office.shelf.reads


def test_the_chain_decides(office: Office) -> None:
    """A document of the last month that is gone is missed though the copy has it. Of months before that one
    only what the copy lacks is looked for.
    """
    document = office.shelf.kept.pop(ACME)
    with pytest.raises(BrokenChainError, match=r"2026-10/account-0/invoice\.json is missing"):
        office.invoice(NOVEMBER)
    office.shelf.kept[ACME] = document
    office.invoice(NOVEMBER)
    del office.shelf.kept[ACME]
    office.invoice(following(NOVEMBER))
    office.shelf.copies[OCTOBER] = office.shelf.copies[OCTOBER][1:]
    with pytest.raises(BrokenChainError, match=r"2026-10/account-0/invoice\.json is missing"):
        office.invoice(following(NOVEMBER))


def test_an_altered_document(office: Office) -> None:
    """What somebody wrote in place of a document is not read: the chain says what was billed."""
    office.shelf.kept[ACME] = otherwise(office.shelf.kept[ACME])
    assert {"0.00"} == {one["adjustment_total"] for one in office.invoice(NOVEMBER).invoices}
    office.shelf.copies.clear()
    with pytest.raises(BrokenChainError, match=r"2026-10/account-0/invoice\.json was altered"):
        office.invoice(NOVEMBER)
