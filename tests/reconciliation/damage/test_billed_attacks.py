"""What somebody does to a month before it is closed, or after it was invoiced, is named; the page says it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256
from itertools import takewhile
from typing import Any, NamedTuple

import pytest

from tests.reconciliation.damage.attacks import COUNTERS, OBJECTS, ROWS, Act
from tests.reconciliation.damage.billed_month import KEY, NOVEMBER, BilledMonth, causes_of, refusal_of
from tests.reconciliation.damage.played_month import DAY
from tests.reconciliation.month_end import running
from tools.build_lambda import ROOT

pytestmark = pytest.mark.exhaustive
"""Each attack is followed by a repair, a closing or an invoice, with the log and without."""

STATE = "closing/2026-10.json"
INVOICE = "invoices/2026-10/acme/invoice.json"

BEFORE: dict[str, tuple[Act, str]] = {
    name: (table[name], on)
    for table, on, names in (
        (
            ROWS,
            KEY,
            (
                "a row is deleted",
                "status and billable",
                "id: NULL",
                "outcome of all rows of a key",
                "a copy that does not count: another status",
                "a row more: made up",
            ),
        ),
        (OBJECTS, DAY, ("deleted",)),
        (COUNTERS, KEY, ("month: a request more", "both: latency", "a call taken out", "all deleted")),
    )
    for name in names
}


class Later(NamedTuple):
    """An attack on a month that is invoiced."""

    act: Callable[[BilledMonth], object]
    refused_by: str = ""
    """What the next invoice names; empty: it is issued."""
    verified: str = ""
    """What a verification names; empty: nothing."""


def damage(act: Act) -> Callable[[BilledMonth], None]:
    """An attack on rows or counters."""

    def made(billed: BilledMonth) -> None:
        damaged = billed.played.damaged()
        act(damaged, KEY)
        damaged.write()

    return made


def alter_usage(billed: BilledMonth) -> None:
    """The sealed usage loses a billable call."""
    name = json.loads(billed.bucket.content(STATE))["usage"]
    billed.bucket.put(name, billed.bucket.content(name).replace(b'"billable":', b'"billable":1', 1))


def rewrite_usage(billed: BilledMonth) -> None:
    """Sealed usage, its name and its digest fit each other."""
    state = json.loads(billed.bucket.content(STATE))
    content = billed.bucket.content(state["usage"]).replace(b'"billable":', b'"billable":1', 1)
    digest = sha256(content).hexdigest()
    name = state["usage"].replace(state["digest"], digest)
    billed.bucket.put(name, content)
    billed.change(STATE, usage=name, digest=digest)


def raise_total(billed: BilledMonth, *, has_id: bool) -> None:
    """The invoice is raised; its id is left, or made to fit."""
    found: dict[str, Any] = json.loads(billed.bucket.content(INVOICE)) | {"total": "999.99"}
    if has_id:
        del found["id"]
        body = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        found["id"] = f"inv-2026-10-{sha256(body).hexdigest()[:24]}"
    content = json.dumps(found, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    billed.bucket.put(INVOICE, content.encode())


DIFFERS = "2026-10: the counters and the lake differ"
ROWS_CHANGED = f"the lake's rows of {DAY} are not those that were billed"
AFTER: dict[str, Later] = {
    "counter: a request more in the month": Later(damage(COUNTERS["month: a request more"]), DIFFERS),
    "counter: latency in day and month": Later(damage(COUNTERS["both: latency"]), DIFFERS),
    "row: billable": Later(damage(ROWS["billable"]), DIFFERS, ROWS_CHANGED),
    "row: another minute of the same hour": Later(damage(ROWS["time: the same hour"]), "", ROWS_CHANGED),
    "row: a row more": Later(damage(ROWS["a row more: made up"]), DIFFERS),
    "sealing: its usage is altered": Later(alter_usage, "with which 2026-10 was sealed", "was altered"),
    "sealing: usage and digest are rewritten to fit": Later(
        rewrite_usage, f"{STATE} was altered", f"{STATE} was altered"
    ),
    "sealing: its state is removed": Later(
        lambda billed: billed.bucket.delete(STATE), f"{STATE} is missing", f"{STATE} is missing"
    ),
    "invoice: another total": Later(partial(raise_total, has_id=False), verified=f"{INVOICE} was altered"),
    "invoice: another total, with the id that fits": Later(
        partial(raise_total, has_id=True), verified=f"{INVOICE} was altered"
    ),
    "invoice: removed": Later(
        lambda billed: billed.bucket.delete(INVOICE), f"{INVOICE} is missing", f"{INVOICE} is missing"
    ),
}


def table(heading: str) -> dict[str, list[str]]:
    """A table of the page, by its first column's heading."""
    text = (ROOT / "docs" / "reconciliation.md").read_text(encoding="utf-8")
    lines = text.partition(f"| {heading} |")[2].splitlines()[2:]
    rows = ([cell.strip() for cell in one.strip("|").split("|")] for one in takewhile(bool, lines))
    return {name: others for name, *others in rows}


