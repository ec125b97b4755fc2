"""Records in a temporary file come back as they were added."""

from __future__ import annotations

from random import Random

import pytest

from reconciliation.spool import RecordSpool, SpoolFile, SpoolView


@pytest.mark.parametrize("block_bytes", [1, 40, 1_000, 1_000_000])
def test_records_come_back(block_bytes: int) -> None:
    """In their order, and by their number in any order, however many are in a block; several share a file."""
    random, file = Random(block_bytes), SpoolFile()
    spools = [RecordSpool(file, block_bytes), RecordSpool(file, block_bytes)]
    wanted = [[random.randbytes(random.randint(0, 60)) for _ in range(100)] for _ in spools]
    for some in zip(*wanted, strict=True):
        for spool, record in zip(spools, some, strict=True):
            spool.add(record)
    assert wanted == [list(spool) for spool in spools]
    for spool, records in zip(spools, wanted, strict=True):
        numbers = random.sample(range(len(records)), len(records))
        assert [records[number] for number in numbers] == [spool[number] for number in numbers]
        assert len(records) == len(spool)


def test_a_view() -> None:
    """It reads each record when it is wanted, in an order of its own; a part of it is a list."""
    spool = RecordSpool(block_bytes=8)
    for number in range(10):
        spool.add(str(number).encode())
    read: list[bytes] = []

    def twice(record: bytes) -> int:
        read.append(record)
        return 2 * int(record)

    view = SpoolView(spool, twice, [7, 3, 5])
    assert (3, []) == (len(view), read)
    assert [14, 6, 10] == list(view)
    assert ([14, 6], 10) == (view[:2], view[-1])
    assert len(spool) == len(SpoolView(spool, twice))
