"""One batch of the stream processor, on average: what is in it, and how long it takes."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, exp
from typing import Final

from metering.cost.key_spread import distinct_keys
from metering.cost.ledger_units import AveragePage, PageUnits, units_of
from metering.cost.workload import Workload

BATCH_DELIVERIES: Final = 1_000
"""BatchSize of the template."""
BATCH_BYTES: Final = 4_500_000
"""Lambda's 6 MB in base64. https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"""

SECONDS_PER_CALL: Final = 0.000_004
SECONDS_PER_WRITE: Final = 0.000_25
SECONDS_PER_BATCH: Final = 0.010
"""Seconds of one CPU: for a call, decoded and folded; for a request to DynamoDB; for an invocation."""
DYNAMODB_SECONDS: Final = 0.005
"""What DynamoDB takes to answer a write."""

HEARTBEATS_PER_SECOND: Final = 1 / 60
"""Of the watch, in each shard."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of one shard."""

    per_second: float
    """How many of them a shard makes."""
    calls: float
    deliveries: float
    keys: float
    """Different keys among its calls."""

    @property
    def counter_writes(self) -> float:
        """A month's and a day's for each key. The few batches of a day's turn have more, and are left out."""
        return 2 * self.keys


def batch_of(workload: Workload, shards: int) -> Batch:
    """A batch is gathered from its first record on, until the window ends or the batch is full."""
    deliveries = workload.deliveries_per_second / shards
    records = deliveries + HEARTBEATS_PER_SECOND
    by_window = 1 / (workload.window_seconds + _wait_for_the_next(records))
    by_size = records / BATCH_DELIVERIES
    by_bytes = deliveries * workload.delivery_bytes / BATCH_BYTES
    per_second = max(by_window, by_size, by_bytes)
    calls = workload.rate / shards / per_second
    return Batch(
        per_second, calls, deliveries / per_second, distinct_keys(calls, workload.keys, workload.tail)
    )


def _wait_for_the_next(records_per_second: float) -> float:
    """Seconds until a batch begins: rare records come at random, those of a busy log at regular times."""
    return (1 - min(1.0, records_per_second) / 2) / records_per_second


def ledger_page(workload: Workload, shards: int, batch: Batch, lanes: int) -> AveragePage:
    """What comes to a slot and lane: the calls of a batch reach back as long as it was gathered."""
    slots = min(1 + 1 / batch.per_second / workload.slot_seconds, max(1.0, batch.calls))
    hashes = batch.calls / slots / lanes
    reached = 1 - exp(-hashes)
    deliveries = max(1.0, batch.deliveries / slots)
    claims = deliveries * (1 - exp(-hashes / deliveries)) / reached
    appends_per_second = shards * batch.per_second * slots * reached
    return AveragePage(appends_per_second * workload.slot_seconds, claims, hashes / reached, shards)


def appends_of(workload: Workload, shards: int, batch: Batch, lanes: int) -> float:
    """Writes to the ledger that a batch makes."""
    page = ledger_page(workload, shards, batch, lanes)
    return page.appends * lanes / workload.slot_seconds / shards / batch.per_second


def ledger_units_per_second(workload: Workload, shards: int, batch: Batch, lanes: int) -> PageUnits:
    """Units of the ledger in a second, over all lanes."""
    writes, reads = units_of(ledger_page(workload, shards, batch, lanes))
    return PageUnits(lanes * writes / workload.slot_seconds, lanes * reads / workload.slot_seconds)


def run_seconds(workload: Workload, batch: Batch, appends: float) -> float:
    """How long an invocation runs: its CPU time on one CPU, or its waiting for DynamoDB."""
    writes = batch.counter_writes + appends + 1
    cpu = SECONDS_PER_BATCH + batch.calls * SECONDS_PER_CALL + writes * SECONDS_PER_WRITE
    return max(cpu, ceil(writes / workload.write_concurrency) * DYNAMODB_SECONDS)
