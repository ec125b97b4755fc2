"""Lambda's event source mapping in one shard of a simulated stream.

What is invoked together and what follows from an answer is decided by
:mod:`local_cloud.lambda_.shard_cursor`, as in the local cloud. Here it is fed, and sometimes starts again, at
its checkpoint or further back.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime

from local_cloud.lambda_.shard_cursor import Answer, BatchPolicy, RecordBatch, ShardCursor, read_answer
from metering.calls.record import StreamRecord
from simulation.protocol.stream import SimulatedShard

_NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
"""The mapping's own clock is stopped: no batch waits for its window, none is given up for its age."""


class Reader:
    """The place of the mapping in a shard."""

    def __init__(self, shard: SimulatedShard, policy: BatchPolicy, dice: random.Random) -> None:
        self.shard = shard
        self.failures = 0
        """In a row."""
        self.done = 0
        """So many records were processed, at whatever time."""
        self._dice = dice
        self._policy = policy
        self._position = 0
        self._read = 0
        self._cursor = ShardCursor(policy)
        self._batch = RecordBatch(())

    @property
    def is_drained(self) -> bool:
        """Whether the shard takes no more, and everything in it is processed."""
        return not self.shard.is_open and self.done == len(self.shard.records)

    @property
    def has_records(self) -> bool:
        """Whether there is something to process."""
        return self._position < len(self.shard.records)

    @property
    def oldest_waiting_ms(self) -> int | None:
        """When the first record arrived that is not processed."""
        records = self.shard.records
        return records[self.done].arrived_at_ms if self.done < len(records) else None

    def take(self) -> Sequence[StreamRecord]:
        """The next batch: the one that failed, or else what was read by now."""
        if self._cursor.is_idle:
            count = self._dice.randint(1, 2 * self._policy.batch_size)
            self._cursor.read(self.shard.polled[self._read : self._read + count], _NOON)
            self._read = min(self._read + count, len(self.shard.polled))
        self._batch = self._cursor.take(_NOON, flush=True) or RecordBatch(())
        return self.shard.records[self._position : self._position + len(self._batch.records)]

    def read_answer(self, response: object) -> Answer:
        """What the function's response says about the batch that was taken."""
        return read_answer(response, self._batch, self._policy)

    def settle(self, answer: Answer) -> bool:
        """Act on the answer for the batch that was taken; whether it was bisected."""
        settlement = self._cursor.settle(answer, _NOON)
        self._position += len(settlement.processed)
        self.done = max(self.done, self._position)
        self.failures = self.failures + 1 if settlement.retried and not settlement.processed else 0
        return settlement.bisected

    def restart(self, position: int | None = None) -> None:
        """Read again from the checkpoint or from an earlier position, so that batches are cut anew."""
        self._position = self._read = self._position if position is None else position
        self._cursor = ShardCursor(self._policy)

    def first_since(self, time_ms: int) -> int:
        """The position of the first record from which on all arrived at that time or later."""
        position = self._position
        while position > 0 and self.shard.records[position - 1].arrived_at_ms >= time_ms:
            position -= 1
        return position

    @property
    def position(self) -> int:
        """Of the next record to process."""
        return self._position
