"""What a stream holds, read once more when all is done: what the counters and the lake must agree with."""

from __future__ import annotations

from dataclasses import dataclass

from local_cloud.stream import Shard, StoredRecord, Stream
from metering.billing_rule import BillingRule
from metering.record import StreamRecord, read_record


@dataclass(frozen=True, slots=True)
class StreamContents:
    """Everything that was ever put into a stream, copies too."""

    log_events: int
    """Log events, and records that are none."""
    distinct_events: int
    """Events with ids of their own: so many must be counted."""
    undecodable: int
    """Of those: records that cannot be decoded, which the lake does not hold."""


def audit(stream: Stream, rule: BillingRule) -> StreamContents:
    """Read all records of all shards, closed ones too."""
    log_events = undecodable = 0
    distinct: set[int] = set()
    for shard in list(stream.shards.values()):
        for record in shard.records:
            read = read_record(_record(shard, record), rule)
            log_events += read.log_events + read.undecodable
            undecodable += read.undecodable
            distinct.update(call.event_hash for call in read.calls)
    return StreamContents(log_events, len(distinct), undecodable)


def _record(shard: Shard, record: StoredRecord) -> StreamRecord:
    arrived_at_ms = round(record.arrived_at.timestamp() * 1000)
    return StreamRecord(shard.id, record.sequence_number, record.data, arrived_at_ms)
