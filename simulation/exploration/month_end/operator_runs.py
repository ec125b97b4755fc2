"""What an operator does, as a tree: the shipped comparison, repair and closing, and how they go on by what
they read.

A reading is of the lake, of the tables, of the paths or of the month's state as it is then. Readings of one
kind that follow one another are of one moment: nothing between them could be seen. So a comparison reads the
paths, the lake, the counters, and the lake once more where something differs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from metering.billing_rule import BillingRule
from metering.calls.access_log import read_event
from metering.counters.counter import Counter
from metering.counters.heartbeat import Heartbeat, Landed, ListedShard
from metering.counters.ports import Progress
from metering.errors import MeterError
from metering.period import Period, ends_at
from metering.proof.archive import ArchiveMark, ArchiveMarks
from metering.proof.correction import Audit, Correction, Fate, Held, HeldCounters
from metering.proof.logged_call import LoggedCall
from metering.proof.month_state import Closing, Version
from metering.usage import Usage
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler, Sources
from reconciliation.repair.barrier import StreamBarrier
from reconciliation.repair.ports import RepairSources
from reconciliation.repair.rebuild import rebuild
from reconciliation.repair.repairer import Repaired, Repairer
from reconciliation.repair.scope import Scope
from simulation.exploration.changes.tables import CounterValue, Tables, fill
from simulation.exploration.month_end.archives import ArchiveJobs, archiving_of
from simulation.exploration.month_end.moment import OperatorRequest
from simulation.exploration.month_end.small_month import (
    OCTOBER,
    SmallMonth,
    Work,
    listed,
    log_event,
    row_of,
    time_at,
)
from simulation.exploration.programs import Numbers
from simulation.month_end.lake import SimulatedAnswer, SimulatedLake
from simulation.month_end.meter import MonthEndMeter
from simulation.month_end.stores import CountersOfMonths, ErrorObjectsInMemory
from simulation.protocol.meter import simulated_store

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
LOWER: Final = "they hold too much"
"""The reason for which a repair may lower counters."""


class MonthTables(NamedTuple):
    """What an operator reads of the tables."""

    counters: tuple[CounterValue, ...] = ()
    progress: tuple[Progress, ...] = ()

    def months(self) -> CountersOfMonths:
        """The ports of comparison and repair."""
        store = simulated_store(lambda: 0)
        fill(store, Tables(counters=self.counters))
        return CountersOfMonths(store.counters)


class Correcting(NamedTuple):
    """A correction on its way."""

    correction: Correction
    held: Held
    audit: Audit
    marks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class OperatorMoment:
    """An operator: what he has begun when, what he has read, and what he asks for next."""

    work: Work
    place: int
    begun_at: int
    """In seconds."""
    delivered: int
    """The events that were in the lake when he began, a bit each."""
    answers: tuple[tuple[int, int], ...] = ()
    """By kind and number."""
    request: OperatorRequest | None = None
    """None: it has ended."""


class OperatorRuns:
    """All that operators do in a world, on all their ways."""

    def __init__(self, world: SmallMonth, meter: MonthEndMeter) -> None:
        self.moments = Numbers()
        self.paths = Numbers()
        self.lakes = Numbers()
        self.tables = Numbers()
        self.landed = Numbers()
        self.fates = Numbers()
        self.months = Numbers()
        self.marks = Numbers()
        self.kept: dict[str, bytes] = {}
        """The parts of what is sealed or archived, by the name that has their digest."""
        self.contents: dict[int, Any] = {}
        """By the number of a moment: what it wants to write, or the marks that it waits for."""
        self.ends: dict[int, str] = {}
        """By the number of a moment that has ended: how."""
        self.seen: dict[int, Usage] = {}
        """By the number of a look-up that has ended: what it says."""
        self.world = world
        self.meter = meter
        self._next: dict[tuple[int, tuple[int, int]], int] = {}

    def begun(self, place: int, at: int, delivered: int) -> int:
        """An operator who has read nothing."""
        return self._run(OperatorMoment(self.world.work[place], place, at, delivered))

    def answered(self, number: int, kind: OperatorRequest, answer: int) -> int:
        """An operator who has read one thing more."""
        key = (number, (int(kind), answer))
        found = self._next.get(key)
        if found is None:
            moment: OperatorMoment = self.moments[number]
            found = self._next[key] = self._run(replace(moment, answers=(*moment.answers, key[1])))
        return found

    def _run(self, moment: OperatorMoment) -> int:
        outside = _Outside(self, moment)
        works = {
            Work.REPAIR: outside.repair,
            Work.REBUILD: outside.rebuild,
            Work.CLOSE: outside.close,
            Work.ARCHIVE: outside.archive,
            Work.RESTORE: outside.restore,
            Work.LOOK_UP: outside.look_up,
        }
        try:
            end = works[moment.work]()
        except _Missing as missing:
            number = self.moments.of(replace(moment, request=missing.request))
            self.contents[number] = missing.content
            return number
        except MeterError as error:
            end = str(error)
        number = self.moments.of(replace(moment, request=None))
        self.ends[number] = end
        if outside.seen is not None:
            self.seen[number] = outside.seen
        return number


class _Missing(BaseException):
    """The operator has come to something that no answer is known to. No error that a job may catch."""

    def __init__(self, request: OperatorRequest, content: object) -> None:
        super().__init__()
        self.request = request
        self.content = content


class _Outside:
    """Everything that the shipped jobs read and write, with known answers."""

    def __init__(self, runs: OperatorRuns, moment: OperatorMoment) -> None:
        self._runs = runs
        self._moment = moment
        self._answers: Iterator[tuple[int, int]] = iter(moment.answers)
        self._read: tuple[int, int] | None = None
        self._awaited: Mapping[str, int] = {}
        self._queries: dict[tuple[str, tuple[str, ...]], SimulatedAnswer] = {}
        self._lock = threading.Lock()
        self.seen: Usage | None = None
        """What a look-up says."""
        archiving = archiving_of(runs.meter)
        self._archives = ArchiveJobs(self, archiving, _MonthStates(self), self, self._compare)

    # what is done

    def repair(self) -> str:
        report = self._compare(self._run_id())
        if report.refused or report.agrees:
            return f"nothing to repair: {'; '.join(report.missing) or 'both sides agree'}"
        prepared = self._repairer().prepare(self._runs.meter.scope(report, LOWER))
        plans = list(prepared.plans())
        return _of_repair(prepared.carry_out(plans))

    def rebuild(self) -> str:
        scope = Scope(OCTOBER, self._run_id(), "rebuilt from the lake", ends_at(OCTOBER))
        return _of_repair(rebuild(self._repairer(), scope, correct=True, concurrency=1))

    def _repairer(self) -> Repairer:
        meter = self._runs.meter
        barrier = StreamBarrier(self, self, self._clock, self._sleep)
        sources = RepairSources(
            self,
            self,
            ErrorObjectsInMemory(),
            meter.store(_Corrections(self)),
            meter.barrier(barrier),
            self._marks(),
        )
        return Repairer(sources, self._clock, "ops")

    def close(self) -> str:
        meter = self._runs.meter
        states = _MonthStates(self)
        closer = meter.closer(
            states, self, lambda _, run_id: meter.report(self._compare(run_id)), self._clock, "ops"
        )
        closer.close(OCTOBER, run_id=self._run_id())
        return "sealed"

    def archive(self) -> str:
        return self._archives.archive(self._run_id())

    def restore(self) -> str:
        return self._archives.restore()

    def look_up(self) -> str:
        self.seen = self._archives.look_up()
        return f"the day has {self.seen.requests} calls"

    def _marks(self) -> ArchiveMarks | None:
        """What a comparison and a repair look at, in a world in which months are archived."""
        return self._archives.marks if self._runs.world.is_archived else None

    def _compare(self, run_id: str) -> Report:
        log = self if self._runs.world.has_log else None
        counted, delivered = _PathNow(self, 0), _PathNow(self, 1)
        sources = Sources(self, self, ErrorObjectsInMemory(), log, counted, delivered, archives=self._marks())
        return Reconciler(sources, self._clock).reconcile(OCTOBER, run_id=run_id)

    def _run_id(self) -> str:
        return f"{self._moment.work}-{self._moment.place}"

    def _clock(self) -> datetime:
        return time_at(self._moment.begun_at)

    # what is read and written

    def read(self, kind: OperatorRequest) -> int:
        """The number of what is read: the same as before, if the last thing was of that kind."""
        with self._lock:
            if self._read is None or self._read[0] != kind:
                awaited, self._awaited = self._awaited, {}
                self._read = self._take(kind, awaited)
            return self._read[1]

    def write(self, kind: OperatorRequest, content: object) -> int:
        """The number of the answer."""
        with self._lock:
            self._read = None
            return self._take(kind, content)[1]

    def _take(self, kind: OperatorRequest, content: object) -> tuple[int, int]:
        found = next(self._answers, None)
        if found is None:
            raise _Missing(kind, content)
        if found[0] != kind:
            raise AssertionError(f"run again, the operator asks for {kind!r}, and not for {found}")
        return found

    def run(self, sql: str, parameters: Sequence[str] = (), *, run_id: str) -> SimulatedAnswer:  # noqa: ARG002
        """The port `Queries`: an operator's run has one id, under which the same query runs once."""
        place = (sql, tuple(parameters))
        if place not in self._queries:
            number = self.read(OperatorRequest.LAKE)
            lake = SimulatedLake()
            for event, is_altered in self._runs.lakes[number]:
                lake.write(Period("2026-10-31"), f"{event}.parquet", [row_of(event, is_altered=is_altered)])
            self._queries[place] = lake.run(sql, parameters, run_id="")
        return self._queries[place]

    def _tables(self) -> MonthTables:
        found: MonthTables = self._runs.tables[self.read(OperatorRequest.TABLES)]
        return found

    def counters(self) -> Sequence[CounterValue]:
        """All slices."""
        return self._tables().counters

    def mark(self) -> ArchiveMark | None:
        """The mark of October's archive: each reading is one of its own."""
        self._read = None
        found: ArchiveMark | None = self._runs.marks[self.read(OperatorRequest.MARK)]
        return found

    @property
    def kept(self) -> dict[str, bytes]:
        """The objects of the bucket."""
        return self._runs.kept

    def of_period(self, period: Period) -> Iterator[Counter]:
        """The port `CounterSource`."""
        yield from self._tables().months().of_period(period)

    def of_key(self, key: str, period: Period) -> Sequence[Counter]:
        """The port `CounterSource`."""
        return self._tables().months().of_key(key, period)

    def counters_of(self, key: str, month: Period) -> HeldCounters:
        """The port `CorrectionStore`'s reading."""
        return self._tables().months().read(key, month)

    def load(self) -> tuple[object, Mapping[str, int]]:
        """The port `ShardPositions`."""
        return None, {one.shard_id: one.position for one in self._tables().progress}

    def shards(self) -> Sequence[ListedShard]:
        """The port `Shards`."""
        return listed(len(self._runs.world.shards))

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        """The port `Shards`."""
        landed: Sequence[Landed] = self._runs.landed[self.write(OperatorRequest.HEARTBEATS, len(records))]
        self._awaited = {one.shard_id: one.position for one in landed}
        return landed

    def _sleep(self, _seconds: float) -> None:
        """The next reading of the tables is one in which the heartbeats are passed."""
        self._read = None

    def holds(self, start: datetime, end: datetime) -> bool:
        """The port `LogWitness`: the log has all that is ever called."""
        return start < end

    def calls(self, keys: Sequence[str], start: datetime, end: datetime) -> Iterable[LoggedCall]:
        """The port `LogWitness`."""
        for event in map(log_event, range(self._runs.world.events)):
            call = read_event(event, BillingRule()).call
            if call.key in keys and start <= _EPOCH + timedelta(milliseconds=event.timestamp) < end:
                yield LoggedCall(call, event.timestamp)

    @property
    def runs(self) -> OperatorRuns:
        return self._runs


