"""A Kinesis data stream in memory: shards, hash ranges, sequence numbers, resharding.

Nothing throttles, and a put costs the same whatever the shard holds. Data lies on disk, and records are gone
once they are older than the stream's retention.
"""

import hashlib
import itertools
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from local_cloud.endpoint.service import AwsError
from local_cloud.spool import Spool, Spooled

HASH_KEYS = 2**128
_SHARE_THAT_EXPIRES = 8
"""An eighth of a shard's records at a time."""
_SEQUENCE_PREFIX = 496 * 10**53
"""Sequence numbers have 56 digits, as the examples in AWS's documentation have."""


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record as the stream keeps it; ``arrived_at`` is aware and UTC."""

    sequence_number: int
    partition_key: str
    spool: Spool = field(repr=False, compare=False)
    place: Spooled = field(repr=False)
    arrived_at: datetime

    @property
    def data(self) -> bytes:
        """What was put, read from disk."""
        return self.spool.read(self.place)


@dataclass(eq=False, slots=True)
class Shard:
    """A range of hash keys and the records put under it; ``ending`` is set when it is closed."""

    number: int
    first_hash: int
    last_hash: int
    starting: int
    parents: tuple["Shard", ...] = ()
    children: tuple["Shard", ...] = ()
    ending: int | None = None
    kept: tuple[int, list[StoredRecord]] = field(default_factory=lambda: (0, []))
    """How many records have expired, and those that have not: replaced as one, since readers take no lock."""
    opened_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def id(self) -> str:
        """E.g. ``shardId-000000000001``."""
        return f"shardId-{self.number:012d}"

    @property
    def is_open(self) -> bool:
        """Whether records can be put."""
        return self.ending is None

    @property
    def records(self) -> list[StoredRecord]:
        """Those that have not expired."""
        return self.kept[1]

    @property
    def expired(self) -> int:
        """How many there were before."""
        return self.kept[0]

    @property
    def end(self) -> int:
        """The position of the next record that will be put: how many there were in all."""
        expired, records = self.kept
        return expired + len(records)

    def from_position(self, position: int, limit: int) -> tuple[int, list[StoredRecord]]:
        """The next records from a position on, with the position of the first that has not expired."""
        expired, records = self.kept
        start = max(0, position - expired)
        return expired + start, records[start : start + limit]

    def expire(self, before: datetime) -> None:
        """Forget the records that arrived earlier, some at a time: the others are copied then."""
        expired, records = self.kept
        if records and records[0].arrived_at < before:
            gone = bisect_left(records, before, key=lambda record: record.arrived_at)
            if gone * _SHARE_THAT_EXPIRES >= len(records):
                self.kept = expired + gone, records[gone:]

    def position_of(self, sequence_number: int) -> int:
        """The position of the first record that is not before ``sequence_number``."""
        expired, records = self.kept
        return expired + bisect_left(records, sequence_number, key=lambda record: record.sequence_number)

    def position_after(self, sequence_number: int) -> int:
        """The position of the first record later than ``sequence_number``."""
        expired, records = self.kept
        return expired + bisect_right(records, sequence_number, key=lambda record: record.sequence_number)

    def position_at(self, moment: datetime) -> int:
        """The position of the first record that arrived at ``moment`` or later."""
        expired, records = self.kept
        return expired + bisect_left(records, moment, key=lambda record: record.arrived_at)


class Stream:
    """A data stream. Its methods may be called from several threads.

    Sequence numbers grow over the whole stream, so that they are unique in it and increase in each shard;
    those of a stream that is created later are higher still. Splitting and merging close the parents; their
    records stay readable.
    """

    def __init__(
        self, name: str, shards: int, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.name = name
        self.created_at = now()
        self.shards: dict[str, Shard] = {}
        self._now = now
        self._lock = threading.RLock()
        self._spool = Spool()
        self.retention = timedelta(hours=24)
        """How long a record can be read."""
        self._changes = 0
        self._open: list[Shard] = []
        self._counter = itertools.count(1)
        self._base = _SEQUENCE_PREFIX + int(self.created_at.timestamp() * 1_000_000) * 10**37
        bounds = [HASH_KEYS * number // shards for number in range(shards + 1)]
        for first, end in itertools.pairwise(bounds):
            self._open_shard(first, end - 1)

    @property
    def version(self) -> tuple[int, int]:
        """Another one after every change: a reader that had all there was at this version finds nothing new
        while it is the same. It changes after what it is for can be read.
        """
        return self._base, self._changes

    def open_shards(self) -> list[Shard]:
        """The shards that take records, by hash range."""
        with self._lock:
            return sorted((s for s in self.shards.values() if s.is_open), key=lambda s: s.first_hash)

    def shard(self, shard_id: str) -> Shard:
        """The shard of that id.

        Raises:
            AwsError: ``ResourceNotFoundException``.
        """
        if shard_id not in self.shards:
            raise AwsError(
                "ResourceNotFoundException", f"Shard {shard_id} in stream {self.name} does not exist"
            )
        return self.shards[shard_id]

    def put(
        self, partition_key: str, data: bytes, explicit_hash_key: int | None = None
    ) -> tuple[Shard, StoredRecord]:
        """Append a record to the open shard whose range holds the MD5 of ``partition_key`` (or the explicit
        hash key).
        """
        hash_key = hash_of(partition_key) if explicit_hash_key is None else explicit_hash_key
        with self._lock:
            shard = self._open[bisect_right(self._open, hash_key, key=lambda s: s.first_hash) - 1]
            number, now = self._next_number(shard.number), self._now()
            record = StoredRecord(number, partition_key, self._spool, self._spool.put(data), now)
            shard.records.append(record)
            self._changes += 1
            for each in self.shards.values():
                each.expire(now - self.retention)
            return shard, record

    def split(self, shard_id: str, new_starting_hash_key: int) -> tuple[Shard, Shard]:
        """Close a shard and open two for the halves of its range.

        Raises:
            AwsError: ``InvalidArgumentException`` when the shard is closed or the key leaves a half empty.
        """
        with self._lock:
            parent = self._closable(shard_id)
            if not parent.first_hash < new_starting_hash_key < parent.last_hash:
                raise AwsError(
                    "InvalidArgumentException",
                    f"NewStartingHashKey {new_starting_hash_key} is not inside the range "
                    f"{parent.first_hash} to {parent.last_hash} of shard {shard_id}.",
                )
            self._close(parent)
            lower = self._open_shard(parent.first_hash, new_starting_hash_key - 1, parent)
            upper = self._open_shard(new_starting_hash_key, parent.last_hash, parent)
            return lower, upper

    def merge(self, shard_id: str, adjacent_shard_id: str) -> Shard:
        """Close two neighbouring shards and open one for both ranges.

        Raises:
            AwsError: ``InvalidArgumentException`` when one is closed or they are not neighbours.
        """
        with self._lock:
            first, second = self._closable(shard_id), self._closable(adjacent_shard_id)
            lower, upper = sorted((first, second), key=lambda shard: shard.first_hash)
            if lower.last_hash + 1 != upper.first_hash:
                raise AwsError(
                    "InvalidArgumentException", f"{shard_id} and {adjacent_shard_id} are not adjacent."
                )
            self._close(first)
            self._close(second)
            return self._open_shard(lower.first_hash, upper.last_hash, first, second)

    def resize(self, target: int) -> None:
        """Split the widest shards, or merge the narrowest neighbours, until ``target`` shards are open.

        Raises:
            AwsError: ``LimitExceededException``: a stream at most doubles or halves at a time
                (https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html).
        """
        with self._lock:
            current = len(self.open_shards())
            if not current / 2 <= target <= current * 2:
                raise AwsError(
                    "LimitExceededException", f"{current} shards cannot become {target} in one step."
                )
            for _ in range(target - current):
                widest = max(self.open_shards(), key=_width)
                self.split(widest.id, (widest.first_hash + widest.last_hash) // 2 + 1)
            for _ in range(current - target):
                left, right = min(
                    itertools.pairwise(self.open_shards()), key=lambda pair: _width(pair[0]) + _width(pair[1])
                )
                self.merge(left.id, right.id)

    def _next_number(self, shard_number: int) -> int:
        return self._base + next(self._counter) * 10**4 + shard_number

    def _open_shard(self, first_hash: int, last_hash: int, *parents: Shard) -> Shard:
        number = len(self.shards)
        shard = Shard(
            number, first_hash, last_hash, self._next_number(number), parents, opened_at=self._now()
        )
        self.shards[shard.id] = shard
        for parent in parents:
            parent.children = (*parent.children, shard)
        self._open = self.open_shards()
        self._changes += 1
        return shard

    def _closable(self, shard_id: str) -> Shard:
        shard = self.shard(shard_id)
        if not shard.is_open:
            raise AwsError(
                "InvalidArgumentException",
                f"Shard {shard_id} of stream {self.name} has already been merged or split.",
            )
        return shard

    def _close(self, shard: Shard) -> None:
        shard.ending = self._next_number(shard.number)
        self._changes += 1


def hash_of(partition_key: str) -> int:
    """The 128-bit hash key that routes a partition key: its MD5."""
    return int.from_bytes(hashlib.md5(partition_key.encode(), usedforsecurity=False).digest(), "big")


def _width(shard: Shard) -> int:
    return shard.last_hash - shard.first_hash
