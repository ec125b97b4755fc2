"""Worlds of the shipped meter: whatever a seed draws, every counter holds what was sent."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from metering.counters.ledger_layout import LedgerLayout
from metering.counters.ports import Append, PageId, expires_at
from simulation.protocol import invocation
from simulation.protocol.dynamodb import dynamodb_store
from simulation.protocol.faults import NO_FAULTS, OF_A_WRITE, Fault, Rates
from simulation.protocol.meter import SHIPPED
from simulation.protocol.settings import (
    LONGEST_CLOCK_JUMP_MS,
    LONGEST_DELIVERY_MS,
    RETENTION_MS,
    draw_settings,
)
from simulation.protocol.store import LEDGER_TTL_SECONDS
from simulation.protocol.world import World, WorldResult
from simulation.runs import Setup, run_seeds
from simulation.worlds import PROTOCOL
from tests.examples import examples, sampled

HOT_KEY: dict[str, Any] = {
    "keys": 1,
    "shards": 32,
    "most_shards": 40,
    "events": 400,
    "lines_of_a_delivery": 3,
}
COPIES = (Fault.COPY_IN_SAME_SHARD, Fault.COPY_IN_OTHER_SHARD, Fault.RECUT_COPY)
SMALL_PAGES = LedgerLayout(slot_ms=60_000, lanes=2, full_at=200, most_at_once=150, hashes_of_a_claim=2)


def test_hundred_seeds() -> None:
    """The first hundred seeds (forty in `make test`) show no difference, and among them is every fault."""
    summary = run_seeds(PROTOCOL, range(1, 1 + max(40, examples(100))), Setup(), workers=1)
    assert {} == {result.seed: (result.differences, result.untrue) for result in summary.failed}
    assert summary.figures["completions"] > summary.runs
    assert set(Fault) == {fault for fault, count in summary.injected.items() if count}
    assert summary.figures["duplicates"] > summary.runs


def test_same_again() -> None:
    """A seed always gives the same run, to the last write."""
    runs = [World(7, keep_schedule=True).run() for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(runs[0].schedule) > runs[0].records


def test_peace() -> None:
    """Without faults every batch is processed once, and every event is reported as counted once."""
    world = World(3, rates=NO_FAULTS, events=150)
    result = world.run()
    assert ([], 0, 0, 150) == (
        result.differences,
        result.injected.total(),
        result.duplicates,
        result.events,
    )
    assert result.invocations <= result.records + result.heartbeats
    assert [] == result.untrue


@pytest.mark.parametrize("seed", sampled(range(1, 9), 3))
def test_hot_key(seed: int) -> None:
    """One key that gets every call of 32 shards stays exact, while shards split and merge."""
    result = World(seed, **HOT_KEY).run()
    assert [] == result.differences
    assert result.events >= 400


class OneFault:
    """Lets one write of a whole run, and no other, meet a fault."""

    def __init__(self, number: int | None = None, fault: Fault | None = None) -> None:
        self.writes = 0
        self._number = number
        self._fault = fault

    def __call__(self, _dice: random.Random, _rates: Rates) -> Fault | None:
        self.writes += 1
        return self._fault if self.writes == self._number else None


def run_small(monkeypatch: pytest.MonkeyPatch, fault: OneFault) -> WorldResult:
    """A small world with copies of records, in which one write meets a fault."""
    monkeypatch.setattr(invocation, "draw_for_write", fault)
    rates = {**NO_FAULTS, **dict.fromkeys(COPIES, 0.4)}
    return World(
        11,
        rates=rates,
        events=12,
        keys=2,
        shards=2,
        lines_of_a_delivery=2,
        batch_size=4,
        span_ms=10_000,
        put_share=0.8,
        layout=SMALL_PAGES,
    ).run()


@pytest.mark.parametrize("fault", OF_A_WRITE)
def test_every_write(monkeypatch: pytest.MonkeyPatch, fault: Fault) -> None:
    """A run is repeated for each of its writes, and each time that one write meets the fault."""
    counting = OneFault()
    undisturbed = run_small(monkeypatch, counting)
    assert [] == undisturbed.differences
    assert undisturbed.duplicates > 0
    assert counting.writes > 40
    differing = {}
    for number in range(1, counting.writes + 1):
        result = run_small(monkeypatch, OneFault(number, fault))
        assert 1 == result.injected[fault]
        if result.differences:
            differing[number] = result.differences
    assert {} == differing


def test_reported_to_the_oracle() -> None:
    """The comparison sees a counter that is there and should not be, and one that lacks a call."""
    world = World(5, rates=NO_FAULTS, keys=1, events=30)
    items = world.store.counters.items  # type: ignore[attr-defined] # a simulated store
    world.run()
    place = next(iter(items))
    items["nobody", *place[1:]] = items.pop(place)
    named = [difference.split()[0] for difference in world.differences()]
    assert sorted(["nobody", place[0]]) == sorted(named)


def test_settings_keep_the_promise() -> None:
    """Whatever is drawn, a copy is processed for the last time while all pages of its slot are there."""
    for seed in range(500):
        settings = draw_settings(random.Random(seed))
        asked_for = (
            settings.latest_event_ms
            + LONGEST_DELIVERY_MS
            + settings.latest_copy_ms
            + settings.longest_lag_ms
            + LONGEST_CLOCK_JUMP_MS
        )
        assert settings.longest_lag_ms <= RETENTION_MS
        assert asked_for <= 1000 * expires_at(Append(PageId(0, 0), (), 0), 0, LEDGER_TTL_SECONDS)


@pytest.fixture
def on_dynamodb(dynamodb_local: str) -> Callable[[int], WorldResult]:
    """Runs a seed through the shipped adapters."""

    def run(seed: int) -> WorldResult:
        with dynamodb_store(dynamodb_local) as store:
            return World(seed, replace(SHIPPED, store=store), events=10).run()

    return run


def test_on_dynamodb(on_dynamodb: Callable[[int], WorldResult]) -> None:
    """A seed gives the same run on the simulated store and through the shipped adapters on AWS's engine: the
    same answers, so the same writes and the same faults.
    """
    seeds = range(20, 26)
    found = [on_dynamodb(seed) for seed in seeds]
    simulated = [World(seed, events=10).run() for seed in seeds]
    assert simulated == found
    assert Counter() != sum((result.injected for result in found), Counter())
    assert [] == [line for result in found for line in (*result.differences, *result.untrue)]
    assert sum(result.completions for result in found) > len(found)
