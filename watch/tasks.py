"""The two tasks of the watch, and what they need of the services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from metering.heartbeat import Heartbeat, OpenShard, heartbeats

FAILED_BATCHES = "aws/lambda/"
"""Where Lambda puts the batches that it gave up.
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""
LAKE_ERRORS = "errors/"
"""Where Firehose puts what the lake could not take: the template's ErrorOutputPrefix."""


class ShardStream(Protocol):
    """What heartbeats need of the stream."""

    def open_shards(self) -> Sequence[OpenShard]:
        """All shards that take records."""
        ...

    def put(self, records: Sequence[Heartbeat]) -> int:
        """Put records, and say how many were taken."""
        ...


class ObjectCounter(Protocol):
    """What an inspection needs of S3."""

    def count(self, bucket: str, prefix: str) -> int:
        """The objects under a prefix; 1,000 stands for so many or more."""
        ...


@dataclass(frozen=True, slots=True)
class Pulse:
    """How many shards there are, and how many of them took a heartbeat."""

    shards: int
    sent: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """How many objects wait; 1,000 stands for so many or more."""

    failed_batches: int
    error_objects: int


def beat(stream: ShardStream, now: datetime) -> Pulse:
    """Put a heartbeat into each open shard. What is refused is not sent again: the next comes in a minute."""
    shards = stream.open_shards()
    return Pulse(len(shards), stream.put(heartbeats(shards, now)))


def inspect(objects: ObjectCounter, failure_bucket: str, lake_bucket: str) -> Inspection:
    """Count what waits in both buckets."""
    return Inspection(
        failed_batches=objects.count(failure_bucket, FAILED_BATCHES),
        error_objects=objects.count(lake_bucket, LAKE_ERRORS),
    )
