"""Units of each service in a month: requests, bytes, hours. No money."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from metering.cost.batch import (
    HEARTBEATS_PER_SECOND,
    SECONDS_PER_BATCH,
    Batch,
    appends_of,
    batch_of,
    ledger_units_per_second,
    run_seconds,
)
from metering.cost.ledger_units import HASH_BYTES, STORED_CLAIM_BYTES
from metering.cost.sizing import lanes_for, shards_for
from metering.cost.workload import SECONDS_OF_MONTH, Workload
from metering.counters.ports import LEDGER_TTL_SECONDS

PROCESSOR_MEMORY_MB: Final = 1_769
"""One whole CPU. https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html"""
TRANSFORM_MEMORY_MB: Final = 512
TRANSFORM_SECONDS_PER_CALL: Final = 0.000_006
"""Seconds of one whole CPU, of which a transform has a part."""
WATCH_MEMORY_MB: Final = 256
WATCH_SECONDS: Final = 0.1

PARQUET_SHARE: Final = 0.19
"""Bytes of a call in the lake, to those of its line."""
COUNTER_ITEM_BYTES: Final = 500
METRICS_BYTES: Final = 1_200
ESSENTIAL_METRICS_BYTES: Final = 450
"""The log line with a batch's numbers, as metrics or the most of them as mere numbers."""
EVENT_BYTES: Final = 26
"""What CloudWatch Logs adds to each log event.
https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""
LOG_STORED_SHARE: Final = 0.15
"""CloudWatch Logs stores compressed what it took in."""

STREAM_RECORD_BYTES: Final = 1024
"""An on-demand stream bills a record as a multiple of 1 KB, a provisioned one as a multiple of 25 KB.
https://aws.amazon.com/kinesis/data-streams/pricing/
"""
PUT_UNIT_BYTES: Final = 25 * 1024
FIREHOSE_RECORD_BYTES: Final = 5 * 1024
"""Firehose bills a record as a multiple of 5 KB. https://aws.amazon.com/firehose/pricing/"""
LAKE_FILE_BYTES: Final = 128 * 1024 * 1024
TRANSFORM_BYTES: Final = 0.2 * 1024 * 1024
TRANSFORM_INTERVAL_SECONDS: Final = 60
"""A transform gets so many bytes, or what came in so many seconds."""

INIT_SECONDS: Final = 0.7
"""How long a function loads its code, which Lambda bills since August 2025."""
ENVIRONMENT_HOURS: Final = 2
"""How long Lambda keeps an environment that is in use; it promises nothing, this is what is commonly seen."""

_HEARTBEAT_BYTES: Final = 300
_WATCH_RUNS_PER_SECOND: Final = 1 / 60 + 1 / 600 + 1 / 300
_METRICS_READ: Final = 3
_METRICS_READ_EVERY_SECONDS: Final = 1_800
"""What one stage and one log group take: calls, log events, forwarded log events."""
_DAY_SECONDS: Final = 86_400
_TRACES_PER_SECOND: Final = 1.0
_TRACED_SHARE: Final = 0.05
"""X-Ray's own rule: one a second, and 5 % of what is more.
https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html
"""


@dataclass(frozen=True, slots=True)
class Units:
    """What a month takes. What is stored is counted after `months_kept` months of it."""

    log_bytes: float
    """Access log."""
    own_log_bytes: float
    """The meter's own log: a line of metrics for each batch."""
    log_stored_bytes: float
    stream_bytes_in: float
    """Each record rounded as an on-demand stream bills it."""
    stream_bytes_out: float
    """Read twice."""
    stream_stored_bytes: float
    """Kept after the first day."""
    retention_shard_hours: float
    """Hours of shards that keep more than a day."""
    put_units: float
    shard_hours: float
    batches: float
    processor_gb_seconds: float
    counter_writes: float
    ledger_writes: float
    ledger_reads: float
    """Of pages that others have filled."""
    progress_writes: float
    table_bytes: float
    transforms: float
    transform_gb_seconds: float
    firehose_bytes: float
    """Each record rounded as Firehose bills it."""
    lake_bytes: float
    lake_files: float
    lake_stored_bytes: float
    watch_runs: float
    watch_gb_seconds: float
    init_gb_seconds: float
    """Of all functions, whenever one begins in a new environment."""
    list_requests: float
    metric_reads: float
    """Metrics that the watch reads to compare the source's counts."""
    traces: float

    @property
    def write_units(self) -> float:
        """All of DynamoDB's."""
        return self.counter_writes + self.ledger_writes + self.progress_writes


@dataclass(frozen=True, slots=True)
class _Records:
    """The records of a month: deliveries and heartbeats."""

    deliveries: float
    delivery_bytes: float
    heartbeats: float

    @property
    def count(self) -> float:
        return self.deliveries + self.heartbeats

    @property
    def bytes(self) -> float:
        return self.rounded(1)

    def rounded(self, unit: int) -> float:
        """The bytes of all, each rounded up to a multiple of `unit`."""
        return unit * (
            self.deliveries * ceil(self.delivery_bytes / unit)
            + self.heartbeats * ceil(_HEARTBEAT_BYTES / unit)
        )


