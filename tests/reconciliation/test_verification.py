"""Whatever is changed of what was billed stops the next invoice by name, and is named by a verification."""

from __future__ import annotations

import json
import re
import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from hashlib import sha256
from typing import Any, ClassVar

import pytest

from adapters.dynamodb.chain_head import DynamoDBChainHead
from adapters.dynamodb.layout import CHAIN, HEAD
from adapters.dynamodb.table import Table
from adapters.s3.bucket import Bucket
from adapters.s3.invoices import S3Invoices
from adapters.s3.month_states import S3Closings
from metering.period import Period
from metering.proof.billing_chain import Head, LinkKind, ReadChain, digest_of
from metering.proof.month_state import State
from metering.usage import Usage
from reconciliation.billing_chain import BillingChain, BrokenChainError, LinkedObjects
from reconciliation.closing import Closer, NotLinkedError, SealedMonths
from reconciliation.invoices.issue import Invoicing
from reconciliation.invoices.ports import CannotInvoice
from reconciliation.verification import Verification, Verifier
from reconciliation.wiring import make_chain
from tests.metering.prices.builders import flat, tariff, version
from tests.reconciliation.chain_stores import MemoryChain
from tests.reconciliation.invoices.samples import Known
from tests.reconciliation.month_end import AFTER, Deployment, call, running
from tests.reconciliation.repair.repairing import run

OCTOBER, NOVEMBER = Period("2026-10"), Period("2026-11")
CALLS = [call(str(number), f"2026-10-{day:02d}T00:00:00") for number, day in enumerate((1, 1, 5, 31))]
STATE = "closing/2026-10.json"
LINK = "billing-chain/links/{:08d}.json"
INVOICE = "invoices/2026-10/acme/invoice.json"
TARIFF = tariff({"pro": [version(flat())]}, {"acme": {"keys": ["a"], "plan": "pro"}})


@pytest.fixture(scope="module")
def cloud() -> Iterator[Deployment]:
    """A deployment for the whole module."""
    yield from running()


class Billing:
    """Whoever bills on a deployment."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.settings = deployment.settings
        self.queries = deployment.sources.queries
        self.bucket = Bucket(deployment.s3, self.settings.lake_bucket)
        self.closings = S3Closings(deployment.s3, self.settings.lake_bucket)

    @property
    def chain(self) -> BillingChain:
        """The chain, as the commands have it."""
        clients = {"s3": self.deployment.s3, "dynamodb": self.deployment.dynamodb}
        return make_chain(self.settings, lambda name, **_config: clients[name], "ops")

    def close(self) -> None:
        """Seal October."""
        closer = Closer(
            self.closings,
            self.queries,
            lambda *_: self.deployment.reconcile(),
            lambda: AFTER,
            "ops",
            chain=self.chain,
        )
        closer.close(OCTOBER, run_id=run())

    def invoice(self, month: Period = OCTOBER) -> None:
        """Issue a month's invoice, of October's sealed usage."""
        months = SealedMonths(self.closings, self.queries, self.chain)
        known = Known()
        closing = months.closing(OCTOBER)
        if closing is not None and closing.state is State.SEALED:
            known.sealed[OCTOBER] = dict(months.sealed_usage(OCTOBER))
        known.usage[OCTOBER] = {"a": Usage(4, 4)}
        shelf = S3Invoices(self.deployment.s3, self.settings.lake_bucket)
        Invoicing(known, shelf, chain=self.chain).invoice(month, TARIFF)

    def verify(self, *heads: Head) -> Verification:
        """What a verification finds."""
        return Verifier(self.chain, self.queries, run()).verify(heads)

    def change(self, name: str, **values: Any) -> None:
        """Change fields of a JSON object."""
        found = json.loads(self.bucket.content(name))
        self.bucket.put(name, json.dumps({**found, **values}).encode())


@pytest.fixture(scope="module")
def billed(cloud: Deployment) -> tuple[Mapping[str, bytes], Head]:
    """The bucket and the chain's head, October sealed and invoiced."""
    cloud.empty()
    cloud.both(CALLS[:2], name="one")
    cloud.both(CALLS[2:], name="two")
    found = Billing(cloud)
    found.close()
    found.invoice()
    names = [one.name for one in found.bucket.objects("") if not one.name.startswith("athena-results/")]
    return {name: found.bucket.content(name) for name in names}, found.chain.read().head


@pytest.fixture
def billing(cloud: Deployment, billed: tuple[Mapping[str, bytes], Head]) -> Billing:
    """October, sealed and invoiced, as it was at first."""
    cloud.empty()
    found, (objects, head) = Billing(cloud), billed
    for name, content in objects.items():
        found.bucket.put(name, content)
    DynamoDBChainHead(cloud.dynamodb, cloud.settings.counters_table).keep(head)
    return found


