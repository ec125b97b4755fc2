"""How calls that a path lacks come into lake and counters, each once.

The lake holds each event once, whatever is written twice: so the lake is changed first, and the counters of
the keys and days in question are then brought to its figure, as a repair does it. In this order; if a step is
the last to happen, the next run of any recovery finds the note and goes on with step 3:

1. **Note** which counters will change.
2. **Change the lake**, by steps each of which may be repeated. What of it did not happen is found again by
   whoever looks again, since the lake still lacks it.
3. **Correct the counters** of these keys and days: :mod:`reconciliation.repair.repairer`, with its waiting,
   its conditions and an audit item for each counter.
4. **Forget** the note, if no counter was left. The note of another run stays for two days, since that run may
   still be at step 2: correcting twice changes nothing.

Why a call is counted once, whatever comes later. The same delivery redriven from the error prefix gives the
same event, which the lake has. A replay of the stream finds the watermarks raised. And no delivery of
CloudWatch Logs brings the line again, because only lines are recovered that were logged so long ago that it
has given up trying: see :data:`REDELIVERY`.

A sealed month is corrected like any other: it is as if the calls came late. What was billed stays frozen, and
the next invoice adjusts it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from metering.period import Period, ends_at, month_of
from metering.proof.recovery import Places, Recovery, in_month, in_order
from reconciliation.lake.readiness import ARRIVAL
from reconciliation.recovery.ports import RecoveryNotes
from reconciliation.repair.repairer import CONCURRENCY, LEFT, Repaired, Repairer
from reconciliation.repair.scope import Scope

REDELIVERY: Final = timedelta(days=1) + ARRIVAL
"""How long after a line was logged CloudWatch Logs may still deliver it: it tries for 24 hours.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""
ABANDONED: Final = timedelta(days=2)
"""A note so old is no other run's any more."""

Change = Callable[[], object]
"""A change of the lake that may be repeated, also after it was interrupted."""


class Recovered(msgspec.Struct):
    """What a recovery has done to the counters."""

    repaired: list[Repaired] = msgspec.field(default_factory=list)
    """Month by month."""
    left: int = 0
    """Counters that are not at the lake's figure yet: their days are not complete, or something changed
    meanwhile. Another run does the rest.
    """

    @property
    def written(self) -> int:
        """Counters that were changed."""
        return sum(one.written for one in self.repaired)

    def add(self, other: Recovered) -> None:
        """Add what another recovery has done."""
        self.repaired += other.repaired
        self.left += other.left


class Recoverer:
    """Recovers calls of one deployment."""

    def __init__(
        self,
        notes: RecoveryNotes,
        repairer: Repairer,
        complete_through: Callable[[Period], datetime],
        clock: Callable[[], datetime],
        new_id: Callable[[], str],
    ) -> None:
        """`complete_through` says of a month up to when both paths are complete, `clock` gives the time in
        UTC, and `new_id` an id that nobody had before.
        """
        self._notes = notes
        self._repairer = repairer
        self._complete_through = complete_through
        self._clock = clock
        self._new_id = new_id

    def settled_ms(self) -> int:
        """No line that was logged before is delivered any more, in epoch milliseconds."""
        return round((self._clock() - REDELIVERY).timestamp() * 1000)

    def is_complete(self, day: Period) -> bool:
        """Whether a day is complete on both paths."""
        return ends_at(day) <= self._complete_through(month_of(day))

    def differing(self, places: Places) -> set[tuple[str, Period]]:
        """The keys and days, among these, whose counters are not at the lake's figure now.

        Raises:
            MeterError: something could not be read.
        """
        found: set[tuple[str, Period]] = set()
        for month in sorted({month_of(day) for _, day in in_order(places)}):
            scope = self._scope(month, "compared", in_month(places, month))._replace(followed=None)
            for plan in self._repairer.prepare(scope).plans():
                found |= {(plan.key, one.period) for one in plan.corrections}
        return found.intersection(in_order(places))

    def recover(self, recovery: Recovery, changes: Iterable[Change]) -> Recovered:
        """Do the steps of the module's docstring.

        Raises:
            ArchivedMonthError: it would change counters of an archived month. Nothing was changed.
            MeterError: something could not be read or written. What was done holds, and the next recovery
                does the rest.
        """
        for month in recovery.months:
            self._repairer.check_not_archived(month)
        self._notes.keep(recovery)  # 1
        for change in changes:  # 2
            change()
        recovered = self._correct(recovery)  # 3
        if not recovered.left:
            self._notes.forget(recovery.id)  # 4
        return recovered

    def finish(self) -> Recovered:
        """Do step 3 for the recoveries that others have begun.

        Raises:
            MeterError: as above.
        """
        recovered = Recovered()
        for recovery in list(self._notes.all()):
            found = self._correct(recovery)
            if not found.left and self._clock() - recovery.begun_at > ABANDONED:
                self._notes.forget(recovery.id)
            recovered.add(found)
        return recovered

    def _correct(self, recovery: Recovery) -> Recovered:
        recovered = Recovered()
        for month in recovery.months:
            places = recovery.places(month)
            waiting = [day for _, day in in_order(places) if not self.is_complete(day)]
            recovered.left += len(waiting)
            if len(waiting) < sum(map(len, places.values())):
                repaired, left = self._of_month(recovery, month, places)
                recovered.repaired.append(repaired)
                recovered.left += left
        return recovered

    def _of_month(self, recovery: Recovery, month: Period, places: Places) -> tuple[Repaired, int]:
        """What was done to the counters of a month, and how many of them were left."""
        scope = self._scope(month, f"{recovery.reason} (recovery {recovery.id})", places)
        scope = scope._replace(lowered=recovery.lowered.keys())
        prepared = self._repairer.prepare(scope)
        repaired = prepared.carry_out(list(prepared.plans()), CONCURRENCY)
        held_back = {(one.correction.key, one.correction.period) for one in prepared.held_back}
        noted = {*in_order(places), *((key, month) for key in places)}
        return repaired, len(held_back & noted) + sum(one.fate in LEFT for one in repaired.done)

    def _scope(self, month: Period, reason: str, places: Places) -> Scope:
        """These places, whole days of a month."""
        return Scope(
            month,
            self._new_id(),
            reason,
            self._complete_through(month),
            places.keys(),
            followed={key: {month, *days} for key, days in places.items()},
            lower=reason,
        )
