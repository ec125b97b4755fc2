"""The reconciliation of a month: the order in which things are read and compared.

1. **Look how far both paths are complete.** What is complete now is so later, too. Unless all of a month that
   is over is complete on both, nothing is compared; of a running month, the days that are.
2. **Look under the error prefix**: records that cannot be decoded lie there and not in the lake.
3. **Query the lake**: the usage of each key and day, each event once, sorted by Athena; and the rows whose
   hash is not that of their id.
4. **Read the counters** of the month and its days. They come in no order and are sorted here, in temporary
   files where they are many.
5. **Compare** both streams in one pass, and add both up.
6. **Look into what differs**: hour by hour and call by call, until single calls are named, within a budget of
   time, bytes and rows. Whoever wants the comparison before it gets it.
7. **Report.** Nothing is changed anywhere.

The counters are read after the lake: what arrives meanwhile can only be ahead in the counters. A key never
needs more memory than its days; the report holds the first `DIFFERENCES_HELD` differences, and counts all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from metering.counters.counter import Counter, UnreadableCounter, summed
from metering.errors import MeterError, QueryFailed
from metering.outcome import MALFORMED_KEY, OUTCOME_OF_KEY, UNDECODABLE_KEY, Outcome
from metering.period import Period, begins_at, ends_at, hour_at, is_month
from metering.proof.archive import ArchiveMarks, check_not_archived
from metering.proof.drift import Difference, Entry, Held, differences
from metering.proof.hours import hours_of
from metering.proof.witness import Hearing, WitnessCount
from metering.usage import NO_USAGE, Usage, total
from reconciliation.attribution.budget import Budget
from reconciliation.attribution.investigation import FINDINGS, PLACES, Circumstances, Investigation
from reconciliation.attribution.unequal_copies import findings_of_copies
from reconciliation.attribution.unreadable_places import DamagedPlaces
from reconciliation.lake.error_memory import ErrorMemory, error_readings
from reconciliation.lake.external_sort import sorted_counters
from reconciliation.lake.firehose_errors import tally
from reconciliation.lake.inventory import LakeObjects, objects_read
from reconciliation.lake.queries import (
    ALTERED_ROWS,
    DIFFERING_COPIES,
    REPEATED_OBJECTS,
    REPEATED_ROWS,
    USAGE_BY_KEY_AND_DAY,
    USAGE_OF_SOUND_ROWS,
    LakeCall,
    LakeUsage,
    between,
    epoch_ms,
    query_text,
    read_calls,
    read_days,
    usage_by_key,
    with_months,
)
from reconciliation.lake.readable_lake import ReadableLake
from reconciliation.lake.readiness import (
    VOUCHED,
    Paths,
    Readiness,
    gap_reasons,
    is_refused,
    readiness,
)
from reconciliation.model.causes import Cause, Finding
from reconciliation.model.contradictions import Contradiction, contradictions
from reconciliation.model.failed_records import ErrorReading, FailedRecords
from reconciliation.model.report import Both, QueryEvidence, RepeatedObject, Report, Tally
from reconciliation.ports import (
    CounterSource,
    ErrorPrefix,
    LogWitness,
    OnProgress,
    Path,
    Queries,
    QueryResult,
    SourceWitness,
    StepProgress,
    Witness,
)

DIFFERENCES_HELD: Final = 100_000
_REPORT_EVERY: Final = 10_000

Thing = TypeVar("Thing")
OnCompared = Callable[[Report], None]


class Sources(NamedTuple):
    """What is read."""

    queries: Queries
    counters: CounterSource
    error_prefix: ErrorPrefix
    log: LogWitness | None = None
    """None: calls are named from counters and lake alone."""
    counted: Path | None = None
    """How far the counters are complete; None: the caller vouches for it."""
    delivered: Path | None = None
    """How far the lake is complete; None: the caller vouches for it."""
    objects: LakeObjects | None = None
    """None: which objects were read is not known."""
    source: SourceWitness | None = None
    """None: nobody watches what happens before the stream."""
    unreadable: list[UnreadableCounter] | None = None
    """Where `counters` notes the items that it cannot read; None: such an item is an error."""
    witnesses: Sequence[Witness] = ()
    """Who is asked what AWS itself has counted, for a month that is compared as a whole."""
    error_memory: ErrorMemory | None = None
    """None: all objects under the error prefix are read."""
    archives: ArchiveMarks | None = None
    """None: no month is archived."""

    def errors(self) -> Iterator[tuple[str, ErrorReading]]:
        """What lies under the error prefix, by name."""
        return error_readings(self.error_prefix, self.error_memory)


class Reconciled(NamedTuple):
    """A month that was compared."""

    report: Report
    usage: Callable[[], Mapping[str, Usage]] = dict
    """Reads again what the lake said of each key, all compared days together."""


class Reconciler:
    """Reconciles months of one deployment."""

    def __init__(  # noqa: PLR0913 - what it reads, and how
        self,
        sources: Sources,
        clock: Callable[[], datetime],
        on_progress: OnProgress = lambda _progress: None,
        *,
        allow_incomplete: bool = False,
        differences_held: int = DIFFERENCES_HELD,
        budget: Budget | None = None,
        executor: Callable[[], Executor] = lambda: ThreadPoolExecutor(1, "altered"),
    ) -> None:
        """`clock` gives the time in UTC, for the report and to see whether the month is over. With
        `allow_incomplete` all of a month is compared, complete or not, and the report marked. `budget` is
        what the investigation of a month may take; None: the usual bytes and rows, and any time. `executor`
        runs one query while another one runs.
        """
        self._budget = budget or Budget()
        self._executor = executor
        self._sources = sources
        self._clock = clock
        self._on_progress = on_progress
        self._allow_incomplete = allow_incomplete
        self._differences_held = differences_held

    def reconcile(
        self,
        month: Period,
        *,
        run_id: str,
        allow_incomplete: bool | None = None,
        on_compared: OnCompared = lambda _report: None,
    ) -> Report:
        """The report of :meth:`reconciled`."""
        return self.reconciled(
            month, run_id=run_id, allow_incomplete=allow_incomplete, on_compared=on_compared
        ).report

    def reconciled(
        self,
        month: Period,
        *,
        run_id: str,
        allow_incomplete: bool | None = None,
        on_compared: OnCompared = lambda _report: None,
    ) -> Reconciled:
        """Compare a month (`2026-10`). A run that is repeated under its id asks for the same queries, which
        are then not run again. `allow_incomplete` takes precedence over the reconciler's own. `on_compared`
        is called with the report of a comparison that found something, before that is investigated.

        Raises:
            ValueError: the period is no month.
            ArchivedMonthError: counters of the month are archived.
            MeterError: something could not be read. Nothing was changed, and the run can be repeated.
        """
        if not is_month(month):
            raise ValueError(f"{month} is not a month: write it as 2026-10")
        check_not_archived(self._sources.archives, month)
        allowed = self._allow_incomplete if allow_incomplete is None else allow_incomplete
        started_at = self._clock()
        paths = self._paths()  # 1
        errors = self._sources.errors()
        failed = tally(self._with_progress("error objects", errors), month)  # 2
        ready = readiness(month, started_at, paths, failed)
        refused = not allowed and is_refused(month, started_at, ready.until)
        until = ends_at(month) if allowed else begins_at(month) if refused else ready.until
        lake = ReadableLake(self._sources.queries)
        run = _Run(month, run_id, started_at, paths, failed, ready, until, lake)
        report = _empty(run)
        report.refused = refused
        report.is_settled = run.until <= ready.until
        if self._sources.source is not None:
            report.source_gaps = gap_reasons(month, self._sources.source.load())
        compared = self._compare(run, report) if until > begins_at(month) else None
        report.finished_at = self._clock()
        if compared is None:
            return Reconciled(report)
        if not report.agrees or report.lake_duplicates:
            on_compared(report)
            self._investigate(run, report, compared)  # 6
            report.finished_at = self._clock()
        return Reconciled(report, lambda: usage_by_key(compared.usage.rows()))  # 7

    def _paths(self) -> Paths:
        counted, delivered = self._sources.counted, self._sources.delivered
        return Paths(
            VOUCHED if counted is None else counted.complete_through(),
            VOUCHED if delivered is None else delivered.complete_through(),
        )

    def _compare(self, run: _Run, report: Report) -> _Compared:
        """Steps 3 to 5."""
        month = run.month
        if self._sources.objects is not None:
            report.objects_read = objects_read(self._sources.objects, begins_at(month), run.until)
        name, query, altered_query = self._usage(run)  # 3
        altered = list(read_calls(altered_query.rows()))
        report.altered_rows = len(altered)
        report.proofs.append(_proof(ALTERED_ROWS, altered_query, len(altered)))
        unreadable = [] if self._sources.unreadable is None else self._sources.unreadable
        unreadable.clear()
        counters = self._sorted_counters(month)  # 4
        hearings = [self._hearing(witness, month) for witness in self._sources.witnesses if run.is_whole]
        comparison = _Comparison(run, self._differences_held, hearings)
        comparison.run(counters, self._with_progress("lake rows", query.rows()))  # 5
        check_not_archived(self._sources.archives, month)  # again: it may have been archived before 4
        report.tally = comparison.tally
        report.differences = comparison.differences.things
        report.differences_found = comparison.differences.found
        report.contradictions = comparison.contradictions.things
        report.contradictions_found = comparison.contradictions.found
        report.witnesses = [hearing.report() for hearing in hearings]
        report.proofs.insert(0, _proof(name, query, comparison.rows))
        report.not_looked_into = comparison.not_looked_into
        copies = self._differing_copies(run, report) if report.lake_duplicates else []
        damaged = DamagedPlaces(month, run.lake.unreadable, tuple(unreadable))
        report.unreadable = damaged.reported(altered if run.lake.leaves_rows_out else ())
        unread = (f"{one.place} cannot be read: {one.reason}" for one in report.unreadable)
        report.missing = [*report.missing, *unread]
        return _Compared(query, altered, copies, damaged)

    def _investigate(self, run: _Run, report: Report, compared: _Compared) -> None:
        """Step 6, as far as its budget goes. What it has found is in the report, whatever ends it."""
        findings: _First[Finding] = _First(FINDINGS)
        of_copies = list(findings_of_copies(compared.copies))
        for finding in (*compared.damaged.findings(), *of_copies):
            findings.add(finding)
        with self._budget.investigation():
            if report.differences or report.contradictions or compared.altered:
                investigation = self._investigation(run, report)
                for finding in investigation.findings(
                    compared.damaged.others(report.differences),
                    compared.damaged.other_contradictions(report.contradictions),
                    compared.altered,
                    Circumstances(
                        run.started_at,
                        run.paths,
                        run.failed.waiting,
                        compared.damaged.days,
                        run.is_whole,
                        frozenset((one.key, one.period) for one in of_copies),
                    ),
                ):
                    findings.add(finding)
                report.not_looked_into += investigation.left_out
                report.investigation_ended = investigation.ended
            if report.lake_duplicates and not report.investigation_ended:
                try:
                    self._name_repeats(run, report, findings, compared.copies)
                except MeterError as error:
                    report.investigation_ended = f"it could not go on: {error}"
        report.findings, report.findings_found = findings.things, findings.found

    def _hearing(self, witness: Witness, month: Period) -> Hearing:
        """A witness, ready to be compared. One that cannot be asked says so, and stops nothing."""
        self._on_progress(StepProgress(f"witness {witness.name.value}", 0))
        try:
            return Hearing(witness.testify(month))
        except MeterError as error:
            return Hearing(WitnessCount(witness.name, {}, notes=(f"it could not be queried: {error}",)))

    def _query(self, name: str, run: _Run) -> QueryResult:
        self._on_progress(StepProgress(f"query {name}", 0))
        parameters = between(begins_at(run.month), run.until)
        return run.lake.run(query_text(name), parameters, run_id=run.run_id)

    def _usage(self, run: _Run) -> tuple[str, QueryResult, QueryResult]:
        """The usage of each key and day, with the name of its query; and the rows whose hash is not that of
        their id, of which that query gives the first 10,001. Both run at the same time; where rows are
        altered, the usage is asked for once more, by ids alone.
        """
        with self._executor() as pool:
            asked = pool.submit(self._query, ALTERED_ROWS, run)
            usage = self._usage_of_sound_rows(run)
            altered = asked.result()
        if next(altered.rows(), None) is None:
            if isinstance(usage, QueryFailed):
                raise usage
            return USAGE_OF_SOUND_ROWS, usage, altered
        return USAGE_BY_KEY_AND_DAY, self._usage_by_ids(run), altered

    def _usage_of_sound_rows(self, run: _Run) -> QueryResult | QueryFailed:
        """The usage, or why Athena cannot add it up: altered rows may say why."""
        try:
            return self._query(USAGE_OF_SOUND_ROWS, run)
        except QueryFailed as error:
            return error

    def _usage_by_ids(self, run: _Run) -> QueryResult:
        """The usage by ids alone; without rows whose sizes cannot be added up, if there are such."""
        try:
            return self._query(USAGE_BY_KEY_AND_DAY, run)
        except QueryFailed:
            parameters = between(begins_at(run.month), run.until)
            sql = query_text(USAGE_BY_KEY_AND_DAY)
            return run.lake.run_without_large_rows(sql, parameters, run_id=run.run_id)

    def _investigation(self, run: _Run, report: Report) -> Investigation:
        return Investigation(
            run.lake,
            self._sources.log,
            self._sources.error_prefix,
            lambda name, query, rows: report.proofs.append(_proof(name, query, rows)),
            lambda looked: self._on_progress(StepProgress("differences investigated", looked)),
            run_id=run.run_id,
            budget=self._budget,
        )

    def _differing_copies(self, run: _Run, report: Report) -> list[LakeCall]:
        """The rows of events whose copies do not say the same. Copies that do not count are altered rows; one
        that is altered by itself is known already.
        """
        query = self._query(DIFFERING_COPIES, run)
        rows = list(read_calls(query.rows()))
        report.proofs.append(_proof(DIFFERING_COPIES, query, len(rows)))
        altered = {row.call.event_id for row in rows if not row.is_sound}
        copies = [row for row in rows if row.call.event_id not in altered]
        report.altered_rows += len(copies) - len({row.call.event_id for row in copies})
        return copies

    def _name_repeats(
        self, run: _Run, report: Report, findings: _First[Finding], copies: Sequence[LakeCall]
    ) -> None:
        """Which objects repeat others, and the first of the calls that they repeat. Copies that differ have
        findings of their own.
        """
        differing = {row.call.event_id for row in copies}
        query = self._query(REPEATED_OBJECTS, run)
        report.repeated_objects = [RepeatedObject(*row) for row in query.rows()]
        report.proofs.append(_proof(REPEATED_OBJECTS, query, len(report.repeated_objects)))
        query = self._query(REPEATED_ROWS, run)
        rows = list(query.rows())
        for event_id, key, time, place, first in rows:
            if not event_id or event_id in differing:
                continue
            findings.add(
                Finding(
                    key=key,
                    period=Period(f"{time:%Y-%m-%d}"),
                    cause=Cause.DUPLICATE,
                    note="its row lies in the lake more than once",
                    event_id=event_id,
                    time=time,
                    objects=(place, first),
                )
            )
        report.proofs.append(_proof(REPEATED_ROWS, query, len(rows)))

    def _sorted_counters(self, month: Period) -> Iterator[Counter]:
        return summed(
            sorted_counters(self._with_progress("counters", self._sources.counters.of_period(month)))
        )

    def _with_progress(self, step: str, things: Iterable[Thing]) -> Iterator[Thing]:
        """The same things, with word of how many there were so far."""
        done = 0
        for done, thing in enumerate(things, 1):
            if done % _REPORT_EVERY == 0:
                self._on_progress(StepProgress(step, done))
            yield thing
        self._on_progress(StepProgress(step, done))


class _Compared(NamedTuple):
    """What the investigation and the invoices need of a comparison, beside its report."""

    usage: QueryResult
    altered: Sequence[LakeCall]
    copies: Sequence[LakeCall]
    """The rows of events whose copies differ."""
    damaged: DamagedPlaces


class _Run(NamedTuple):
    """What is known before anything is compared."""

    month: Period
    run_id: str
    started_at: datetime
    paths: Paths
    failed: FailedRecords
    ready: Readiness
    until: datetime
    """The first instant that is not compared."""
    lake: ReadableLake

    @property
    def is_whole(self) -> bool:
        """Whether all of the month is compared: then its own counter is, too."""
        return self.until == ends_at(self.month)


def _empty(run: _Run) -> Report:
    """The report before anything is compared."""
    return Report(
        month=run.month,
        run_id=run.run_id,
        started_at=run.started_at,
        finished_at=run.started_at,
        missing=run.ready.missing,
        tally=Tally(),
        failed_records=run.failed,
        differences=[],
        differences_found=0,
        contradictions=[],
        contradictions_found=0,
        proofs=[],
        compared_until=None if run.is_whole else run.until,
    )


class _First(Generic[Thing]):
    """The first of many things, and how many there were."""

    def __init__(self, held: int) -> None:
        self._room = held
        self.things: list[Thing] = []
        self.found = 0

    def add(self, thing: Thing) -> None:
        self.found += 1
        if self.found <= self._room:
            self.things.append(thing)


class _Comparison:
    """Step 5: one pass over both sides, in the order of key and period."""

    def __init__(self, run: _Run, held: int, hearings: Sequence[Hearing]) -> None:
        self._hearings = hearings
        self.tally = Tally()
        self.rows = 0
        self.differences: _First[Difference] = _First(held)
        self.contradictions: _First[Contradiction] = _First(held)
        self._days_found = 0
        self._month = run.month
        self._is_whole = run.is_whole
        self._first_day_left_out = hour_at(epoch_ms(run.until))[:10]
        self._failed = run.failed
        self._undecodable = NO_USAGE

    @property
    def not_looked_into(self) -> int:
        """The differing days that are too many to be looked into."""
        return max(0, self._days_found - PLACES)

    def run(self, counters: Iterable[Counter], rows: Iterable[tuple[Any, ...]]) -> None:
        for difference in differences(self._counted(counters), self._in_lake(rows)):
            self._add(difference)
        if self._is_whole:
            self._compare_undecodable()

    def _add(self, difference: Difference) -> None:
        """Hold a difference; its parts, if it is going to be looked into."""
        self._days_found += difference.period != self._month
        if self._days_found > PLACES:
            difference = msgspec.structs.replace(difference, parts={})
        self.differences.add(difference)

    def _is_compared(self, period: Period) -> bool:
        return self._is_whole or (period != self._month and period < self._first_day_left_out)

    def _counted(self, counters: Iterable[Counter]) -> Iterator[Entry]:
        """The counters key by key, added up and compared among themselves on the way."""
        for key, group in groupby(counters, key=attrgetter("key")):
            of_key = list(group)
            self.tally.counters += len(of_key)
            for contradiction in contradictions(of_key):
                if self._is_compared(Period(f"{contradiction.period}-{contradiction.part}"[:10].rstrip("-"))):
                    self.contradictions.add(contradiction)
            if key == UNDECODABLE_KEY:
                self._undecodable = total(one.usage for one in of_key if one.period == self._month)
                continue
            self.tally.keys_counted += key not in OUTCOME_OF_KEY
            compared = [one for one in of_key if self._is_compared(one.period)]
            days = [(one.period, one.usage) for one in compared if one.period != self._month]
            self.tally.add_counted(key, *days)
            self._hear(key, days)
            for counter in compared:
                hours = None if counter.period == self._month else hours_of(counter.parts)
                yield (key, counter.period), Held(counter.usage, hours, counter.parts)

    def _hear(self, key: str, days: Sequence[tuple[Period, Usage]]) -> None:
        """Compare what the witnesses say of a key. Lines that are no calls are none to them either."""
        for hearing in self._hearings if key != MALFORMED_KEY else ():
            for day, usage in days:
                hearing.add(key, day, usage)

    def _in_lake(self, rows: Iterable[tuple[object, ...]]) -> Iterator[Entry]:
        """The lake key by key, added up on the way."""
        for month, *days in with_months(self._days(rows)):
            self.tally.keys_in_lake += month.key not in OUTCOME_OF_KEY and month.usage != NO_USAGE
            self.tally.lake_rows += month.rows
            self.tally.add_in_lake(month.key, *[(day.period, day.usage) for day in days])
            if self._is_whole:
                yield (month.key, month.period), Held(month.usage)
            for day in days:
                if self._is_compared(day.period):
                    yield (day.key, day.period), Held(day.usage, day.hours)

    def _days(self, rows: Iterable[tuple[object, ...]]) -> Iterator[LakeUsage]:
        for day in read_days(rows):
            self.rows += 1
            yield day

    def _compare_undecodable(self) -> None:
        """What cannot be decoded has no rows: it is compared with the error prefix, by number alone.

        Its difference comes after the others, whatever its place.
        """
        counted = self._undecodable
        found = msgspec.structs.replace(counted, requests=self._failed.nearest(counted.requests))
        self.tally.outcomes[Outcome.UNDECODABLE] = Both(counted, found)
        if counted != found:
            self.differences.add(Difference(UNDECODABLE_KEY, self._month, counted, found))


def _proof(name: str, query: QueryResult, rows: int) -> QueryEvidence:
    return QueryEvidence(
        name, query.query_id, query.sql, query.parameters, query.scanned_bytes, query.milliseconds, rows
    )
