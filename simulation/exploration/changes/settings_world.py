"""Worlds of a few records, in which days pass, old lines come, and the ledger's layout is changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from metering.calls.record import StreamRecord
from metering.counters.ledger_layout import LedgerLayout
from simulation.exploration.small_world import letter, lines_of
from simulation.protocol.traffic import Logged, Truth, delivery

CALLED: Final = "shop"
"""The key of all calls."""
_NOON: Final = datetime(2026, 10, 16, 12, tzinfo=UTC)
_HOUR_MS: Final = 3_600_000
LAYOUTS: Final = (LedgerLayout(slot_ms=_HOUR_MS), LedgerLayout(slot_ms=2 * _HOUR_MS))
"""The settings before and after the change."""
READ_FOR_DAYS: Final = 7
"""Lambda's mapping hands out no record that is older."""


class DatedRecord(NamedTuple):
    """A record of one event."""

    event: int
    day: int = 0
    """On which it reaches the stream."""


@dataclass(frozen=True, slots=True)
class SettingsWorld:
    """What reaches the stream when, and whether the settings are changed."""

    shards: tuple[tuple[DatedRecord, ...], ...]
    ages: tuple[int, ...]
    """By event: so many days its call was old when its line first reached the stream; up to 14, and -1 for a
    call of tomorrow.
    """
    last_day: int = 0
    is_changed: bool = False
    processes: int = 2
    faults: int = 0
    """Processes that are ended, requests without an answer, shards that are read again."""
    name: str = field(default="", compare=False)

    def days(self) -> Sequence[str]:
        """By event: the day of its call."""
        return [f"{self._time(event):%Y-%m-%d}" for event in range(len(self.ages))]

    def record(self, shard: int, index: int) -> StreamRecord:
        """As the processor gets it."""
        one = self.shards[shard][index]
        time_ms = self.time_ms(one.event)
        line = lines_of([(CALLED, one.event, time_ms)]).decode()
        sent = delivery([Logged(f"log-event-{one.event}", time_ms, line, Truth(CALLED, None, time_ms))])
        return StreamRecord(f"shardId-{shard:012d}", 1 + index, sent.data, now_ms(one.day))

    def time_ms(self, event: int) -> int:
        """Of the call, in epoch milliseconds."""
        return _ms(self._time(event))

    def _time(self, event: int) -> datetime:
        first = min(one.day for shard in self.shards for one in shard if one.event == event)
        return _NOON + timedelta(days=first - self.ages[event])

    def __str__(self) -> str:
        shards = "; ".join(
            f"{number}: {' '.join(f'{letter(one.event)} on day {one.day}' for one in shard)}"
            for number, shard in enumerate(self.shards)
        )
        changed = ", the layout is changed" if self.is_changed else ""
        ages = ", ".join(map(str, self.ages))
        return (
            f"{self.name or 'settings'} ({shards}; {ages} days old; {self.last_day} days pass{changed}; "
            f"{self.processes} processes)"
        )


def now_ms(day: int) -> int:
    """The time of a day, in epoch milliseconds: noon."""
    return _ms(_NOON + timedelta(days=day))


def _ms(time: datetime) -> int:
    return round(time.timestamp() * 1000)
