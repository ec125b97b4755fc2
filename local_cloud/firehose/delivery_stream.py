"""A Firehose delivery stream: reads a Kinesis stream, calls the transform, writes Parquet objects.

The order of side effects, in one thread. Each step is repeated after a crash in or behind it:

1. **Read** records from the position of the source.
2. **Transform** them, a buffer at a time; what is dropped is acknowledged here.
3. **Write** an object with the rows of a partition, or with errors, when its buffer is due.
4. **Acknowledge** the records of the object. A crash between 3 and 4 writes them again: at least once.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from local_cloud.crash import CrashError
from local_cloud.firehose import error_objects, object_names
from local_cloud.firehose.buffer import Buffer, DeliveryBuffers, Partition, RowBuffer, TransformBuffer
from local_cloud.firehose.json_rows import RowReader, UnfitError
from local_cloud.firehose.parquet_file import parquet
from local_cloud.firehose.settings import DeliverySettings
from local_cloud.firehose.stream_source import Backlog, SourceRecord, StreamSource
from local_cloud.firehose.transform_call import Dropped, FailedRecord, Outcome, TransformCall, Transformed
from local_cloud.glue import columns_of
from local_cloud.lambda_.function import LambdaFunction

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
_FRESHNESS_EVERY = timedelta(minutes=1)
_KNOWN_FOR = timedelta(minutes=10)
"""By its first metric, a delivery stream had read at the tip of its stream so long before it was made."""


@dataclass(slots=True)
class DeliveryProgress:
    """Counts since the delivery stream was made; after a crash records are read and counted again.

    ``read``, ``transformed``, ``dropped`` and ``failed`` count user records, ``failed`` those that went to
    an error buffer for whatever cause. What was written counts although a crash followed;
    ``objects_written`` and ``bytes_written`` include error objects.
    """

    read: int = 0
    transformed: int = 0
    dropped: int = 0
    failed: int = 0
    rows_written: int = 0
    objects_written: int = 0
    bytes_written: int = 0
    failed_writes: int = 0
    crashes: int = 0


@dataclass(frozen=True, slots=True)
class FirehoseDelivery:
    """An object that was written and whose records are acknowledged; ``error_type`` is ``None`` for rows."""

    bucket: str
    key: str
    error_type: str | None
    records: int
    rows: int
    bytes: int
    oldest_arrival: datetime
    delivered_at: datetime


class Interference:
    """What may be done to a delivery stream from outside; this one lets everything pass."""

    def around_invocation(self, invoke: Callable[[], object], attempt: int) -> object:
        """Make the invocation (``attempt`` counts from 1 for each batch) and return its answer.

        Raises:
            FunctionError: the invocation is to fail.
        """
        del attempt
        return invoke()

    def before_write(self, key: str) -> None:
        """An object is about to be written.

        Raises:
            BotoCoreError: the write is to fail; it is tried again later.
        """

    def after_write(self, key: str) -> None:
        """An object was written, its records are not acknowledged.

        Raises:
            CrashError: the delivery stream is to forget all it holds and read again.
        """


class DeliveryFailedError(Exception):
    """The delivery stream's own thread died: the local cloud has a fault."""


