"""The two tasks of the watch, and what they need of the services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from metering.bucket_layout import ERRORS
from metering.counters.completeness import Heartbeats, Knowledge, Positions, after_heartbeats, through
from metering.counters.heartbeat import Heartbeat, Landed, ListedShard, heartbeats
from metering.errors import MeterError

FAILED_BATCHES = "aws/lambda/"
"""Where Lambda puts the batches that it gave up.
https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""


CLOSED_MS = 86_400_000
"""A stream keeps its records so long at least. An open shard gets a heartbeat each minute."""
MOST_FORGOTTEN = 500
"""In one inspection, so that it ends in time."""


class ShardStream(Protocol):
    """What heartbeats need of the stream."""

    def shards(self) -> Sequence[ListedShard]:
        """All shards with records that have not expired, closed ones too."""
        ...

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        """Put records, and say where each came to lie; None: refused."""
        ...


class CompletenessStore(Protocol):
    """What runs need of storage."""

    def load(self) -> tuple[Knowledge, Positions]:
        """What is known, and up to where each shard is counted.

        Raises:
            Transient, Misconfigured: it cannot be read.
        """
        ...

    def save(self, known: Knowledge) -> bool:
        """Write what is known in place of the version before it: whether that was still there.

        Raises:
            Transient, Misconfigured: it cannot be written.
        """
        ...


class SettledStore(CompletenessStore, Protocol):
    """What an inspection of the failure bucket needs of storage, too."""

    def settle(self, through: int) -> None:
        """Keep the time before which everything is counted and no batch was given up, in epoch milliseconds:
        the latest that was ever kept.

        Raises:
            Transient, Misconfigured: it cannot be written.
        """
        ...


class ProgressStore(CompletenessStore, Protocol):
    """What an inspection needs of storage, too."""

    def forget(self, shard_ids: Sequence[str], before: int) -> int:
        """Remove the progress of shards whose last record that is counted came before a time in epoch
        milliseconds: of how many. The others stay as they are.

        Raises:
            Transient, Misconfigured: the table cannot be written; some may be removed.
        """
        ...


class InspectionStore(ProgressStore, SettledStore, Protocol):
    """All of it."""


class ObjectCounter(Protocol):
    """What an inspection needs of S3."""

    def count(self, bucket: str, prefix: str) -> int:
        """The objects under a prefix; 1,000 stands for so many or more."""
        ...


@dataclass(frozen=True, slots=True)
class Pulse:
    """How many shards are open, and how many of them took a heartbeat."""

    shards: int
    sent: int
    trouble: MeterError | None = None
    """Why what is known of completeness could not be kept."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """How many objects wait; 1,000 stands for so many or more."""

    failed_batches: int
    error_objects: int


def send_heartbeats(stream: ShardStream, store: CompletenessStore, now: datetime) -> Pulse:
    """Put a heartbeat into each open shard, and keep what follows of how far everything is counted.

    The order matters: `now` was read before anything else, what is known is read before the heartbeats are
    put, see :mod:`metering.counters.completeness`. If the store does not answer, the heartbeats go out all
    the same, and `complete_through` does not advance. What is refused is not sent again: the next run comes
    in a minute.

    Raises:
        Transient, Misconfigured: the stream did not take the heartbeats.
    """
    before = _loaded(store)
    shards = stream.shards()
    landed = stream.put(heartbeats(shards, now))
    done = Heartbeats(int(now.timestamp() * 1000), shards, landed)
    trouble = before if isinstance(before, MeterError) else _saved(store, after_heartbeats(*before, done))
    open_shards = sum(shard.is_open for shard in shards)
    return Pulse(open_shards, sum(one is not None for one in landed), trouble)


def _loaded(store: CompletenessStore) -> tuple[Knowledge, Positions] | MeterError:
    try:
        return store.load()
    except MeterError as error:
        return error


def _saved(store: CompletenessStore, known: Knowledge) -> MeterError | None:
    """Keep what is known. Where another run was faster, this one has nothing to add."""
    try:
        store.save(known)
    except MeterError as error:
        return error
    return None


def inspect(objects: ObjectCounter, failure_bucket: str, lake_bucket: str) -> Inspection:
    """Count what waits in both buckets."""
    return Inspection(
        failed_batches=objects.count(failure_bucket, FAILED_BATCHES),
        error_objects=objects.count(lake_bucket, ERRORS),
    )


def inspect_and_settle(
    objects: ObjectCounter, store: SettledStore, failure_bucket: str, lake_bucket: str
) -> tuple[Inspection, MeterError | None]:
    """Count what waits; where no batch was given up, keep up to when everything is counted. Why that could
    not be kept comes second.

    How far everything is counted is read first: a batch that is given up afterwards lies behind that. Whoever
    takes calls for counted asks for this time, not for `complete_through`, which goes past what was given up.

    Raises:
        Transient, Misconfigured: the buckets cannot be listed.
    """
    before = _loaded(store)
    found = inspect(objects, failure_bucket, lake_bucket)
    if isinstance(before, MeterError):
        return found, before
    reached = through(*before)
    return found, None if found.failed_batches or reached is None else _settled(store, reached)


def _settled(store: SettledStore, reached: int) -> MeterError | None:
    try:
        store.settle(reached)
    except MeterError as error:
        return error
    return None


def forget_closed(stream: ShardStream, store: ProgressStore, now: datetime) -> int:
    """Remove the progress of closed shards of which the stream keeps nothing any more: of how many.

    Each split or merge would leave some for ever, and all of it is read to say how far everything is counted.
    Nobody needs what is removed: the stream no longer lists the shard, no cut has a mark in it, and nothing
    came from it for a day. The table is read before the stream is, so that a new shard is listed.

    Raises:
        Transient, Misconfigured: the stream or the table did not answer.
    """
    known, positions = store.load()
    listed = {shard.shard_id for shard in stream.shards()}
    marked = {shard_id for cut in known.cuts for shard_id in cut.marks}
    gone = sorted(positions.keys() - listed - marked)
    return store.forget(gone[:MOST_FORGOTTEN], int(now.timestamp() * 1000) - CLOSED_MS)
