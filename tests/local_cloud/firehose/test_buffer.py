"""What waits in a delivery stream."""

from datetime import UTC, datetime, timedelta

from local_cloud.firehose.buffer import DeliveryBuffers, TransformBuffer
from local_cloud.firehose.json_rows import RowReader
from local_cloud.firehose.settings import MEBIBYTE, DeliverySettings, TransformSettings
from local_cloud.firehose.stream_source import SourceRecord
from local_cloud.firehose.transform_call import ENVELOPE_BYTES, MAX_PAYLOAD_BYTES, payload_bytes
from local_cloud.glue import Column
from local_cloud.template.document import Stack

NOW = datetime(2026, 10, 31, tzinfo=UTC)
STACK = Stack()
SETTINGS = DeliverySettings.from_properties(
    "lake", STACK.arn("LakeDeliveryStream"), STACK.resource("LakeDeliveryStream")
)
READER = RowReader([Column("c", "string")])
DAY = (("day", "31"),)


def record(number: int, size: int = 10) -> SourceRecord:
    """A record of that many bytes."""
    return SourceRecord("shardId-000000000000", str(10**55 + number), 0, "key", b"x" * size, NOW)


def transform_buffer(size: int = 100, seconds: int = 60) -> TransformBuffer:
    """One of that size and interval."""
    return TransformBuffer(TransformSettings("arn", 3, size, timedelta(seconds=seconds)))


def test_a_batch_is_taken_when_it_is_full() -> None:
    """It holds as many records as the size allows, in order, and the rest waits."""
    buffer = transform_buffer(size=100)
    records = [record(number) for number in range(15)]

    buffer.add(records[:9], NOW)
    assert [] == buffer.take(NOW)
    buffer.add(records[9:], NOW)
    assert records[:10] == buffer.take(NOW)
    assert [] == buffer.take(NOW)
    assert records[10:] == buffer.take(NOW, flush=True)


def test_a_batch_is_taken_when_it_is_old() -> None:
    """Counted from its first record; what comes after a batch begins anew."""
    buffer = transform_buffer()
    later = NOW + timedelta(seconds=60)
    buffer.add([record(1)], NOW)
    buffer.add([record(2)], NOW + timedelta(seconds=59))

    assert [] == buffer.take(later - timedelta(milliseconds=1))
    assert [record(1), record(2)] == buffer.take(later)
    buffer.add([record(3)], later)
    assert [] == buffer.take(later + timedelta(seconds=59))
    assert [record(3)] == buffer.take(later + timedelta(seconds=60))


def test_a_record_larger_than_the_buffer_goes_alone() -> None:
    """A record may have 1 MiB, the buffer 0.2."""
    buffer = transform_buffer(size=100)
    buffer.add([record(1), record(2, size=500), record(3)], NOW)

    assert [record(1)] == buffer.take(NOW)
    assert [record(2, size=500)] == buffer.take(NOW)
    assert [] == buffer.take(NOW)


def test_small_records_are_bound_by_the_request() -> None:
    """Of 3 MB of tiny records only as many are sent as six megabytes of JSON hold."""
    buffer = transform_buffer(size=3 * MEBIBYTE)
    buffer.add([record(number, size=1) for number in range(20_000)], NOW)

    batch = buffer.take(NOW)

    payload = ENVELOPE_BYTES + sum(map(payload_bytes, batch))
    assert payload <= MAX_PAYLOAD_BYTES < payload + payload_bytes(batch[0])


def test_nothing_to_take() -> None:
    """An empty buffer has no batch, flushed or not."""
    assert [] == transform_buffer().take(NOW, flush=True)


def test_buffers_are_due_by_size_or_age() -> None:
    """Rows and errors alike, each by itself."""
    buffers = DeliveryBuffers(SETTINGS)
    rows = buffers.open(DAY, READER, NOW)
    rows.add(record(1), [("x",)], size=10)
    errors = buffers.errors_of("processing-failed", NOW + timedelta(seconds=10))
    errors.add(record(2), {"rawData": "x"})

    assert [] == buffers.due(NOW + SETTINGS.buffer_interval - timedelta(seconds=1))
    assert [rows] == buffers.due(NOW + SETTINGS.buffer_interval)
    assert [rows, errors] == buffers.due(NOW, flush=True)
    rows.add(record(3), [("y",)], size=SETTINGS.buffer_bytes - 10)
    assert [rows] == buffers.due(NOW)


def test_a_delivered_partition_is_active_no_longer() -> None:
    """It may be opened again, and makes room for another."""
    buffers = DeliveryBuffers(SETTINGS, most_active=1)
    first = buffers.open(DAY, READER, NOW)
    assert not buffers.can_open()
    assert first is buffers.rows_of(DAY)

    buffers.close(first)

    assert buffers.can_open()
    assert [] == buffers.due(NOW, flush=True)
    assert buffers.rows_of(DAY) is None


def test_errors_of_a_type_share_a_buffer() -> None:
    """As long as it is not delivered."""
    buffers = DeliveryBuffers(SETTINGS)
    errors = buffers.errors_of("processing-failed", NOW)

    assert errors is buffers.errors_of("processing-failed", NOW + timedelta(seconds=5))
    assert errors is not buffers.errors_of("format-conversion-failed", NOW)
    assert errors in buffers.due(NOW, flush=True)
    buffers.close(errors)
    assert errors is not buffers.errors_of("processing-failed", NOW)
