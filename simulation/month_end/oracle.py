"""What must be right at a month end: counters, what is called complete, and what is sealed."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from collections.abc import Set as AbstractSet
from datetime import timedelta
from typing import Final, NamedTuple

from metering.period import is_month
from metering.proof.month_state import State
from metering.usage import NO_USAGE, Usage
from reconciliation.closing import SealedMonths
from reconciliation.lake.readiness import ARRIVAL
from reconciliation.model.causes import Cause, Finding
from simulation.month_end.scene import OCTOBER, Scene
from simulation.month_end.truth import CalledEvent, usage_of_keys
from simulation.protocol.store import Counted, CounterId
from simulation.protocol.traffic import MONTH_END_MS

_ARRIVED_BY: Final = MONTH_END_MS + int(ARRIVAL / timedelta(milliseconds=1))


class MonthEndOracle:
    """Knows what was called, and notes in the result what differs from it."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def right(self) -> RightCounters:
        """The counters that hold what was called."""
        scene = self._scene
        expected, found = scene.called.counted(), scene.store.counted()
        places = {place for place in expected if _same(expected[place], found.get(place))}
        return RightCounters(places, frozenset(scene.unclaimed - scene.store.ledger.owners.keys()))

    def still_right(
        self,
        before: RightCounters,
        after: str,
        *,
        besides: Iterable[str] = (),
        findings: Iterable[Finding] = (),
    ) -> None:
        """What was right is so now. `findings` are what a repair in between went by."""
        brought = [one.event_hash for one in findings if one.cause is Cause.LAKE_ALONE]
        for place in sorted(before.places - self.right().places):
            key, period = place
            known = [*self._claimed_first(place, before.unclaimed), *self._made_up(place, brought)]
            if key not in besides and not self._holds_beside(place, known):
                self._scene.result.differences.append(f"{key} {period} was right, and is not after {after}")

    def _holds_beside(self, place: CounterId, known: Iterable[tuple[Usage, str]]) -> bool:
        """Whether a counter holds just this beside what was called."""
        scene = self._scene
        totals, parts = scene.called.counted()[place]
        parts = dict(parts)
        for usage, part in known:
            totals += usage
            parts[part] = parts.get(part, 0) + 1
        return _same(Counted(totals, parts), scene.store.counted().get(place))

    def _claimed_first(self, place: CounterId, unclaimed: Container[int]) -> Iterator[tuple[Usage, str]]:
        """The calls of a place that a repair has brought in, whose batches had claimed nothing when they were
        given up, and of which a copy has come for the first time since: it is counted beside the repair.
        """
        owners = self._scene.store.ledger.owners
        for one in self._scene.called.events.values():
            if place in one.counters and one.hash in unclaimed and one.hash in owners:
                yield one.usage, _part(place, one.time)

    def _made_up(self, place: CounterId, brought: Container[int | None]) -> Iterator[tuple[Usage, str]]:
        """What the lake says of calls of other places, whose rows were altered before anybody had counted
        them: without the log, a repair takes such a row for a call that its key lacks.
        """
        scene = self._scene
        rows = {row.row.eventhash: row for of_object in scene.lake.objects.values() for row in of_object}
        for hashed in scene.unknowable & rows.keys():
            if hashed in brought and place in rows[hashed].counters:
                yield rows[hashed].usage, _part(place, rows[hashed].row.eventtime)

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


class RightCounters(NamedTuple):
    """What is right at a time."""

    places: AbstractSet[CounterId]
    unclaimed: AbstractSet[int]
    """Hashes of the calls that a repair has brought in, and that nobody has claimed yet."""


def _part(place: CounterId, time: str) -> str:
    """The part of a counter in which a call is counted: a day of the month, or an hour of the day."""
    return time[8:10] if is_month(place[1]) else time[11:13]


def _same(expected: Counted, found: Counted | None) -> bool:
    if found is None:
        return False
    parts = {part: count for part, count in found.parts.items() if count}
    return expected.totals == found.totals and expected.parts == parts
