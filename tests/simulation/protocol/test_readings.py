"""What is remembered of reading is what the shipped reader says, and stays so."""

from __future__ import annotations

import pytest

from metering.billing_rule import BillingRule
from metering.calls.record import ReadRecord, StreamRecord, read_record
from simulation.protocol import readings, world
from simulation.protocol.readings import Readings

LINE = b'{"extendedRequestId": "%s", "apiKeyId": "a", "status": "404", "requestTimeEpoch": "1"}'


def record(data: bytes, number: int = 7) -> StreamRecord:
    """A record of a shard."""
    return StreamRecord("shardId-000000000000", number, data, 1_000)


def test_what_the_shipped_reader_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each record is read once under each rule: other bytes at the same place are another record."""
    asked: list[tuple[StreamRecord, BillingRule]] = []

    def noted(one: StreamRecord, rule: BillingRule) -> ReadRecord:
        asked.append((one, rule))
        return read_record(one, rule)

    monkeypatch.setattr(readings, "read_record", noted)
    all_billed, none_billed = BillingRule(""), BillingRule("4xx")
    wanted = [
        (record(LINE % b"one"), all_billed),
        (record(LINE % b"one"), none_billed),
        (record(LINE % b"two"), all_billed),
        (record(LINE % b"one", 8), all_billed),
    ]
    read = Readings()
    assert [read_record(*one) for one in wanted] * 2 == [read(*one) for one in [*wanted, *wanted]]
    assert wanted == asked


class KeptReadings(Readings):
    """The last one that was made can be looked at."""

    last: Readings

    def __init__(self) -> None:
        super().__init__()
        KeptReadings.last = self


@pytest.mark.parametrize("seed", [1, 5])
def test_nobody_changes_it(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """After all attempts of a world every record was read, and what is remembered is what reading says."""
    monkeypatch.setattr(world, "Readings", KeptReadings)
    result = world.World(seed).run()
    known = KeptReadings.last.known
    assert result.records + result.heartbeats <= len(known)
    assert {key: read_record(*key) for key in known} == known
