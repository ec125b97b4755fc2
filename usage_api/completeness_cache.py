"""Completeness, and what is known of the source: read once for all callers of some seconds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from metering.source.state import SourceState
from usage_api.ports import Completeness, CompletenessSource, SourceStateSource

KEPT_SECONDS: Final = 5.0
SOURCE_KEPT_SECONDS: Final = 60.0
"""The watch looks at the source every five minutes."""


class KeptCompleteness:
    """The port `CompletenessSource`, asking another one at most every :data:`KEPT_SECONDS`.

    What was true of the counters stays true of them, so that an old answer is pessimistic and never wrong.
    """

    def __init__(self, source: CompletenessSource, steady: Callable[[], float]) -> None:
        """`steady` returns seconds since any start, and is never set."""
        self._source = source
        self._steady = steady
        self._kept: Completeness | None = None
        self._until = 0.0

    def read(self) -> Completeness:
        """What was read last, or a new answer."""
        now = self._steady()
        if self._kept is None or now >= self._until:
            self._kept = self._source.read()
            self._until = now + KEPT_SECONDS
        return self._kept


class KeptSourceState:
    """The port `SourceStateSource`, asking another one at most every :data:`SOURCE_KEPT_SECONDS`."""

    def __init__(self, source: SourceStateSource, steady: Callable[[], float]) -> None:
        """`steady` counts seconds from any start, and is never set."""
        self._source = source
        self._steady = steady
        self._kept = SourceState()
        self._until: float | None = None

    def load(self) -> SourceState:
        """What was read last, or a new answer."""
        now = self._steady()
        if self._until is None or now >= self._until:
            self._kept = self._source.load()
            self._until = now + SOURCE_KEPT_SECONDS
        return self._kept
