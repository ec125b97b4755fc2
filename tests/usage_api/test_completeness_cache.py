"""Completeness that is read once for all callers of some seconds."""

from __future__ import annotations

from tests.usage_api.sources import Memory
from usage_api.completeness_cache import KEPT_SECONDS, KeptCompleteness


class TestKept:
    def test_seconds(self) -> None:
        """It is asked again when it is five seconds old, and not before."""
        now = [100.0]
        source = Memory()
        kept = KeptCompleteness(source, lambda: now[0])
        for _ in range(3):
            assert source.complete == kept.read()
        now[0] += KEPT_SECONDS - 0.001
        kept.read()
        assert 1 == len(source.reads)
        now[0] += 0.001
        kept.read()
        assert 2 == len(source.reads)
