"""Step 2: every event belongs to the first claim that holds it, whoever asks, however often, in any cut."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.calls.call import Call
from metering.calls.record import ReadRecord
from metering.counters.ledger_layout import LedgerLayout
from metering.counters.ports import BYTES_OF_CLAIM, BYTES_OF_HASH, Append, LedgerAnswer, PageId, Status
from simulation.protocol.store import SimulatedLedger
from stream_processor.claims import Ownership, claim, owned

SHARD = "shardId-000000000000"
OTHER = "shardId-000000000001"
LAYOUT = LedgerLayout(slot_ms=5_000, lanes=1)
TIGHT = LedgerLayout(slot_ms=5_000, lanes=1, full_at=150, most_at_once=100, hashes_of_a_claim=2)
NOON_MS = 1_793_448_000_000


def record(number: int, *hashes: int, time_ms: int = NOON_MS) -> ReadRecord:
    """A record with the calls of these hashes."""
    return ReadRecord(number, [Call(f"{one:x}", one, time_ms, "a") for one in hashes])


def ours(records: Sequence[ReadRecord], ownership: Ownership) -> dict[int, list[int]]:
    """The hashes that are ours, by the number of their record."""
    return {
        one.sequence_number: [call.event_hash for call in one.calls]
        for one in owned(records, ownership.disowned)
    }


class Recorded:
    """A ledger that remembers what it was asked, and does not answer for some slots."""

    def __init__(self, *silent_slots: int) -> None:
        self.ledger = SimulatedLedger()
        self.asked: list[list[Append]] = []
        self.silent_slots = set(silent_slots)

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        self.asked.append(list(appends))
        return [
            LedgerAnswer(Status.UNAVAILABLE)
            if one.page.slot in self.silent_slots
            else self.ledger.append([one])[0]
            for one in appends
        ]

    @property
    def pages(self) -> list[PageId]:
        """The pages of all appends, in their order."""
        return [one.page for appends in self.asked for one in appends]


class TestGivenUp:
    def test_never_claimed(self) -> None:
        """A record that was given up before it was claimed comes again by an old checkpoint, when later
        records of its shard have claims in the slot: nobody can say whether a copy is counted, and it is not.
        """
        ledger = SimulatedLedger()
        claim([record(2, 20)], SHARD, ledger, LAYOUT)
        claim([record(9, 10)], OTHER, ledger, LAYOUT)
        again = [record(1, 10, 11), record(2, 20)]
        assert {1: [], 2: [20]} == ours(again, claim(again, SHARD, ledger, LAYOUT))

    def test_no_answer(self) -> None:
        """A claim that got no answer is another case: its record is repeated, and may be ours."""
        ledger = Recorded(NOON_MS // LAYOUT.slot_ms)
        ownership = claim([record(1, 10)], SHARD, ledger, LAYOUT)
        assert Ownership(unresolved_from=1) == ownership


class TestOwnership:
    def test_first(self) -> None:
        """What nobody claimed is ours."""
        records = [record(1, 10, 11), record(2, 12)]
        assert Ownership() == claim(records, SHARD, SimulatedLedger(), LAYOUT)

    def test_earlier_record(self) -> None:
        """Of two records of a batch with one event, the first has it."""
        records = [record(1, 10, 11), record(2, 11, 12), record(3, 10, 12)]
        ownership = claim(records, SHARD, SimulatedLedger(), LAYOUT)
        assert {1: [10, 11], 2: [12], 3: []} == ours(records, ownership)
        assert 3 == ownership.duplicates

    def test_earlier_batch(self) -> None:
        """What an earlier batch claimed is its own, also where only some events are shared."""
        ledger = SimulatedLedger()
        claim([record(1, 10, 11, 12)], SHARD, ledger, LAYOUT)
        later = [record(2, 12, 13)]
        assert {2: [13]} == ours(later, claim(later, SHARD, ledger, LAYOUT))

    def test_other_shard(self) -> None:
        """Sequence numbers of shards say nothing about each other: the place in the ledger decides."""
        ledger = SimulatedLedger()
        claim([record(9, 10)], SHARD, ledger, LAYOUT)
        copies = [record(9, 10, 11)]
        assert {9: [11]} == ours(copies, claim(copies, OTHER, ledger, LAYOUT))

    @pytest.mark.parametrize("layout", [LAYOUT, TIGHT], ids=["one page", "many pages"])
    def test_retry(self, layout: LedgerLayout) -> None:
        """A retry gets the answer of the first attempt and leaves the ledger as it is, whoever came since."""
        ledger = SimulatedLedger()
        claim([record(1, 10, 11, 12)], OTHER, ledger, layout)
        records = [record(1, 11, 20, 21), record(2, 20, 22)]
        first = claim(records, SHARD, ledger, layout)
        claim([record(2, 20, 21, 22)], OTHER, ledger, layout)
        before = {page: list(item.claims) for page, item in ledger.items.items()}
        assert first == claim(records, SHARD, ledger, layout)
        assert before == {page: item.claims for page, item in ledger.items.items()}

    def test_no_calls(self) -> None:
        """Records without calls ask for nothing."""
        ledger = Recorded()
        assert Ownership() == claim([ReadRecord(1, []), ReadRecord(2, [])], SHARD, ledger, LAYOUT)
        assert [] == ledger.asked

    @pytest.mark.parametrize("layout", [LAYOUT, TIGHT, replace(TIGHT, lanes=3)])
    @given(data=st.data())
    def test_exactly_one_owner(self, layout: LedgerLayout, data: st.DataObject) -> None:
        """However the records of two shards are cut, recut and repeated: each event has one owner, and it is
        the same whoever asks last.
        """
        hashes = st.lists(st.integers(1, 12), min_size=1, max_size=6, unique=True)
        shards = {
            shard_id: [
                record(number, *one) for number, one in enumerate(data.draw(st.lists(hashes, max_size=5)), 1)
            ]
            for shard_id in (SHARD, OTHER)
        }
        ledger, done = SimulatedLedger(), dict.fromkeys(shards, 0)
        while any(done[shard_id] < len(records) for shard_id, records in shards.items()):
            shard_id = data.draw(st.sampled_from([one for one in shards if done[one] < len(shards[one])]))
            start = data.draw(st.integers(0, done[shard_id]))
            end = data.draw(st.integers(done[shard_id] + 1, len(shards[shard_id])))
            claim(shards[shard_id][start:end], shard_id, ledger, layout)
            done[shard_id] = end
        found = {
            shard_id: ours(records, claim(records, shard_id, ledger, layout))
            for shard_id, records in shards.items()
        }
        owners = Counter(one for of_shard in found.values() for some in of_shard.values() for one in some)
        sent = {call.event_hash for some in shards.values() for one in some for call in one.calls}
        assert dict.fromkeys(sent, 1) == owners
        for shard_id, records in shards.items():
            for one in records:
                alone = ours([one], claim([one], shard_id, ledger, layout))
                assert found[shard_id][one.sequence_number] == alone[one.sequence_number]


class TestPlaces:
    def test_slots(self) -> None:
        """A slot is a stretch of the events' own time; the same event always falls into the same one."""
        ledger = Recorded()
        claim([record(1, 10), record(2, 11, time_ms=NOON_MS + 4_999)], SHARD, ledger, LAYOUT)
        claim([record(3, 12, time_ms=NOON_MS + 5_000)], SHARD, ledger, LAYOUT)
        slot = NOON_MS // 5_000
        assert [PageId(slot, 0), PageId(slot + 1, 0)] == ledger.pages

    def test_end_of_slot(self) -> None:
        """An append says when its slot ends, since all pages of a slot expire together."""
        ledger = Recorded()
        claim([record(1, 10, time_ms=NOON_MS + 1)], SHARD, ledger, LAYOUT)
        assert [NOON_MS // 1000 + 5] == [one.slot_ends_at for one in ledger.asked[0]]

    def test_lanes(self) -> None:
        """The lane comes from the hash alone."""
        ledger = Recorded()
        claim([record(1, 3, 4, 5, 6)], SHARD, ledger, replace(LAYOUT, lanes=3))
        found = {one.page.lane: one.claims[0].hashes for one in ledger.asked[0]}
        assert {0: (3, 6), 1: (4,), 2: (5,)} == found

    def test_one_call(self) -> None:
        """All slots and lanes of a batch are asked at once."""
        ledger = Recorded()
        calls = [record(number, number, time_ms=NOON_MS + 5_000 * number) for number in range(6)]
        claim(calls, SHARD, ledger, LAYOUT)
        assert [6] == [len(appends) for appends in ledger.asked]


class TestPages:
    def test_next_page(self) -> None:
        """Whoever finds a page full goes on to the next one, where the order goes on."""
        ledger = SimulatedLedger()
        for number in range(1, 5):
            claim([record(number, number, 100)], SHARD, ledger, TIGHT)
        assert [0, 1] == sorted(page.page for page in ledger.items)
        copy = [record(1, 1, 2, 3, 4, 100, 5)]
        assert {1: [5]} == ours(copy, claim(copy, OTHER, ledger, TIGHT))

    def test_exactly_full(self) -> None:
        """A page that holds just as many bytes as its bound is full, for the ledger and for whoever asks."""
        ledger = SimulatedLedger()
        records = [record(1, 10), record(2, 11)]
        layout = replace(TIGHT, full_at=BYTES_OF_CLAIM + BYTES_OF_HASH, most_at_once=1)
        claim(records, SHARD, Breaking(ledger, after=2), layout)
        assert [1, 1] == [len(item.claims) for item in ledger.items.values()]

    def test_own_claims_on_two_pages(self) -> None:
        """A batch may fill a page and go on; its retry finds the claims on both."""
        ledger = Recorded()
        records = [record(number, number) for number in range(1, 6)]
        first = claim(records, SHARD, ledger, TIGHT)
        written = len(ledger.pages)
        assert {0, 1} <= {page.page for page in ledger.pages}
        assert first == claim(records, SHARD, ledger, TIGHT) == Ownership()
        assert len(ledger.pages) - written <= written

    def test_no_write_is_large(self) -> None:
        """One write carries so many bytes of claims at most, but always one claim."""
        ledger = Recorded()
        claim([record(number, number, number + 100) for number in range(1, 9)], SHARD, ledger, TIGHT)
        for appends in ledger.asked:
            for one in appends:
                assert len(one.claims) == 1 or sum(claim.size for claim in one.claims) <= TIGHT.most_at_once

    def test_parts(self) -> None:
        """A record with many events claims them in parts, whose positions follow one another."""
        ledger = Recorded()
        claim([record(7, 1, 2, 3, 4, 5)], SHARD, ledger, replace(LAYOUT, hashes_of_a_claim=2))
        (only,) = ledger.asked[0]
        assert [(1, 2), (3, 4), (5,)] == [one.hashes for one in only.claims]
        assert [0, 1, 2] == [one.position - 7 * 2**16 for one in only.claims]

    def test_parts_disowned(self) -> None:
        """An event of any part may belong to an earlier claim, which may be any part of its record."""
        ledger, layout = SimulatedLedger(), replace(TIGHT, hashes_of_a_claim=2)
        claim([record(1, 1, 2, 3, 4, 5)], SHARD, ledger, layout)
        copy = [record(1, 9, 5, 3, 8, 1)]
        assert {1: [9, 8]} == ours(copy, claim(copy, OTHER, ledger, layout))

    def test_between_parts(self) -> None:
        """If the attempt stops between two parts, the retry appends what is missing, and nothing twice."""
        ledger, layout = SimulatedLedger(), replace(TIGHT, hashes_of_a_claim=1, most_at_once=1)
        one = record(1, 1, 2, 3)
        broken = Breaking(ledger, after=2)
        with pytest.raises(ConnectionError):
            claim([one], SHARD, broken, layout)
        claim([record(1, 3, 4)], OTHER, ledger, layout)
        ownership = claim([one], SHARD, ledger, layout)
        assert {1: [1, 2]} == ours([one], ownership)
        appended = [claimed for item in ledger.items.values() for claimed in item.claims]
        assert len(appended) == len(set(appended))


class Breaking:
    """A ledger that fails for good after some appends."""

    def __init__(self, ledger: SimulatedLedger, after: int) -> None:
        self._ledger = ledger
        self._left = after

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        if not self._left:
            raise ConnectionError
        self._left -= 1
        return self._ledger.append(appends)


class TestUnavailable:
    SLOT = NOON_MS // 5_000

    def test_lowest(self) -> None:
        """The lowest record with a claim that is not known to be in is where nothing may be applied from."""
        records = [record(number, number, time_ms=NOON_MS + 5_000 * number) for number in range(1, 5)]
        ledger = Recorded(self.SLOT + 4, self.SLOT + 2)
        assert 2 == claim(records, SHARD, ledger, LAYOUT).unresolved_from

    def test_others_are_claimed(self) -> None:
        """The other items get their claims; the retry meets them there."""
        records = [record(number, number, time_ms=NOON_MS + 5_000 * number) for number in range(1, 4)]
        ledger = Recorded(self.SLOT + 2)
        claim(records, SHARD, ledger, LAYOUT)
        assert [self.SLOT + 1, self.SLOT + 3] == [page.slot for page in ledger.ledger.items]
        ledger.silent_slots.clear()
        assert Ownership() == claim(records[1:], SHARD, ledger, LAYOUT)

    def test_records_before(self) -> None:
        """For the records before it, the answer is the final one."""
        ledger = Recorded()
        claim([record(1, 1, 2)], OTHER, ledger, LAYOUT)
        ledger.silent_slots.add(self.SLOT + 1)
        records = [record(1, 2, 3), ReadRecord(2, [*record(2, 4, time_ms=NOON_MS + 5_000).calls])]
        ownership = claim(records, SHARD, ledger, LAYOUT)
        assert 2 == ownership.unresolved_from
        assert [3] == ours(records, ownership)[1]

    def test_in_the_middle_of_a_chain(self) -> None:
        """If the ledger stops answering on a later page, the claims that are in count as such."""
        ledger = Silenced(SimulatedLedger(), page=1)
        records = [record(number, number) for number in range(1, 6)]
        ownership = claim(records, SHARD, ledger, TIGHT)
        in_page = [one.position // 2**16 for one in ledger.ledger.items[PageId(self.SLOT, 0, 0)].claims]
        assert in_page[-1] + 1 == ownership.unresolved_from


class Silenced:
    """A ledger that does not answer for pages of a number or above."""

    def __init__(self, ledger: SimulatedLedger, page: int) -> None:
        self.ledger = ledger
        self._page = page

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        return [
            LedgerAnswer(Status.UNAVAILABLE) if one.page.page >= self._page else self.ledger.append([one])[0]
            for one in appends
        ]
