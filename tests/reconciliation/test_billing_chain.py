"""The chain of what was billed: begun once, added to by whoever comes, and refused where it is broken."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from metering.errors import Transient
from metering.period import Period
from metering.proof.billing_chain import Head, LinkKind, digest_of
from reconciliation.billing_chain import BrokenChainError
from tests.reconciliation.chain_stores import Killed, MemoryChain

OCTOBER = Period("2026-10")
ACME, GLOBEX = (f"invoices/2026-10/{account}/invoice.json" for account in ("acme", "globex"))
OF_ACME, OF_GLOBEX = {ACME: digest_of(b"acme")}, {GLOBEX: digest_of(b"globex")}


def of(store: MemoryChain) -> list[tuple[int, str]]:
    """Number and kind of each link."""
    return [(link.number, link.kind.value) for link in store.chain().read().links]


def test_begins_with_what_there_is() -> None:
    """The first link names what was issued before there was a chain; there is one, whoever begins it."""
    store = MemoryChain({ACME: b"acme"})
    assert store.chain().named(OCTOBER) is None
    store.chain().begin()
    store.chain().begin()
    assert ([(1, "first")], OF_ACME) == (of(store), store.chain().named(OCTOBER))


def test_adds_what_is_not_named_yet() -> None:
    """What is named already is not named again, and nothing new is no link."""
    store = MemoryChain()
    store.chain().begin()
    for objects in (OF_ACME, OF_ACME | OF_GLOBEX, OF_GLOBEX):
        store.chain().add(LinkKind.INVOICES, OCTOBER, objects)
    assert [(1, "first"), (2, "invoices"), (3, "invoices")] == of(store)
    assert OF_ACME | OF_GLOBEX == store.chain().named(OCTOBER)
    assert () == store.chain().read().faults


def test_two_at_once() -> None:
    """Whoever comes second takes the next number: the chain has no fork, and the same object twice is no
    fault.
    """
    store = MemoryChain()
    store.chain().begin()

    def meanwhile() -> None:
        store.before_adding = lambda: None
        store.chain().add(LinkKind.INVOICES, OCTOBER, OF_ACME)

    store.before_adding = meanwhile
    store.chain().add(LinkKind.INVOICES, OCTOBER, OF_ACME | OF_GLOBEX)
    assert [(1, "first"), (2, "invoices"), (3, "invoices")] == of(store)
    assert ((), OF_ACME | OF_GLOBEX) == (store.chain().read().faults, store.chain().named(OCTOBER))


def test_somebody_is_always_first() -> None:
    """A number that others always take is given up after a while, and said so."""
    store = MemoryChain()
    store.chain().begin()

    def meanwhile() -> None:
        number = len(store.links_kept) + 1
        before, store.before_adding = store.before_adding, lambda: None
        store.chain().add(LinkKind.INVOICES, OCTOBER, {f"invoices/2026-10/{number}/invoice.json": "0"})
        store.before_adding = before

    store.before_adding = meanwhile
    with pytest.raises(Transient, match="run it again"):
        store.chain().add(LinkKind.INVOICES, OCTOBER, OF_ACME)


@pytest.mark.parametrize("killed_at", range(1, 8))
def test_killed_after_any_write(killed_at: int) -> None:
    """A job that is killed and run again ends with the same objects named, and a whole chain."""
    store = MemoryChain({ACME: b"acme"}, killed_at=killed_at)
    for _ in range(2):
        with suppress(Killed):
            store.chain().begin()
            store.chain().add(LinkKind.INVOICES, OCTOBER, OF_ACME | OF_GLOBEX)
    assert OF_ACME | OF_GLOBEX == store.chain().named(OCTOBER)
    chain = store.chain().read()
    assert (2, ()) == (len(chain.links), chain.faults)
    assert store.head == chain.head


def broken() -> MemoryChain:
    """A store with two invoices, linked."""
    store = MemoryChain({ACME: b"acme", GLOBEX: b"globex"})
    store.chain().begin()
    store.chain().add(LinkKind.INVOICES, OCTOBER, OF_ACME | OF_GLOBEX)
    return store


def test_unlinked() -> None:
    """Of the objects that there are, those that no link names; one that is gone or altered is an error."""
    store = broken()
    there = OF_ACME | OF_GLOBEX
    assert [] == store.chain().unlinked(OCTOBER, "invoices/", there)
    assert ["x"] == store.chain().unlinked(OCTOBER, "invoices/", {**there, "x": "1"})
    assert [] == store.chain().unlinked(OCTOBER, "closing/", {})
    with pytest.raises(BrokenChainError, match=rf"{ACME} is missing\. Bring back"):
        store.chain().unlinked(OCTOBER, "invoices/", OF_GLOBEX)
    with pytest.raises(BrokenChainError, match=f"{ACME} was altered"):
        store.chain().unlinked(OCTOBER, "invoices/", {**there, ACME: "1"})


SPOILT: list[tuple[Callable[[MemoryChain], object], str]] = [
    (lambda store: store.links_kept.pop(1), "links 1 to 2 are missing|link 1 is missing"),
    (lambda store: store.links_kept.update({1: b"{}"}), "link 1 cannot be read"),
    (lambda store: setattr(store, "head", Head(9, "9" * 64)), "links 2 to 9 are missing"),
    (lambda store: store.lists.clear(), "the list of 2026-10 that link 1 names is missing"),
    (lambda store: store.lists.update(dict.fromkeys(store.lists, b"")), "that link 1 names was altered"),
]


@pytest.mark.parametrize(("spoil", "named"), SPOILT)
def test_a_broken_chain_is_not_added_to(spoil: Callable[[MemoryChain], object], named: str) -> None:
    """Where a link or a list is not what it was, nothing is read by it and nothing added."""
    store = broken()
    spoil(store)
    with pytest.raises(BrokenChainError, match=named):
        store.chain().add(LinkKind.INVOICES, OCTOBER, {"x": "1"})
