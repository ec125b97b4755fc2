"""Worlds of a few records and runs of the watch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from simulation.exploration.small_world import letter


class WatchFault(StrEnum):
    """What may go wrong."""

    REFUSED = "refused"
    """A heartbeat is refused."""
    UNANSWERED = "unanswered"
    """A read or write of the watch gets no answer; a write may be made."""
    NOTE_LOST = "note lost"
    """A shard's progress is not noted."""


@dataclass(frozen=True, slots=True)
class WatchedWorld:
    """What comes into the stream, and how often the watch runs."""

    shards: tuple[tuple[int, ...], ...]
    """The event of each record, by shard."""
    runs: int = 2
    """So many begin at most; up to two of them are under way at a time."""
    had_run: bool = False
    """Whether the first record of shard 0 has come, and then a run put its heartbeats, at the beginning."""
    is_split: bool = False
    """Whether the last shard follows the first one, which is closed at any time: its records come later."""
    faults: int = 0
    kinds: tuple[WatchFault, ...] = tuple(WatchFault)
    """Of the faults that strike."""
    name: str = field(default="", compare=False)

    @property
    def events(self) -> int:
        """How many distinct events there are."""
        return 1 + max((event for shard in self.shards for event in shard), default=-1)

    def __str__(self) -> str:
        shards = "; ".join(
            f"{number}: {' '.join(map(letter, one)) or 'nothing'}" for number, one in enumerate(self.shards)
        )
        split = f", {len(self.shards) - 1} follows 0" if self.is_split else ""
        before = " after one" if self.had_run else ""
        return f"{self.name or 'watch'} ({shards}{split}; {self.runs} runs{before})"
