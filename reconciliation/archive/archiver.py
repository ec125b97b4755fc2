"""Archiving a month: the counters of its days leave the table, which every comparison reads as a whole.

In this order, and what holds if a step is the last to happen:

1. **Look.** A month is archived that is sealed and final, and whose counters agree with what was billed, or
   else with the lake. A record that is repeated would not meet its watermark any more. So all records must
   have expired that came before the sealing; and of keys for which calls came later, the counters stay in the
   table. Nothing is written.
2. **Write** the counters of the days in the order of their keys, in parts, each under the SHA-256 of its
   content, then the index of the parts. The same counters give the same objects, however often.
3. **Read back** every part and compare it.
4. **Link** index and parts into the chain of what was billed. An archive that nothing else names decides
   nothing.
5. **Mark** the month in the table: from here on it is archived, as far as the mark says.
6. **Move** batch after batch out of the table, each by one transaction with the mark. A counter that has got
   a call since step 2 keeps that call. Whoever runs next goes on at the mark.

Months keep their own counters: quotas, invoices and look-ups of months read these. A call that arrives for an
archived month is counted as for any sealed one: the month's counter has it, and a new counter of its day,
which holds nothing else. Restoring is step 6 backwards, and then the mark is ended; what was counted
meanwhile is added up. So it ends with what the table would hold if nobody had archived the month.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby
from operator import attrgetter
from typing import Final, NamedTuple

from metering.errors import MeterError, Misconfigured, Transient
from metering.period import Period, following, is_day
from metering.proof.archive import (
    BATCHES_OF_A_PART,
    MONTHS_NOT_ARCHIVED,
    ROWS_OF_A_BATCH,
    ArchiveIndex,
    ArchiveMark,
    ArchivePart,
    StoredSlice,
    cut,
    index_content,
    index_name,
    index_prefix,
    part_of,
    read_index,
    read_part,
    rows_out,
)
from metering.proof.billing_chain import LinkKind, digest_of
from metering.proof.month_state import State
from reconciliation.archive.agreement import CounterAgreement
from reconciliation.archive.ports import ArchiveShelf, ArchiveTable, PendingRecoveries, StreamRetention
from reconciliation.billing_chain import BillingChain
from reconciliation.closing import SealedMonths
from reconciliation.lake.external_sort import RUN_LENGTH, sorted_rows
from reconciliation.model.report import Report
from reconciliation.ports import OnProgress, StepProgress
from reconciliation.spool import RecordSpool

REMOVED_AFTER: Final = timedelta(days=1)
"""So long after a record has expired it is gone, whatever the difference of two clocks."""
MOST_NAMED: Final = 5


class CannotArchiveError(MeterError):
    """The month cannot be archived or restored; the text says why and what to do. Nothing was written."""


class ArchiveStores(NamedTuple):
    """What is read and written."""

    table: ArchiveTable
    shelf: ArchiveShelf
    recoveries: PendingRecoveries
    stream: StreamRetention


@dataclass(frozen=True, slots=True)
class Archivable:
    """A month that can be archived: what would leave the table."""

    month: Period
    index: ArchiveIndex
    contents: RecordSpool | None
    """The parts; None: they were written by an earlier run."""
    mark: ArchiveMark | None = None
    """None: nothing is archived yet."""


@dataclass(frozen=True, slots=True)
class Archived:
    """What is archived of a month now."""

    month: Period
    index: ArchiveIndex
    mark: ArchiveMark | None
    """None: all of it is in the table."""
    removed: int = 0
    """So many of its counters were in the table, too, as after a restore of it."""


class Archiver:
    """Archives months of one deployment, and restores them."""

    def __init__(  # noqa: PLR0913 - what it works on, and who works
        self,
        stores: ArchiveStores,
        months: SealedMonths,
        chain: BillingChain,
        reconcile: Callable[[Period, str], Report],
        clock: Callable[[], datetime],
        *,
        who: str,
        final_after: int,
        on_progress: OnProgress = lambda _progress: None,
        part_rows: int = ROWS_OF_A_BATCH * BATCHES_OF_A_PART,
        batch_rows: int = ROWS_OF_A_BATCH,
    ) -> None:
        """`reconcile` compares a month with the lake under the id of a run. `final_after` is the tariff's.
        `clock` gives the time in UTC, `who` is whoever archives.
        """
        self._stores = stores
        self._months = months
        self._chain = chain
        self._reconcile = reconcile
        self._clock = clock
        self._who = who
        self._final_after = final_after
        self._on_progress = on_progress
        self._part_rows = part_rows
        self._batch_rows = batch_rows

    def look(self, month: Period, *, run_id: str) -> Archivable:
        """Do step 1. What an earlier run has begun is gone on with, and not looked at again.

        Raises:
            CannotArchiveError: it cannot be archived now.
            MeterError: something could not be read.
        """
        if (mark := self._stores.table.read(month)) is not None:
            return Archivable(month, self._index(mark), None, mark)
        self._check_age(month, self._sealed_at(month))
        self._check_recoveries(month)
        found, agreement = self._read(month)
        if agreement.differing:
            self._check_lake(month, run_id, agreement.differing)
        return found

    def _sealed_at(self, month: Period) -> datetime:
        closing = self._months.closing(month)
        if closing is None or closing.state is not State.SEALED:
            state = State.OPEN if closing is None else closing.state
            raise CannotArchiveError(f"{month} is {state}: seal it with `usage-meter close {month}` first")
        return closing.sealed_at or closing.begun_at

    def _check_age(self, month: Period, sealed_at: datetime) -> None:
        now = self._clock()
        running = Period(f"{now:%Y-%m}")
        last = _months_after(month, self._final_after)
        if running < (first := _months_after(last, 2)):
            raise CannotArchiveError(
                f"{month} is not final: the invoices of {last} adjust it for the last time (final_after "
                f"in the tariff: {self._final_after} months). Archive it from {first} on"
            )
        if running < (first := _months_after(month, MONTHS_NOT_ARCHIVED + 1)):
            raise CannotArchiveError(
                f"{month} is one of the last {MONTHS_NOT_ARCHIVED} months, which are never archived: "
                f"archive it from {first} on"
            )
        kept = self._stores.stream.retention()
        if now < (then := sealed_at + kept + REMOVED_AFTER):
            raise CannotArchiveError(
                f"the stream keeps its records for {kept.days} days, and may hold some from before the "
                f"sealing of {month}: archive it from {then + timedelta(days=1):%Y-%m-%d} on"
            )

    def _check_recoveries(self, month: Period) -> None:
        for recovery in self._stores.recoveries.all():
            if month in recovery.months:
                raise CannotArchiveError(
                    f"the recovery {recovery.id} of {recovery.begun_at:%Y-%m-%d} may change counters of "
                    f"{month}: `usage-meter reread` or `backfill` with --yes finishes it"
                )

    def _check_lake(self, month: Period, run_id: str, differing: list[str]) -> None:
        """Counters are not what was billed: calls that came late are in the lake, too."""
        report = self._reconcile(month, run_id)
        if report.agrees and not report.missing:
            return
        more = f" and {len(differing) - MOST_NAMED:,} more" if len(differing) > MOST_NAMED else ""
        raise CannotArchiveError(
            f"the counters of {month} are neither what was billed nor what the lake holds, for "
            f"{', '.join(differing[:MOST_NAMED])}{more}: `usage-meter reconcile {month} --repair` "
            "brings them to the lake's figure"
        )

    def _read(self, month: Period) -> tuple[Archivable, CounterAgreement]:
        """The parts and the index, and whether the counters agree."""
        agreement = CounterAgreement(self._months.sealed_usage(month))
        rows = sorted_rows(
            self._with_progress("counters", self._stores.table.slices(month)), StoredSlice, _order, RUN_LENGTH
        )
        keys: set[str] = set()
        contents, parts = RecordSpool(), []
        for part_rows in cut(_days(rows, agreement, keys), self._part_rows):
            part, content = part_of(month, part_rows)
            parts.append(part)
            contents.add(content)
        index = ArchiveIndex(
            month=month,
            keys=len(keys),
            keys_left=len(agreement.differing),
            rows=sum(part.rows for part in parts),
            rows_of_a_batch=self._batch_rows,
            parts=parts,
        )
        return Archivable(month, index, contents), agreement

    def archive(self, found: Archivable) -> Archived:
        """Do steps 2 to 6. Of what an earlier run has archived, nothing stays in the table: it may have been
        restored to a moment at which a batch moved.

        Raises:
            MeterError: something could not be read or written. What was done holds, and the next run does the
                rest.
        """
        month, index = found.month, found.index
        if not index.rows:
            return Archived(month, index, None)
        content = index_content(index)
        name, digest = index_name(month, digest_of(content)), digest_of(content)
        if found.contents is not None:
            self._write(index, found.contents, name, content)  # 2, 3
        self._chain.begin()
        self._chain.add(LinkKind.ARCHIVE, month, {name: digest, **index.objects()})  # 4
        mark, indexes = found.mark, _Indexes(self._index, index, found.mark)
        removed = 0 if mark is None else self._remove_repeated(mark, index)
        mark = self._begun(month, index) if mark is None else self._marked(month)  # 5
        while not mark.is_whole:  # 6
            mark = self._next(mark, indexes.of(mark))
        return Archived(month, indexes.of(mark), mark, removed)

    def _write(self, index: ArchiveIndex, contents: RecordSpool, name: str, content: bytes) -> None:
        shelf = self._stores.shelf
        for number, (part, written) in enumerate(zip(index.parts, contents, strict=True), 1):
            shelf.put(part.name, written)
            self._on_progress(StepProgress("parts written", number))
        shelf.put(name, content)
        for number, part in enumerate(index.parts, 1):
            if len(self._rows(part)) != part.rows:
                raise Misconfigured([f"{part.name} does not hold what was written: nothing was removed"])
            self._on_progress(StepProgress("parts compared", number))

    def _begun(self, month: Period, index: ArchiveIndex) -> ArchiveMark:
        """A mark by which nothing is out, if there is none; the one that there is then."""
        digest = digest_of(index_content(index))
        mark = ArchiveMark(month, index_name(month, digest), digest, index.batches, 0)
        self._stores.table.begin(mark, self._who)
        return self._marked(month)

    def _marked(self, month: Period) -> ArchiveMark:
        mark = self._stores.table.read(month)
        if mark is None:
            raise Transient(f"{month} was restored by somebody else meanwhile: run it again")
        return mark

    def _next(self, mark: ArchiveMark, index: ArchiveIndex) -> ArchiveMark:
        """Move the batches of the part that the mark is in; the mark then."""
        first, part = _part_at(index, mark.moved)
        rows = self._rows(part)
        while mark.moved < first + index.batches_of(part):
            if not self._stores.table.move_out(mark, _batch(rows, mark.moved - first, index)):
                return self._marked(mark.month)
            mark = mark.after(1)
            self._on_progress(StepProgress(f"batches moved, of {mark.batches:,}:", mark.moved))
        return mark

    def _remove_repeated(self, mark: ArchiveMark, index: ArchiveIndex) -> int:
        """Remove what the table holds of batches that are out; how many counters."""
        first = removed = 0
        for part in index.parts:
            if first < mark.moved:
                rows = rows_out(self._rows(part), index, mark.moved - first)
                found = self._stores.table.remove_repeated(mark, rows)
                if found is None:
                    raise _moved_meanwhile(mark)
                removed += found
            first += index.batches_of(part)
            self._on_progress(StepProgress(f"batches looked at, of {mark.batches:,}:", first))
        return removed

    def archived(self, month: Period) -> Archived:
        """What is archived of a month.

        Raises:
            CannotArchiveError: nothing is.
            MeterError: it cannot be read.
        """
        mark = self._stores.table.read(month)
        if mark is None:
            raise CannotArchiveError(f"{month} is not archived: the counters of its days are in the table")
        return Archived(month, self._index(mark), mark)

    def restorable(self, month: Period) -> Archived:
        """What is archived of a month; or what was archived last, if no mark says that anything is: of a
        table that was lost, or restored to another time, days may be missing that no mark counts as out.

        Raises:
            CannotArchiveError: it never was archived.
            MeterError: it cannot be read.
        """
        if self._stores.table.read(month) is not None:
            return self.archived(month)
        named = self._chain.last_named(LinkKind.ARCHIVE, month)
        for name in named:
            if name.startswith(index_prefix(month)):
                return Archived(month, read_index(self._content(name, named[name])), None)
        raise CannotArchiveError(
            f"{month} never was archived: the counters of its days are in the table; if that was lost, "
            f"`usage-meter rebuild {month}` makes them from the lake"
        )

    def restore(self, found: Archived) -> Archived:
        """Bring all that is archived of a month back into the table, and what the table lacks of it.

        Raises:
            MeterError: something could not be read or written. What was done holds, and the next run does the
                rest.
        """
        indexes = _Indexes(self._index, found.index, found.mark)
        begun = self._begun(found.month, found.index) if found.mark is None else found.mark
        mark: ArchiveMark | None = begun
        if not begun.is_whole:
            self._bring_missing(begun, indexes.of(begun))
        while mark is not None and mark.moved:
            mark = self._previous(mark, indexes.of(mark))
        if mark is not None and not self._stores.table.end(mark):
            raise Transient(f"{found.month} was archived by somebody else meanwhile: run it again")
        return replace(found, mark=None)

    def _bring_missing(self, mark: ArchiveMark, index: ArchiveIndex) -> None:
        """Bring back what the table lacks of batches that are not out: it was removed, or the table was
        restored to a moment at which they moved.
        """
        first = 0
        for part in index.parts:
            batches = index.batches_of(part)
            if mark.moved < first + batches:
                rows = self._rows(part)[max(0, mark.moved - first) * index.rows_of_a_batch :]
                if not self._stores.table.bring_missing(mark, rows):
                    raise _moved_meanwhile(mark)
            first += batches
            self._on_progress(StepProgress(f"batches looked at, of {mark.batches:,}:", first))

    def _previous(self, mark: ArchiveMark, index: ArchiveIndex) -> ArchiveMark | None:
        """Bring the batches of the part before the mark back; the mark then."""
        first, part = _part_at(index, mark.moved - 1)
        rows = self._rows(part)
        while mark.moved > first:
            if not self._stores.table.move_in(mark, _batch(rows, mark.moved - 1 - first, index)):
                return self._stores.table.read(mark.month)
            mark = mark.after(-1)
            self._on_progress(StepProgress("batches to restore", mark.moved))
        return mark

    def _index(self, mark: ArchiveMark) -> ArchiveIndex:
        return read_index(self._content(mark.name, mark.sha256))

    def _rows(self, part: ArchivePart) -> list[StoredSlice]:
        return read_part(self._content(part.name, part.sha256))

    def _content(self, name: str, digest: str) -> bytes:
        """An object that is what it was.

        Raises:
            Misconfigured: it is not.
        """
        found = self._stores.shelf.get(name)
        if found is None or digest_of(found.content) != digest:
            what = "missing" if found is None else f"not what was archived ({digest})"
            raise Misconfigured([f"{name} is {what}: bring back its version of that time"])
        return found.content

    def _with_progress(self, step: str, rows: Iterator[StoredSlice]) -> Iterator[StoredSlice]:
        done = 0
        for done, row in enumerate(rows, 1):
            if done % 10_000 == 0:
                self._on_progress(StepProgress(step, done))
            yield row
        self._on_progress(StepProgress(step, done))


class _Indexes:
    """The index of the archive that is worked on. It is read once, and once more where somebody else has
    archived the month anew.
    """

    def __init__(
        self, read: Callable[[ArchiveMark], ArchiveIndex], index: ArchiveIndex, mark: ArchiveMark | None
    ) -> None:
        """`index` was read for `mark`; None: it was not read yet."""
        self._read = read
        self._index = index
        self._sha256 = "" if mark is None else mark.sha256

    def of(self, mark: ArchiveMark) -> ArchiveIndex:
        """The one that a mark names."""
        if mark.sha256 != self._sha256:
            self._index, self._sha256 = self._read(mark), mark.sha256
        return self._index


def _days(rows: Iterator[StoredSlice], agreement: CounterAgreement, keys: set[str]) -> Iterator[StoredSlice]:
    """The slices of days of those keys that agree, while all of each key are looked at; these are noted."""
    for key, group in groupby(rows, key=attrgetter("key")):
        of_key = list(group)
        if agreement.add(key, of_key):
            of_days = [row for row in of_key if is_day(row.counter.period)]
            keys |= {row.key for row in of_days}
            yield from of_days


def _moved_meanwhile(mark: ArchiveMark) -> Transient:
    return Transient(f"{mark.month} was archived or restored by somebody else meanwhile: run it again")


def _months_after(month: Period, number: int) -> Period:
    for _ in range(number):
        month = following(month)
    return month


def _order(row: StoredSlice) -> tuple[str, Period, int]:
    return row.key, row.counter.period, row.number


def _part_at(index: ArchiveIndex, batch: int) -> tuple[int, ArchivePart]:
    """The part that a batch is in, and the number of its first one."""
    first = 0
    for part in index.parts:
        if batch < first + index.batches_of(part):
            return first, part
        first += index.batches_of(part)
    raise ValueError(f"there are {first} batches, and none has the number {batch}")


def _batch(rows: list[StoredSlice], number: int, index: ArchiveIndex) -> list[StoredSlice]:
    return rows[number * index.rows_of_a_batch : (number + 1) * index.rows_of_a_batch]