def rewrite_sealed_usage(billing: Billing) -> None:
    """As somebody would who may write everything but the chain: usage, its name and its digest fit."""
    state = json.loads(billing.bucket.content(STATE))
    content = billing.bucket.content(state["usage"]).replace(b'"billable":4', b'"billable":0')
    digest = sha256(content).hexdigest()
    name = state["usage"].replace(state["digest"], digest)
    billing.bucket.put(name, content)
    billing.change(STATE, usage=name, digest=digest)


def truncate(billing: Billing) -> None:
    """Remove the invoice with the link that names it."""
    billing.bucket.delete(INVOICE)
    billing.bucket.delete("billing-chain/links/00000003.json")


ATTACKS: list[tuple[Callable[[Billing], object], str]] = [
    (rewrite_sealed_usage, f"{STATE} was altered"),
    (lambda billing: billing.bucket.delete(STATE), f"{STATE} is missing"),
    (lambda billing: billing.bucket.delete(INVOICE), f"{INVOICE} is missing"),
    (truncate, "link 3 is missing at the end"),
    (lambda billing: billing.bucket.delete("billing-chain/links/00000002.json"), "link 2 is missing"),
]


@pytest.mark.parametrize(("attack", "named"), ATTACKS)
def test_what_was_billed_is_changed(
    billing: Billing, attack: Callable[[Billing], object], named: str
) -> None:
    """Neither the same month nor the next one is invoiced, and the same fault is named each time."""
    attack(billing)
    for month in (OCTOBER, NOVEMBER):
        with pytest.raises(BrokenChainError, match=named):
            billing.invoice(month)
    assert any(named in fault for fault in billing.verify().faults)


def test_nothing_was_changed(billing: Billing) -> None:
    """All objects are looked at, and the rows of all days; late rows of a day are no fault, and counted."""
    found = billing.verify()
    assert (3, 4, 3, 0, [], []) == (
        found.links, found.objects, found.days, found.late_rows, found.faults, found.notes,
    )  # fmt: skip
    billing.deployment.both([call("late", "2026-10-05T00:00:00")], name="late")
    found = billing.verify(found.head)
    assert (3, 1, []) == (found.days, found.late_rows, found.faults)
    assert [f"link 3 was altered: its SHA-256 was {'0' * 64}"] == billing.verify(Head(3, "0" * 64)).faults


def test_the_table_is_restored(billing: Billing) -> None:
    """A table with an earlier head stops no invoice and makes no fork, and the next one brings it up to date.
    Until then a chain that was cut back is seen by a head that somebody has kept, and by no other: which is
    said.
    """
    last, settings = billing.chain.read().head, billing.settings
    Table(billing.deployment.dynamodb, settings.counters_table).delete((CHAIN, HEAD))
    first = Head(1, digest_of(billing.bucket.content(LINK.format(1))))
    DynamoDBChainHead(billing.deployment.dynamodb, settings.counters_table).keep(first)
    [note] = billing.verify().notes
    assert note.startswith("whether links are missing after link 3: the table's head is link 1.")
    assert [] == billing.verify(last).notes
    cut = {name: billing.bucket.content(name) for name in (INVOICE, LINK.format(3))}
    truncate(billing)
    found = billing.verify()
    assert ([], True) == (found.faults, found.notes[0].startswith("whether links are missing after link 2"))
    assert ["link 3 is missing at the end: the chain had 3 links"] == billing.verify(last).faults
    for name, content in cut.items():
        billing.bucket.put(name, content)
    billing.invoice(NOVEMBER)
    found = billing.verify(last)
    assert (4, [], []) == (found.links, found.faults, billing.verify().notes)


def test_the_lake_is_changed(billing: Billing) -> None:
    """A row that was altered after the sealing is named by its day, also beside late rows of that day; so is
    an object that is gone.
    """
    billing.deployment.land([call("late", "2026-10-05T01:00:00")], name="late")
    altered = [call("2", "2026-10-05T00:00:00", response_bytes=1), CALLS[3]]
    billing.deployment.land(altered, name="two")
    [fault] = billing.verify().faults
    assert "the lake's rows of 2026-10-05 are not those that were billed: 1 rows" in fault
    billing.bucket.delete(next(one.name for one in billing.bucket.objects("lake/") if "one." in one.name))
    faults = billing.verify().faults
    assert any("of 2026-10-01" in fault and "objects that are gone: s3://" in fault for fault in faults)


