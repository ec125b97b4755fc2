"""What a stream holds, read once more when all is done: what the counters and the lake must agree with."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from local_cloud.kinesis.stream import Shard, StoredRecord, Stream
from metering.billing_rule import BillingRule
from metering.calls.delivery import read_delivery
from metering.calls.record import StreamRecord, read_record
from metering.errors import Undecodable
from metering.outcome import Outcome
from metering.period import HOUR_MS, Period, hour_of, month_of


@dataclass(frozen=True, slots=True)
class StreamContents:
    """Everything that was ever put into a stream, copies too."""

    log_events: int
    """Log events, and records that are none."""
    distinct_log_events: int
    """Log events with ids of CloudWatch's own: so many must have been put into the log group."""
    distinct_events: int
    """Events with ids of the meter's: so many must be counted. Less, where lines share an id."""
    undecodable_events: int
    """Of those: records that cannot be decoded, which the lake does not hold."""
    months: tuple[Period, ...]
    """All months with a call, in order."""


def audit(stream: Stream, rule: BillingRule) -> StreamContents:
    """Read all records of all shards, closed ones too."""
    log_events = 0
    log_event_ids, events, undecodable = DistinctHashes(), DistinctHashes(), DistinctHashes()
    hours: set[int] = set()
    for shard in list(stream.shards.values()):
        for record in shard.records:
            read = read_record(_record(shard, record), rule)
            log_events += read.log_events + read.undecodable
            log_event_ids.add(map(hash, _log_event_ids(record.data)))
            events.add(call.event_hash for call in read.calls)
            undecodable.add(c.event_hash for c in read.calls if c.outcome is Outcome.UNDECODABLE)
            hours.update(call.time_ms // HOUR_MS for call in read.calls)
    months = sorted({month_of(hour_of(hour)) for hour in hours})
    return StreamContents(
        log_events, log_event_ids.count(), events.count(), undecodable.count(), tuple(months)
    )


class DistinctHashes:
    """How many different numbers of 64 bits there are, in 8 bytes each. (Of a million ids, two have the same
    hash in one of 40 million processes.)
    """

    def __init__(self) -> None:
        self._hashes = array("q")

    def add(self, hashes: Iterable[int]) -> None:
        """Take in some more."""
        self._hashes.extend(hashes)

    def count(self) -> int:
        """How many different ones were taken in."""
        values = pa.Array.from_buffers(pa.int64(), len(self._hashes), [None, pa.py_buffer(self._hashes)])
        return int(pc.count_distinct(values).as_py())


def _log_event_ids(data: bytes) -> list[str]:
    try:
        return [event.id for event in read_delivery(data, "", 0).events]
    except Undecodable:
        return []


def _record(shard: Shard, record: StoredRecord) -> StreamRecord:
    arrived_at_ms = round(record.arrived_at.timestamp() * 1000)
    return StreamRecord(shard.id, record.sequence_number, record.data, arrived_at_ms)
