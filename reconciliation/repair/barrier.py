"""Waiting until nothing of what the lake was asked for is still on its way to the counters.

A repair that adds a call to its counters while the batch with that call is in flight would count it twice:
the counter's watermark is right to let that batch in. So between the query of the lake and the first write, a
repair puts beats of its own across the stream, as the watch does: see :mod:`metering.counters.completeness`.
When they are passed, every call that was in the stream when the query had ended is counted, or will never be.

How far each shard was counted by then is a mark. A counter that is repaired takes it as its watermark: no
record up to the mark can be added any more, neither by an invocation that still runs nor by a mapping that
begins at an old checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from metering.counters.completeness import Beat, Knowledge, after_beat, through
from metering.counters.heartbeat import Heartbeat, Landed, ListedShard, heartbeats
from metering.errors import Transient

PAUSE_SECONDS: Final = 2.0
LONGEST_WAIT_SECONDS: Final = 600.0


class Shards(Protocol):
    """The stream of deliveries."""

    def shards(self) -> Sequence[ListedShard]:
        """All that the stream lists."""
        ...

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        """Put a heartbeat into each open shard, and say where they came to lie."""
        ...


class ShardPositions(Protocol):
    """How far each shard is counted."""

    def load(self) -> tuple[object, Mapping[str, int]]:
        """Something else, and the position of each shard."""
        ...


class StreamBarrier:
    """Waits until all that is in a stream is counted."""

    def __init__(
        self,
        stream: Shards,
        positions: ShardPositions,
        clock: Callable[[], datetime],
        sleep: Callable[[float], None],
        *,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
    ) -> None:
        """`clock` gives the time in UTC, `sleep` waits for some seconds."""
        self._stream = stream
        self._positions = positions
        self._clock = clock
        self._sleep = sleep
        self._waits = max(1, round(longest_wait_seconds / PAUSE_SECONDS))

    def pass_through(self) -> Mapping[str, int]:
        """Return when every call that is in the stream now is counted: up to which position each shard that
        the stream lists was counted at first. One of which nothing was known then, as in a table that was
        lost, has its position of the end.

        Raises:
            Transient: that takes too long, or a service does not answer.
            Misconfigured: the stream or the counters table may not be read or written.
        """
        began = _milliseconds(self._clock())
        at_first = self._positions.load()[1]
        known = Knowledge()
        for _ in range(self._waits):
            known = self._beat(known)
            self._sleep(PAUSE_SECONDS)
            positions = self._positions.load()[1]
            reached = through(known, positions)
            if reached is not None and reached >= began:
                listed = {shard.shard_id for shard in self._stream.shards()}
                marks = {**positions, **at_first}
                return {shard_id: mark for shard_id, mark in marks.items() if shard_id in listed}
        raise Transient(
            f"the stream processor is more than {self._waits * PAUSE_SECONDS:.0f} s behind the stream "
            "(see CountersLateAlarm in the runbook); nothing was changed"
        )

    def _beat(self, known: Knowledge) -> Knowledge:
        now = self._clock()
        positions = self._positions.load()[1]
        shards = self._stream.shards()
        landed = self._stream.put(heartbeats(shards, now))
        return after_beat(known, positions, Beat(_milliseconds(now), shards, landed))


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)
