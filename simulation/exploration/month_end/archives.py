"""Archives of months in a small world: the table with its mark, and what an operator makes of both.

A batch moves in one step, as a transaction of DynamoDB does it: that the shipped adapter keeps to this is
tested on moto and on DynamoDB Local. Objects of the bucket have their digests for names, so that only the
table's changes are steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple, Protocol, cast

from adapters.dynamodb.archive_reader import ArchivedSlices, CountersWithArchives
from adapters.dynamodb.layout import decode_position, encode_position
from metering.counters.counter import Counter, summed
from metering.period import Period, month_of
from metering.proof.archive import (
    ArchiveMark,
    ArchiveMarks,
    StoredSlice,
    read_index,
    read_part,
    rows_out,
)
from metering.proof.recovery import Recovery
from metering.proof.stored_object import Stored
from metering.usage import NO_USAGE, Usage
from reconciliation.archive.archiver import Archiver, ArchiveStores
from reconciliation.archive.ports import ArchiveTable
from reconciliation.closing import ClosingStore, SealedMonths
from reconciliation.model.report import Report
from reconciliation.ports import Queries
from simulation.exploration.changes.tables import CounterValue
from simulation.exploration.month_end.moment import OperatorRequest
from simulation.exploration.month_end.small_month import CALLED, LAST_DAY, OCTOBER
from simulation.month_end.meter import MonthEndMeter
from simulation.protocol.store import SimulatedCounterItem, SimulatedCounters

FINAL: Final = datetime(2028, 1, 1, tzinfo=UTC)
"""When months are archived and looked up: October is final."""
Objects = dict[str, bytes]


class Moving(NamedTuple):
    """A batch on its way out of the table, or with -1 back into it."""

    mark: ArchiveMark
    rows: Sequence[StoredSlice]
    step: int
    counts: bool = True
    """Whether the mark is changed."""


class ArchivesOfMonths:
    """Moves batches. A slice that has got calls since it was archived keeps these."""

    def __init__(self, counters: SimulatedCounters) -> None:
        self.items = counters.items

    def move(self, moving: Moving) -> None:
        """Move all rows of a batch."""
        for row in moving.rows:
            place = (row.key, row.counter.period, row.number)
            if moving.step > 0:
                self.leave(place, row)
            else:
                self.come_back(place, row)

    def leave(self, place: tuple[str, Period, int], row: StoredSlice) -> None:
        """Take a slice out."""
        held = self.items[place]
        if held == _item(row):
            del self.items[place]
        else:
            self._add(held, row, -1)

    def come_back(self, place: tuple[str, Period, int], row: StoredSlice) -> None:
        """Bring a slice back."""
        if place not in self.items:
            self.items[place] = _item(row)
            return
        held = self.items[place]
        if held != _item(row):
            self._add(held, row, 1)
        for shard, mark in _item(row).watermarks.items():
            held.watermarks[shard] = max(mark, held.watermarks.get(shard, mark))

    def _add(self, held: SimulatedCounterItem, row: StoredSlice, sign: int) -> None:
        times = Usage(*(sign * amount for amount in _amounts(row.counter.usage)))
        held.totals += times
        for part, requests in row.counter.parts.items():
            held.parts[part] = held.parts.get(part, 0) + sign * requests


def _amounts(usage: Usage) -> tuple[int, ...]:
    return tuple(getattr(usage, name) for name in usage.__struct_fields__)


def _item(row: StoredSlice) -> SimulatedCounterItem:
    marks = {shard: decode_position(mark) for shard, mark in row.watermarks.items()}
    return SimulatedCounterItem(row.counter.usage, dict(row.counter.parts), marks)


@dataclass(frozen=True, slots=True)
class Archiving:
    """The parts that archive months and that meet an archive: the shipped ones, or one that is broken."""

    archives: type[ArchivesOfMonths] = ArchivesOfMonths
    table: Callable[[JobOutside], ArchiveTable] = lambda outside: TableOfArchives(outside)  # noqa: PLW0108 - it is defined below
    marks: Callable[[TableOfArchives], MarksRead] = lambda shipped: shipped
    """As a job reads them that meets an archive: a comparison, a repair or a look-up."""
    months: type[SealedMonths] = SealedMonths
    mark_restored: Callable[[int, int], int] = lambda _now, backed_up: backed_up
    """Of the number of the mark that there is, and of the backup's: which there is after a restore."""


@dataclass(frozen=True, slots=True)
class ArchivingMonthEnd(MonthEndMeter):
    """A month end with parts that archive."""

    archiving: Archiving = Archiving()


def archiving_of(meter: MonthEndMeter) -> Archiving:
    """The parts of a month end that archive."""
    return meter.archiving if isinstance(meter, ArchivingMonthEnd) else Archiving()


def slices_out(mark: ArchiveMark | None, kept: Objects) -> list[StoredSlice]:
    """What is out of the table by a mark."""
    if mark is None or not mark.moved:
        return []
    index, first, found = read_index(kept[mark.name]), 0, list[StoredSlice]()
    for part in index.parts:
        found += rows_out(read_part(kept[part.name]), index, mark.moved - first)
        first += index.batches_of(part)
    return found


class JobOutside(Protocol):
    """What a job reads and writes."""

    def read(self, kind: OperatorRequest) -> int:
        """The number of what is read."""
        ...

    def write(self, kind: OperatorRequest, content: object) -> int:
        """The number of the answer."""
        ...

    def mark(self) -> ArchiveMark | None:
        """October's, read now."""
        ...

    def counters(self) -> Sequence[CounterValue]:
        """All slices, read now."""
        ...

    @property
    def kept(self) -> Objects:
        """The objects of the bucket."""
        ...


