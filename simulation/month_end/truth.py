"""What was called, reckoned from the sent records alone."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from metering.calls.event_id import event_hash
from metering.period import Period
from metering.usage import NO_USAGE, Usage
from simulation.protocol.store import Counted, CounterId, SentEvent
from simulation.protocol.traffic import Truth

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

RecordId = tuple[str, int]
"""Shard and sequence number."""


class CalledEvent(NamedTuple):
    """A distinct event, and the record by which it came first."""

    truth: Truth
    hash: int
    arrived_at: int
    time: str
    """ISO 8601, in UTC."""

    @property
    def counters(self) -> tuple[CounterId, CounterId]:
        """Its month and its day."""
        return (self.truth.key, Period(self.time[:7])), (self.truth.key, Period(self.time[:10]))

    @property
    def usage(self) -> Usage:
        """What it adds."""
        return Usage(*self.truth.amounts.counted(self.hash))

    @property
    def sent(self) -> SentEvent:
        """As a store looks for it."""
        return SentEvent(self.hash, self.counters)


class CalledEvents:
    """All that was sent so far."""

    def __init__(self) -> None:
        self.events: dict[str, CalledEvent] = {}
        self._records: dict[RecordId, tuple[str, ...]] = {}
        self._counted: dict[CounterId, Counted] = {}

    def send(self, record: RecordId, truths: tuple[Truth, ...], arrived_at: int) -> None:
        """A record was put into the stream."""
        ids = []
        for truth in truths:
            own_id = str(truth.id)
            ids.append(own_id)
            if own_id not in self.events:
                event = self.events[own_id] = CalledEvent(
                    truth, event_hash(own_id), arrived_at, _time(truth.time_ms or 0)
                )
                self._count(event)
        self._records[record] = tuple(ids)

    def hashes_of(self, record: RecordId) -> set[int]:
        """Of a record's events; a heartbeat has none."""
        return {self.events[one].hash for one in self._records.get(record, ())}

    def in_records(self, records: Container[RecordId]) -> Iterator[CalledEvent]:
        """The events of some records, each once."""
        ids = {one for record, found in self._records.items() if record in records for one in found}
        return (event for own_id, event in self.events.items() if own_id in ids)

    def counted(self) -> Mapping[CounterId, Counted]:
        """What every counter must hold."""
        return self._counted

    def _count(self, event: CalledEvent) -> None:
        for place, part in zip(event.counters, (event.time[8:10], event.time[11:13]), strict=True):
            totals, parts = self._counted.get(place, Counted(NO_USAGE, {}))
            self._counted[place] = Counted(totals + event.usage, {**parts, part: parts.get(part, 0) + 1})


def _time(milliseconds: int) -> str:
    return (_EPOCH + timedelta(milliseconds=milliseconds)).isoformat()


def usage_of_keys(events: Iterator[CalledEvent], month: Period) -> dict[str, Usage]:
    """The usage of each key in a month."""
    found: dict[str, Usage] = {}
    for event in events:
        if event.time.startswith(month):
            found[event.truth.key] = found.get(event.truth.key, NO_USAGE) + event.usage
    return found
