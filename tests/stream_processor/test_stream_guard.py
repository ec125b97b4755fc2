"""Batches of another stream than the one that the tables count."""

from __future__ import annotations

import pytest

from metering.errors import Misconfigured
from stream_processor.stream_guard import StreamGuard

OURS, THEIRS = (f"arn:aws:kinesis:eu-west-1:123456789012:stream/{name}" for name in ("calls", "other"))


class Kept:
    """What the table says, and how often it was asked."""

    def __init__(self, arn: str | None = None) -> None:
        self.arn = arn
        self.requests = 0

    def keep(self, stream_arn: str) -> str:
        """This stream, if there was none."""
        self.requests += 1
        self.arn = self.arn or stream_arn
        return self.arn


def test_the_first_stream_is_kept() -> None:
    """Its batches pass, and the table is asked once in the life of a process."""
    kept = Kept()
    guard = StreamGuard(kept)
    for _ in range(3):
        guard.check(OURS)
    assert (OURS, 1) == (kept.arn, kept.requests)


def test_another_stream_is_refused() -> None:
    """Both streams are named, each time, whichever process meets it first; its own batches still pass."""
    fresh, used = StreamGuard(Kept(OURS)), StreamGuard(Kept())
    used.check(OURS)
    for guard in (fresh, used):
        for _ in range(2):
            with pytest.raises(Misconfigured, match=f"comes from {THEIRS}, and these tables count {OURS}"):
                guard.check(THEIRS)
        guard.check(OURS)
