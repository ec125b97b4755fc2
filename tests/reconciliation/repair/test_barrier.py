"""Waiting until all that is in a stream is counted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from metering.counters.heartbeat import Heartbeat, Landed, ListedShard
from metering.errors import Transient
from reconciliation.repair.barrier import StreamBarrier

BEGIN = datetime(2026, 11, 2, tzinfo=UTC)


class FakeStream:
    """Two shards; their records are numbered, and counted so many waits after they were put."""

    def __init__(self, lag: int | None) -> None:
        self._lag = lag
        self._put = 100
        self._history: list[int] = []
        self.seconds = 0.0

    def shards(self) -> Sequence[ListedShard]:
        return [ListedShard("shard-0", "0"), ListedShard("shard-1", "1")]

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        self._put += 1
        return [Landed(f"shard-{number}", self._put) for number in range(len(records))]

    def load(self) -> tuple[object, dict[str, int]]:
        """How far both shards are."""
        if self._lag is None or len(self._history) < self._lag:
            return None, {"shard-0": 100, "shard-1": 100}
        reached = self._history[len(self._history) - self._lag]
        return None, {"shard-0": reached, "shard-1": reached}

    def now(self) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds)

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds
        self._history.append(self._put)


def barrier(stream: FakeStream) -> StreamBarrier:
    """A barrier on the stream, which waits for a minute."""
    return StreamBarrier(stream, stream, stream.now, stream.sleep, longest_wait_seconds=60)


def test_waits_for_two_cuts() -> None:
    """One run that is passed is not enough: what it found claimed must be counted, too."""
    stream = FakeStream(lag=1)
    barrier(stream).pass_through()
    assert 4.0 == stream.seconds


@pytest.mark.parametrize("lag", [2, 5])
def test_waits_as_long_as_counting_lags(lag: int) -> None:
    """The further counting is behind, the longer it waits."""
    stream = FakeStream(lag)
    barrier(stream).pass_through()
    assert 2.0 * lag < stream.seconds < 60


def test_marks() -> None:
    """The first heartbeats: all that was in the stream before is counted or given up, also what lies behind
    the last record that was counted when the waiting began; and what came since is nobody's to refuse.
    """
    stream = FakeStream(lag=2)
    assert {"shard-0": 101, "shard-1": 101} == barrier(stream).pass_through()


def test_marks_begin_with_a_whole_cut() -> None:
    """A run of which a heartbeat was refused says nothing: the next one does."""

    class Refusing(FakeStream):
        def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
            landed = super().put(records)
            return [None, landed[1]] if self.seconds == 0 else landed

    assert {"shard-0": 102, "shard-1": 102} == barrier(Refusing(lag=1)).pass_through()


def test_marks_of_closed_shards() -> None:
    """A shard that was closed before has its end; one that is gone by then has none."""

    class Split(FakeStream):
        def shards(self) -> Sequence[ListedShard]:
            closed = ListedShard("shard-2", "0", is_open=False, last_position=99)
            expired = ListedShard("shard-3", "0", is_open=False, last_position=98)
            gone = [] if self.seconds else [expired]
            return [*super().shards(), closed, *gone]

    assert {"shard-0": 101, "shard-1": 101, "shard-2": 99} == barrier(Split(lag=1)).pass_through()


def test_gives_up() -> None:
    """Where nothing is counted, it says so, and what to look at."""
    with pytest.raises(Transient, match=r"more than 60 s behind the stream .*CountersLateAlarm"):
        barrier(FakeStream(lag=None)).pass_through()