class DeliveryStream:
    """Delivers what is put into its source from the moment at which it is made, as Firehose does; from
    :meth:`start` to :meth:`stop`, or step by step with :meth:`step`.
    """

    def __init__(  # noqa: PLR0913 - function, settings, services, a listener, a clock and a version
        self,
        function: LambdaFunction,
        settings: DeliverySettings,
        *,
        client: Callable[[str], Any],
        on_delivered: Callable[[FirehoseDelivery], None] = lambda _delivery: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        version: Callable[[], object] = object,
    ) -> None:
        """Open the shards. ``client`` gives the boto3 client of a service, ``version`` that of the stream, as
        :class:`~local_cloud.firehose.stream_source.StreamSource` takes it.
        """
        self.progress = DeliveryProgress()
        self.interference = Interference()
        self.settings = settings
        self._call = TransformCall(function, settings)
        self._function_arn = function.arn
        self._client = client
        self._s3 = client("s3")
        self._glue = client("glue")
        self._source = StreamSource(client("kinesis"), settings.stream_arn, version)
        self._on_delivered = on_delivered
        self._now = now
        self._oldest_arrival: datetime | None = None
        self._freshness_sent_at: datetime | None = None
        self._drain: Backlog | None = None
        self._drained = threading.Event()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None
        self._forget()
        self._publish({"KinesisMillisBehindLatest": 0.0}, now() - _KNOWN_FOR)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Begin delivering in a thread of its own."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name=f"delivery-{self.settings.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the step in hand and stop. What is buffered stays so; :meth:`drain` first to have it
        written.

        Raises:
            DeliveryFailedError: the thread had died.
        """
        self._stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._raise_failure()

    def drain(self, timeout: float = 600) -> None:
        """Wait until every record that is in the stream now is in an object or dropped, without waiting for
        buffers to fill.

        Raises:
            TimeoutError: that took more than ``timeout`` seconds.
            DeliveryFailedError: the thread died.
        """
        self._drained.clear()
        self._drain = Backlog()
        self._wake.set()
        try:
            self._await_drained(time.monotonic() + timeout)
        finally:
            self._drain = None
        self.publish_freshness()

    def step(self) -> bool:
        """Read once, transform and write what is due. Whether anything was done."""
        drain = self._drain
        try:
            busy = self._read()
            busy = self._transform_due(flush=drain is not None) or busy
            if drain is not None:
                self._source.note_progress(drain)
            busy = self._write_due(flush=drain is not None and drain.is_read) or busy
        except CrashError:
            logger.debug("delivery stream %s crashes and reads again", self.settings.name)
            self.progress.crashes += 1
            self._forget()
            self._source.rewind()
            busy = True
        self._oldest_arrival = self._source.oldest_arrival(self._now())
        if drain is not None:
            self._source.note_progress(drain)
            if drain.is_settled:
                self._drained.set()
        return busy

    @property
    def invocations(self) -> int:
        """How often the transform was called, failures included."""
        return self._call.invocations

    @property
    def age_of_oldest(self) -> timedelta:
        """How long ago the oldest record arrived that is neither in an object nor dropped; 0 without one."""
        oldest = self._oldest_arrival
        return timedelta(0) if oldest is None else max(timedelta(0), self._now() - oldest)

    def publish_freshness(self) -> None:
        """Put into CloudWatch how old the oldest record is, and how far reading is behind the stream, as
        Firehose does each minute.
        """
        self._freshness_sent_at = now = self._now()
        behind = self._source.behind.total_seconds() * 1000
        age = self.age_of_oldest.total_seconds()
        self._publish({"DeliveryToS3.DataFreshness": age, "KinesisMillisBehindLatest": behind}, now)

    def _publish(self, values: dict[str, float], time: datetime) -> None:
        metrics = [
            {
                "MetricName": name,
                "Dimensions": [{"Name": "DeliveryStreamName", "Value": self.settings.name}],
                "Timestamp": time,
                "Value": value,
            }
            for name, value in values.items()
        ]
        self._client("cloudwatch").put_metric_data(Namespace="AWS/Firehose", MetricData=metrics)

    def _publish_freshness_if_due(self) -> None:
        sent_at = self._freshness_sent_at
        if sent_at is None or self._now() - sent_at >= _FRESHNESS_EVERY:
            self.publish_freshness()

    def _run(self) -> None:
        try:
            while not self._stopping.is_set():
                busy = self.step()
                self._publish_freshness_if_due()
                if not busy:
                    self._wake.wait(_POLL_SECONDS)
                    self._wake.clear()
        except BaseException as error:
            logger.exception("delivery stream %s failed", self.settings.name)
            self._failure = error

    def _await_drained(self, deadline: float) -> None:
        while not self._drained.wait(_POLL_SECONDS):
            self._raise_failure()
            if time.monotonic() > deadline:
                raise TimeoutError(
                    f"{self.settings.name} did not deliver its stream in time: {self.progress}"
                )

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise DeliveryFailedError(f"delivery stream {self.settings.name} died") from self._failure

    def _forget(self) -> None:
        """Hold nothing, as after a crash."""
        self._waiting: dict[str, TransformBuffer] = {}
        self._buffers = DeliveryBuffers(self.settings)

    def _read(self) -> bool:
        records = self._source.read()
        self.progress.read += len(records)
        for record in records:
            if record.shard_id not in self._waiting:
                self._waiting[record.shard_id] = TransformBuffer(self.settings.transform)
            self._waiting[record.shard_id].add([record], self._now())
        return bool(records)

    def _transform_due(self, *, flush: bool) -> bool:
        busy = False
        for waiting in self._waiting.values():
            while batch := waiting.take(self._now(), flush=flush):
                busy = True
                self._transform(batch)
                self._write_due(flush=False)
        return busy

    def _transform(self, batch: Sequence[SourceRecord]) -> None:
        outcomes = self._call.transform(batch, self.interference.around_invocation)
        for outcome in outcomes:
            self._route(outcome)
        dropped = [outcome.record for outcome in outcomes if isinstance(outcome, Dropped)]
        self.progress.dropped += len(dropped)
        self._source.acknowledge(dropped)

    def _route(self, outcome: Outcome) -> None:
        """Put a record into the buffer where it belongs."""
        match outcome:
            case FailedRecord():
                self._fail(outcome, error_objects.PROCESSING_FAILED)
            case Transformed():
                self._place(outcome)

    def _place(self, transformed: Transformed) -> None:
        """Put rows into the buffer of their partition."""
        record = transformed.record
        try:
            partition = object_names.partition_of(self.settings.prefix, transformed.partition_keys)
            buffer = self._buffers.rows_of(partition)
            if buffer is None and not self._buffers.can_open():
                code = "DynamicPartitioning.ActivePartitionsLimitExceeded"
                too_many = FailedRecord(record, code, "Too many partitions are active.")
                self._fail(too_many, error_objects.PARTITIONS_EXCEEDED)
                return
            reader = buffer.reader if buffer else self._row_reader()
            rows = reader.read(transformed.data)
        except object_names.MissingPartitionKeyError as error:
            failed = FailedRecord(record, "DynamicPartitioning.MetadataExtractionFailed", str(error))
            self._fail(failed, error_objects.PROCESSING_FAILED)
        except UnfitError as error:
            self._fail_conversion(transformed, str(error))
        else:
            self._open(partition, reader).add(record, rows, len(transformed.data))
            self.progress.transformed += 1

    def _open(self, partition: Partition, reader: RowReader) -> RowBuffer:
        return self._buffers.rows_of(partition) or self._buffers.open(partition, reader, self._now())

    def _row_reader(self) -> RowReader:
        """By the table's columns as they are now; a buffer keeps those that it was opened with."""
        reference = self.settings.table
        table = self._glue.get_table(DatabaseName=reference.database, Name=reference.table)["Table"]
        return RowReader(columns_of(table))

    def _fail(self, failed: FailedRecord, error_type: str) -> None:
        document = error_objects.processing_failure(failed, function_arn=self._function_arn, now=self._now())
        self._add_error(failed.record, error_type, document)

    def _fail_conversion(self, transformed: Transformed, reason: str) -> None:
        document = error_objects.conversion_failure(
            transformed, reason, table=self.settings.table, now=self._now()
        )
        self._add_error(transformed.record, error_objects.CONVERSION_FAILED, document)

    def _add_error(self, record: SourceRecord, error_type: str, document: error_objects.Document) -> None:
        self._buffers.errors_of(error_type, self._now()).add(record, document)
        self.progress.failed += 1

    def _write_due(self, *, flush: bool) -> bool:
        busy = False
        for buffer in self._buffers.due(self._now(), flush=flush):
            busy = self._write(buffer) or busy
        return busy

    def _write(self, buffer: Buffer) -> bool:
        """Write the object of a buffer; if storage fails, the buffer waits for the next step."""
        key, body = self._object(buffer)
        try:
            self.interference.before_write(key)
            self._s3.put_object(Bucket=self.settings.bucket, Key=key, Body=body)
        except (BotoCoreError, ClientError) as error:
            logger.info("delivery stream %s could not write %s: %s", self.settings.name, key, error)
            self.progress.failed_writes += 1
            return False
        self._count(buffer, len(body))
        self.interference.after_write(key)
        self._acknowledge(buffer, key, len(body))
        return True

    def _object(self, buffer: Buffer) -> tuple[str, bytes]:
        settings, oldest = self.settings, _oldest_arrival(buffer)
        if isinstance(buffer, RowBuffer):
            prefix = object_names.data_prefix(settings.prefix, dict(buffer.partition), oldest)
            name = object_names.object_name(settings.name, self._now(), settings.file_extension)
            return prefix + name, parquet(buffer.rows, buffer.reader.columns, settings.parquet_compression)
        prefix = object_names.error_prefix(settings.error_prefix, buffer.error_type, oldest)
        return prefix + object_names.object_name(settings.name, self._now()), error_objects.error_object(
            buffer.documents
        )

    def _count(self, buffer: Buffer, size: int) -> None:
        self.progress.objects_written += 1
        self.progress.rows_written += _row_count(buffer)
        self.progress.bytes_written += size

    def _acknowledge(self, buffer: Buffer, key: str, size: int) -> None:
        self._buffers.close(buffer)
        self._source.acknowledge(buffer.records)
        self._on_delivered(
            FirehoseDelivery(
                bucket=self.settings.bucket,
                key=key,
                error_type=None if isinstance(buffer, RowBuffer) else buffer.error_type,
                records=len(buffer.records),
                rows=_row_count(buffer),
                bytes=size,
                oldest_arrival=_oldest_arrival(buffer),
                delivered_at=self._now(),
            )
        )


def _row_count(buffer: Buffer) -> int:
    return len(buffer.rows) if isinstance(buffer, RowBuffer) else 0


def _oldest_arrival(buffer: Buffer) -> datetime:
    return min(record.arrived_at for record in buffer.records)
