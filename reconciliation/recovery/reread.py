"""Malformed lines read again with today's reader, and what becomes calls brought into lake and counters.

The lake keeps the text of a malformed line. Whatever today's reader and field map make of it replaces the
malformed row, object by object: the new rows are written first, in the partitions of the calls' own days and
under names that follow from the object and its content; then the object is written anew without the malformed
rows, if it is still what was read. Whoever is interrupted in between finds the malformed rows again, and
writes the same objects. Counters follow by :mod:`reconciliation.recovery.recoverer`.

A line is left as it is

- if it is still malformed, if its text is not kept (personal data is not) or was cut;
- if it was logged so lately that CloudWatch Logs may deliver it again, to a reader that would count it;
- if a day that it would change is not complete on both paths, or differs already: then repair that first.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from enum import StrEnum
from functools import partial
from hashlib import sha256
from typing import Final, NamedTuple

import msgspec

from metering.billing_rule import BillingRule
from metering.calls.delivery import LogEvent
from metering.calls.lake_row import LONGEST_RAW, LakeRow, cut, encode_rows, is_cut, lake_row
from metering.calls.privacy import PersonalData
from metering.outcome import MALFORMED_KEY
from metering.period import Period, begins_at, day_of, ends_at, hour_at, month_of
from metering.proof.malformed_line import MalformedLine
from metering.proof.recovery import Recovery
from reconciliation.lake.queries import between, query_text
from reconciliation.ports import Queries
from reconciliation.recovery.ports import RowRewriter, RowWriter
from reconciliation.recovery.recoverer import Recovered, Recoverer

MALFORMED_OBJECTS: Final = "malformed_objects"
REASON: Final = "malformed lines read again"
NOTE: Final = "reread"
"""What the reason of a row begins with that was malformed once."""
NO_REASON: Final = "unknown"
"""Why a line is malformed whose row says nothing: rows of long ago."""


class Why(StrEnum):
    """Why a line is left as it is, where today's reader is not the reason."""

    NO_TEXT = "its text is not kept in the lake"
    CUT = "its text was cut"
    TOO_RECENT = "CloudWatch Logs may deliver it again within 24 hours of its logging"
    INCOMPLETE = "its day is not complete on both paths"
    DIFFERS = "counters and lake differ on its day already: repair that first"


class SecondReading(NamedTuple):
    """A malformed line, read again."""

    line: MalformedLine
    row: LakeRow | None
    """The call's row; None: the line is left as it is."""
    why_left: str

    @property
    def logged_on(self) -> Period:
        """The day on which it counts as malformed."""
        return day_of(hour_at(self.line.logged_at_ms))

    @property
    def reason(self) -> str:
        """Why it was malformed, without the explanation."""
        return self.line.reason.partition(":")[0] or NO_REASON

    @property
    def call_on(self) -> Period:
        """The day of the call."""
        return self.logged_on if self.row is None else Period(self.row.eventtime[:10])


class Change(NamedTuple):
    """Calls that were malformed: of one key, on one day, for one reason."""

    key: str
    day: Period
    """Of the calls."""
    logged_on: Period
    """The day on which they count as malformed."""
    reason: str


class Rereading(msgspec.Struct):
    """What a second reading of a month's malformed lines makes of them."""

    month: Period
    lines: int = 0
    """Malformed rows that were read; of an event that lies in the lake twice, both."""
    changes: Counter[Change] = msgspec.field(default_factory=Counter)
    """The lines that become calls."""
    left: Counter[tuple[str, str]] = msgspec.field(default_factory=Counter)
    """The others: by why they were malformed, and why they are left."""
    objects: list[str] = msgspec.field(default_factory=list)
    """Of the lake, which have any of the lines that become calls."""
    differing: frozenset[tuple[str, Period]] = frozenset()
    """Keys and days of which counters and lake differ already."""

    @property
    def calls(self) -> int:
        """Lines that become calls."""
        return self.changes.total()


