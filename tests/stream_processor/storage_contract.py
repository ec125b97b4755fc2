"""What :mod:`metering.counters.ports` promises, as tests that every store must pass.

A class that inherits from these gives the fixture `store`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

from metering.counters.ports import (
    Append,
    Claim,
    Counters,
    Increment,
    Ledger,
    LedgerPages,
    PageId,
    Progress,
    ProgressLog,
    SliceId,
    SliceRegistry,
    Status,
)
from metering.period import Period
from metering.usage import NO_USAGE, Usage

SHARD = "shardId-000000000000"
OTHER_SHARD = "shardId-000000000001"
FAR_SHARD = "shardId-000000000016"
MONTH = Period("2026-11")
DAY = Period("2026-11-05")
SEQUENCE = 49_546_986_683_135_544_286_507_457_936_321_625_675_700_192_471_156_785_154
LONGEST = 10**129 - 1
PLACE = PageId(357_000_000, 0, 0)
FULL = 64 * 1024


@dataclass(frozen=True, slots=True)
class Store:
    """A store under test, and what can be read from it."""

    ledger: Ledger
    slices: SliceRegistry
    counters: Counters
    progress: ProgressLog
    usage: Callable[[str, Period], Usage]
    """The totals of a key in a period, over all slices."""
    parts: Callable[[str, Period], Mapping[str, int]]
    """The requests of each part of the period that has any."""
    pages: LedgerPages
    """Of the ledger."""
    registered: Callable[[Period], frozenset[int]]
    """The slices of a month, as readers of counters have them."""
    reached: Callable[[str], tuple[int, int] | None]
    """The position and the time of a shard's progress."""


def increment(
    first: int = SEQUENCE,
    last: int | None = None,
    *,
    key: str = "a1b2c3",
    period: Period = MONTH,
    shard_id: str = SHARD,
    slice_number: int = 0,
    totals: Usage | None = None,
    parts: Mapping[str, int] | None = None,
) -> Increment:
    """An increment of three calls."""
    totals = totals or Usage(3, 2, 1, 4096, 128, 250, 2**125 + first % 1000)
    last = first if last is None else last
    return Increment(key, period, slice_number, shard_id, first, last, totals, parts or {"05": 3})


def append(
    position: int, *hashes: int, shard_id: str = SHARD, place: PageId = PLACE, full: int = FULL
) -> Append:
    """An append of one claim."""
    return Append(place, (Claim(shard_id, position, hashes),), full)