REPAIRED = table("attack before the month is closed")
INVOICED = table("attack after the month is invoiced")


@pytest.fixture(scope="module")
def billed() -> Iterator[BilledMonth]:
    """The month, closed and invoiced once."""
    for deployment in running():
        yield BilledMonth(deployment)


def test_the_page_names_every_attack() -> None:
    """In the order of the tests, and what is billed though somebody did something has a reason."""
    assert (list(BEFORE), list(AFTER)) == (list(REPAIRED), list(INVOICED))
    for with_log, without_log, remark in REPAIRED.values():
        assert remark or not any("can be closed" in one for one in (with_log, without_log))
    assert [] == [name for name, cells in INVOICED.items() if cells[2] == "issued" and not cells[-1]]


def test_the_page_names_tests_that_exist() -> None:
    """For whatever else may be done at a month's end."""
    shown = [cells[-1] for cells in table("what somebody does").values()]
    links = [re.findall(r"\[(\w+)\]\(\.\./([\w/.]+)\)", cell) for cell in shown]
    assert all(links)
    for name, place in (one for found in links for one in found):
        assert re.search(rf"def {name}\(", (ROOT / place).read_text(encoding="utf-8")), name


@pytest.mark.parametrize("name", BEFORE)
def test_repaired_and_closed(billed: BilledMonth, name: str) -> None:
    """The causes, whether a repair writes, and whether the month can be closed then: as the page says."""
    act, on = BEFORE[name]
    found = []
    for has_log in (True, False):
        billed.restore(is_billed=False, has_log=has_log)
        damaged = billed.played.damaged()
        act(damaged, on)
        damaged.write()
        report = billed.deployment.reconcile()
        repaired = "repaired" if billed.repair(report) else "left as it is"
        refused = refusal_of(billed.close)
        assert not refused or "2026-10" in refused
        found.append(f"{causes_of(report)}; {repaired}; {'refused' if refused else 'can be closed'}")
    assert REPAIRED[name][:2] == found


@pytest.mark.parametrize("name", AFTER)
def test_invoiced(billed: BilledMonth, name: str) -> None:
    """The causes, whether the next month is invoiced, and what a verification says: as the page says."""
    attack, found = AFTER[name], []
    for has_log in (True, False):
        billed.restore(is_billed=True, has_log=has_log)
        attack.act(billed)
        found.append(causes_of(billed.deployment.reconcile()))
    faults = billed.verify()
    refused = refusal_of(lambda: billed.invoice(NOVEMBER))
    assert attack.refused_by in refused
    assert bool(attack.refused_by) == bool(refused)
    assert any(attack.verified in one for one in faults) or not attack.verified
    assert INVOICED[name][:4] == [
        *found, "refused" if refused else "issued", "named" if faults else "nothing",
    ]  # fmt: skip
