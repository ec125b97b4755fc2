"""Units of the ledger, against the shipped claims on a ledger that weighs its pages."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import ceil

import pytest

from adapters.dynamodb.layout import ledger_pk
from adapters.dynamodb.ledger import encode_claim
from metering.calls.call import Call
from metering.calls.record import ReadRecord
from metering.cost.ledger_units import UNIT_BYTES, AveragePage, PageUnits, units_of
from metering.counters.ledger_layout import LedgerLayout
from metering.counters.ports import Append, Claim, LedgerAnswer, PageId, Status
from metering.counters.ports import Page as LedgerPage
from stream_processor.claims import claim
from stream_processor.full_pages import FullPages

NOON_MS = 1_793_448_000_000
SEQUENCE = 49_635_052_289_529_725_553_291_405_521_504_870_233_219_489_715_332_317_186


class WeighingLedger:
    """The ledger in memory: what an append costs is the size of its page, written or refused, and a page that
    is read costs half a unit for each 4 KB.
    """

    def __init__(self) -> None:
        self.units = 0
        self.read_units = 0.0
        self._pages: dict[PageId, list[Claim]] = {}

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        """Append as the port says; nothing is ever repeated here."""
        return [self._append(one) for one in appends]

    def read(self, pages: Sequence[PageId]) -> list[LedgerPage | None]:
        """Read as the port `LedgerPages` says."""
        return [self._read(one) for one in pages]

    def _read(self, place: PageId) -> LedgerPage | None:
        claims = self._pages.get(place)
        self.read_units += ceil(self._size(place) / 4096) / 2 if claims else 0.5
        return None if claims is None else LedgerPage(list(claims), None, sum(one.size for one in claims))

    def _append(self, append: Append) -> LedgerAnswer:
        claims = self._pages.setdefault(append.page, [])
        counted = sum(one.size for one in claims)
        is_written = counted < append.full_at
        if is_written:
            claims += append.claims
        self.units += ceil(self._size(append.page) / UNIT_BYTES)
        mine = [one.position for one in claims if one.shard_id == append.claims[0].shard_id]
        status = Status.WRITTEN if is_written else Status.REFUSED
        page = LedgerPage(list(claims), max(mine, default=None), sum(one.size for one in claims))
        return LedgerAnswer(status, page)

    def _size(self, page: PageId) -> int:
        """As DynamoDB reckons: names and values, 3 bytes for a list and 1 for each of its elements.

        https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
        """
        claims = self._pages[page]
        shards = {one.shard_id for one in claims}
        attributes = (
            len("pk") + len(ledger_pk(*page)) + len("claims") + 3 + len("size") + 4 + len("expires_at") + 6
        )
        return attributes + 30 * len(shards) + sum(1 + len(encode_claim(one)) for one in claims)


def call(generator: random.Random, time_ms: int) -> Call:
    return Call("an id", generator.getrandbits(63), time_ms, "key")


def measured(batches: int, deliveries: int, lines: int, shards: int) -> PageUnits:
    """The units of batches of one slot, each of a shard, one by one; the slot before was the same."""
    generator = random.Random(1)
    ledger, layout = WeighingLedger(), LedgerLayout()
    processes = [FullPages(ledger, lambda: 0.0, ledger) for _ in range(shards)]
    for time_ms in (NOON_MS, NOON_MS + layout.slot_ms):
        ledger.units, ledger.read_units = 0, 0.0
        for number in range(batches):
            records = [
                ReadRecord(
                    time_ms * SEQUENCE + number * deliveries + place,
                    [call(generator, time_ms) for _ in range(lines)],
                )
                for place in range(deliveries)
            ]
            claim(records, f"shardId-{number % shards:012d}", processes[number % shards], layout)
    return PageUnits(ledger.units, ledger.read_units)


class TestUnits:
    @pytest.mark.parametrize(
        ("batches", "deliveries", "lines", "shards"),
        [
            *(
                (1, 1, 1, 1),
                (2, 5, 10, 1),
                (2, 10, 500, 1),
                (8, 2, 500, 4),
                (6, 12, 500, 2),
                (40, 10, 100, 20),
            ),
            (100, 1, 500, 100),
        ],
        ids=["one call", "sparse", "busy", "four shards", "several pages", "twenty shards", "a batch each"],
    )
    def test_as_the_processor_writes(self, batches: int, deliveries: int, lines: int, shards: int) -> None:
        """What the processor's own claims cost, pages that are full included, to 10 %; and what it reads, to
        a fifth.
        """
        found = measured(batches, deliveries, lines, shards)
        expected = units_of(AveragePage(batches, deliveries, deliveries * lines, shards))
        assert expected.writes == pytest.approx(found.writes, rel=0.1)
        assert expected.reads == pytest.approx(found.reads, rel=0.2)

    def test_part_of_an_append(self) -> None:
        """Between two whole numbers of appends the units lie between theirs."""
        one, two = (units_of(AveragePage(appends, 1, 500, 1)) for appends in (1, 2))
        assert (one.writes + two.writes) / 2 == units_of(AveragePage(1.5, 1, 500, 1)).writes
        assert (0, 0) == units_of(AveragePage(0, 1, 1, 1))
