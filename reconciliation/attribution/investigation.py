"""Differences looked into: rows and log lines fetched, calls named, causes found.

The work is bounded: the first `PLACES` differing days are looked into, `FINDINGS` findings are held, and the
rest is counted. Of the lake, days are read for twenty keys at a time, or for one key where those have more
calls than are held; the log is asked for the same. All of it ends when its budget is spent, or when a service
fails: what was found until then is kept, and the report says how many differences are left.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final, NamedTuple

from metering.calls.event_id import event_hash
from metering.errors import MeterError
from metering.outcome import UNDECODABLE_KEY
from metering.period import Period, begins_at, day_of, ends_at, hour_at, is_month, month_of
from metering.proof.drift import Difference, beyond_unknown_sizes
from metering.proof.logged_call import LoggedCall, TooManyLines
from metering.usage import NO_USAGE, Usage, total
from reconciliation.attribution.attribution import (
    Evidence,
    Suspect,
    SuspectKind,
    explain,
    moved,
    unsound,
)
from reconciliation.attribution.budget import Budget
from reconciliation.attribution.month_alone import MonthAlone
from reconciliation.attribution.remainder import with_remainders
from reconciliation.attribution.stray_rows import with_strays
from reconciliation.lake.error_objects import error_objects
from reconciliation.lake.firehose_errors import waiting_hashes
from reconciliation.lake.queries import (
    CALLS_OF_A_QUERY,
    CALLS_OF_KEYS,
    KEYS_OF_A_QUERY,
    LakeCall,
    between,
    keys_named,
    query_text,
    read_calls,
)
from reconciliation.lake.readiness import Paths
from reconciliation.model.causes import Cause, Finding
from reconciliation.model.contradictions import Contradiction
from reconciliation.ports import ErrorPrefix, LogWitness, Queries, QueryResult

PLACES: Final = 1_000
FINDINGS: Final = 10_000
_TIMES: Final = 2
"""The last parameters of a span: the times, after the partitions."""
_BEFORE: Final = timedelta(minutes=5)
_AFTER: Final = timedelta(hours=1)
_WIDEST: Final = timedelta(days=1)
"""A call's own time is at most so far from its log event's."""
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
        on_query: Callable[[str, QueryResult, int], None],
        on_looked: Callable[[int], None],
        *,
        budget: Budget,
    ) -> None:
        """`on_query` is called after each query with the number of its rows, `on_looked` how many differences
        were looked into so far.
        """
        self._budget = budget
        self.ended = ""
        """Why it ended before its end; empty: it did not."""
        self.left_out = 0
        """The differing days that it would have looked into."""
        self._queries = queries
        self._log = log
        self._error_prefix = error_prefix
        self._on_query = on_query
        self._on_looked = on_looked
        self._looked_into: list[Difference] = []

    def findings(
        self,
        differences: Sequence[Difference],
        contradictions: Sequence[Contradiction],
        altered: Sequence[LakeCall],
        circumstances: Circumstances,
        run_id: str,
    ) -> Iterator[Finding]:
        """What is behind the differences, the contradictions and the altered rows of a month."""
        of_days: dict[tuple[str, Period], list[LakeCall]] = defaultdict(list)
        for row in altered:
            of_days[row.call.key, day_of(hour_at(row.call.time_ms))].append(row)
        found = self._suspects(differences, of_days, run_id, is_whole=circumstances.is_whole)
        found = self._with_calls(found, contradictions, run_id)
        found += self._altered(differences, altered)
        suspects = moved(found)
        clear = [one for one in self._looked_into if (one.key, one.period) not in circumstances.in_doubt]
        suspects = with_remainders(clear, found, suspects)
        strays = partial(with_strays, suspects, self._queries, self._note, run_id)
        suspects = self._within_budget(strays) or suspects
        suspects += _contradicting(contradictions, suspects)
        waiting = self._waiting(suspects) if circumstances.waiting else frozenset()
        return (_finding(suspect, circumstances, waiting) for suspect in suspects)

    def _suspects(
        self, differences: Sequence[Difference], altered: _Altered, run_id: str, *, is_whole: bool
    ) -> list[Suspect]:
        days = [one for one in differences if not is_month(one.period)]
        months = {one.key: one for one in differences if is_month(one.period)}
        alone = _counters_alone(days, months) if is_whole else frozenset[str]()
        found: dict[str, list[Suspect]] = defaultdict(list)
        for day, group in _groups(days):
            look = partial(self._of_group, day, group, altered, alone, run_id)
            for suspect in self._within_budget(look):
                found[suspect.key].append(suspect)
            if self.ended:
                self.left_out += len(group)
            else:
                self._looked_into += group
                self._on_looked(len(self._looked_into))
        of_keys: dict[str, list[Difference]] = defaultdict(list)
        for one in days:
            of_keys[one.key].append(one)
        for key, month in months.items():
            found[key] += _of_month(month, of_keys[key], found[key])
        return [suspect for key in sorted(found) for suspect in found[key]]

    def _with_calls(
        self, suspects: Iterable[Suspect], contradictions: Iterable[Contradiction], run_id: str
    ) -> list[Suspect]:
        """The same suspects, where what a month's counter has beyond its days may be calls."""
        of_keys: dict[str, list[Contradiction]] = defaultdict(list)
        for one in contradictions:
            if is_month(one.period) and one.part:
                of_keys[one.key].append(one)
        found: list[Suspect] = []
        for suspect in suspects:
            if is_month(suspect.period) and suspect.kind is SuspectKind.COUNTER:
                found += self._of_month_alone(suspect, of_keys[suspect.key], run_id)
            else:
                found.append(suspect)
        return found

    def _of_month_alone(self, edited: Suspect, days: Sequence[Contradiction], run_id: str) -> list[Suspect]:
        more = sum(one.held - one.expected for one in days if one.held > one.expected)
        if not more or edited.usage is None or edited.usage.fingerprint == 0:
            return [edited]
        look = partial(self._of_days, edited, days, more, run_id)
        return self._within_budget(look) or [MonthAlone(edited, (), (), more).unknown()]

    def _of_days(
        self, edited: Suspect, days: Sequence[Contradiction], requests: int, run_id: str
    ) -> list[Suspect]:
        more, less = list[Evidence](), list[Evidence]()
        for one in days:
            day, keys = Period(f"{one.period}-{one.part}"), [edited.key]
            rows = self._rows(between(begins_at(day), ends_at(day)), keys, run_id)[edited.key]
            if rows is None:
                return []
            lines = self._lines(day, keys, _WIDEST, _WIDEST) if one.held > one.expected else None
            evidence = Evidence(
                edited.key, day, NO_USAGE, {}, rows, None if lines is None else lines[edited.key]
            )
            (more if one.held > one.expected else less).append(evidence)
        return MonthAlone(edited, more, less, requests).suspects()

    def _within_budget(self, look: Callable[[], list[Suspect]]) -> list[Suspect]:
        """What is found, if it is found before the budget is spent. A service that fails ends it as well: the
        comparison, which needs nothing of this, is reported all the same.
        """
        try:
            self._check_budget()
            return look()
        except _SpentError as spent:
            self.ended = str(spent)
        except MeterError as error:
            self.ended = f"it could not go on: {error}"
        return []

    def _note(self, name: str, query: QueryResult, rows: int) -> None:
        """A query of the investigation was run."""
        self._budget.spend(scanned_bytes=query.scanned_bytes, rows=rows)
        self._on_query(name, query, rows)

    def _check_budget(self) -> None:
        """Raises _SpentError once something of the budget is spent, and whenever that was so before."""
        if reason := self.ended or self._budget.exhausted():
            raise _SpentError(reason)

    def _of_group(
        self, day: Period, group: Sequence[Difference], altered: _Altered, alone: frozenset[str], run_id: str
    ) -> list[Suspect]:
        """What is wrong with the days of some keys: of all together, or of each for itself."""
        try:
            return self._of_keys(day, group, altered, alone, run_id)
        except _TooManyToHoldError:
            return [one for key in group for one in self._of_keys(day, [key], altered, alone, run_id)]

    def _of_keys(
        self, day: Period, group: Sequence[Difference], altered: _Altered, alone: frozenset[str], run_id: str
    ) -> list[Suspect]:
        keys = [one.key for one in group]
        rows = {
            key: _with_altered(of_key, altered.get((key, day), []))
            for key, of_key in self._rows_of(day, group, run_id).items()
        }
        lines = self._lines(day, keys, _BEFORE, _AFTER)
        unclear, clear = [], []
        for one in group:
            found = _explained(one, rows[one.key], lines, counter_alone=one.key in alone)
            if lines is not None and any(suspect.kind in _UNCLEAR for suspect in found):
                unclear.append(one)
            else:
                clear += found
        if unclear:
            lines = self._lines(day, [one.key for one in unclear], _WIDEST, _WIDEST)
            for one in unclear:
                clear += _explained(one, rows[one.key], lines, counter_alone=one.key in alone)
        return clear

    def _rows_of(
        self, day: Period, group: Sequence[Difference], run_id: str
    ) -> Mapping[str, list[LakeCall] | None]:
        """The rows of each key on a day; None: too many to name any. Where the partitions around the day hold
        other totals than the month's query found, those of the whole month are read.
        """
        keys, span = [one.key for one in group], between(begins_at(day), ends_at(day))
        rows = self._rows(span, keys, run_id)
        if all(_total(rows[one.key], one.in_lake) == one.in_lake for one in group):
            return rows
        month = month_of(day)
        partitions = between(begins_at(month), ends_at(month))[:-_TIMES]
        return self._rows((*partitions, *span[-_TIMES:]), keys, run_id)

    def _rows(
        self, span: Sequence[str], keys: Sequence[str], run_id: str
    ) -> Mapping[str, list[LakeCall] | None]:
        self._check_budget()
        query = self._queries.run(query_text(CALLS_OF_KEYS), (*span, *keys_named(keys)), run_id=run_id)
        self._budget.spend(scanned_bytes=query.scanned_bytes)
        found: dict[str, list[LakeCall]] = {key: [] for key in keys}
        number = 0
        for row in read_calls(query.rows()):
            number += 1
            found[row.call.key].append(row)
        self._budget.spend(rows=number)
        self._on_query(CALLS_OF_KEYS, query, number)
        if number <= CALLS_OF_A_QUERY:
            return found
        if len(keys) == 1:
            return {keys[0]: None}
        raise _TooManyToHoldError

    def _lines(
        self, day: Period, keys: Sequence[str], before: timedelta, after: timedelta
    ) -> Mapping[str, dict[int, LoggedCall]] | None:
        """The log's lines of each key on a day, by event hash; None: it does not keep them."""
        start, end = begins_at(day), ends_at(day)
        if self._log is None or not self._log.holds(start, end):
            return None
        found: dict[str, dict[int, LoggedCall]] = {key: {} for key in keys}
        number = 0
        try:
            for number, line in enumerate(self._log.calls(keys, start - before, end + after), 1):
                if number > CALLS_OF_A_QUERY:
                    raise TooManyLines(f"more than {CALLS_OF_A_QUERY:,} lines of {day}")
                call = line.call
                if call.key in found and day_of(hour_at(call.time_ms)) == day:
                    found[call.key].setdefault(call.event_hash, line)
        except TooManyLines:
            if len(keys) > 1 and number > CALLS_OF_A_QUERY:
                raise _TooManyToHoldError from None
            self._check_budget()
            return None
        finally:
            self._budget.spend(rows=number)
        return found

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
        try:
            self._check_budget()
            return self._lines(day, sorted({row.call.key for row in rows}), _BEFORE, _AFTER) or {}
        except _SpentError as spent:
            self.ended = str(spent)
        except _TooManyToHoldError:
            pass
        except MeterError as error:
            self.ended = f"it could not go on: {error}"
        return {}

    def _waiting(self, suspects: Iterable[Suspect]) -> frozenset[int] | None:
        """Which of the missing calls lie under the error prefix; None: it was not read to its end."""
        wanted = {
            suspect.call.event_hash if suspect.call else suspect.event_hash
            for suspect in suspects
            if suspect.kind in (SuspectKind.NOT_IN_LAKE, SuspectKind.NEITHER)
        }
        found: set[int] = set()
        try:
            for _, content in error_objects(self._error_prefix):
                self._check_time()
                found.update(hashed for hashed in waiting_hashes(content) if hashed in wanted)
        except _SpentError as spent:
            self.ended = str(spent)
        except MeterError as error:
            self.ended = f"it could not go on: {error}"
        else:
            return frozenset(found)
        return None

    def _check_time(self) -> None:
        """Raises _SpentError once the time is over."""
        if self._budget.is_over():
            raise _SpentError(self._budget.exhausted())


class _SpentError(Exception):
    """Something of the budget is spent; the text says what."""


class _TooManyToHoldError(Exception):
    """Several keys have more calls than are held at a time. Each for itself may have less."""


def _with_altered(rows: list[LakeCall] | None, altered: Sequence[LakeCall]) -> list[LakeCall] | None:
    """The rows of a key's day with all that are altered: of those without an id, the query gives one."""
    if rows is None or not altered:
        return rows
    return [*(row for row in rows if row.is_sound), *altered]


def _total(rows: Sequence[LakeCall] | None, otherwise: Usage) -> Usage:
    return otherwise if rows is None else total(row.call.usage for row in rows)


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
