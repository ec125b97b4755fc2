"""Waiting until nothing of what the lake was asked for is still on its way to the counters.

A repair that adds a call to its counters while the batch with that call is in flight would count it twice:
the counter's watermark is right to let that batch in. So between the query of the lake and the first write, a
repair puts heartbeats of its own across the stream, as the watch does: see
:mod:`metering.counters.completeness`. When they are passed, every call that was in the stream when the query
had ended is counted, or will never be.

The first of these heartbeats in each shard is its mark; that of a closed shard is its end. All that the lake
was asked for lies before the marks, a batch too that Lambda gave up just before and behind which nothing was
counted yet. A counter that is repaired takes them as its watermarks: no record up to a mark can be added any
more, neither by an invocation that still runs nor by a mapping that begins at an old checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from metering.counters.completeness import Heartbeats, Knowledge, after_heartbeats, through
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
        """Return when every call that is in the stream now is counted, or given up: the mark of each shard
        that the stream lists, but of those that were opened since.

        Raises:
            Transient: that takes too long, or a service does not answer.
            Misconfigured: the stream or the counters table may not be read or written.
        """
        began = _milliseconds(self._clock())
        known = Knowledge()
        first: Mapping[str, int] = {}
        for _ in range(self._waits):
            known = self._send_heartbeats(known)
            first = first or _marks(known)
            self._sleep(PAUSE_SECONDS)
            reached = through(known, self._positions.load()[1])
            if reached is not None and reached >= began:
                return self._listed(first)
        raise Transient(
            f"the stream processor is more than {self._waits * PAUSE_SECONDS:.0f} s behind the stream "
            "(see CountersLateAlarm in the runbook); nothing was changed"
        )

    def _listed(self, first: Mapping[str, int]) -> Mapping[str, int]:
        """The marks of shards that the stream lists. A shard without a heartbeat was closed before it, and is
        read to its end: its descendants are counted up to their marks.
        """
        marks = {one.shard_id: first.get(one.shard_id, one.last_position) for one in self._stream.shards()}
        return {shard_id: mark for shard_id, mark in marks.items() if mark is not None}

    def _send_heartbeats(self, known: Knowledge) -> Knowledge:
        now = self._clock()
        positions = self._positions.load()[1]
        shards = self._stream.shards()
        landed = self._stream.put(heartbeats(shards, now))
        return after_heartbeats(known, positions, Heartbeats(_milliseconds(now), shards, landed))


def _marks(known: Knowledge) -> Mapping[str, int]:
    """Those of the oldest cut."""
    return known.cuts[0].marks if known.cuts else {}


def _milliseconds(time: datetime) -> int:
    return round(time.timestamp() * 1000)
