"""Differences looked into: what differs is followed, calls are named, causes found.

The work is bounded: the first `PLACES` differing days are looked into, `FINDINGS` findings are held, and the
rest is counted. All of it ends when its budget is spent, or when a service fails: what was found until then
is kept, and the report says how many differences are left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

from metering.calls.event_id import event_hash
from metering.outcome import UNDECODABLE_KEY
from metering.period import Period, begins_at, day_of, hour_at, is_month
from metering.proof.drift import Difference, beyond_unknown_sizes
from metering.proof.logged_call import LoggedCall
from metering.usage import NO_USAGE, Usage, total
from reconciliation.attribution.attribution import Evidence, Suspect, SuspectKind, explain, moved, unsound
from reconciliation.attribution.budget import Budget
from reconciliation.attribution.evidence_reader import EvidenceReader, OnQuery, TooManyToHoldError
from reconciliation.attribution.month_alone import with_calls
from reconciliation.attribution.remainder import with_remainders
from reconciliation.attribution.stray_rows import with_strays
from reconciliation.lake.error_objects import error_objects
from reconciliation.lake.firehose_errors import waiting_hashes
from reconciliation.lake.queries import CALLS_OF_A_QUERY, KEYS_OF_A_QUERY, LakeCall
from reconciliation.lake.readiness import Paths
from reconciliation.model.causes import Cause, Finding
from reconciliation.model.contradictions import Contradiction
from reconciliation.ports import ErrorPrefix, LogWitness, Queries

PLACES: Final = 1_000
FINDINGS: Final = 10_000
_UNCLEAR: Final = frozenset({SuspectKind.FOREIGN, SuspectKind.COUNTER, SuspectKind.UNKNOWN})
_RECENT: Final = timedelta(days=1)


_Altered = Mapping[tuple[str, Period], Sequence[LakeCall]]
"""The altered rows, all copies of them, by key and day."""


class Circumstances(NamedTuple):
    """When and of what the month was read."""

    read_at: datetime
    """When the lake began to be read."""
    paths: Paths
    waiting: int
    """Records that wait under the error prefix."""
    unreadable_days: frozenset[str] = frozenset()
    """Days of which an object of the lake cannot be read."""
    is_whole: bool = True
    """Whether the month's own counters were compared, too."""
    in_doubt: frozenset[tuple[str, Period]] = frozenset()
    """Keys and days of which something is named already that may be all that differs."""