class CountersContract:
    """The port `Counters`."""

    def test_first(self, store: Store) -> None:
        """A counter that is not there begins at zero, and the answer has the totals after the increment."""
        one = increment()
        (answer,) = store.counters.add([one])
        assert (Status.WRITTEN, one.totals) == (answer.status, answer.totals)
        assert one.totals == store.usage("a1b2c3", MONTH)
        assert {"05": 3} == store.parts("a1b2c3", MONTH)

    def test_later(self, store: Store) -> None:
        """A later increment of the shard is added."""
        one, two = increment(), increment(SEQUENCE + 5, parts={"05": 1, "06": 2})
        store.counters.add([one])
        (answer,) = store.counters.add([two])
        assert one.totals + two.totals == answer.totals == store.usage("a1b2c3", MONTH)
        assert {"05": 4, "06": 2} == store.parts("a1b2c3", MONTH)

    def test_repeated(self, store: Store) -> None:
        """The same increment again is refused with the watermark, and changes nothing."""
        one = increment(SEQUENCE, SEQUENCE + 7)
        store.counters.add([one])
        (answer,) = store.counters.add([one])
        assert (Status.REFUSED, SEQUENCE + 7) == (answer.status, answer.watermark)
        assert one.totals == store.usage("a1b2c3", MONTH)

    @pytest.mark.parametrize("first", [SEQUENCE - 1, SEQUENCE, SEQUENCE + 6, SEQUENCE + 7])
    def test_overlapping(self, store: Store, first: int) -> None:
        """An increment that begins at the watermark or below is refused, however far it goes."""
        store.counters.add([increment(SEQUENCE, SEQUENCE + 7)])
        (answer,) = store.counters.add([increment(first, SEQUENCE + 100)])
        assert (Status.REFUSED, SEQUENCE + 7) == (answer.status, answer.watermark)

    @pytest.mark.parametrize(
        ("low", "high"), [(9, 10), (99, 100), (255, 256), (2**64 - 1, 2**64), (SEQUENCE, LONGEST)]
    )
    def test_order_of_numbers(self, store: Store, low: int, high: int) -> None:
        """Positions compare as numbers, whatever their length: 9 comes before 10."""
        store.counters.add([increment(low)])
        (higher,) = store.counters.add([increment(high)])
        (lower,) = store.counters.add([increment(low)])
        assert (Status.WRITTEN, Status.REFUSED, high) == (higher.status, lower.status, lower.watermark)

    def test_shards_apart(self, store: Store) -> None:
        """A shard's watermark says nothing about another shard's records: numbers compare within one."""
        store.counters.add([increment(SEQUENCE + 100)])
        (answer,) = store.counters.add([increment(SEQUENCE, shard_id=OTHER_SHARD)])
        assert Status.WRITTEN is answer.status

    def test_slices(self, store: Store) -> None:
        """A counter is the sum of its slices, and a slice knows its own watermarks only."""
        one, two = increment(), increment(shard_id=FAR_SHARD, slice_number=1)
        assert [Status.WRITTEN] * 2 == [answer.status for answer in store.counters.add([one, two])]
        assert one.totals + two.totals == store.usage("a1b2c3", MONTH)

    def test_several(self, store: Store) -> None:
        """Each is on its own: a refused one does not hold the others, and answers keep their order."""
        store.counters.add([increment()])
        others = [increment(key=f"key-{number}", period=DAY, parts={"23": 3}) for number in range(20)]
        answers = store.counters.add([*others[:10], increment(), *others[10:]])
        statuses = [answer.status for answer in answers]
        assert [Status.WRITTEN] * 10 + [Status.REFUSED] + [Status.WRITTEN] * 10 == statuses
        assert {"23": 3} == store.parts("key-19", DAY)

    def test_largest(self, store: Store) -> None:
        """A fingerprint of 38 digits and a total of 2^63 are kept to the last digit."""
        totals = Usage(2**62, 1, 0, 2**63, 0, 0, 2**126 - 1)
        store.counters.add([increment(totals=totals)])
        assert totals == store.usage("a1b2c3", MONTH)

    @pytest.mark.parametrize(
        "key", ["-", "!malformed", "<img src=x>", "schlüssel/#1", "k" * 256, "key:a", "progress"]
    )
    def test_any_key(self, store: Store, key: str) -> None:
        """A key's name is its own business."""
        store.counters.add([increment(key=key), increment(key="other")])
        assert increment().totals == store.usage(key, MONTH)

    def test_nothing(self, store: Store) -> None:
        """No increments, no answers; a counter without calls has no usage."""
        assert [] == list(store.counters.add([]))
        assert NO_USAGE == store.usage("nobody", MONTH)


