"""What must be right at a month end: counters, what is called complete, and what is sealed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Final

from metering.proof.month_state import State
from metering.usage import NO_USAGE
from reconciliation.closing import SealedMonths
from reconciliation.lake.readiness import ARRIVAL
from simulation.month_end.scene import OCTOBER, Scene
from simulation.month_end.truth import CalledEvent, usage_of_keys
from simulation.protocol.store import Counted, CounterId
from simulation.protocol.traffic import MONTH_END_MS

_ARRIVED_BY: Final = MONTH_END_MS + int(ARRIVAL / timedelta(milliseconds=1))


class MonthEndOracle:
    """Knows what was called, and notes in the result what differs from it."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def right(self) -> set[CounterId]:
        """The counters that hold what was called."""
        scene = self._scene
        expected, found = scene.called.counted(), scene.store.counted()
        return {place for place in expected if _same(expected[place], found.get(place))}

    def still_right(self, before: set[CounterId], after: str, *, besides: Iterable[str] = ()) -> None:
        for key, period in sorted(before - self.right()):
            if key not in besides:
                self._scene.result.differences.append(f"{key} {period} was right, and is not after {after}")

    def check_complete(self) -> None:
        """Nothing is missing: so says the report. Then all that arrived in time is on both paths."""
        scene = self._scene
        delivered = {event.hash for event in scene.called.in_records(scene.firehose.delivered)}
        for event in scene.called.events.values():
            if event.time.startswith(OCTOBER) and event.arrived_at < _ARRIVED_BY:
                if event.hash not in delivered:
                    scene.result.untrue.append(f"{event.truth.key} at {event.time} is not in the lake")
                if event.hash not in scene.given_up and not scene.store.holds(event.sent):
                    scene.result.untrue.append(f"{event.truth.key} at {event.time} is not counted")

    def check_sealed(self) -> None:
        """What is billed is what was called, as far as it had come by then; and nothing that came in time is
        missing. A late call that was not counted yet, and that the lake has lost, is on neither side.
        """
        scene = self._scene
        sealed = SealedMonths(scene.states, scene.lake).sealed_usage(OCTOBER)
        delivered = scene.called.in_records(scene.firehose.delivered)
        known = (event for event in delivered if not self._is_on_neither_side(event))
        called = usage_of_keys(known, OCTOBER)
        for key in sorted(sealed.keys() | called.keys()):
            if sealed.get(key, NO_USAGE) != called.get(key, NO_USAGE):
                scene.result.differences.append(
                    f"{key} {OCTOBER} is sealed with {sealed.get(key)}, and {called.get(key)} was called"
                )
        self.check_complete()

    def _is_on_neither_side(self, event: CalledEvent) -> bool:
        scene = self._scene
        is_late = event.arrived_at >= _ARRIVED_BY
        return is_late and event.hash in scene.out_of_lake and not scene.store.holds(event.sent)

    def check_end(self) -> None:
        """With the log each cause is found, so that everything can be brought in order. Without it some calls
        cannot be named, and it is right to leave the month open.
        """
        scene = self._scene
        if not scene.has_log:
            return
        found = scene.states.read(OCTOBER)
        if found is None or found.closing.state is not State.SEALED:
            scene.result.differences.append(f"{OCTOBER} cannot be closed though everything is in order")
        expected, counted = scene.called.counted(), scene.store.counted()
        for key, period in sorted(expected):
            if period.startswith(OCTOBER) and not _same(expected[key, period], counted.get((key, period))):
                scene.result.differences.append(f"{key} {period} is not right in the end")


def _same(expected: Counted, found: Counted | None) -> bool:
    if found is None:
        return False
    parts = {part: count for part, count in found.parts.items() if count}
    return expected.totals == found.totals and expected.parts == parts