class Investigation:
    """Looks into the differences of one run."""

    def __init__(  # noqa: PLR0913 - whom it asks, and to whom it reports
        self,
        queries: Queries,
        log: LogWitness | None,
        error_prefix: ErrorPrefix,
        on_query: OnQuery,
        on_looked: Callable[[int], None],
        *,
        run_id: str,
        budget: Budget,
    ) -> None:
        """`on_query` is called after each query with the number of its rows, `on_looked` how many differences
        were looked into so far.
        """
        self.left_out = 0
        """The differing days that it would have looked into."""
        self._reader = EvidenceReader(queries, log, on_query, run_id, budget=budget)
        self._error_prefix = error_prefix
        self._on_looked = on_looked
        self._looked_into: list[Difference] = []

    @property
    def ended(self) -> str:
        """Why it ended before its end; empty: it did not."""
        return self._reader.ended

    def findings(
        self,
        differences: Sequence[Difference],
        contradictions: Sequence[Contradiction],
        altered: Sequence[LakeCall],
        circumstances: Circumstances,
    ) -> Iterator[Finding]:
        """What is behind the differences, the contradictions and the altered rows of a month."""
        of_days: dict[tuple[str, Period], list[LakeCall]] = defaultdict(list)
        for row in altered:
            of_days[row.call.key, day_of(hour_at(row.call.time_ms))].append(row)
        found = self._suspects(differences, of_days, is_whole=circumstances.is_whole)
        found = with_calls(found, contradictions, self._reader)
        found += self._altered(differences, altered)
        suspects = moved(found)
        clear = [one for one in self._looked_into if (one.key, one.period) not in circumstances.in_doubt]
        suspects = with_remainders(clear, found, suspects)
        suspects = self._reader.within_budget(partial(with_strays, suspects, self._reader)) or suspects
        suspects += _contradicting(contradictions, suspects)
        waiting = self._waiting(suspects) if circumstances.waiting else frozenset()
        return (_finding(suspect, circumstances, waiting) for suspect in suspects)

    def _suspects(
        self, differences: Sequence[Difference], altered: _Altered, *, is_whole: bool
    ) -> list[Suspect]:
        days = [one for one in differences if not is_month(one.period)]
        months = {one.key: one for one in differences if is_month(one.period)}
        alone = _counters_alone(days, months) if is_whole else frozenset[str]()
        found: dict[str, list[Suspect]] = defaultdict(list)
        for day, group in _groups(days):
            for suspect in self._of_group(day, group, altered, alone):
                found[suspect.key].append(suspect)
        of_keys: dict[str, list[Difference]] = defaultdict(list)
        for one in days:
            of_keys[one.key].append(one)
        for key, month in months.items():
            found[key] += _of_month(month, of_keys[key], found[key])
        return [suspect for key in sorted(found) for suspect in found[key]]

    def _of_group(
        self, day: Period, group: Sequence[Difference], altered: _Altered, alone: frozenset[str]
    ) -> list[Suspect]:
        """What is wrong with the days of some keys: of all together, or of each for itself, as far as the
        budget goes. What was found of some stays where it does not suffice for the others.
        """
        try:
            found = self._reader.within_budget(partial(self._of_keys, day, group, altered, alone))
        except TooManyToHoldError:
            return [one for key in group for one in self._of_group(day, [key], altered, alone)]
        if self.ended:
            self.left_out += len(group)
        else:
            self._looked_into += group
            self._on_looked(len(self._looked_into))
        return found

    def _of_keys(
        self, day: Period, group: Sequence[Difference], altered: _Altered, alone: frozenset[str]
    ) -> list[Suspect]:
        totals = {one.key: one.in_lake for one in group}
        rows = {
            key: _with_altered(of_key, altered.get((key, day), []))
            for key, of_key in self._reader.rows_of_totals(day, totals).items()
        }
        lines = self._reader.lines(day, list(totals))
        unclear, clear = [], []
        for one in group:
            found = _explained(one, rows[one.key], lines, counter_alone=one.key in alone)
            if lines is not None and any(suspect.kind in _UNCLEAR for suspect in found):
                unclear.append(one)
            else:
                clear += found
        if unclear:
            lines = self._reader.lines(day, [one.key for one in unclear], is_wide=True)
            for one in unclear:
                clear += _explained(one, rows[one.key], lines, counter_alone=one.key in alone)
        return clear

    def _altered(self, differences: Sequence[Difference], altered: Sequence[LakeCall]) -> Iterator[Suspect]:
        """The altered rows of days that do not differ."""
        differing = {(one.key, one.period) for one in differences}
        by_day: dict[Period, list[LakeCall]] = defaultdict(list)
        for row in altered[:PLACES]:
            day = day_of(hour_at(row.call.time_ms))
            if (row.call.key, day) not in differing:
                by_day[day].append(row)
        for day, rows in by_day.items():
            lines = self._lines_of_rows(day, rows)
            for row in rows:
                of_key = lines.get(row.call.key, {})
                line = of_key.get(row.call.event_hash) or of_key.get(event_hash(row.call.event_id))
                yield unsound(row.call.key, day, row, line)

    def _lines_of_rows(self, day: Period, rows: Sequence[LakeCall]) -> Mapping[str, Mapping[int, LoggedCall]]:
        """What the log has of altered rows, if it has anything and the budget allows it: they are named
        without it, too.
        """
        lines: Mapping[str, Mapping[int, LoggedCall]] | None = None
        with self._reader.until_spent(), suppress(TooManyToHoldError):
            self._reader.check()
            lines = self._reader.lines(day, sorted({row.call.key for row in rows}))
        return lines or {}

    def _waiting(self, suspects: Iterable[Suspect]) -> frozenset[int] | None:
        """Which of the missing calls lie under the error prefix; None: it was not read to its end."""
        wanted = {
            suspect.call.event_hash if suspect.call else suspect.event_hash
            for suspect in suspects
            if suspect.kind in (SuspectKind.NOT_IN_LAKE, SuspectKind.NEITHER)
        }
        found: set[int] = set()
        is_read = False
        with self._reader.until_spent():
            for _, content in error_objects(self._error_prefix):
                self._reader.check_time()
                found.update(hashed for hashed in waiting_hashes(content) if hashed in wanted)
            is_read = True
        return frozenset(found) if is_read else None


def _with_altered(rows: list[LakeCall] | None, altered: Sequence[LakeCall]) -> list[LakeCall] | None:
    """The rows of a key's day with all that are altered: of those without an id, the query gives one."""
    if rows is None or not altered:
        return rows
    return [*(row for row in rows if row.is_sound), *altered]


def _groups(days: Sequence[Difference]) -> Iterator[tuple[Period, list[Difference]]]:
    """The days that are looked into, day by day, as many keys at a time as a query has places for."""
    by_day: dict[Period, list[Difference]] = defaultdict(list)
    for one in islice(days, PLACES):
        by_day[one.period].append(one)
    for day, of_day in sorted(by_day.items()):
        for start in range(0, len(of_day), KEYS_OF_A_QUERY):
            yield day, of_day[start : start + KEYS_OF_A_QUERY]


def _counters_alone(days: Iterable[Difference], months: Mapping[str, Difference]) -> frozenset[str]:
    """The keys whose days differ and whose month agrees, where the days' surpluses do not cancel out."""
    surplus: dict[str, Usage] = defaultdict(Usage)
    for one in days:
        surplus[one.key] += one.surplus
    return frozenset(
        key for key, usage in surplus.items() if key not in months and beyond_unknown_sizes(usage) != NO_USAGE
    )