class Reread:
    """Reads the malformed lines of one deployment again."""

    def __init__(  # noqa: PLR0913, PLR0917 - the lake's three sides, two choices of the deployment, and the counters
        self,
        queries: Queries,
        rewriter: RowRewriter,
        writer: RowWriter,
        recoverer: Recoverer,
        rule: BillingRule,
        personal: PersonalData,
    ) -> None:
        """`rule` has the field map by which lines are read."""
        self._queries = queries
        self._rewriter = rewriter
        self._writer = writer
        self._rule = rule
        self._personal = personal
        self._recoverer = recoverer

    def look(self, month: Period, run_id: str) -> Rereading:
        """What would change. Nothing does.

        Raises:
            MeterError: something could not be read.
        """
        found = self._queries.run(
            query_text(MALFORMED_OBJECTS), between(begins_at(month), ends_at(month)), run_id=run_id
        )
        objects = [str(row[0]) for row in found.rows()]
        first = self._read(Rereading(month), objects)
        raised, lowered = _places(first.changes)
        differing = frozenset(self._recoverer.differing({**raised, **lowered}))
        return self._read(Rereading(month, differing=differing), objects) if differing else first

    def carry_out(self, rereading: Rereading, recovery_id: str, who: str, at: datetime) -> Recovered:
        """Bring the calls in that :meth:`look` has found.

        Raises:
            MeterError: something could not be read or written. What was done holds, and the next run does the
                rest.
        """
        raised, lowered = _places(rereading.changes)
        recovery = Recovery(
            id=recovery_id, reason=REASON, who=who, begun_at=at, raised=raised, lowered=lowered
        )
        changes = (partial(self._replace, rereading, address) for address in rereading.objects)
        return self._recoverer.recover(recovery, changes)

    def _read(self, rereading: Rereading, objects: Iterable[str]) -> Rereading:
        """The rereading, with the lines of these objects added to it."""
        for address in objects:
            before = rereading.calls
            for one in self._second_readings(rereading, address)[1]:
                rereading.lines += 1
                if one.row is None:
                    rereading.left[one.reason, one.why_left] += 1
                else:
                    rereading.changes[_change(one)] += 1
            if rereading.calls > before:
                rereading.objects.append(address)
        return rereading

    def _second_readings(self, rereading: Rereading, address: str) -> tuple[str, list[SecondReading]]:
        """The malformed lines of an object that were logged in the month, read again; the object's tag."""
        found = self._rewriter.malformed(address)
        if found is None:
            return "", []
        readings = (read_again(line, self._rule) for line in found.lines)
        of_month = (one for one in readings if month_of(one.logged_on) == rereading.month)
        return found.tag, [self._decided(one, rereading.differing) for one in of_month]

    def _decided(self, one: SecondReading, differing: AbstractSet[tuple[str, Period]]) -> SecondReading:
        """A reading; without its row where the line is left all the same."""
        if one.row is None:
            return one
        if one.line.logged_at_ms >= self._recoverer.settled_ms():
            return one._replace(row=None, why_left=Why.TOO_RECENT)
        if not all(map(self._recoverer.is_complete, (one.logged_on, one.call_on))):
            return one._replace(row=None, why_left=Why.INCOMPLETE)
        places = {(one.row.apikeyid, one.call_on), (MALFORMED_KEY, one.logged_on)}
        return one._replace(row=None, why_left=Why.DIFFERS) if places & differing else one

    def _replace(self, rereading: Rereading, address: str) -> None:
        """Replace the malformed rows of an object by those of the calls; those only of which it is noted that
        their counters will change. If somebody else has changed the object, it is read anew.
        """
        while True:
            tag, readings = self._second_readings(rereading, address)
            found = [one for one in readings if one.row is not None and _change(one) in rereading.changes]
            if not found:
                return
            rows = {one.row.eventid: one.row for one in found if one.row is not None}
            self._write(address, tag, rows.values())
            if self._rewriter.leave_out(address, tag, {one.line.event_id for one in found}):
                return

    def _write(self, address: str, tag: str, rows: Iterable[LakeRow]) -> None:
        """Write rows, an object a day. The content is in its name: another reader's never takes its place."""
        of_day: defaultdict[Period, list[LakeRow]] = defaultdict(list)
        for row in rows:
            of_day[Period(row.eventtime[:10])].append(row)
        for day, of_one in sorted(of_day.items()):
            self._personal.treat(of_one)
            digest = sha256(f"{address}\0{tag}\0".encode() + encode_rows(of_one)).hexdigest()[:32]
            self._writer.write(day, f"reread-{digest}", of_one)


def read_again(line: MalformedLine, rule: BillingRule) -> SecondReading:
    """What today's reader makes of a line. Pure."""
    if line.text is None:
        return SecondReading(line, None, Why.NO_TEXT)
    if is_cut(line.text):
        return SecondReading(line, None, Why.CUT)
    row = lake_row(LogEvent(line.event_id, line.logged_at_ms, line.text), rule)
    if row.apikeyid == MALFORMED_KEY:
        return SecondReading(line, None, (row.reason or "").partition(":")[0])
    was = f"was {line.reason.partition(':')[0] or NO_REASON}"
    row.reason = ", ".join(filter(None, (row.reason, f"{NOTE}: {was}")))
    row.raw = cut(line.text, LONGEST_RAW)
    return SecondReading(line, row, "")


def _change(one: SecondReading) -> Change:
    key = MALFORMED_KEY if one.row is None else one.row.apikeyid
    return Change(key, one.call_on, one.logged_on, one.reason)


def _places(
    changes: Mapping[Change, int],
) -> tuple[dict[str, set[Period]], dict[str, set[Period]]]:
    """The days whose counters get calls, by key, and those from which malformed lines are taken."""
    raised: defaultdict[str, set[Period]] = defaultdict(set)
    lowered: defaultdict[str, set[Period]] = defaultdict(set)
    for change in changes:
        raised[change.key].add(change.day)
        lowered[MALFORMED_KEY].add(change.logged_on)
    return dict(raised), dict(lowered)
