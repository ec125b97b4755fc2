"""Issuing invoices: in order, once, whatever is killed, and late calls on the next."""

from __future__ import annotations

import gc
from copy import deepcopy
from datetime import UTC, datetime
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metering.period import Period
from metering.prices.invoice import invoiced_charges, read_invoice
from metering.prices.money import EXACT
from metering.prices.tariff import Tariff
from metering.prices.tariff_file import read_tariff
from metering.usage import NO_USAGE, Usage, total
from reconciliation.invoices import issue
from reconciliation.invoices.issue import DraftPolicy, Invoicing
from reconciliation.invoices.ports import CannotInvoice, Sealed
from reconciliation.invoices.proven_usage import ProvenUsages
from reconciliation.invoices.result import Invoiced
from reconciliation.lake.queries import USAGE_BY_KEY_AND_DAY, query_text, usage_text
from reconciliation.model.failed_records import FailedRecords
from reconciliation.model.report import Report, Tally
from reconciliation.reconcile import Reconciled
from tests.examples import examples
from tests.metering.prices import oracle
from tests.metering.prices.builders import Document, flat, tariff, version
from tests.metering.prices.random_tariffs import METRICS, random_quantities, random_tariff
from tests.reconciliation.invoices.samples import Killed, Known, Shelves

OCTOBER, NOVEMBER, DECEMBER = Period("2026-10"), Period("2026-11"), Period("2026-12")
MONTHS = [Period(month) for month in ("2026-08", "2026-09", "2026-10", "2026-11", "2026-12")]
AFTER = datetime(2026, 12, 5, tzinfo=UTC)
ACCOUNTS = {"acme": ["k1", "k2"], "globex": ["k3"]}


def two_accounts(**more: Any) -> Tariff:
    """Acme and Globex, a euro a call."""
    accounts: dict[str, Document] = {n: {"keys": keys, "plan": "pro"} for n, keys in ACCOUNTS.items()}
    return tariff({"pro": [version(flat())]}, accounts, **more)


def october(**requests: int) -> Known:
    """October's requests by key."""
    known = Known()
    for key, count in requests.items():
        known.add(OCTOBER, key, Usage(count, count, fingerprint=count))
    return known


def totals(invoiced: Invoiced) -> dict[str, tuple[str, str]]:
    """Usage and adjustments by account."""
    return {one["account"]: (one["usage_total"], one["adjustment_total"]) for one in invoiced.invoices}


def test_issues_three_files_for_each_account() -> None:
    """Document, spreadsheet and page are kept by month and account."""
    shelf = Shelves()
    invoiced = Invoicing(october(k1=2, k3=5), shelf).invoice(OCTOBER, two_accounts())
    assert {"acme": ("2.00", "0.00"), "globex": ("5.00", "0.00")} == totals(invoiced)
    assert sorted(shelf.kept) == [
        (OCTOBER, account, f"invoice.{kind}") for account in ACCOUNTS for kind in ("csv", "html", "json")
    ]
    assert all(one.is_new and one.is_as_computed for one in invoiced.issued)


def test_sources_derive_it_again() -> None:
    """A document names the query, its text and parameters, and the Parquet files."""
    [invoice] = Invoicing(october(k1=2), Shelves()).invoice(OCTOBER, two_accounts(), "acme").invoices
    [source] = invoice["sources"]
    assert (OCTOBER, "s3://lake/lake/", None) == (source["month"], source["lake"], source["report"])
    assert source["query"] == invoice["lines"][0]["query"]
    assert "FROM api_gateway_logs" in source["sql"]
    assert "'2026-10-01 00:00:00.000'" in source["parameters"]


def test_a_sealed_month_is_billed_as_sealed() -> None:
    """What came after sealing is no part of the month's invoice, but of the next one."""
    known = october(k1=7)
    known.sealed[OCTOBER] = {"k1": Usage(5, 5)}
    shelf = Shelves()
    first = Invoicing(known, shelf).invoice(OCTOBER, two_accounts())
    second = Invoicing(known, shelf).invoice(NOVEMBER, two_accounts())
    assert (("5.00", "0.00"), "report-1") == (
        totals(first)["acme"], first.invoices[0]["sources"][0]["report"],
    )  # fmt: skip
    assert ("0.00", "2.00") == totals(second)["acme"]
    assert [OCTOBER, NOVEMBER] == [source["month"] for source in second.invoices[0]["sources"]]


