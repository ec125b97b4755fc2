"""Batches of another stream than the one that the tables count."""

from __future__ import annotations

import pytest

from metering.counters.ports import CountedStream
from metering.errors import Misconfigured
from stream_processor.stream_guard import StreamGuard

OURS, THEIRS = (f"arn:aws:kinesis:eu-west-1:123456789012:stream/{name}" for name in ("calls", "other"))
MADE = 1_793_880_000_000
HIGHEST = 4711
SHARD = "shardId-000000000000"


class Kept:
    """What the table says, and how often it was asked."""

    def __init__(self, arn: str | None = None, created_at: int | None = None) -> None:
        self.arn = arn
        self.created_at = created_at
        self.first: int | None = None
        self.requests = 0

    def keep(self, stream_arn: str) -> CountedStream:
        """This stream, if there was none."""
        self.requests += 1
        self.arn = self.arn or stream_arn
        return CountedStream(self.arn, self.created_at, self.first)

    def replace(self, before: CountedStream, stream: CountedStream) -> CountedStream:
        """Unless another time was noted meanwhile."""
        if before.created_at == self.created_at:
            self.created_at, self.first = stream.created_at, stream.first
        return CountedStream(before.arn, self.created_at, self.first)


def guard(kept: Kept, made: int = MADE) -> StreamGuard:
    """A process that has just begun, on a stream that was made at a time."""
    return StreamGuard(kept, lambda _arn: made, lambda _before: HIGHEST)


def test_the_first_stream_is_kept() -> None:
    """Its batches pass, and the table is asked once for each shard, and when one goes back."""
    kept = Kept()
    fresh = guard(kept)
    for position in (1, 1, 2):
        fresh.check(OURS, SHARD, position)
    assert (OURS, MADE, 1) == (kept.arn, kept.created_at, kept.requests)
    for shard, position in (("shardId-000000000001", 7), (SHARD, 1), (SHARD, 2)):
        fresh.check(OURS, shard, position)
    assert 3 == kept.requests


def test_another_stream_is_refused() -> None:
    """Both streams are named, each time, whichever process meets it first; its own batches still pass."""
    fresh, used = guard(Kept(OURS, MADE)), guard(Kept())
    used.check(OURS, SHARD, 1)
    for one in (fresh, used):
        for _ in range(2):
            with pytest.raises(Misconfigured, match=f"comes from {THEIRS}, and these tables count {OURS}"):
                one.check(THEIRS, SHARD, HIGHEST + 1)
        one.check(OURS, SHARD, 1)


@pytest.mark.parametrize("made", [MADE - 1, MADE + 60_000])
def test_made_anew(made: int) -> None:
    """A stream of the same name with another time is refused while a batch of it lies where another was
    counted, and becomes the one that is counted with the first batch that lies above.
    """
    kept = Kept(OURS, MADE)
    why = f"calls was made again at 2026-11-05.* begins at {HIGHEST}: .* counted up to {HIGHEST} "
    for _ in range(2):
        with pytest.raises(Misconfigured, match=why):
            guard(kept, made).check(OURS, SHARD, HIGHEST)
    assert MADE == kept.created_at
    guard(kept, made).check(OURS, SHARD, HIGHEST + 1)
    assert made == kept.created_at
    guard(kept, made).check(OURS, SHARD, 1)


def test_made_anew_under_a_process() -> None:
    """A process that has counted the stream finds that its numbers go back."""
    kept, made = Kept(), [MADE]
    used = StreamGuard(kept, lambda _arn: made[0], lambda _before: HIGHEST)
    used.check(OURS, SHARD, HIGHEST)
    made[0] += 1
    with pytest.raises(Misconfigured, match="made again"):
        used.check(OURS, SHARD, 5)


def test_without_progress() -> None:
    """Where nobody has noted how far the stream before was counted, it is where its first batch began."""
    kept = Kept()
    StreamGuard(kept, lambda _arn: MADE, lambda _before: -1).check(OURS, SHARD, 100)
    anew = StreamGuard(kept, lambda _arn: MADE + 1, lambda _before: -1)
    with pytest.raises(Misconfigured, match="counted up to 100 of"):
        anew.check(OURS, SHARD, 100)
    anew.check(OURS, SHARD, 101)


def test_a_table_of_an_earlier_version() -> None:
    """Where no time is noted, the stream that is counted is taken for the one that it always was."""
    kept = Kept(OURS)
    guard(kept).check(OURS, SHARD, 1)
    assert MADE == kept.created_at


def test_two_at_once() -> None:
    """Where another process has noted a time meanwhile, that one counts."""
    kept = Kept(OURS)

    class Slower(Kept):
        def replace(self, before: CountedStream, stream: CountedStream) -> CountedStream:
            kept.created_at = MADE
            return kept.replace(before, stream)

    with pytest.raises(Misconfigured, match="made again"):
        guard(Slower(OURS), MADE + 1).check(OURS, SHARD, HIGHEST)
    guard(Slower(OURS), MADE).check(OURS, SHARD, HIGHEST)