class MarksRead(ArchiveMarks, Protocol):
    """Marks, as those read them that meet archives."""

    def between(self, first: Period, last: Period) -> list[ArchiveMark]:
        """Those of some months that are or were archived."""
        ...


class TableOfArchives:
    """The port `ArchiveTable`, and what else is read of marks."""

    def __init__(self, outside: JobOutside) -> None:
        self._outside = outside

    def read(self, month: Period) -> ArchiveMark | None:  # noqa: ARG002 - there is one
        """The mark, if the month is archived."""
        mark = self._outside.mark()
        return None if mark is None or mark.has_ended else mark

    def between(self, first: Period, last: Period) -> list[ArchiveMark]:  # noqa: ARG002 - there is one month
        """The mark, ended or not."""
        mark = self._outside.mark()
        return [] if mark is None else [mark]

    def begin(self, mark: ArchiveMark, who: str) -> None:  # noqa: ARG002 - the port's
        """Write the mark, unless there is one."""
        self._outside.write(OperatorRequest.MARK_BEGUN, mark)

    def end(self, mark: ArchiveMark) -> bool:
        """Remove the mark, if nothing is out."""
        return bool(self._outside.write(OperatorRequest.MARK_ENDED, mark))

    def slices(self, month: Period) -> Iterator[StoredSlice]:
        """All slices of the month and its days."""
        for one in self._outside.counters():
            key, period, number = one.place
            if month_of(period) == month:
                marks = {shard: encode_position(mark) for shard, mark in one.watermarks}
                yield StoredSlice(Counter(key, period, one.totals, dict(one.parts)), number, marks)

    def move_out(self, mark: ArchiveMark, rows: Sequence[StoredSlice]) -> bool:
        """Take a batch out."""
        return self.move(Moving(mark, rows, 1))

    def move_in(self, mark: ArchiveMark, rows: Sequence[StoredSlice]) -> bool:
        """Bring a batch back."""
        return self.move(Moving(mark, rows, -1))

    def bring_missing(self, mark: ArchiveMark, rows: Sequence[StoredSlice]) -> bool:  # noqa: ARG002 - the port's
        """A batch moves whole here, so that nothing is missing."""
        return True

    def remove_repeated(self, mark: ArchiveMark, rows: Sequence[StoredSlice]) -> int | None:  # noqa: ARG002 - the port's
        """For the same reason nothing is there that is out."""
        return 0

    def move(self, moving: Moving) -> bool:
        """Move a batch; whether the mark was still this one."""
        return bool(self._outside.write(OperatorRequest.MOVED, moving))


class ArchiveJobs:
    """What operators do with archives: the shipped archiver and reader of archives."""

    def __init__(
        self,
        outside: JobOutside,
        archiving: Archiving,
        states: ClosingStore,
        queries: Queries,
        compare: Callable[[str], Report],
    ) -> None:
        self._outside = outside
        self._archiving = archiving
        self._states = states
        self._queries = queries
        self._compare = compare
        self.marks = archiving.marks(TableOfArchives(outside))
        """As a comparison, a repair or a look-up reads them."""

    def archive(self, run_id: str) -> str:
        """Archive October."""
        archiver = self._archiver()
        done = archiver.archive(archiver.look(OCTOBER, run_id=run_id))
        return f"{done.index.rows} counters archived"

    def restore(self) -> str:
        """Bring October back."""
        archiver = self._archiver()
        return f"{archiver.restore(archiver.archived(OCTOBER)).index.rows} counters restored"

    def look_up(self) -> Usage:
        """What a look-up of the day says."""
        archived = ArchivedSlices(cast("Any", self.marks), lambda: cast("Any", self))
        counters = CountersWithArchives(cast("Any", _InTable(self._outside)), archived, lambda: FINAL)
        return counters.counter(CALLED, LAST_DAY).usage

    def _archiver(self) -> Archiver:
        outside: Any = self
        table = self._archiving.table(self._outside)
        return Archiver(
            ArchiveStores(table, outside, outside, outside),
            self._archiving.months(self._states, self._queries),
            outside,
            lambda _, run_id: self._compare(run_id),
            lambda: FINAL,
            who="ops",
            final_after=0,
        )

    # the bucket, its chain, recoveries and the stream, as the archiver sees them

    def get(self, key: str) -> Stored | None:
        """The port `ArchiveShelf`."""
        content = self._outside.kept.get(key)
        return None if content is None else Stored(content, key)

    def put(self, key: str, content: bytes) -> None:
        """The port `ArchiveShelf`."""
        self._outside.kept[key] = content

    def all(self) -> Iterable[Recovery]:
        """The port `PendingRecoveries`: there is none."""
        return ()

    def retention(self) -> timedelta:
        """The port `StreamRetention`."""
        return timedelta(days=1)

    def begin(self) -> None:
        """The chain's first link; jobs that meet there are explored by themselves."""

    def add(self, *_: object) -> None:
        """A link of the chain."""


class _InTable:
    """Reads counters as look-ups do."""

    def __init__(self, outside: JobOutside) -> None:
        self._outside = outside

    def counter(self, key: str, period: Period) -> Counter:
        """The counter of a key in a period."""
        found = [
            Counter(key, period, one.totals, dict(one.parts))
            for one in self._outside.counters()
            if one.place[:2] == (key, period)
        ]
        return next(summed(found), Counter(key, period, NO_USAGE))