def test_a_job_that_was_stopped_before_it_linked(billing: Billing) -> None:
    """An invoice that no link names stops the next month, and the same month's job links it; so it is with a
    sealing.
    """
    billing.bucket.put("invoices/2026-10/other/invoice.json", billing.bucket.content(INVOICE))
    with pytest.raises(CannotInvoice, match=r"invoices/2026-10/other/invoice.json: not linked.*`usage-meter"):
        billing.invoice(NOVEMBER)
    assert ["invoices/2026-10/other/invoice.json is not linked: the job that wrote it was stopped"] == (
        billing.verify().faults
    )
    billing.invoice(OCTOBER)
    assert [] == billing.verify().faults


def test_months_from_before_the_chain(cloud: Deployment) -> None:
    """What was sealed and issued before there was a chain is named by its first link, and said to be unseen
    until then; its sealing has no digests of rows.
    """
    cloud.empty()
    cloud.both(CALLS, name="one")
    billing = Billing(cloud)
    billing.close()
    billing.invoice()
    for one in list(billing.bucket.objects("billing-chain/")):
        billing.bucket.delete(one.name)
    cloud.cloud.create_tables()
    billing.change(STATE, objects="", objects_digest="", days={})
    [note] = billing.verify().notes
    assert note.startswith("there is no chain yet, so that nothing shows a change of 3 objects")
    billing.invoice(NOVEMBER)
    found = billing.verify()
    assert ([], ["2026-10 was sealed before digests of rows were kept: its rows are not looked at"]) == (
        found.faults,
        found.notes,
    )
    billing.change(STATE, keys=7)
    with pytest.raises(BrokenChainError, match=f"{STATE} was altered"):
        billing.invoice(NOVEMBER)


def test_a_sealing_that_is_not_linked(cloud: Deployment) -> None:
    """A sealing that was written beside the chain is billed by nobody until somebody has looked at it."""
    cloud.empty()
    cloud.both(CALLS, name="one")
    billing = Billing(cloud)
    billing.chain.begin()
    state, chain = billing.closings, billing.chain
    billing.close()
    kept = billing.bucket.content(STATE)
    for name in ("billing-chain/links/00000002.json", STATE):
        billing.bucket.delete(name)
    cloud.cloud.create_tables()
    billing.bucket.put(STATE, kept)
    months = SealedMonths(state, billing.queries, chain)
    with pytest.raises(NotLinkedError, match="`usage-meter close 2026-10` links it"):
        months.closing(OCTOBER)
    billing.close()
    closing = months.closing(OCTOBER)
    assert closing is not None
    assert State.SEALED is closing.state


class _Objects(dict[str, str]):
    """Objects of a month, of which can be seen whether anybody holds them."""


class _WatchedChain(BillingChain):
    """A chain that counts how many months' objects exist at once."""

    alive: ClassVar[list[weakref.ref[_Objects]]] = []
    most = 0

    def linked(self, chain: ReadChain, month: Period) -> LinkedObjects:
        """As the chain has it."""
        found = super().linked(chain, month)
        objects = _Objects(found.objects)
        self.alive[:] = [one for one in self.alive if one() is not None] + [weakref.ref(objects)]
        self.most = max(self.most, len(self.alive))
        return found._replace(objects=objects)


class _NoQueries:
    """Nothing is sealed here."""

    def run(self, _sql: str, _parameters: Sequence[str] = (), *, run_id: str) -> Any:
        """Nobody asks."""
        raise AssertionError(run_id)


def test_one_month_is_held_at_a_time() -> None:
    """A month has as many objects as invoices, and there are ever more months. What is wrong is named in the
    same order: lists, objects, and then what no link names.
    """
    store = MemoryChain()
    months = [Period(f"2026-{number:02d}") for number in range(1, 7)]
    for month in months:
        names = [f"invoices/{month}/{account}/invoice.json" for account in ("acme", "globex")]
        store.objects |= {name: name.encode() for name in names}
        store.chain().add(LinkKind.INVOICES, month, {name: digest_of(name.encode()) for name in names})
    del store.objects["invoices/2026-05/acme/invoice.json"]
    store.objects["invoices/2026-02/acme/invoice.json"] = b"altered"
    store.objects["invoices/2026-03/other/invoice.json"] = b"new"
    del store.lists[store.chain().read().links[5].lists[months[5]]]

    chain = _WatchedChain(store, store, lambda: AFTER)
    found = Verifier(chain, _NoQueries(), "run").verify()
    assert (10, 1) == (found.objects, chain.most)
    assert [
        "the list of 2026-06 that link 6 names is missing",
        "invoices/2026-02/acme/invoice.json was altered",
        "invoices/2026-05/acme/invoice.json is missing",
        "invoices/2026-03/other/invoice.json is not linked",
        "invoices/2026-06/acme/invoice.json is not linked",
        "invoices/2026-06/globex/invoice.json is not linked",
    ] == [re.split(r" \(|:", fault)[0] for fault in found.faults]
