"""The month end while the meter is operated: tables are restored, settings and the reader are changed.

A counters table is restored to an earlier time, and the mapping is left where it was: what was counted since
is a hole. The table must not call itself complete beyond the hole, until somebody says that it may; then a
repair brings the calls from the lake. And a batch is begun by a process with other settings, or another
reader, and repeated by one with those of today: the counters then hold what nobody called, the month is not
closed with it, and a repair brings them to what was called.

It has a source of chance of its own, so that the seeds of :mod:`simulation.month_end.world` do what they did.
"""

from __future__ import annotations

import random
from enum import StrEnum
from typing import Final

import msgspec

from metering.billing_rule import BillingRule
from metering.counters.completeness import resumed, through
from metering.line_format.field_map import FieldMap
from reconciliation.model.report import Report
from reconciliation.repair.scope import Scope
from simulation.month_end.accidents import Accidents
from simulation.month_end.meter import SHIPPED_MONTH_END, MonthEndMeter, shipped_scope
from simulation.month_end.scene import GaveUpError, Ports, Scene
from simulation.month_end.world import MonthEndWorld
from simulation.protocol.store import SimulatedCompleteness
from watch.tasks import send_heartbeats


class OperationKind(StrEnum):
    """The kinds, by the name under which they are counted."""

    LEFT = "counters restored, mapping left where it was"
    SET_BACK_LATE = "mapping set back when more was counted"
    RESUMED = "restored table resumed"
    OTHER_RULE = "batch begun with another billing rule"
    OTHER_READER = "batch begun with another field map"


_OTHERS: Final = (
    (OperationKind.OTHER_RULE, BillingRule("2xx")),
    (OperationKind.OTHER_READER, BillingRule(fields=FieldMap({"apiKeyId": ("customer",)}))),
    (OperationKind.OTHER_READER, BillingRule(fields=FieldMap({"responseLength": ("bytes",)}))),
)
"""Under the second, all calls are nobody's; under the third, their sizes are not known."""


class OperatedScene(Scene):
    """A scene with processes that have settings of their own, and a table that knows when it was restored."""

    has_other_processes = False
    hole: frozenset[int] = frozenset()
    """Hashes of the events that a restored table lacks."""

    def count(self, shard_id: str, most: int = 4, *, calm: bool = False) -> None:
        """Count a batch, which another process may have begun."""
        if not calm and self.has_other_processes and self.dice.random() < 0.1:
            self._begin_otherwise(shard_id)
        super().count(shard_id, most, calm=calm)

    def _begin_otherwise(self, shard_id: str) -> None:
        """A process with other settings does a part of a batch, or all but its last step."""
        (shard,) = (one for one in self.stream.shards if one.id == shard_id)
        place = self.positions[shard_id]
        batch = shard.records[place : place + self.dice.randint(1, 4)]
        operation, rule = self.dice.choice(_OTHERS)
        ports = Ports(self.store, self.dice.choice((1, 2, 3, 4, 5, 100)))
        if not {one for record in batch for one in self.hashes(record)}:
            return
        self.hit(operation)
        try:
            self.processor(ports, rule).process(batch)
        except GaveUpError:
            self.trace(f"{shard_id}: a process with other settings has begun a batch of {len(batch)}")


class OperatedAccidents(Accidents):
    """A restore leaves the mapping where it is."""

    _scene: OperatedScene

    def restore(self) -> None:
        """The counters table goes back in time; nobody sets the mapping back. A restore takes minutes, in
        which the watch runs: by its version the table is known.
        """
        scene = self._scene
        if self._backup is None or scene.dice.random() < 0.3:
            self._backup = self.kept()
            scene.trace("a backup of the counters")
            return
        hole = self._counted_since(self._backup.positions)
        if hole & scene.out_of_lake or scene.store.completeness.known.version <= self._backup.known.version:
            return  # nobody has these calls then; or no run of the watch lies between
        self.taken_back(self._backup)
        scene.hit(OperationKind.LEFT)
        scene.given_up |= hole
        scene.hole |= hole

    def _counted_since(self, positions: dict[str, int]) -> frozenset[int]:
        """Of the events of which the first record was counted since the mapping was at these positions."""
        scene = self._scene
        records = {
            (shard.id, record.sequence_number)
            for shard in scene.stream.shards
            for record in shard.records[positions[shard.id] : scene.positions[shard.id]]
        }
        owners = scene.store.ledger.owners
        found = {one.hash for one in scene.called.in_records(records) if owners.get(one.hash) in records}
        return frozenset(found - scene.given_up)

    def resume(self) -> None:
        """Somebody says that a restored table may report again. Where the mapping was set back before, some
        of the hole was counted: of those counters to which nothing was added meanwhile.
        """
        scene = self._scene
        send_heartbeats(scene, scene.store.completeness, scene.clock())
        known, _ = scene.store.completeness.load()
        if not known.is_restored:
            return
        if self._backup is not None and scene.dice.random() < 0.5:
            scene.hit(OperationKind.SET_BACK_LATE)
            scene.positions |= self._backup.positions
            scene.catch_up()
        scene.store.progress.items.clear()
        scene.store.completeness.save(resumed(known))
        scene.hole = frozenset()
        scene.hit(OperationKind.RESUMED)


class OperatedWorld(MonthEndWorld):
    """The month end, operated."""

    _scene_of = OperatedScene
    _accidents_of = OperatedAccidents
    scene: OperatedScene
    _accidents: OperatedAccidents

    def __init__(
        self, seed: int, meter: MonthEndMeter = SHIPPED_MONTH_END, *, keep_schedule: bool = False
    ) -> None:
        super().__init__(seed, meter, keep_schedule=keep_schedule)
        scene = self.scene
        scene.store.completeness = meter.completeness(scene.store.progress)
        scene.has_other_processes = scene.dice.random() < 0.5

    def _chance(self, seed: int) -> random.Random:
        return random.Random(f"operations {seed}")

    def _step(self, *, is_over: bool) -> None:
        super()._step(is_over=is_over)
        if self.scene.dice.random() < 0.05:
            self._accidents.restore()
        if is_over and self.scene.dice.random() < 0.05:
            self._accidents.resume()
        self._check_hole()

    def _check_hole(self) -> None:
        """A restored table calls nothing complete that it lacks."""
        scene = self.scene
        reached = through(*scene.store.completeness.load())
        if reached is None:
            return
        for event in scene.called.events.values():
            if event.hash in scene.hole and event.arrived_at < reached:
                lost = f"{event.truth.key} at {event.time} was lost by a restore"
                self.result.untrue.append(f"complete_through is {reached}, and {lost}")
                return

    def _bring_in_order(self) -> None:
        self._accidents.resume()
        super()._bring_in_order()


def _calls_alone(report: Report, lower: str) -> Scope:
    """Repairs what lacks calls or has too many, and takes everything else for right."""
    numbers = [one for one in report.differences if one.surplus.requests]
    contradictions = [one for one in report.contradictions if one.part]
    found = msgspec.structs.replace(report, differences=numbers, contradictions=contradictions)
    return shipped_scope(found, lower)


BROKEN_OPERATIONS: Final = (
    MonthEndMeter(
        "restore-unnoticed",
        "a restored table goes on as if nothing were missing",
        completeness=SimulatedCompleteness,
    ),
    MonthEndMeter("calls-alone", "a repair looks at the number of calls alone", scope=_calls_alone),
)
"""Each is caught within a thousand seeds, by `tests/simulation/operations/test_world.py`."""

OPERATIONS: Final = {meter.name: meter for meter in (SHIPPED_MONTH_END, *BROKEN_OPERATIONS)}
