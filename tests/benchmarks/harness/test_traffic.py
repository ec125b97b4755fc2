"""The traffic that is measured with."""

from __future__ import annotations

import gzip
import json
from collections import Counter

import pytest

from benchmarks.decoding import RULE, meter, powertools
from benchmarks.harness.traffic import START_MS, Traffic, batches, kinesis_event, records, shard_id, weights
from metering.calls.record import read_record
from metering.outcome import Outcome
from stream_processor.kinesis_event import read_event

TRAFFIC = Traffic(rate=400, keys=50, seconds=6, lines=100, shards=2)


def test_calls() -> None:
    """As many calls as were asked for, all metered, of at most so many keys, within the time."""
    batch = read_event(kinesis_event(list(records(TRAFFIC))))
    calls = [call for record in batch for call in read_record(record, RULE).calls]
    assert 2400 == len({call.event_hash for call in calls})
    assert {Outcome.METERED} == {call.outcome for call in calls}
    assert len({call.key for call in calls}) <= 50
    assert all(START_MS <= call.time_ms < START_MS + 6_000 for call in calls)


def test_lines() -> None:
    """Lines have 400 to 700 bytes, deliveries 100 lines at most; a line is logged after its call began."""
    for record in records(TRAFFIC):
        events = json.loads(gzip.decompress(record.data))["logEvents"]
        assert len(events) == record.lines <= 100
        for event in events:
            assert 400 <= len(event["message"]) <= 700
            assert int(json.loads(event["message"])["requestTimeEpoch"]) <= event["timestamp"]


def test_heavy_tail() -> None:
    """The first key makes a fifth of the calls, by its weight."""
    batch = read_event(kinesis_event(list(records(TRAFFIC))))
    keys = Counter(call.key for record in batch for call in read_record(record, RULE).calls)
    assert weights(50)[0] == pytest.approx(keys.most_common(1)[0][1] / 2400, rel=0.15)
    assert 1.0 == pytest.approx(sum(weights(50)))


def test_batches() -> None:
    """A batch holds records of one shard and window, in their order; together they are all records."""
    found = list(batches(TRAFFIC, window_seconds=2))
    for batch in found:
        assert 1 == len({record.shard for record in batch})
        assert [record.number for record in batch] == sorted(record.number for record in batch)
    assert sorted(records(TRAFFIC), key=lambda one: (one.shard, one.number)) == sorted(
        (record for batch in found for record in batch), key=lambda one: (one.shard, one.number)
    )


def test_full_batches() -> None:
    """What does not fit into an invocation comes in the next."""
    found = list(batches(TRAFFIC, window_seconds=60, most_bytes=30_000))
    assert all(sum(len(record.data) for record in batch) <= 30_000 for batch in found)
    assert len(found) > 2


def test_opponents_do_the_same() -> None:
    """The meter and its opponent fold the same traffic into the same increments."""
    event = kinesis_event(list(records(Traffic(rate=300, keys=20, seconds=2))))
    ours, theirs = meter(event), powertools(event)
    assert sorted(ours) == sorted(theirs)
    assert {shard_id(0)} == {increment.shard_id for increment in ours}