def test_run_again_the_same_stands() -> None:
    """The second run issues nothing and gives the same bytes."""
    known, shelf = october(k1=2), Shelves()
    first = Invoicing(known, shelf).invoice(OCTOBER, two_accounts())
    kept = dict(shelf.kept)
    again = Invoicing(known, shelf).invoice(OCTOBER, two_accounts())
    assert kept == shelf.kept
    assert [one.files() for one in first.issued] == [one.files() for one in again.issued]
    assert [False, False] == [one.is_new for one in again.issued]


def test_files_are_those_that_are_kept() -> None:
    """A page that an earlier version of the meter kept is the page; what it did not keep is derived."""
    known, shelf = october(k1=2), Shelves()
    shelf.kept[OCTOBER, "acme", "invoice.html"] = b"an older page"
    issued = {
        one.invoice["account"]: one for one in Invoicing(known, shelf).invoice(OCTOBER, two_accounts()).issued
    }
    files = issued["acme"].files()
    assert b"an older page" == files["invoice.html"]
    assert files == {name: shelf.kept[OCTOBER, "acme", name] for name in files}
    assert {} == issued["globex"].kept


def test_late_calls_do_not_change_what_is_issued() -> None:
    """They are adjusted on the next invoice."""
    known, shelf = october(k1=2), Shelves()
    Invoicing(known, shelf).invoice(OCTOBER, two_accounts())
    known.add(OCTOBER, "k1", Usage(3, 3))
    again = Invoicing(known, shelf).invoice(OCTOBER, two_accounts())
    following = Invoicing(known, shelf).invoice(NOVEMBER, two_accounts())
    assert ("2.00", "0.00") == totals(again)["acme"]
    assert [False, True] == [one.is_as_computed for one in again.issued]
    assert {"acme": ("0.00", "3.00"), "globex": ("0.00", "0.00")} == totals(following)


def test_two_jobs_at_once_give_one_invoice() -> None:
    """The other job decides while this one is about to, by more calls: both end with the other's invoice."""
    known, shelf = october(k1=2), Shelves()
    more = deepcopy(known)
    more.add(OCTOBER, "k1", Usage(1, 1))
    theirs: list[Invoiced] = []

    def other_job() -> None:
        shelf.before_deciding = lambda: None
        theirs.append(Invoicing(more, shelf).invoice(OCTOBER, two_accounts(), "acme"))

    shelf.before_deciding = other_job
    ours = Invoicing(known, shelf).invoice(OCTOBER, two_accounts(), "acme")
    assert [("3.00", "0.00")] == [totals(one)["acme"] for one in (ours, *theirs)][:1]
    assert ours.issued[0].files() == theirs[0].issued[0].files()
    assert 3 == len(shelf.kept)
    assert (False, False) == (ours.issued[0].is_new, ours.issued[0].is_as_computed)


@pytest.mark.parametrize("is_written", [False, True], ids=["before", "after"])
def test_killed_at_any_write_and_run_again(is_written: bool) -> None:
    """The end is that of a run that nobody killed, wherever the first one ended."""
    undisturbed = Shelves()
    Invoicing(october(k1=2, k3=4, k9=1), undisturbed).invoice(OCTOBER, two_accounts(default_plan="pro"))
    assert 9 + 1 == undisturbed.writes
    for killed_at in range(undisturbed.writes):
        shelf = Shelves(killed_at=killed_at, is_written=is_written)
        job = Invoicing(october(k1=2, k3=4, k9=1), shelf)
        with pytest.raises(Killed):
            job.invoice(OCTOBER, two_accounts(default_plan="pro"))
        job.invoice(OCTOBER, two_accounts(default_plan="pro"))
        assert undisturbed.kept == shelf.kept


