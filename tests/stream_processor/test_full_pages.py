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
from metering.counters.ports import Append, Claim, LedgerAnswer, Page, PageId, Status
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
    """A ledger that counts its refusals, and the pages that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.refusals = 0
        self.reads = 0

    def read(self, pages: Sequence[PageId]) -> list[Page | None]:
        self.reads += len(pages)
        return super().read(pages)

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


def batch(number: int, calls: int, dice: random.Random, slot: int = 0) -> list[ReadRecord]:
    """A record of calls of one second in a time slot."""
    hashes = (dice.getrandbits(63) for _ in range(calls))
    time_ms = 10_000_000 + slot * LAYOUT.slot_ms
    return [ReadRecord(number, [Call(str(one), one, time_ms, "k") for one in hashes])]


def fill(ledger: Any, batches: int, calls: int = 2_000) -> None:
    """Claim batches of two shards in turn, all in one slot."""
    dice = random.Random(1)
    for number in range(batches):
        claim(batch(number, calls, dice), (A, B)[number % 2], ledger, LAYOUT)


class TestRefusals:
    def test_once_a_page(self, ledger: Counting, clock: Clock) -> None:
        """200,000 claims of one slot lie in twenty pages, each of which refuses once at most."""
        fill(FullPages(ledger, clock, ledger), 100)
        assert 20 == len(ledger.items)
        assert (0, 0) == (ledger.refusals, ledger.reads), "the process has filled all of them"

    def test_of_others(self, ledger: Counting, clock: Clock) -> None:
        """Of twenty pages that others have filled, a process that comes to them later is refused by the first
        alone, and reads each of the others once.
        """
        fill(FullPages(ledger, clock, ledger), 100)
        late = FullPages(ledger, clock, ledger)
        for number in range(3):
            claim(batch(1000 + number, 10, random.Random(number)), "shardId-000000000002", late, LAYOUT)
        assert 21 == len(ledger.items)
        assert (1, 20) == (ledger.refusals, ledger.reads)

    def test_next_slot(self, ledger: Counting, clock: Clock) -> None:
        """A process that came late to a slot reads the first page of the next one, too, and no more when it
        was in time.
        """
        in_time, late = FullPages(ledger, clock, ledger), FullPages(ledger, clock, ledger)
        dice = random.Random(1)
        refused = []
        for slot in range(3):
            for number in range(20 if slot < 2 else 1):
                claim(batch(100 * slot + number, 2_000, dice, slot), A, in_time, LAYOUT)
            claim(batch(slot, 10, dice, slot), B, late, LAYOUT)
            refused.append(ledger.refusals)
        assert [1, 1, 1] == refused
        before = ledger.reads
        claim(batch(3, 10, dice, 3), B, late, LAYOUT)
        assert before == ledger.reads

    def test_open_page(self, ledger: Counting, clock: Clock) -> None:
        """A page to which the process writes is not read before each write."""
        processes = {shard: FullPages(ledger, clock, ledger) for shard in (A, B)}
        dice = random.Random(1)
        for number in range(100):
            shard = (A, B)[number % 2]
            claim(batch(number, 200, dice), shard, processes[shard], LAYOUT)
        assert 2 < len(ledger.items) <= 4
        assert ledger.refusals + ledger.reads <= 2 * len(ledger.items)

    def test_without(self, ledger: Counting) -> None:
        """Without it there are hundreds: the test above would see that."""
        fill(ledger, 100)
        assert ledger.refusals > 10 * len(ledger.items)

    def test_after_an_hour(self, ledger: Counting, clock: Clock) -> None:
        """A page is asked for again after an hour."""
        pages = FullPages(ledger, clock, ledger)
        fill(pages, 30)
        clock.now += REMEMBERED_SECONDS
        claim(batch(1000, 10, random.Random(2)), A, pages, LAYOUT)
        full = len(ledger.items) - 1
        assert (1, full - 1) == (ledger.refusals, ledger.reads)


class TestBounds:
    def test_one_slot(self, ledger: Counting, clock: Clock) -> None:
        """Where a slot has more than is remembered, its first pages are, and the others are asked for: no
        cliff.
        """
        pages = FullPages(ledger, clock, ledger, most_hashes=100_000)
        fill(pages, 100)
        before = ledger.refusals + ledger.reads
        claim(batch(1000, 10, random.Random(2)), A, pages, LAYOUT)
        asked = ledger.refusals + ledger.reads - before
        assert 0 < asked < len(ledger.items) / 2 + 2

    def test_newer_slot(self, ledger: Counting, clock: Clock) -> None:
        """A newer slot takes the room of an older one, and not the other way round."""
        pages = FullPages(ledger, clock, ledger, most_hashes=3)
        older, newer = (Append(PageId(slot, 0), (Claim(A, 1, (1, 2, 3)),), full_at=1) for slot in (7, 8))
        pages.append([older])
        pages.append([newer])
        again = [one._replace(claims=(Claim(B, 1, (9,)),)) for one in (older, newer)]
        for _ in range(2):
            pages.append(again)
        assert 2 == ledger.refusals


class OlderPages:
    """Pages of a ledger as they were at any time, or unknown: a read that is eventually consistent."""

    def __init__(self, ledger: SimulatedLedger, dice: random.Random) -> None:
        self._ledger = ledger
        self._dice = dice
        self._seen: dict[PageId, list[Page | None]] = {}

    def note(self) -> None:
        """Remember how the pages are now."""
        for place in self._ledger.items:
            self._seen.setdefault(place, [None]).extend(self._ledger.read([place]))

    def read(self, pages: Sequence[PageId]) -> list[Page | None]:
        """The port `LedgerPages`."""
        return [self._dice.choice(self._seen.get(place, [None])[-5:]) for place in pages]


class Ending:
    """A ledger that is asked so often for one batch that its claims would never end: that fails, and does not
    hang.
    """

    def __init__(self, ledger: FullPages) -> None:
        self._ledger = ledger
        self._rounds = 0

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        self._rounds += 1
        assert self._rounds < 1_000, f"the claims of a batch do not end: {appends}"
        return self._ledger.append(appends)


class TestSame:
    @pytest.mark.parametrize("seed", range(20))
    def test_ownership(self, seed: int, clock: Clock) -> None:
        """Whatever comes, again and again and in any cut, belongs to whom it would belong without it, however
        old a page is that is read.
        """
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
        older = OlderPages(shared, dice)
        processes = {shard: FullPages(shared, clock, older) for shard in (A, B)}
        for _ in range(40):
            older.note()
            if dice.random() < 0.2:  # a new process
                processes[dice.choice((A, B))] = FullPages(shared, clock, older)
            shard = dice.choice((A, B))
            start = dice.randrange(20)
            records = of_shard[shard][start : start + dice.randint(1, 8)]
            expected = claim(records, shard, plain, layout)
            found = claim(records, shard, Ending(processes[shard]), layout)
            assert expected == found
            assert list(owned(records, expected.disowned)) == list(owned(records, found.disowned))
        assert plain.items == shared.items


class Remembering:
    """A process of the function with full pages remembered from batch to batch. Run again, an invocation
    finds them, and what it reads, as they were when it began.
    """

    def __init__(self, environment: InvocationEnvironment, layout: LayoutSource) -> None:
        self._environment = environment
        self._began: WeakKeyDictionary[Invocation, Any] = WeakKeyDictionary()
        self._read: WeakKeyDictionary[Invocation, dict[Any, Any]] = WeakKeyDictionary()
        self._pages = FullPages(environment, lambda: 0.0, self)
        self._layout = layout

    def read(self, pages: Sequence[PageId]) -> Sequence[Page | None]:
        """The port `LedgerPages`."""
        known = self._read.setdefault(self._environment.invocation, {})
        found: Sequence[Page | None] = known.setdefault(
            tuple(pages), vars(self._environment)["_ledger"].read(pages)
        )
        return found

    def process(self, batch: Sequence[StreamRecord]) -> BatchReport:
        names = ("_slots", "_hashes", "_open", "_comes_late")
        now = {name: vars(self._pages)[name] for name in names}
        before = self._began.setdefault(self._environment.invocation, copy.deepcopy(now))
        vars(self._pages).update(copy.deepcopy(before))
        ports = (self._pages, self._environment, self._environment, self._environment)
        return Processor(*ports, layout=self._layout, rule=BillingRule()).process(batch)


@pytest.mark.parametrize(
    "seed", [*range(10), *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(10, 40))]
)
def test_simulated(seed: int) -> None:
    """Under every fault of the simulation, each event counts exactly once."""
    assert [] == World(seed, Meter("remembering", "nothing", processor=Remembering)).run().differences
