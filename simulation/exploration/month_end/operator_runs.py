"""What an operator does, as a tree: the shipped comparison, repair and closing, and how they go on by what
they read.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from metering.errors import MeterError
from metering.period import ends_at
from metering.proof.archive import ArchiveMarks
from metering.usage import Usage
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler, Sources
from reconciliation.repair.barrier import StreamBarrier
from reconciliation.repair.ports import RepairSources
from reconciliation.repair.rebuild import rebuild
from reconciliation.repair.repairer import Repaired, Repairer
from reconciliation.repair.scope import Scope
from simulation.exploration.month_end.archives import ArchiveJobs, archiving_of
from simulation.exploration.month_end.moment import OperatorRequest
from simulation.exploration.month_end.operator_moment import OperatorAnswers, OperatorMoment
from simulation.exploration.month_end.operator_ports import (
    Corrections,
    MonthStates,
    OperatorPorts,
    PathNow,
    Unanswered,
)
from simulation.exploration.month_end.small_month import OCTOBER, SmallMonth, Work, time_at
from simulation.exploration.programs import Numbers
from simulation.month_end.meter import MonthEndMeter
from simulation.month_end.stores import ErrorObjectsInMemory

LOWER: Final = "they hold too much"
"""The reason for which a repair may lower counters."""


class OperatorRuns(OperatorAnswers):
    """All that operators do in a world, on all their ways."""

    def __init__(self, world: SmallMonth, meter: MonthEndMeter) -> None:
        super().__init__(world)
        self.moments = Numbers()
        self.contents: dict[int, Any] = {}
        """By the number of a moment: what it wants to write, or the marks that it waits for."""
        self.ends: dict[int, str] = {}
        """By the number of a moment that has ended: how."""
        self.seen: dict[int, Usage] = {}
        """By the number of a look-up that has ended: what it says."""
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
        jobs = _Jobs(self, moment)
        works = {
            Work.REPAIR: jobs.repair,
            Work.REBUILD: jobs.rebuild,
            Work.CLOSE: jobs.close,
            Work.ARCHIVE: jobs.archive,
            Work.RESTORE: jobs.restore,
            Work.LOOK_UP: jobs.look_up,
        }
        try:
            end = works[moment.work]()
        except Unanswered as missing:
            number = self.moments.of(replace(moment, request=missing.request))
            self.contents[number] = missing.content
            return number
        except MeterError as error:
            end = str(error)
        number = self.moments.of(replace(moment, request=None))
        self.ends[number] = end
        if jobs.seen is not None:
            self.seen[number] = jobs.seen
        return number


class _Jobs:
    """What operators do, each with the ports of his moment."""

    def __init__(self, runs: OperatorRuns, moment: OperatorMoment) -> None:
        self._world = runs.world
        self._meter = runs.meter
        self._moment = moment
        self._ports = ports = OperatorPorts(runs, moment)
        self._archives = ArchiveJobs(
            ports, archiving_of(runs.meter), MonthStates(ports), ports, self._compare
        )
        self.seen: Usage | None = None
        """What a look-up says."""

    def repair(self) -> str:
        report = self._compare(self._run_id())
        if report.refused or report.agrees:
            return f"nothing to repair: {'; '.join(report.missing) or 'both sides agree'}"
        prepared = self._repairer().prepare(self._meter.scope(report, LOWER))
        plans = list(prepared.plans())
        return _of_repair(prepared.carry_out(plans))

    def rebuild(self) -> str:
        scope = Scope(OCTOBER, self._run_id(), "rebuilt from the lake", ends_at(OCTOBER))
        return _of_repair(rebuild(self._repairer(), scope, correct=True, concurrency=1))

    def _repairer(self) -> Repairer:
        meter, ports = self._meter, self._ports
        barrier = StreamBarrier(ports, ports, self._clock, ports.sleep)
        sources = RepairSources(
            ports,
            ports,
            ErrorObjectsInMemory(),
            meter.store(Corrections(ports)),
            meter.barrier(barrier),
            self._marks(),
        )
        return Repairer(sources, self._clock, "ops")

    def close(self) -> str:
        meter, ports = self._meter, self._ports
        states = MonthStates(ports)
        closer = meter.closer(
            states, ports, lambda _, run_id: meter.report(self._compare(run_id)), self._clock, "ops"
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
        return self._archives.marks if self._world.is_archived else None

    def _compare(self, run_id: str) -> Report:
        ports = self._ports
        log = ports if self._world.has_log else None
        counted, delivered = PathNow(ports, 0), PathNow(ports, 1)
        sources = Sources(
            ports, ports, ErrorObjectsInMemory(), log, counted, delivered, archives=self._marks()
        )
        return Reconciler(sources, self._clock).reconcile(OCTOBER, run_id=run_id)

    def _run_id(self) -> str:
        return f"{self._moment.work}-{self._moment.place}"

    def _clock(self) -> datetime:
        return time_at(self._moment.begun_at)


def _of_repair(done: Repaired) -> str:
    return f"{done.written} counters corrected, {done.left} left alone"