@pytest.mark.parametrize("is_written", [False, True], ids=["before", "after"])
def test_killed_and_run_again_with_late_calls(is_written: bool) -> None:
    """Calls that come between the two runs are billed once all the same: now, or as an adjustment."""
    for killed_at in range(6):
        known, shelf = october(k1=2, k3=4), Shelves(killed_at=killed_at, is_written=is_written)
        with pytest.raises(Killed):
            Invoicing(known, shelf).invoice(OCTOBER, two_accounts())
        for key in ("k1", "k3"):
            known.add(OCTOBER, key, Usage(10, 10))
        Invoicing(known, shelf).invoice(OCTOBER, two_accounts())
        Invoicing(known, shelf).invoice(NOVEMBER, two_accounts())
        assert {"acme": Decimal(12), "globex": Decimal(14)} == billed_for(shelf, OCTOBER)
        assert 12 == len(shelf.kept)


def test_usage_of_nobody_is_named() -> None:
    """A key without account is on no invoice, and that is said."""
    invoiced = Invoicing(october(k1=2, k9=4), Shelves()).invoice(OCTOBER, two_accounts())
    assert [("k9",)] == [entry.keys for entry in invoiced.unpriced]


def test_a_month_out_of_order_is_refused() -> None:
    """Neither a month after a gap nor one before a month with invoices can be invoiced."""
    shelf = Shelves()
    job = Invoicing(Known(), shelf)
    job.invoice(OCTOBER, two_accounts())
    with pytest.raises(CannotInvoice, match="2026-11 has no invoices yet: run `usage-meter invoice 2026-11`"):
        job.invoice(DECEMBER, two_accounts())
    with pytest.raises(CannotInvoice, match="2026-10 has invoices already, and 2026-09 has none"):
        job.invoice(Period("2026-09"), two_accounts())
    assert [OCTOBER] == shelf.months()


def test_an_account_that_comes_too_late_is_billed_once() -> None:
    """November has adjusted what Globex used in an October that was issued for Acme alone: October's invoice
    is no longer made for it, and that is said.
    """
    known, shelf = october(k1=2, k3=4), Shelves()
    job = Invoicing(known, shelf)
    job.invoice(OCTOBER, two_accounts(), "acme")
    job.invoice(NOVEMBER, two_accounts())
    again = job.invoice(OCTOBER, two_accounts())
    assert ["acme"] == [one["account"] for one in again.invoices]
    [entry] = again.unpriced
    assert "globex has no invoice for 2026-10, and 2026-11 has invoices already" in entry.reason
    assert {"acme": Decimal(2), "globex": Decimal(4)} == billed_for(shelf, OCTOBER)


def test_many_at_once() -> None:
    """Accounts that are issued at the same time come to the same, in the order of their names."""
    shelves = Shelves(), Shelves()
    usage = {f"key{number:03d}": number for number in range(200)}
    for shelf, at_once in zip(shelves, (1, 8), strict=True):
        job = Invoicing(october(**usage), shelf, at_once=at_once)
        invoiced = job.invoice(OCTOBER, two_accounts(default_plan="pro"))
        accounts = [one["account"] for one in invoiced.invoices]
        assert sorted(accounts) == accounts
    assert shelves[0].kept == shelves[1].kept
    assert 3 * 202 == len(shelves[0].kept)


class Counting(Shelves):
    """A store that sees at times how many documents are held."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[int] = []

    def decide(self, month: Period, account: str, document: bytes) -> tuple[bytes, bool]:
        if account.endswith("5"):
            self.held.append(sum(type(one) is dict and "adjustment_total" in one for one in gc.get_objects()))
        return super().decide(month, account, document)


def test_few_documents_are_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many accounts there are, no more of their documents are in memory than are issued at a time."""
    monkeypatch.setattr(issue, "_AT_A_TIME", 4)
    before = sum(type(one) is dict and "adjustment_total" in one for one in gc.get_objects())
    shelf = Counting()
    usage = {f"key{number:03d}": 1 for number in range(60)}
    Invoicing(october(**usage), shelf, group_size=5).invoice(OCTOBER, two_accounts(default_plan="pro"))
    assert 6 == len(shelf.held)
    assert 4 <= max(shelf.held) - before <= 10, shelf.held


