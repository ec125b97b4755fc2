"""The reconciliation of a month: the order in which things are read and compared.

1. **Query the lake**: the usage of each key and day, each event once, sorted by Athena.
2. **Look under the error prefix**: records that cannot be decoded lie there and not in the lake.
3. **Read the counters** of the month and its days. They come in no order and are sorted here, in temporary
   files where they are many.
4. **Compare** both streams in one pass, and add both up.
5. **Report.** Nothing is changed anywhere.

The counters are read after the lake: what arrives meanwhile can only be ahead in the counters. A key never
needs more memory than its days; the report holds the first `DIFFERENCES_HELD` differences, and counts all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec

from metering.counter import Counter, summed
from metering.drift import Difference, Entry, differences
from metering.outcome import OUTCOME_OF_KEY, UNDECODABLE_KEY, Outcome
from metering.period import Period, begins_at, ends_at
from metering.usage import NO_USAGE, total
from reconciliation.consistency import Contradiction, contradictions
from reconciliation.failed_records import FailedRecords, tally
from reconciliation.lake import (
    USAGE_BY_KEY_AND_DAY,
    LakeUsage,
    between,
    query_text,
    read_days,
    with_months,
)
from reconciliation.ports import CounterSource, ErrorPrefix, OnProgress, Progress, Queries, QueryResult
from reconciliation.report import Both, Proof, Report, Tally
from reconciliation.sorting import sorted_counters

DIFFERENCES_HELD: Final = 100_000
_TOLD_EVERY: Final = 10_000
_MONTH: Final = len("2026-11")

Thing = TypeVar("Thing")


class Sources(NamedTuple):
    """What is read."""

    queries: Queries
    counters: CounterSource
    error_prefix: ErrorPrefix


class Reconciler:
    """Reconciles months of one deployment."""

    def __init__(
        self,
        sources: Sources,
        clock: Callable[[], datetime],
        on_progress: OnProgress = lambda _progress: None,
        *,
        differences_held: int = DIFFERENCES_HELD,
    ) -> None:
        """`clock` gives the time in UTC, for the report and to see whether the month is over."""
        self._sources = sources
        self._clock = clock
        self._on_progress = on_progress
        self._differences_held = differences_held

    def reconcile(self, month: Period, *, run_id: str) -> Report:
        """Compare a month (`2026-10`). A run that is repeated under its id asks for the same query, which is
        then not run again.

        Raises:
            ValueError: the period is no month.
            MeterError: something could not be read. Nothing was changed, and the run can be repeated.
        """
        if len(month) != _MONTH:
            raise ValueError(f"{month} is no month: write it as 2026-10")
        started_at = self._clock()
        query = self._query(month, run_id)  # 1
        failed = tally(self._told("error objects", self._error_objects()), month)  # 2
        counters = self._sorted_counters(month)  # 3
        comparison = _Comparison(month, failed, self._differences_held)
        comparison.run(counters, self._told("lake rows", query.rows()))  # 4
        return Report(  # 5
            month=month,
            run_id=run_id,
            started_at=started_at,
            finished_at=self._clock(),
            missing=_missing(month, started_at, failed),
            tally=comparison.tally,
            failed_records=failed,
            differences=comparison.differences.things,
            differences_found=comparison.differences.found,
            contradictions=comparison.contradictions.things,
            contradictions_found=comparison.contradictions.found,
            proofs=[_proof(USAGE_BY_KEY_AND_DAY, query, comparison.rows)],
        )

    def _query(self, month: Period, run_id: str) -> QueryResult:
        self._on_progress(Progress("query", 0))
        sql = query_text(USAGE_BY_KEY_AND_DAY)
        return self._sources.queries.run(sql, between(begins_at(month), ends_at(month)), run_id=run_id)

    def _error_objects(self) -> Iterator[tuple[str, bytes]]:
        for name in self._sources.error_prefix.names():
            if (content := self._sources.error_prefix.read(name)) is not None:
                yield name, content

    def _sorted_counters(self, month: Period) -> Iterator[Counter]:
        return summed(sorted_counters(self._told("counters", self._sources.counters.of_period(month))))

    def _told(self, step: str, things: Iterable[Thing]) -> Iterator[Thing]:
        """The same things, with word of how many there were so far."""
        done = 0
        for done, thing in enumerate(things, 1):
            if done % _TOLD_EVERY == 0:
                self._on_progress(Progress(step, done))
            yield thing
        self._on_progress(Progress(step, done))


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
    """Step 4: one pass over both sides, in the order of key and period."""

    def __init__(self, month: Period, failed: FailedRecords, held: int) -> None:
        self.tally = Tally()
        self.rows = 0
        self.differences: _First[Difference] = _First(held)
        self.contradictions: _First[Contradiction] = _First(held)
        self._month = month
        self._failed = failed
        self._undecodable = NO_USAGE

    def run(self, counters: Iterable[Counter], rows: Iterable[tuple[Any, ...]]) -> None:
        for difference in differences(self._counted(counters), self._in_lake(rows)):
            self.differences.add(difference)
        self._compare_undecodable()

    def _counted(self, counters: Iterable[Counter]) -> Iterator[Entry]:
        """The counters key by key, added up and compared among themselves on the way."""
        for key, group in groupby(counters, key=attrgetter("key")):
            of_key = list(group)
            self.tally.counters += len(of_key)
            for contradiction in contradictions(of_key):
                self.contradictions.add(contradiction)
            if key == UNDECODABLE_KEY:
                self._undecodable = total(one.usage for one in of_key if one.period == self._month)
                continue
            self.tally.keys_counted += key not in OUTCOME_OF_KEY
            for counter in of_key:
                if counter.period != self._month:
                    self.tally.add_counted(key, counter.period, counter.usage)
                yield (key, counter.period), counter.usage

    def _in_lake(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[Entry]:
        """The lake key by key, added up on the way."""
        for entry in with_months(self._days(rows)):
            if entry.period == self._month:
                self.tally.keys_in_lake += entry.key not in OUTCOME_OF_KEY and entry.usage != NO_USAGE
                self.tally.lake_rows += entry.rows
            else:
                self.tally.add_in_lake(entry.key, entry.period, entry.usage)
            yield (entry.key, entry.period), entry.usage

    def _days(self, rows: Iterable[tuple[Any, ...]]) -> Iterator[LakeUsage]:
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


def _missing(month: Period, now: datetime, failed: FailedRecords) -> list[str]:
    missing = []
    if now < (end := ends_at(month)):
        missing.append(f"the month ends on {end:%Y-%m-%d}, and is compared as far as it goes")
    if failed.waiting:
        missing.append(f"{failed.waiting} records wait under the error prefix: redrive them into the lake")
    if failed.unreadable:
        missing.append(f"objects under the error prefix cannot be read: {', '.join(failed.unreadable[:10])}")
    return missing


def _proof(name: str, query: QueryResult, rows: int) -> Proof:
    return Proof(
        name, query.query_id, query.sql, query.parameters, query.scanned_bytes, query.milliseconds, rows
    )
