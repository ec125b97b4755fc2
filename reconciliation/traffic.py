"""The calls of all keys by hour, once an hour: from the lake to one object that a look-up reads.

A run reads from the lake the days that may have changed since the last one: that day and the one before it
at an hour's distance, usually one day; all of the month once a day, for what was redriven or arrived late.
The month before is read until two days after its end, and once where it is missing: months are compared.

A run that is repeated writes the same again, and of two at once the later one holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol, TypeVar

import msgspec

from metering.bucket_layout import ERRORS, REPORTS, traffic_name
from metering.counters.traffic import (
    HOUR,
    HourCalls,
    LastReport,
    MonthTraffic,
    UnreadableLines,
    hour_text,
    with_hours,
)
from metering.errors import Misconfigured
from metering.outcome import MALFORMED_KEY, RESERVED_MARK, UNATTRIBUTED_KEY
from metering.period import Period, begins_at, day_of, ends_at, month_of
from metering.proof.stored_object import Stored
from reconciliation.lake.queries import EVENTS_BY_HOUR, Row, between, query_text
from reconciliation.lake.readiness import ARRIVAL, WAITING
from reconciliation.ports import Path, Queries
from reconciliation.report.publication import Latest

Document = TypeVar("Document", bound=msgspec.Struct)

AGAIN: Final = timedelta(hours=1)
"""Calls of the hour before the last run may have reached the lake since then."""


class TrafficStore(Protocol):
    """Where it is kept. Transient and Misconfigured are the errors of all."""

    def get(self, key: str) -> Stored | None:
        """An object; None if there is none."""
        ...

    def put(self, key: str, content: bytes) -> None:
        """Write an object, in place of any that has its name."""
        ...

    def count(self, prefix: str) -> int:
        """The objects under a prefix; 1,000 means 1,000 or more."""
        ...


@dataclass(frozen=True, slots=True)
class TrafficPublisher:
    """Adds up the calls of all keys by hour. `clock` gives the time in UTC; without `delivered` the caller
    vouches for it that the lake has all of them.
    """

    queries: Queries
    store: TrafficStore
    delivered: Path | None
    clock: Callable[[], datetime]

    def publish(self, *, run_id: str) -> list[MonthTraffic]:
        """Add up the running month, and the one before it where that is due.

        Raises:
            MeterError: something could not be read or written; run it again.
        """
        now = self.clock()
        delivered = self.delivered.complete_through() if self.delivered else now  # before the lake is read
        running = month_of(hour_text(now))
        former = month_of(hour_text(begins_at(running) - HOUR))
        return [self._publish(month, now, delivered, run_id) for month in self._due(former, running)]

    def _due(self, former: Period, running: Period) -> Iterator[Period]:
        known = self._known(former)
        if known is None or known.made_at < ends_at(former) + WAITING:
            yield former
        yield running

    def _publish(self, month: Period, now: datetime, delivered: datetime | None, run_id: str) -> MonthTraffic:
        before, begin, end = self._known(month), begins_at(month), min(now, ends_at(month))
        since = max(begin, _since(before, now)) if before else begin
        if since < end:
            found = self.queries.run(query_text(EVENTS_BY_HOUR), between(since, end), run_id=run_id)
            rows = list(found.rows())
        else:
            rows = []
        hours, unreadable = with_hours(before, since, _hours(rows), _unreadable(rows))
        made = MonthTraffic(
            month,
            now,
            delivered,
            max(begin, _complete(end, delivered)),
            hours,
            unreadable,
            self.store.count(ERRORS),
            self._report(month),
        )
        self.store.put(traffic_name(month), msgspec.json.encode(made))
        return made

    def _known(self, month: Period) -> MonthTraffic | None:
        found = self.store.get(traffic_name(month))
        return None if found is None else _decoded(found.content, MonthTraffic, traffic_name(month))

    def _report(self, month: Period) -> LastReport | None:
        """The newest report of a month, or of the one before it where there is none yet."""
        former = month_of(hour_text(begins_at(month) - HOUR))
        for one in (month, former):
            name = f"{REPORTS}{one}/latest.json"
            if found := self.store.get(name):
                last = _decoded(found.content, Latest, name)
                return LastReport(last.month, last.finished_at, last.sentence, last.agrees, last.is_complete)
        return None


def _since(before: MonthTraffic, now: datetime) -> datetime:
    """From when on the lake may hold more than was read: the beginning of a day. All of it, once a day."""
    if before.made_at.date() < now.date():
        return begins_at(before.month)
    return begins_at(day_of(hour_text(before.made_at - AGAIN)))


def _complete(end: datetime, delivered: datetime | None) -> datetime:
    """Up to which hour all calls are in."""
    reached = datetime.min.replace(tzinfo=end.tzinfo) if delivered is None else delivered - ARRIVAL
    return min(end, reached).replace(minute=0, second=0, microsecond=0)


def _hours(rows: Iterable[Row]) -> Iterator[HourCalls]:
    """The calls of each hour, of rows in the order of hours. What is no call is left out."""
    found: dict[Period, HourCalls] = {}
    for hour, kind, _, events, errors in rows:
        if kind.startswith(RESERVED_MARK):
            continue
        name = hour_text(hour)
        known = found.get(name, HourCalls(name, 0, 0))
        without = events if kind == UNATTRIBUTED_KEY else 0
        found[name] = HourCalls(
            name, known.calls + events, known.errors + errors, known.without_key + without
        )
    yield from found.values()


def _unreadable(rows: Iterable[Row]) -> Iterator[UnreadableLines]:
    found: dict[tuple[Period, str], int] = {}
    for hour, kind, reason, events, _ in rows:
        if kind == MALFORMED_KEY:
            place = day_of(hour_text(hour)), reason
            found[place] = found.get(place, 0) + events
    for (day, reason), lines in found.items():
        yield UnreadableLines(day, reason, lines)


def _decoded(content: bytes, kind: type[Document], name: str) -> Document:
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise Misconfigured([f"{name} is not what the meter writes ({error}): remove it"]) from error
