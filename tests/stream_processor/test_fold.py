"""The fold, against sums that are spelt out."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.calls.call import Call
from metering.calls.record import ReadRecord
from metering.counters.ports import Increment
from metering.counters.slices import slice_of
from metering.period import Period, day_of, hour_at, month_of
from metering.usage import NO_USAGE, Usage
from stream_processor.fold import Recut, fold

SHARD = "shardId-000000000017"
MIDNIGHT_MS = 1_793_491_200_000
"""2026-11-01T00:00:00Z: a new hour, day and month."""
HOUR_MS = 3_600_000

CALLS = st.builds(
    Call,
    st.just("id"),
    st.integers(0, 2**63 - 1),
    st.sampled_from([0, 25, 26, 48]).flatmap(
        lambda hours: st.integers(
            MIDNIGHT_MS + (hours - 25) * HOUR_MS - 2, MIDNIGHT_MS + (hours - 25) * HOUR_MS + 2
        )
    ),
    st.sampled_from(["a", "b", "-", "!malformed"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 1, 2**40]),
    st.sampled_from([0, 0, 7]),
    st.integers(0, 1000),
)
RECORDS = st.lists(st.lists(CALLS, max_size=6), max_size=5).map(
    lambda batch: [ReadRecord(10**55 + number * 3, calls) for number, calls in enumerate(batch)]
)

Counters = dict[tuple[str, Period], Increment]


def spelt_out(records: Iterable[ReadRecord]) -> Counters:
    """One call after the other, into its month and its day."""
    found: Counters = {}
    for record in records:
        for call in record.calls:
            hour = hour_at(call.time_ms)
            for period, part in ((month_of(hour), hour[8:10]), (day_of(hour), hour[11:13])):
                found[call.key, period] = _with(
                    found.get((call.key, period)), call, period, part, record.sequence_number
                )
    return found


def _with(before: Increment | None, call: Call, period: Period, part: str, position: int) -> Increment:
    totals = NO_USAGE if before is None else before.totals
    parts = {} if before is None else dict(before.parts)
    parts[part] = parts.get(part, 0) + 1
    first = position if before is None else before.first
    return Increment(call.key, period, 1, SHARD, first, position, totals + call.usage, parts)


def by_counter(increments: Iterable[Increment]) -> Counters:
    """The increments by their counter."""
    found = list(increments)
    counters = {(one.key, one.period): one for one in found}
    assert len(found) == len(counters)
    return counters


@given(RECORDS)
def test_fold(records: list[ReadRecord]) -> None:
    """Each counter gets one increment: the sum of its calls, whatever hours, days and months they are of."""
    assert spelt_out(records) == by_counter(fold(records, SHARD))


@given(RECORDS, st.integers(-1, 15))
def test_recut(records: list[ReadRecord], reached: int) -> None:
    """What is left of an increment above a watermark is what the later records alone would give it."""
    watermark = 10**55 + reached
    later = spelt_out(record for record in records if record.sequence_number > watermark)
    recut = Recut(records)
    for increment in fold(records, SHARD):
        left = later.get((increment.key, increment.period))
        assert ([] if left is None else [left]) == recut.after(watermark, increment)


def test_one_call() -> None:
    """A call is a request of its day in the month, and of its hour in the day."""
    call = Call("id", 7, MIDNIGHT_MS - 1, "a", billable=True, response_bytes=5)
    assert [
        Increment("a", Period("2026-10"), 1, SHARD, 3, 3, call.usage, {"31": 1}),
        Increment("a", Period("2026-10-31"), 1, SHARD, 3, 3, call.usage, {"23": 1}),
    ] == fold([ReadRecord(3, [call])], SHARD)
    assert Usage(1, 1, 0, 5, 0, 0, 7) == call.usage


def test_nothing() -> None:
    """Records without calls change no counter."""
    assert [] == fold([ReadRecord(3, []), ReadRecord(4, [])], SHARD)


@pytest.mark.parametrize(
    ("shard_id", "slice_number"),
    [("shardId-000000000000", 0), ("shardId-000000000015", 0), ("shardId-000000000016", 1), ("other", 0)],
)
def test_slice(shard_id: str, slice_number: int) -> None:
    """Sixteen shards share a slice, by their number."""
    assert slice_number == slice_of(shard_id)
