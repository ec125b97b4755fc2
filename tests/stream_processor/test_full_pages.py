"""Full pages of the ledger: each is asked for once, and what is said for it is what it would say."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import pytest

from metering.billing_rule import BillingRule
from metering.calls.call import Call
from metering.calls.record import ReadRecord, StreamRecord
from metering.counters.ledger_layout import LayoutSource, LedgerLayout
from metering.counters.ports import Append, Claim, LedgerAnswer, PageId, Status
from simulation.protocol.invocation import Invocation, InvocationEnvironment
from simulation.protocol.meter import Meter
from simulation.protocol.store import SimulatedLedger
from simulation.protocol.world import World
from stream_processor.claims import claim, owned
from stream_processor.full_pages import REMEMBERED_SECONDS, FullPages
from stream_processor.processor import BatchReport, Processor

A, B = "shardId-000000000000", "shardId-000000000001"
LAYOUT = LedgerLayout(slot_ms=5_000)


class Clock:
    """Seconds that are moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Counting(SimulatedLedger):
    """A ledger that counts its refusals."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 0

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        answers = super().append(appends)
        self.refusals += sum(answer.status is Status.REFUSED for answer in answers)
        return answers


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger() -> Counting:
    return Counting()


def batch(number: int, calls: int, dice: random.Random) -> list[ReadRecord]:
    """A record of calls of one second."""
    hashes = (dice.getrandbits(63) for _ in range(calls))
    return [ReadRecord(number, [Call(str(one), one, 10_000_000, "k") for one in hashes])]


def fill(ledger: Any, batches: int, calls: int = 2_000) -> None:
    """Claim batches of two shards in turn, all in one slot."""
    dice = random.Random(1)
    for number in range(batches):
        claim(batch(number, calls, dice), (A, B)[number % 2], ledger, LAYOUT)


class TestRefusals:
    def test_once_a_page(self, ledger: Counting, clock: Clock) -> None:
        """200,000 claims of one slot lie in twenty pages, each of which refuses once at most."""
        fill(FullPages(ledger, clock), 100)
        assert 20 == len(ledger.items)
        assert ledger.refusals <= len(ledger.items)

    def test_without(self, ledger: Counting) -> None:
        """Without it there are hundreds: the test above would see that."""
        fill(ledger, 100)
        assert ledger.refusals > 10 * len(ledger.items)

    def test_after_an_hour(self, ledger: Counting, clock: Clock) -> None:
        """A page is asked for again after an hour."""
        pages = FullPages(ledger, clock)
        fill(pages, 30)
        before = ledger.refusals
        clock.now += REMEMBERED_SECONDS
        claim(batch(1000, 10, random.Random(2)), A, pages, LAYOUT)
        assert ledger.refusals - before >= len(ledger.items) - 1


class TestBounds:
    def test_one_slot(self, ledger: Counting, clock: Clock) -> None:
        """Where a slot has more than is remembered, its first pages are, and the others are asked for: no
        cliff.
        """
        pages = FullPages(ledger, clock, most_hashes=100_000)
        fill(pages, 100)
        before = ledger.refusals
        claim(batch(1000, 10, random.Random(2)), A, pages, LAYOUT)
        asked = ledger.refusals - before
        assert 0 < asked < len(ledger.items) / 2 + 2

    def test_newer_slot(self, ledger: Counting, clock: Clock) -> None:
        """A newer slot takes the room of an older one, and not the other way round."""
        pages = FullPages(ledger, clock, most_hashes=3)
        older, newer = (Append(PageId(slot, 0), (Claim(A, 1, (1, 2, 3)),), full_at=1) for slot in (7, 8))
        pages.append([older])
        pages.append([newer])
        again = [one._replace(claims=(Claim(B, 1, (9,)),)) for one in (older, newer)]
        for _ in range(2):
            pages.append(again)
        assert 2 == ledger.refusals


class TestSame:
    @pytest.mark.parametrize("seed", range(20))
    def test_ownership(self, seed: int, clock: Clock) -> None:
        """Whatever comes, again and again and in any cut, belongs to whom it would belong without it."""
        dice = random.Random(seed)
        layout = LedgerLayout(slot_ms=60_000, lanes=2, full_at=400, most_at_once=150, hashes_of_a_claim=2)
        pool = [dice.getrandbits(63) for _ in range(60)]
        of_shard = {
            shard: [
                ReadRecord(number, [Call("", dice.choice(pool), 10_000_000, "k") for _ in range(4)])
                for number in range(20)
            ]
            for shard in (A, B)
        }
        plain = SimulatedLedger()
        shared = SimulatedLedger()
        processes = {shard: FullPages(shared, clock) for shard in (A, B)}
        for _ in range(40):
            shard = dice.choice((A, B))
            start = dice.randrange(20)
            records = of_shard[shard][start : start + dice.randint(1, 8)]
            expected = claim(records, shard, plain, layout)
            found = claim(records, shard, processes[shard], layout)
            assert expected == found
            assert list(owned(records, expected.disowned)) == list(owned(records, found.disowned))
        assert plain.items == shared.items


class Remembering:
    """A process of the function with full pages remembered from batch to batch. Run again, an invocation
    finds them as they were when it began.
    """

    def __init__(self, environment: InvocationEnvironment, layout: LayoutSource) -> None:
        self._environment = environment
        self._began: WeakKeyDictionary[Invocation, Any] = WeakKeyDictionary()
        self._pages = FullPages(environment, lambda: 0.0)
        self._layout = layout

    def process(self, batch: Sequence[StreamRecord]) -> BatchReport:
        slots = vars(self._pages)["_slots"]
        before = self._began.setdefault(self._environment.invocation, copy.deepcopy(slots))
        slots.clear()
        slots.update(copy.deepcopy(before))
        ports = (self._pages, self._environment, self._environment, self._environment)
        return Processor(*ports, layout=self._layout, rule=BillingRule()).process(batch)


@pytest.mark.parametrize(
    "seed", [*range(10), *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(10, 40))]
)
def test_simulated(seed: int) -> None:
    """Under every fault of the simulation, each event counts exactly once."""
    assert [] == World(seed, Meter("remembering", "nothing", processor=Remembering)).run().differences