class Reconciling:
    """A reconciler whose reports a test has made."""

    def __init__(self, **found: Any) -> None:
        self._found = found

    def reconciled(self, month: Period, *, run_id: str) -> Reconciled:
        """The report on an empty lake."""
        empty: dict[str, Any] = {"differences": [], "contradictions": [], "proofs": [], "missing": []}
        counts = {"differences_found": 0, "contradictions_found": 0}
        return Reconciled(
            Report(
                month=month,
                run_id=run_id,
                started_at=AFTER,
                finished_at=AFTER,
                tally=Tally(),
                failed_records=FailedRecords(),
                **{**empty, **counts, **self._found},
            )
        )


def proofs(sealed: Sealed | None = None, **found: Any) -> ProvenUsages:
    """The proofs of an empty lake, with such a report."""
    return ProvenUsages(Reconciling(**found), "s3://lake/", "run", lambda _: sealed)  # type: ignore[arg-type]  # in its place


def test_what_speaks_against_a_month() -> None:
    """Differences and contradictions are counted, and what is missing is reported with the month."""
    found = proofs(differences_found=2, contradictions_found=1, missing=["it runs"]).billed(OCTOBER)
    assert ("2026-10: the counters and the lake differ in 3 places",) == found.differing
    assert ("2026-10: it runs",) == found.missing


def test_a_month_that_was_not_compared_as_a_whole() -> None:
    """It is not complete, whatever else the report says."""
    found = proofs(compared_until=datetime(2026, 10, 5, tzinfo=UTC)).billed(OCTOBER)
    assert ("2026-10: it is complete until 2026-10-05, and invoiced as a whole",) == found.missing


def test_what_was_accepted_when_it_was_sealed() -> None:
    """Nobody has to accept it again when the month is priced anew for its late calls."""
    accepted, plain = Sealed({}, "report-1", is_accepted=True), Sealed({}, "report-1")
    assert () == proofs(accepted, differences_found=2).known(OCTOBER).differing
    assert 1 == len(proofs(plain, differences_found=2).known(OCTOBER).differing)
    assert "report-1" == proofs(accepted).known(OCTOBER).source["report"]


def test_the_query_of_a_sealed_month() -> None:
    """A month that was sealed by a former text of the query names that text, whose hash is pinned."""
    former = proofs(Sealed({}, "report-1", version=1)).billed(OCTOBER)
    now = proofs(Sealed({}, "report-1")).billed(OCTOBER)
    assert usage_text(1) == former.source["sql"]
    assert query_text(USAGE_BY_KEY_AND_DAY) == now.source["sql"]
    assert former.usage.query == former.source["query"] != now.source["query"]


def test_a_sealed_month_whose_files_are_gone() -> None:
    """A lake without a row of a month that was sealed with usage: it is gone, whatever the report finds; a
    month that was sealed empty is not.
    """
    sealed = Sealed({"k1": Usage(5, 5)}, "report-1")
    assert proofs(sealed, differences_found=2).known(OCTOBER).is_gone
    assert not proofs(Sealed({}, "report-1")).known(OCTOBER).is_gone
    assert not proofs(None).known(OCTOBER).is_gone


def test_what_is_not_proven_is_refused() -> None:
    """Both reasons are reported with the way out; nothing is issued."""
    shelf = Shelves()
    with pytest.raises(CannotInvoice, match=r"they differ\. .*`usage-meter reconcile 2026-10`.*--unproven"):
        Invoicing(Known(differing=("they differ",)), shelf).invoice(OCTOBER, two_accounts())
    with pytest.raises(CannotInvoice, match=r"it runs\. Wait .*--allow-incomplete"):
        Invoicing(Known(missing=("it runs",)), shelf).invoice(OCTOBER, two_accounts())
    assert {} == shelf.kept


def test_an_earlier_month_that_is_not_proven_is_refused() -> None:
    """Adjustments rest on proven usage, too."""
    known, shelf = october(k1=1), Shelves()
    Invoicing(known, shelf).invoice(OCTOBER, two_accounts())
    known.sealed[NOVEMBER], known.differing = {}, ("2026-10 differs",)
    with pytest.raises(CannotInvoice, match="2026-10 differs"):
        Invoicing(known, shelf).invoice(NOVEMBER, two_accounts())


