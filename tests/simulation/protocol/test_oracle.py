"""What the oracle expects of a line is what the shipped reader makes of it, reckoned without its code."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pytest
from aws_kinesis_agg.aggregator import AggRecord

from metering.billing_rule import BillingRule
from metering.calls.call import Call
from metering.calls.record import StreamRecord, read_record
from metering.period import day_of, hour_at, month_of
from metering.usage import Usage
from simulation.protocol.oracle import Oracle
from simulation.protocol.settings import DAY_MS
from simulation.protocol.store import Counted, CounterId
from simulation.protocol.traffic import (
    MONTH_END_MS,
    Amounts,
    Logged,
    SimulatedUserRecord,
    Truth,
    access_log_line,
    delivery,
)

SHARD = "shardId-000000000000"
CALL = Truth("key-0", "own id=", MONTH_END_MS, Amounts(1, 0, 300, 17, 5))
LINE = access_log_line(CALL, CALL.id, CALL.time_ms, 200)
BARE = SimulatedUserRecord(LINE.encode(), (CALL._replace(is_bare=True),))
DELIVERED = delivery([Logged("a log event", MONTH_END_MS, LINE, CALL)])


class Both:
    """The oracle and the shipped reader, which get the same records."""

    def __init__(self) -> None:
        self.oracle = Oracle()
        self._calls: dict[int, Call] = {}
        self._records = 0

    def put(self, user_records: tuple[SimulatedUserRecord, ...], data: bytes, after_ms: int) -> list[str]:
        """A record that arrives so long after the call; the keys that the reader counts it under."""
        self._records += 1
        record = StreamRecord(SHARD, self._records, data, MONTH_END_MS + after_ms)
        self.oracle.sent(user_records, f"{SHARD}:{self._records}", record.arrived_at_ms, self._records)
        calls = read_record(record, BillingRule()).calls
        for call in calls:
            self._calls.setdefault(call.event_hash, call)
        return [call.key for call in calls]

    def differences(self) -> list[str]:
        """What the oracle does not expect of what was read, each event once."""
        return list(self.oracle.differences(counters(self._calls.values())))


def counters(calls: Iterable[Call]) -> dict[CounterId, Counted]:
    """The counters of some calls."""
    found: defaultdict[CounterId, Counted] = defaultdict(lambda: Counted(Usage(), {}))
    for call in calls:
        day = day_of(hour := hour_at(call.time_ms))
        for place, part in (((call.key, month_of(day)), day[-2:]), ((call.key, day), hour[-2:])):
            totals, parts = found[place]
            found[place] = Counted(totals + call.usage, {**parts, part: parts.get(part, 0) + 1})
    return found


@pytest.mark.parametrize(
    ("after_ms", "key"),
    [
        (0, "key-0"),
        (DAY_MS, "key-0"),
        (-DAY_MS, "key-0"),
        (DAY_MS + 1, "!malformed"),
        (-DAY_MS - 1, "!malformed"),
    ],
)
def test_a_bare_line(after_ms: int, key: str) -> None:
    """Is logged when it arrives: up to a day from its own time it is a call, and then a malformed line."""
    both = Both()
    assert [key] == both.put((BARE,), BARE.data, after_ms)
    assert [] == both.differences()


def test_a_delivery_of_any_age() -> None:
    """Says itself when its lines were logged."""
    both = Both()
    assert ["key-0"] == both.put((DELIVERED,), DELIVERED.data, 13 * DAY_MS)
    assert [] == both.differences()


def test_copies_of_a_bare_line() -> None:
    """Those that come too late are named after their places, each one for itself; the call counts once."""
    both = Both()
    aggregate = AggRecord()
    for _ in range(2):
        aggregate.add_user_record("partition key", BARE.data)
    for after_ms in (5, 6, 2 * DAY_MS):
        both.put((BARE,), BARE.data, after_ms)
    assert ["!malformed"] * 2 == both.put((BARE, BARE), aggregate.get_contents()[2], 2 * DAY_MS)
    assert [] == both.differences()
    assert (4, 1) == (both.oracle.events, both.oracle.duplicates)


@pytest.mark.parametrize(("after_ms", "named"), [(0, {"key-0"}), (DAY_MS + 1, {"!malformed"})])
def test_a_bare_line_that_is_not_counted(after_ms: int, named: set[str]) -> None:
    """Is named, under the key that it is to be counted under."""
    oracle = Oracle()
    oracle.sent((BARE,), f"{SHARD}:1", MONTH_END_MS + after_ms, 1)
    assert named == {line.split()[0] for line in oracle.differences({})}
