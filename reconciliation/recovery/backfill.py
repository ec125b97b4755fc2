"""Backfill: what the log groups still have and the lake lacks comes into lake and counters, once, of any age.

It goes through the log day by day. A line whose event the lake has is left; every other becomes the row that
the transform would have made of it. The rows are written under names that follow from their content, so that
two jobs at once, or one that is repeated, write the same objects; the counters of the keys and days follow by
:mod:`reconciliation.recovery.recoverer`, which adds only what they lack: where a call was lost on the way to
the lake alone, nothing.

A line is left where it is

- if it was logged so lately that CloudWatch Logs may deliver it yet;
- if the day of its call is not complete on both paths: what waits under the error prefix comes by a redrive;
- if counters and lake differ on its day and key already, and the lake has rows there that are not in the log:
  then the lake's figure is not one to follow, see the reconciliation.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import partial
from hashlib import sha256
from typing import Final, NamedTuple, Protocol

import msgspec

from metering.billing_rule import BillingRule
from metering.calls.delivery import LogEvent
from metering.calls.lake_row import LakeRow, encode_rows, lake_row
from metering.calls.privacy import PersonalData
from metering.period import Period, begins_at, ends_at
from metering.proof.recovery import Recovery
from reconciliation.lake.queries import between, query_text
from reconciliation.ports import OnProgress, Queries, StepProgress
from reconciliation.recovery.ports import RowWriter
from reconciliation.recovery.recoverer import Recovered, Recoverer

EVENTS_OF_DAYS: Final = "events_of_days"
REASON: Final = "brought in from the log groups"
ROWS_OF_AN_OBJECT: Final = 20_000
_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


class LogEvents(Protocol):
    """The log groups. TooManyLines, Transient and Misconfigured are the errors of both."""

    def holds(self, start: datetime, end: datetime) -> bool:
        """Whether all groups keep what was logged from `start` on, and any has an event before `end`."""
        ...

    def events(self, start: datetime, end: datetime) -> Iterator[LogEvent]:
        """What was logged from `start` until before `end`, in the order of the groups."""
        ...


class WhyLeft(StrEnum):
    """Why a line is left where it is."""

    TOO_RECENT = "CloudWatch Logs may deliver it yet, within 24 hours of its logging"
    INCOMPLETE = "its day is not complete on both paths"
    DOUBTFUL = "counters and lake differ on its day already, and the lake has rows that are not in the log"


class Place(NamedTuple):
    """Calls of a key on a day."""

    key: str
    day: Period


class Backfill(msgspec.Struct):
    """What the log groups have of a span of days, and the lake lacks."""

    days: list[Period]
    """On which the lines were logged."""
    lines: int = 0
    """That were read."""
    missing: Counter[Place] = msgspec.field(default_factory=Counter)
    """Lines that are to be brought in."""
    left: Counter[str] = msgspec.field(default_factory=Counter)
    """Lines that are left, by why."""
    gone: list[Period] = msgspec.field(default_factory=list)
    """Days of which a group has dropped lines already, or none has any."""


class Backfiller:
    """Brings lines of one deployment in."""

    def __init__(  # noqa: PLR0913 - the log, the lake's two sides, two choices of the deployment, the counters
        self,
        log: LogEvents,
        queries: Queries,
        writer: RowWriter,
        recoverer: Recoverer,
        rule: BillingRule,
        *,
        personal: PersonalData,
        on_progress: OnProgress = lambda _progress: None,
    ) -> None:
        self._log = log
        self._queries = queries
        self._writer = writer
        self._recoverer = recoverer
        self._rule = rule
        self._personal = personal
        self._on_progress = on_progress

    def look(self, days: Sequence[Period], run_id: str) -> Backfill:
        """What would be brought in of the lines that were logged on these days. Nothing is changed.

        Raises:
            MeterError: something could not be read.
        """
        found = Backfill(list(days))
        for day in days:
            if not self._log.holds(begins_at(day), ends_at(day)):
                found.gone.append(day)
            for event, row in self._lines_of(day, found, run_id):
                place = _place(row)
                if event.timestamp >= self._recoverer.settled_ms():
                    found.left[WhyLeft.TOO_RECENT] += 1
                elif not self._recoverer.is_complete(place.day):
                    found.left[WhyLeft.INCOMPLETE] += 1
                else:
                    found.missing[place] += 1
        self._leave_doubtful(found, run_id)
        return found

    def carry_out(self, found: Backfill, recovery_id: str, who: str, at: datetime) -> Recovered:
        """Bring in what :meth:`look` has found.

        Raises:
            MeterError: something could not be read or written. What was done holds, and the next run does the
                rest.
        """
        raised: defaultdict[str, set[Period]] = defaultdict(set)
        for place in found.missing:
            raised[place.key].add(place.day)
        recovery = Recovery(id=recovery_id, reason=REASON, who=who, begun_at=at, raised=dict(raised))
        changes = (partial(self._write_lines_of, day, found, recovery_id) for day in found.days)
        return self._recoverer.recover(recovery, changes)

    def _lines_of(
        self, day: Period, found: Backfill | None, run_id: str
    ) -> Iterator[tuple[LogEvent, LakeRow]]:
        """The lines that were logged on a day and whose events the lake lacks, each once, with their rows."""
        known = {
            event_id for event_id, _, _ in self._in_lake(begins_at(day) - _DAY, ends_at(day) + _DAY, run_id)
        }
        for event in self._logged(begins_at(day), ends_at(day)):
            if found is not None:
                found.lines += 1
            row = lake_row(event, self._rule)
            if row.eventid not in known:
                known.add(row.eventid)
                yield event, row

    def _in_lake(self, start: datetime, end: datetime, run_id: str) -> Iterator[tuple[str, str, date]]:
        """The events of a time that the lake has: id, key and day of each row."""
        found = self._queries.run(query_text(EVENTS_OF_DAYS), between(start, end), run_id=run_id)
        return ((event_id, key, day) for event_id, key, day in found.rows())

    def _logged(self, start: datetime, end: datetime) -> Iterator[LogEvent]:
        """What was logged, an hour at a time: a search takes so many pages and no more."""
        done = 0
        while start < end:
            for event in self._log.events(start, start + _HOUR):
                yield event
                done += 1
            self._on_progress(StepProgress("lines", done))
            start += _HOUR

    def _leave_doubtful(self, found: Backfill, run_id: str) -> None:
        """Leave the lines of places at which counters and lake differ for another reason, too."""
        places: dict[str, set[Period]] = defaultdict(set)
        for place in found.missing:
            places[place.key].add(place.day)
        differing = {Place(*one) for one in self._recoverer.differing(places)} if places else set()
        for place in self._with_rows_not_logged(differing, run_id):
            found.left[WhyLeft.DOUBTFUL] += found.missing.pop(place)

    def _with_rows_not_logged(self, places: Collection[Place], run_id: str) -> set[Place]:
        """Those of the places of which the lake has rows that the log has not, or has no longer."""
        doubtful: set[Place] = set()
        for day in sorted({place.day for place in places}):
            start, end = begins_at(day) - _DAY, ends_at(day) + _DAY
            of_day = {place.key for place in places if place.day == day}
            rows = self._in_lake(begins_at(day), ends_at(day), run_id)
            not_logged = {event_id: key for event_id, key, _ in rows if key in of_day}
            for event in self._logged(start, end) if not_logged else ():
                not_logged.pop(lake_row(event, self._rule).eventid, None)
            doubtful |= {Place(key, day) for key in not_logged.values()}
        return doubtful

    def _write_lines_of(self, day: Period, found: Backfill, run_id: str) -> None:
        """Write the rows of a day's lines, where it is noted that the counters will change."""
        settled_ms = self._recoverer.settled_ms()
        rows: defaultdict[Period, list[LakeRow]] = defaultdict(list)
        for event, row in self._lines_of(day, None, f"{run_id}-{day}"):
            place = _place(row)
            if place not in found.missing or event.timestamp >= settled_ms:
                continue
            rows[place.day].append(row)
            if len(rows[place.day]) == ROWS_OF_AN_OBJECT:
                self._write(place.day, rows.pop(place.day))
        for of_day, waiting in sorted(rows.items()):
            self._write(of_day, waiting)

    def _write(self, day: Period, rows: list[LakeRow]) -> None:
        self._personal.treat(rows)
        digest = sha256(encode_rows(rows)).hexdigest()[:32]
        self._writer.write(day, f"backfill-{digest}", rows)


def _place(row: LakeRow) -> Place:
    return Place(row.apikeyid, Period(row.eventtime[:10]))
