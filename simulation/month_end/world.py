"""One seed of a month end: calls around the end of October, two paths, accidents, and an operator in a hurry.

Everything is drawn from the seed, by a source of chance of its own.
"""

from __future__ import annotations

import random
from typing import Final

from simulation.month_end.accidents import Accidents
from simulation.month_end.faults import Accident, MonthEndResult
from simulation.month_end.job import MonthEndJob
from simulation.month_end.meter import SHIPPED_MONTH_END, MonthEndMeter
from simulation.month_end.oracle import MonthEndOracle
from simulation.month_end.scene import Scene
from simulation.month_end.traffic import planned_traffic
from simulation.protocol.settings import HOUR_MS, MINUTE_MS
from simulation.protocol.traffic import MONTH_END_MS
from watch.tasks import send_heartbeats

_STEPS_AFTER: Final = 60


class MonthEndWorld:
    """Everything that a seed makes."""

    _scene_of = Scene
    _accidents_of = Accidents

    def __init__(
        self, seed: int, meter: MonthEndMeter = SHIPPED_MONTH_END, *, keep_schedule: bool = False
    ) -> None:
        self.result = MonthEndResult(seed)
        dice = self._chance(seed)
        accidents = {one for one in Accident if dice.random() < 0.4}
        self._planned = planned_traffic(dice, accidents, self.result.injected)
        scene = self._scene_of
        self.scene = scene(self.result, dice, meter, accidents, self._planned, keep_schedule=keep_schedule)
        self.oracle = MonthEndOracle(self.scene)
        self._accidents = self._accidents_of(self.scene, self.oracle)
        self._job = MonthEndJob(self.scene, self.oracle)

    def _chance(self, seed: int) -> random.Random:
        """The source of all chance."""
        return random.Random(f"month end {seed}")

    def run(self) -> MonthEndResult:
        """Play everything, then bring it in order and close."""
        scene = self.scene
        waiting = list(reversed(self._planned))
        left = _STEPS_AFTER
        while waiting or left:
            left -= not waiting
            if waiting and scene.dice.random() < 0.3:
                scene.log(waiting.pop())
            else:
                self._step(is_over=not waiting)
        self._bring_in_order()
        self.result.events = len(scene.called.events)
        return self.result

    def _bring_in_order(self) -> None:
        self._job.bring_in_order()
        self._accidents.replay_all()
        if self.scene.partly:  # such months may hold a batch once more now, which a comparison names
            self._job.repair_the_rest()
        self.oracle.check_end()

    def _step(self, *, is_over: bool) -> None:
        scene = self.scene
        drawn = scene.dice.random()
        if drawn < 0.3:
            scene.count(scene.dice.choice(list(scene.positions)))
        elif drawn < 0.5:
            self._read_into_lake()
        elif drawn < 0.65:
            send_heartbeats(scene, scene.store.completeness, scene.clock())
        elif drawn < 0.75:
            scene.pass_by(
                scene.dice.choice((MINUTE_MS, 20 * MINUTE_MS, 4 * HOUR_MS if is_over else MINUTE_MS))
            )
        elif drawn < 0.9:
            self._accidents.strike()
        elif scene.now > MONTH_END_MS:
            self._job.close_in_a_hurry()
        self._accidents.bring_late_objects()

    def _read_into_lake(self) -> None:
        scene = self.scene
        if scene.now < scene.behind_until:
            scene.firehose.deliver(scene.now)
            return
        if Accident.FIREHOSE_BEHIND in scene.accidents and scene.dice.random() < 0.1:
            scene.hit(Accident.FIREHOSE_BEHIND)
            scene.behind_until = scene.now + scene.dice.choice((HOUR_MS, 4 * HOUR_MS))
        if scene.dice.random() < 0.5:
            scene.firehose.read(scene.now)
        else:
            scene.firehose.deliver(scene.now)
