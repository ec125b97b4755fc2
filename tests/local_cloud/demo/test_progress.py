"""How far the demo is."""

from datetime import UTC, datetime

import pytest

from local_cloud.demo.progress import DemoProgress, StuckError
from local_cloud.firehose.delivery_stream import FirehoseDelivery
from local_cloud.lambda_.event_source_mapping import MappingInvocation
from local_cloud.lambda_.shard_cursor import Answer, CursorRecord, FailedBatch, RecordBatch, Succeeded
from local_cloud.playback.player import Played
from metering.counters.ports import Increment
from metering.period import Period
from metering.usage import NO_USAGE, Usage
from stream_processor.processor import BatchReport
from tests.factories import SHARD, delivery, lines

NOON = datetime(2026, 10, 31, 12, tzinfo=UTC)


def invocation(answer: Answer, *processed: bytes) -> MappingInvocation:
    """One that processed these deliveries."""
    records = tuple(CursorRecord("1", "a key", data, NOON) for data in processed)
    return MappingInvocation(SHARD, RecordBatch(records), answer, records, NOON)


def landed(rows: int) -> FirehoseDelivery:
    """An object with so many rows."""
    return FirehoseDelivery("lake", "an object", None, 1, rows, 100, NOON, NOON)


def test_a_snapshot_has_everything() -> None:
    """What was sent, counted and landed, the time of the log, the busiest keys and the faults."""
    seconds = iter(range(100))
    progress = DemoProgress(10, lambda: float(next(seconds)))
    progress.phase = "playing the log"
    progress.faults = lambda: {"duplicate_delivery": 2}
    progress.note_sent(Played(4, 1, NOON))
    progress.flow.deliver(delivery(lines(3)))
    listeners = progress.listeners
    listeners.on_batch(
        BatchReport(totals=[(Increment("a", Period("2026-10"), 0, SHARD, 1, 1, NO_USAGE, {}), Usage(3))])
    )
    listeners.on_invocation(invocation(Succeeded(), delivery(lines(3))))
    listeners.on_delivered(landed(2))
    listeners.on_delivered(landed(1))

    snapshot = progress.snapshot()

    assert ("playing the log", 10, 4, 3, 3) == (
        snapshot.phase,
        snapshot.total,
        snapshot.sent,
        snapshot.counted,
        snapshot.landed,
    )
    assert (NOON, [("a", 3)], {"duplicate_delivery": 2}) == (
        snapshot.log_time,
        snapshot.busiest,
        snapshot.faults,
    )
    assert snapshot.freshness.p50 > 0
    assert snapshot.seconds > 0


def test_a_function_that_always_fails_is_noticed() -> None:
    """Lambda would repeat the batch for a week; whoever watches the demo should not have to."""
    progress = DemoProgress(10)
    on_invocation = progress.listeners.on_invocation
    for _ in range(19):
        on_invocation(invocation(FailedBatch("TypeError: no")))

    with pytest.raises(StuckError, match="TypeError: no"):
        on_invocation(invocation(FailedBatch("TypeError: no")))


def test_a_function_that_goes_on_is_left_alone() -> None:
    """Faults make it fail, and it recovers."""
    progress = DemoProgress(10)
    for _ in range(40):
        progress.listeners.on_invocation(invocation(FailedBatch("throttled")))
        progress.listeners.on_invocation(invocation(Succeeded(), delivery(lines(3))))

    assert 0 == progress.snapshot().counted
