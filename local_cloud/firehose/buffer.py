"""What waits in a delivery stream: records for the transform, and rows or errors for their object.

Pure: no stream, no storage, no clock.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from local_cloud.firehose.error_objects import Document
from local_cloud.firehose.json_rows import Row, RowReader
from local_cloud.firehose.settings import DeliverySettings, TransformSettings
from local_cloud.firehose.stream_source import SourceRecord
from local_cloud.firehose.transform_call import ENVELOPE_BYTES, MAX_PAYLOAD_BYTES, payload_bytes

MOST_ACTIVE_PARTITIONS = 500
"""Partitions with a buffer that is not delivered yet
(https://docs.aws.amazon.com/firehose/latest/dev/limits.html).
"""

Partition = tuple[tuple[str, str], ...]


class TransformBuffer:
    """The records of a shard that wait for the transform."""

    def __init__(self, settings: TransformSettings) -> None:
        self._settings = settings
        self._records: deque[SourceRecord] = deque()
        self._since: datetime | None = None

    def add(self, records: Iterable[SourceRecord], now: datetime) -> None:
        """Take in the next records."""
        self._records.extend(records)
        if self._records and self._since is None:
            self._since = now

    def take(self, now: datetime, *, flush: bool = False) -> list[SourceRecord]:
        """The records for one invocation; none while the buffer is neither full nor old enough.

        ``flush`` takes them anyway.
        """
        batch = self._cut()
        full = len(batch) < len(self._records) or _size(batch) >= self._settings.buffer_bytes
        old = self._since is not None and now - self._since >= self._settings.buffer_interval
        if not (flush or full or old):
            return []
        for _ in batch:
            self._records.popleft()
        self._since = now if self._records else None
        return batch

    def _cut(self) -> list[SourceRecord]:
        """The longest beginning that the size allows, and one record at least."""
        batch: list[SourceRecord] = []
        size, payload = 0, ENVELOPE_BYTES
        for record in self._records:
            size += len(record.data)
            payload += payload_bytes(record)
            if batch and (size > self._settings.buffer_bytes or payload > MAX_PAYLOAD_BYTES):
                break
            batch.append(record)
        return batch


@dataclass(slots=True, eq=False)
class RowBuffer:
    """The rows of a partition, which become one object."""

    partition: Partition
    reader: RowReader
    opened_at: datetime
    rows: list[Row] = field(default_factory=list)
    records: list[SourceRecord] = field(default_factory=list)
    size: int = 0

    def add(self, record: SourceRecord, rows: list[Row], size: int) -> None:
        """Take in the rows of a record, ``size`` bytes as the transform returned them."""
        self.rows += rows
        self.records.append(record)
        self.size += size


@dataclass(slots=True, eq=False)
class ErrorBuffer:
    """Errors of one type, which become one object."""

    error_type: str
    opened_at: datetime
    documents: list[Document] = field(default_factory=list)
    records: list[SourceRecord] = field(default_factory=list)
    size: int = 0

    def add(self, record: SourceRecord, document: Document) -> None:
        """Take in a record that failed."""
        self.documents.append(document)
        self.records.append(record)
        self.size += len(document["rawData"])


Buffer = RowBuffer | ErrorBuffer


class DeliveryBuffers:
    """All buffers that wait for their object: one for each partition and for each type of error."""

    def __init__(self, settings: DeliverySettings, most_active: int = MOST_ACTIVE_PARTITIONS) -> None:
        self._settings = settings
        self._most_active = most_active
        self._rows: dict[Partition, RowBuffer] = {}
        self._errors: dict[str, ErrorBuffer] = {}

    def rows_of(self, partition: Partition) -> RowBuffer | None:
        """The active buffer of a partition."""
        return self._rows.get(partition)

    def can_open(self) -> bool:
        """Whether one partition more may become active."""
        return len(self._rows) < self._most_active

    def open(self, partition: Partition, reader: RowReader, now: datetime) -> RowBuffer:
        """A new buffer for a partition, whose object has the columns of ``reader``."""
        self._rows[partition] = RowBuffer(partition, reader, now)
        return self._rows[partition]

    def errors_of(self, error_type: str, now: datetime) -> ErrorBuffer:
        """The buffer for errors of a type."""
        return self._errors.setdefault(error_type, ErrorBuffer(error_type, now))

    def due(self, now: datetime, *, flush: bool = False) -> list[Buffer]:
        """The buffers that are full or old enough, or with ``flush`` all of them."""
        return [buffer for buffer in self._all() if flush or self._is_due(buffer, now)]

    def close(self, buffer: Buffer) -> None:
        """The buffer is delivered: its partition is no longer active."""
        if isinstance(buffer, RowBuffer):
            del self._rows[buffer.partition]
        else:
            del self._errors[buffer.error_type]

    def _all(self) -> Iterator[Buffer]:
        yield from self._rows.values()
        yield from self._errors.values()

    def _is_due(self, buffer: Buffer, now: datetime) -> bool:
        waited: timedelta = now - buffer.opened_at
        return buffer.size >= self._settings.buffer_bytes or waited >= self._settings.buffer_interval


def _size(records: Iterable[SourceRecord]) -> int:
    return sum(len(record.data) for record in records)