def units(workload: Workload) -> Units:
    """The units of a month."""
    shards = shards_for(workload)
    lanes = lanes_for(workload, shards)
    batch = batch_of(workload, shards)
    batches = shards * batch.per_second * SECONDS_OF_MONTH
    records = _records(workload, shards)
    transforms = _transforms(records, shards)
    lake_bytes = workload.calls_per_month * workload.line_bytes * PARQUET_SHARE
    lines_bytes = float(workload.calls_per_month * (workload.line_bytes + EVENT_BYTES))
    ledger = ledger_units_per_second(workload, shards, batch, lanes)
    seconds = run_seconds(workload, batch, appends_of(workload, shards, batch, lanes))
    watch_runs = _WATCH_RUNS_PER_SECOND * SECONDS_OF_MONTH
    shard_hours = shards * SECONDS_OF_MONTH / 3600
    return Units(
        log_bytes=lines_bytes,
        own_log_bytes=(batches + transforms + watch_runs) * _metrics_bytes(workload),
        log_stored_bytes=lines_bytes * LOG_STORED_SHARE,
        stream_bytes_in=records.rounded(STREAM_RECORD_BYTES),
        stream_bytes_out=2 * records.bytes,
        stream_stored_bytes=records.bytes * max(0, workload.retention_hours - 24) * 3600 / SECONDS_OF_MONTH,
        retention_shard_hours=shard_hours if workload.retention_hours > 24 else 0.0,
        put_units=records.rounded(PUT_UNIT_BYTES) / PUT_UNIT_BYTES,
        shard_hours=shard_hours,
        batches=batches,
        processor_gb_seconds=batches * seconds * PROCESSOR_MEMORY_MB / 1024,
        counter_writes=batches * batch.counter_writes,
        ledger_writes=ledger.writes * SECONDS_OF_MONTH,
        ledger_reads=ledger.reads * SECONDS_OF_MONTH,
        progress_writes=batches,
        table_bytes=_counter_bytes(workload) + _ledger_bytes(workload, batch),
        transforms=transforms,
        transform_gb_seconds=_transform_gb_seconds(workload, transforms),
        firehose_bytes=records.rounded(FIREHOSE_RECORD_BYTES),
        lake_bytes=lake_bytes,
        lake_files=_lake_files(workload, lake_bytes),
        lake_stored_bytes=lake_bytes * workload.months_kept,
        watch_runs=watch_runs,
        watch_gb_seconds=watch_runs * WATCH_SECONDS * WATCH_MEMORY_MB / 1024,
        init_gb_seconds=_init_gb_seconds(shards),
        list_requests=2 * SECONDS_OF_MONTH / 600,
        metric_reads=_METRICS_READ * SECONDS_OF_MONTH / _METRICS_READ_EVERY_SECONDS,
        traces=sum(map(_traces, (batches, transforms, watch_runs))) if workload.is_traced else 0.0,
    )


def _records(workload: Workload, shards: int) -> _Records:
    return _Records(
        workload.deliveries_per_second * SECONDS_OF_MONTH,
        workload.delivery_bytes,
        shards * HEARTBEATS_PER_SECOND * SECONDS_OF_MONTH,
    )


def _transforms(records: _Records, shards: int) -> float:
    by_interval = shards * SECONDS_OF_MONTH / TRANSFORM_INTERVAL_SECONDS
    return min(records.count, max(by_interval, records.bytes / TRANSFORM_BYTES))


def _transform_gb_seconds(workload: Workload, transforms: float) -> float:
    """A part of a CPU takes as much longer as its memory is smaller, so that the product stays."""
    calls = workload.calls_per_month * TRANSFORM_SECONDS_PER_CALL * PROCESSOR_MEMORY_MB
    return (calls + transforms * SECONDS_PER_BATCH * TRANSFORM_MEMORY_MB) / 1024


def _metrics_bytes(workload: Workload) -> int:
    return METRICS_BYTES if workload.monitors_fully else ESSENTIAL_METRICS_BYTES


def _init_gb_seconds(shards: int) -> float:
    """A stream processor and a transform for each shard, and the watch."""
    memory_mb = shards * (PROCESSOR_MEMORY_MB + TRANSFORM_MEMORY_MB) + WATCH_MEMORY_MB
    starts = SECONDS_OF_MONTH / 3600 / ENVIRONMENT_HOURS
    return starts * INIT_SECONDS * memory_mb / 1024


def _lake_files(workload: Workload, lake_bytes: float) -> float:
    by_interval = min(workload.deliveries_per_second, 1 / workload.lake_buffer_seconds) * SECONDS_OF_MONTH
    return max(by_interval, lake_bytes / LAKE_FILE_BYTES)


def _counter_bytes(workload: Workload) -> float:
    days = min(SECONDS_OF_MONTH / _DAY_SECONDS, workload.calls_per_month / workload.keys)
    return workload.keys * (1 + days) * COUNTER_ITEM_BYTES * workload.months_kept


def _ledger_bytes(workload: Workload, batch: Batch) -> float:
    """The claims that have not expired: see :func:`metering.counters.ports.expires_at`."""
    kept_seconds = 2 * LEDGER_TTL_SECONDS + _DAY_SECONDS
    claims = max(1.0, batch.deliveries) / max(1.0, batch.calls)
    return workload.rate * kept_seconds * (HASH_BYTES + STORED_CLAIM_BYTES * claims)


def _traces(runs: float) -> float:
    sampled = min(runs, _TRACES_PER_SECOND * SECONDS_OF_MONTH)
    return sampled + _TRACED_SHARE * (runs - sampled)