def test_drafts_are_marked_and_not_kept() -> None:
    """A draft says why it is one, in its id as well, and binds nobody."""
    shelf = Shelves()
    known = october(k1=2)
    known.differing, known.missing = ("they differ",), ("it runs",)
    invoiced = Invoicing(known, shelf, DraftPolicy(incomplete=True, unproven=True)).invoice(
        OCTOBER, two_accounts()
    )
    assert ("they differ", "it runs") == invoiced.draft
    assert {} == shelf.kept
    assert ["they differ", "it runs"] == invoiced.invoices[0]["draft"]
    assert invoiced.invoices[0]["id"].startswith("draft-2026-10-")


def test_an_altered_invoice_stops_the_next() -> None:
    """What was billed is not taken from a document that was changed; it is named."""
    shelf, place = Shelves(), (OCTOBER, "acme", "invoice.json")
    job = Invoicing(october(k1=2), shelf)
    job.invoice(OCTOBER, two_accounts())
    shelf.kept[place] = shelf.kept[place].replace(b'"2.00"', b'"2.01"')
    shelf.copies.clear()
    with pytest.raises(CannotInvoice, match=r"2026-10/acme/.*: invoice inv-.* holds the content of"):
        job.invoice(NOVEMBER, two_accounts())
    with pytest.raises(CannotInvoice, match=r"2026-10/acme/.*: invoice inv-.* bring back its first version"):
        job.invoice(OCTOBER, two_accounts())


def billed_for(shelf: Shelves, month: Period) -> dict[str, Decimal]:
    """What all invoices together billed for a month, by account."""
    sums: dict[str, Decimal] = {}
    for of_month in shelf.months():
        for stored in shelf.documents(of_month):
            for charge in invoiced_charges(read_invoice(stored)):
                if charge.month == month:
                    sums[charge.account] = sums.get(charge.account, Decimal(0)) + charge.amount
    return sums


Late = list[tuple[Period, Period, str, Usage]]
"""Month of the calls, month in which they became known, key, usage."""


def lateness(random: Random, file: dict[str, Any]) -> Late:
    """Portions of the first three months, each known in time or in any later month."""
    found: Late = []
    for called in MONTHS[:3]:
        for key in ("k1", "k2", "k3"):
            for _ in range(random.randint(0, 3)):
                known = random.choice(MONTHS[MONTHS.index(called) :])
                usage = Usage(**random_quantities(random, file), fingerprint=random.getrandbits(63))
                found.append((called, known, key, usage))
    return found


@settings(max_examples=examples(60))
@given(st.integers(0, 2**32))
def test_invoices_and_adjustments_equal_an_oracle_that_knew_everything(seed: int) -> None:
    """Random tariffs, lateness, sealing and kills: through the shelf, what was billed for a month comes to
    the price of all its calls.
    """
    random = Random(seed)
    file = random_tariff(random)
    read = read_tariff({**file, "accounts": {n: {"keys": k, "plan": "p"} for n, k in ACCOUNTS.items()}})
    late, known, shelf = lateness(random, file), Known(), Shelves()
    for now in MONTHS:
        for called, at, key, usage in late:
            if at == now:
                known.add(called, key, usage)
        if random.random() < 0.5:
            known.sealed[now] = dict(known.usage[now])
        shelf.killed_at = shelf.writes + random.randint(0, 5) if random.random() < 0.5 else None
        shelf.is_written = random.random() < 0.5
        try:
            Invoicing(known, shelf).invoice(now, read)
        except Killed:
            Invoicing(known, shelf).invoice(now, read)
    for month in MONTHS:
        wanted = {name: expected(file, late, month, keys) for name, keys in ACCOUNTS.items()}
        digits = file["rounding"]["digits"]
        assert wanted == {name: EXACT.scaleb(sum_, digits) for name, sum_ in billed_for(shelf, month).items()}


def expected(file: dict[str, Any], late: Late, month: Period, keys: list[str]) -> int:
    """The oracle's price of all calls of a month."""
    usage = total([u for called, _, key, u in late if called == month and key in keys] or [NO_USAGE])
    quantities = {metric: getattr(usage, metric) for metric in METRICS}
    [written] = file["plans"]["p"]
    lines = [oracle.line_amount(price, file, quantities[price["metric"]]) for price in written["prices"]]
    return oracle.month_total(written, file, lines)
