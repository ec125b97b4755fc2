"""The month-end job: an operator compares, repairs, redrives and closes, in a hurry and in the end in order.

Comparison, repair, redrive and closing are the shipped ones.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, Final, TypeVar

from metering.billing_rule import BillingRule
from metering.errors import Transient
from metering.proof.month_state import State
from reconciliation.closing import NotProvenError
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler
from reconciliation.redrive import redrive
from reconciliation.repair.barrier import StreamBarrier
from reconciliation.repair.plan import has_other_days
from reconciliation.repair.ports import RepairSources
from reconciliation.repair.repairer import Repairer
from reconciliation.repair.scope import NotRepairableError
from simulation.month_end.faults import Accident
from simulation.month_end.oracle import MonthEndOracle
from simulation.month_end.scene import OCTOBER, Scene
from simulation.month_end.traffic import logged
from simulation.protocol.settings import HOUR_MS, MINUTE_MS
from simulation.protocol.traffic import MONTH_END_MS, Planned, delivery
from watch.tasks import send_heartbeats

T = TypeVar("T")

_LAST_ATTEMPTS: Final = 4


class InTurn(Executor):
    """Does at once what it gets: one query follows the other, in the same order at each run of a seed."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call the function."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever asks for the result gets it
            future.set_exception(error)
        return future


class MonthEndJob:
    """What the operator does, whatever the time."""

    def __init__(self, scene: Scene, oracle: MonthEndOracle) -> None:
        self._scene = scene
        self._oracle = oracle
        self._runs = 0

    def close_in_a_hurry(self) -> None:
        """Compare, repair, close: whatever the time, and whatever it says."""
        scene = self._scene
        drawn = scene.dice.random()
        if drawn < 0.2:
            self._redrive()
        if scene.dice.random() < 0.5 and scene.now >= scene.behind_until:
            if Accident.LATE_CALL in scene.accidents:
                self._log_late()
            scene.firehose.catch_up(scene.now)
        report = self._compare(self._run_id())
        if not report.refused and not report.agrees and drawn < 0.8:
            self._repair(report, scene.dice.choice(("", "they hold too much")))
        before = scene.result.sealings
        self._close()
        scene.result.sealed_in_a_hurry += scene.result.sealings - before

    def bring_in_order(self) -> None:
        """Everything that was lost comes back, and all is counted and delivered: then the month is closed."""
        scene = self._scene
        scene.lake.objects |= {name: rows for name, (_, rows) in scene.late.items()} | scene.saved
        scene.now = max(scene.now, MONTH_END_MS)
        for _ in range(_LAST_ATTEMPTS):
            scene.pass_by(2 * HOUR_MS)
            send_heartbeats(scene, scene.store.completeness, scene.clock())
            scene.catch_up()
            scene.firehose.catch_up(scene.now)
            self._redrive()
        scene.pass_by(2 * HOUR_MS)
        self.repair_the_rest()
        self._close()

    def repair_the_rest(self) -> None:
        """Compare, and repair what is named, until both sides agree."""
        right = self._oracle.right()
        for _ in range(_LAST_ATTEMPTS):
            report = self._compare(self._run_id())
            if report.agrees and not report.refused:
                break
            self._repair(report, "all is in order now")
        self._oracle.still_right(right, "the last repairs")

    def _compare(self, run_id: str) -> Report:
        scene = self._scene
        report = Reconciler(scene.sources(), scene.clock, executor=InTurn).reconcile(OCTOBER, run_id=run_id)
        scene.result.comparisons += 1
        scene.result.refusals += report.refused
        if not report.missing:
            self._oracle.check_complete()
        scene.trace(f"compared: refused {report.refused}, agrees {report.agrees}, {report.missing}")
        return report

    def _repair(self, report: Report, lower: str) -> None:
        scene = self._scene
        try:
            scope = scene.meter.scope(report, lower)
            barrier = StreamBarrier(scene, scene.store.completeness, scene.clock, self._wait)
            sources = RepairSources(
                scene.lake,
                scene.counters,
                scene.errors,
                scene.meter.store(scene.counters),
                scene.meter.barrier(barrier),
            )
            prepared = Repairer(sources, scene.clock, "ops").prepare(scope)
            plans = list(prepared.plans())
            right = self._oracle.right()
            repaired = prepared.carry_out(plans)
        except (NotRepairableError, Transient) as error:
            scene.trace(f"not repaired: {error}")
            return
        scene.result.corrections += repaired.written
        for plan in plans:
            scene.repaired.add(plan.key)
            if any(has_other_days(one, plan.taken) for one in plan.corrections):
                scene.partly.add(plan.key)
            scene.unclaimed |= self._claimed_nothing(plan.key)
        scene.trace(f"repaired: {repaired.written} counters")
        self._oracle.still_right(right, "a repair", findings=report.findings)
        right = self._oracle.right()
        scene.catch_up()
        self._oracle.still_right(right, "what was in flight during a repair")

    def _claimed_nothing(self, key: str) -> set[int]:
        """The calls of a key of which no batch has claimed anything before it was given up."""
        scene = self._scene
        of_key = {one.hash for one in scene.called.events.values() if one.truth.key == key}
        return of_key & scene.given_up - scene.store.ledger.owners.keys()

    def _close(self) -> None:
        scene = self._scene
        found = scene.states.read(OCTOBER)
        if found is not None and found.closing.state is State.SEALED:
            return
        closer = scene.meter.closer(
            scene.states,
            scene.lake,
            lambda _, run_id: scene.meter.report(self._compare(run_id)),
            scene.clock,
            "ops",
        )
        try:
            closer.close(OCTOBER, run_id=self._run_id())
        except (NotProvenError, Transient) as error:
            scene.result.refusals += 1
            scene.trace(f"not closed: {error}")
            return
        scene.result.sealings += 1
        scene.trace("sealed")
        self._oracle.check_sealed()

    def _log_late(self) -> None:
        """A call of the month is logged hours late: Firehose has it before its batch is counted."""
        scene = self._scene
        own_time = scene.now - scene.dice.randrange(MINUTE_MS, 23 * HOUR_MS)
        if own_time < MONTH_END_MS:
            scene.hit(Accident.LATE_CALL)
            own_id = f"late {len(scene.called.events)}="
            event = logged(own_id, scene.now, own_time, f"key-{scene.dice.randrange(2)}")
            scene.log(Planned(scene.now, (delivery([event]),)))

    def _redrive(self) -> None:
        scene = self._scene
        redrive(scene.errors, scene.lake, BillingRule())
        scene.firehose.redriven()

    def _run_id(self) -> str:
        self._runs += 1
        return f"run-{self._runs}"

    def _wait(self, seconds: float) -> None:
        scene = self._scene
        scene.pass_by(round(seconds * 1000))
        scene.catch_up()