class LedgerContract:
    """The ports `Ledger` and `LedgerPages`."""

    def test_first(self, store: Store) -> None:
        """The answer holds the page as it is after the append."""
        one = append(SEQUENCE, 1, 2**63 - 1)
        (answer,) = store.ledger.append([one])
        assert (Status.WRITTEN, list(one.claims)) == (answer.status, list(answer.page.claims))
        assert (SEQUENCE, one.claims[0].size) == (answer.page.watermark, answer.page.size)

    def test_order(self, store: Store) -> None:
        """Claims stay where they were put; later ones come behind, of whatever shard."""
        appends = [
            append(SEQUENCE, 1),
            append(SEQUENCE - 9, 1, 2, shard_id=OTHER_SHARD),
            append(SEQUENCE + 1, 3),
        ]
        for one in appends[:-1]:
            store.ledger.append([one])
        (answer,) = store.ledger.append(appends[-1:])
        assert [claim for one in appends for claim in one.claims] == list(answer.page.claims)

    def test_repeated(self, store: Store) -> None:
        """A repeated append is refused with the page as it is: the claims are in their old places."""
        claims = (Claim(SHARD, SEQUENCE, (1, 2)), Claim(SHARD, SEQUENCE + 1, (3,)))
        store.ledger.append([Append(PLACE, claims, FULL)])
        (answer,) = store.ledger.append([Append(PLACE, claims, FULL)])
        assert (Status.REFUSED, SEQUENCE + 1) == (answer.status, answer.page.watermark)
        assert list(claims) == list(answer.page.claims)

    def test_longer_retry(self, store: Store) -> None:
        """An append that begins with what is in is refused whole; what is missing can be appended then."""
        first, second = Claim(SHARD, SEQUENCE, (1,)), Claim(SHARD, SEQUENCE + 1, (2,))
        store.ledger.append([Append(PLACE, (first,), FULL)])
        (refused,) = store.ledger.append([Append(PLACE, (first, second), FULL)])
        (written,) = store.ledger.append([Append(PLACE, (second,), FULL)])
        assert (Status.REFUSED, [first]) == (refused.status, list(refused.page.claims))
        assert (Status.WRITTEN, [first, second]) == (written.status, list(written.page.claims))

    def test_pages(self, store: Store) -> None:
        """A page can be read as it was left; one that nobody has written to is not there."""
        store.ledger.append([append(SEQUENCE, 1, 2**63 - 1)])
        (written,) = store.ledger.append([append(SEQUENCE - 9, 3, shard_id=OTHER_SHARD)])
        nowhere, found, again = store.pages.read([PLACE._replace(lane=1), PLACE, PLACE])
        assert nowhere is None
        assert found == again == written.page._replace(watermark=None)

    def test_full(self, store: Store) -> None:
        """A page takes claims while it is below its bound, and none from then on, of nobody."""
        one = append(SEQUENCE, *range(100), full=800)
        (first,) = store.ledger.append([one])
        (own,) = store.ledger.append([append(SEQUENCE + 1, 7, full=800)])
        (other,) = store.ledger.append([append(SEQUENCE, 7, shard_id=OTHER_SHARD, full=800)])
        assert [Status.WRITTEN, Status.REFUSED, Status.REFUSED] == [first.status, own.status, other.status]
        assert (864, 864, None) == (own.page.size, other.page.size, other.page.watermark)
        assert list(one.claims) == list(other.page.claims)

    def test_pages_apart(self, store: Store) -> None:
        """Every slot, lane and page is a list of its own."""
        slot, lane, page = PLACE
        places = [
            PLACE,
            PageId(slot + 1, lane, page),
            PageId(slot, lane + 1, page),
            PageId(slot, lane, page + 1),
        ]
        answers = store.ledger.append([append(SEQUENCE, 1, place=place) for place in places])
        assert [1] * 4 == [len(answer.page.claims) for answer in answers]

    @pytest.mark.parametrize(("low", "high"), [(9, 10), (2**64 - 1, 2**64), (SEQUENCE, LONGEST * 2**16)])
    def test_order_of_numbers(self, store: Store, low: int, high: int) -> None:
        """Positions compare as numbers, whatever their length."""
        store.ledger.append([append(low, 1)])
        (higher,) = store.ledger.append([append(high, 2)])
        (lower,) = store.ledger.append([append(low, 1)])
        assert (Status.WRITTEN, Status.REFUSED, high) == (higher.status, lower.status, lower.page.watermark)

    def test_many_hashes(self, store: Store) -> None:
        """A claim of thousands of events comes back whole."""
        hashes = tuple(range(2**62, 2**62 + 2048))
        (answer,) = store.ledger.append([append(SEQUENCE, *hashes)])
        assert [Claim(SHARD, SEQUENCE, hashes)] == list(answer.page.claims)


class SlicesContract:
    """The port `SliceRegistry`."""

    def test_registered(self, store: Store) -> None:
        """Slice 0 is always there, others once they are registered, each in its month, however often."""
        other = Period("2026-12")
        assert frozenset({0}) == store.registered(MONTH)
        statuses = store.slices.register([SliceId(MONTH, 3), SliceId(other, 12), SliceId(MONTH, 1)])
        assert [Status.WRITTEN] * 3 == list(statuses)
        assert [Status.WRITTEN] == list(store.slices.register([SliceId(MONTH, 3)]))
        assert frozenset({0, 1, 3}) == store.registered(MONTH)
        assert frozenset({0, 12}) == store.registered(other)

    def test_nothing(self, store: Store) -> None:
        """Nothing to register, nothing registered."""
        assert [] == list(store.slices.register([]))


class ProgressContract:
    """The port `ProgressLog`."""

    def test_kept(self, store: Store) -> None:
        """The progress of each shard is kept."""
        store.progress.note(Progress(SHARD, SEQUENCE, 1_793_275_200_579))
        store.progress.note(Progress(OTHER_SHARD, 7, 8))
        assert (SEQUENCE, 1_793_275_200_579) == store.reached(SHARD)
        assert (7, 8) == store.reached(OTHER_SHARD)

    def test_never_back(self, store: Store) -> None:
        """A zombie's note changes nothing."""
        store.progress.note(Progress(SHARD, SEQUENCE, 2000))
        store.progress.note(Progress(SHARD, SEQUENCE - 1, 1000))
        assert (SEQUENCE, 2000) == store.reached(SHARD)

    def test_none(self, store: Store) -> None:
        """A shard that was never heard of has no progress."""
        assert store.reached(SHARD) is None