def _of_repair(done: Repaired) -> str:
    return f"{done.written} counters corrected, {done.left} left alone"


class _PathNow:
    """The port `Path` of one of the two."""

    def __init__(self, outside: _Outside, index: int) -> None:
        self._outside = outside
        self._index = index

    def complete_through(self) -> datetime | None:
        found = self._outside.runs.paths[self._outside.read(OperatorRequest.PATHS)][self._index]
        return None if found is None else _EPOCH + timedelta(milliseconds=found)


class _Corrections:
    """The port `CorrectionStore`."""

    def __init__(self, outside: _Outside) -> None:
        self._outside = outside

    def read(self, key: str, month: Period) -> HeldCounters:
        return self._outside.counters_of(key, month)

    def write(self, one: Correction, held: Held, audit: Audit, marks: Mapping[str, int]) -> Fate:
        content = Correcting(one, held, audit, dict(marks))
        found: Fate = self._outside.runs.fates[self._outside.write(OperatorRequest.CORRECT, content)]
        return found


class _MonthStates:
    """The port `ClosingStore`. What is kept has its digest for a name, so that only states are steps."""

    def __init__(self, outside: _Outside) -> None:
        self._outside = outside

    def read(self, month: Period) -> Version | None:  # noqa: ARG002 - there is one
        found = self._outside.runs.months[self._outside.read(OperatorRequest.MONTH)]
        return None if found == "open" else Version(msgspec.json.decode(found[1], type=Closing), found[0])

    def begin(self, closing: Closing) -> bool:
        return bool(self._outside.write(OperatorRequest.BEGIN, msgspec.json.encode(closing)))

    def replace(self, closing: Closing, tag: str) -> bool:
        return bool(self._outside.write(OperatorRequest.SEAL, (tag, msgspec.json.encode(closing))))

    def keep(self, month: Period, what: str, digest: str, content: bytes) -> str:
        name = f"{month}/{what}-{digest}"
        self._outside.runs.kept[name] = content
        return name

    def content(self, name: str) -> bytes:
        return self._outside.runs.kept[name]