def _explained(
    difference: Difference,
    rows: list[LakeCall] | None,
    lines: Mapping[str, dict[int, LoggedCall]] | None,
    *,
    counter_alone: bool,
) -> list[Suspect]:
    key, day = difference.key, difference.period
    if rows is None:
        note = f"the lake has more than {CALLS_OF_A_QUERY:,} calls of the key on that day"
        return [Suspect(SuspectKind.UNKNOWN, key, day, note, usage=difference.surplus)]
    logged = None if lines is None else lines[key]
    return explain(Evidence(key, day, difference.counted, difference.parts, rows, logged, counter_alone))


def _of_month(month: Difference, days: Sequence[Difference], found: Sequence[Suspect]) -> list[Suspect]:
    """What the month's own counter has beyond its days, once their edited counters are set aside."""
    if month.key == UNDECODABLE_KEY and not days:
        note = "records that cannot be decoded are compared by their number alone"
        return [Suspect(SuspectKind.UNKNOWN, month.key, month.period, note, usage=month.surplus)]
    edited = total(one.usage for one in found if one.kind is SuspectKind.COUNTER and one.usage is not None)
    rest = beyond_unknown_sizes(month.surplus - (total(day.surplus for day in days) - edited))
    if rest == NO_USAGE:
        return []
    note = "the month's counter does not equal the sum of its days"
    return [Suspect(SuspectKind.COUNTER, month.key, month.period, note, usage=rest)]


def _contradicting(contradictions: Iterable[Contradiction], suspects: Iterable[Suspect]) -> list[Suspect]:
    """Counters that disagree with themselves or one another, and are not explained yet."""
    explained = {
        (one.key, one.period)
        for one in suspects
        if one.kind is SuspectKind.COUNTER or (is_month(one.period) and one.key != UNDECODABLE_KEY)
    }
    result = []
    for one in contradictions:
        places = {(one.key, one.period), (one.key, Period(f"{one.period}-{one.part}"))}
        if not places & explained:
            explained.add((one.key, one.period))
            note = one.sentence
            result.append(Suspect(SuspectKind.COUNTER, one.key, one.period, note, usage=NO_USAGE))
    return result


_CAUSES: Final = {
    SuspectKind.TWICE: Cause.COUNTED_TWICE,
    SuspectKind.FOREIGN: Cause.FOREIGN_ROW,
    SuspectKind.ALTERED: Cause.ROW_ALTERED,
    SuspectKind.COUNTER: Cause.COUNTER_EDITED,
    SuspectKind.COPY: Cause.DIFFERING_COPIES,
    SuspectKind.UNKNOWN: Cause.UNKNOWN,
}


def _finding(suspect: Suspect, circumstances: Circumstances, waiting: frozenset[int] | None) -> Finding:
    call = suspect.call
    return Finding(
        key=suspect.key,
        period=suspect.period,
        cause=_CAUSES.get(suspect.kind) or _cause_of_absence(suspect, circumstances, waiting),
        note=suspect.note,
        event_id=None if call is None else call.event_id,
        event_hash=suspect.event_hash if call is None else call.event_hash,
        time=None if call is None else _time(call.time_ms),
        usage=suspect.usage if call is None else call.usage,
        objects=suspect.objects,
    )


def _cause_of_absence(
    suspect: Suspect, circumstances: Circumstances, waiting: frozenset[int] | None
) -> Cause:
    """Why a call is absent on one side or both, by when it arrived. Where nobody knows what waits under the
    error prefix, nobody knows it of a call that the lake lacks.
    """
    if waiting is None and suspect.kind is not SuspectKind.NOT_COUNTED:
        return Cause.UNKNOWN
    hashed = suspect.event_hash if suspect.call is None else suspect.call.event_hash
    if waiting and hashed in waiting and suspect.kind is not SuspectKind.NOT_COUNTED:
        return Cause.WAITS
    arrived = _arrived(suspect)
    if arrived >= circumstances.read_at:
        return Cause.LATE
    counted, delivered = circumstances.paths
    recent = arrived >= circumstances.read_at - _RECENT
    match suspect.kind:
        case SuspectKind.NOT_IN_LAKE:
            waits = recent if delivered is None else arrived >= delivered
            may_lie = suspect.period in circumstances.unreadable_days
            lost = Cause.UNREADABLE_OBJECT if may_lie else Cause.LOST_IN_LAKE
            return Cause.NOT_DELIVERED if waits else lost
        case SuspectKind.NOT_COUNTED:
            waits = recent if counted is None else arrived >= counted
            proven = Cause.LAKE_ALONE if suspect.logged_at_ms is None else Cause.NOT_COUNTED
            return Cause.NOT_COUNTED_YET if waits else proven
        case _:
            return Cause.LOST


def _arrived(suspect: Suspect) -> datetime:
    """When the call came, as nearly as it is known."""
    if suspect.logged_at_ms is not None:
        return _time(suspect.logged_at_ms)
    return begins_at(suspect.period) if suspect.call is None else _time(suspect.call.time_ms)


def _time(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
