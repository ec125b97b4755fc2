"""Repair: counters brought to the lake's figure, hour by hour, without stopping the meter.

In this order; nothing is written before step 5, and whoever is stopped begins anew:

1. **Read the counters** of the keys in question.
2. **Query the lake** by key and hour. It is asked after the counters were read: what it lacks of them was not
   late by a moment.
3. **Plan**: what each counter holds, and what it should. Only days are taken that are complete on both paths,
   of which no finding says that the lake is wrong (:mod:`reconciliation.repair.trust`), and that hold what
   they held when they were compared; of the others a month keeps what their own counters hold. Nothing is
   taken away from a counter without a reason for it.
4. **Wait** until every call that the lake was asked for is counted, if it will ever be: see
   :mod:`reconciliation.repair.barrier`.
5. **Read again**, key by key. If a counter is not what it was in step 1, calls have come for it meanwhile,
   which the lake may lack: it is left alone.
6. **Add the difference**, counter by counter, each in a transaction with its audit: on the condition that the
   counter is still what was read in step 5, and that no audit of this counter and report exists.

Why no call is counted twice, or lost: what a counter lacks after step 4 no batch will bring any more, for all
that was in the stream then is counted; and a repetition of such a batch is refused, since the transaction of
the addition raises the counter's watermarks to the marks of step 4. (A month of which some days are
not taken keeps its own: it may still lack a batch of those days.) What comes later is not in the lake's
answer, and adds to whatever the counter holds: additions commute. What a counter has and the lake lacks has
been there since before the lake was asked.

A month that was sealed is repaired like any other: its counters are what look-ups and later comparisons read,
while its invoices go by the usage that was sealed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, Final

import msgspec

from metering.counters.counter import Counter, summed
from metering.outcome import UNDECODABLE_KEY
from metering.period import Period, begins_at, ends_at, is_day, is_month, month_of
from metering.proof.archive import check_not_archived
from metering.proof.correction import (
    NOT_HELD,
    Audit,
    Correction,
    Fate,
)
from metering.proof.drift import beyond_unknown_sizes
from metering.usage import NO_USAGE
from reconciliation.lake.error_objects import error_objects
from reconciliation.lake.external_sort import sorted_counters
from reconciliation.lake.queries import between, query_text, quoted
from reconciliation.ports import OnProgress, StepProgress
from reconciliation.repair.plan import (
    Counters,
    HeldBack,
    RepairFigure,
    RepairPlan,
    correction_now,
    corrections,
    has_other_days,
)
from reconciliation.repair.ports import RepairSources
from reconciliation.repair.rebuild_undecodable import RecordSpan, undecodable_by_hour
from reconciliation.repair.scope import Scope
from reconciliation.repair.sides import both_sides, by_key
from reconciliation.repair.trust import takes_away

HOURS_OF_KEYS: Final = "hours_of_keys"
READ_ONE_BY_ONE: Final = 1_000
"""Up to so many keys are read key by key; for more, the whole table is."""
ATTEMPTS: Final = 5
"""Readings of a month with days that are not repaired: it and they are written one after the other."""
ATTEMPTS_OF_A_WHOLE: Final = 2
"""A counter whose correction was refused is read again: it was written if its answer was lost."""
CONCURRENCY: Final = 8
"""Keys that are corrected at a time."""
LEFT: Final = frozenset({Fate.CHANGED, Fate.UNSURE})
"""A counter with such a fate was left alone."""
CORRECTIONS_HELD: Final = 10_000
_REPORT_EVERY: Final = 1_000


class Done(msgspec.Struct, frozen=True):
    """A correction, and what became of it."""

    correction: Correction
    fate: Fate


class Repaired(msgspec.Struct):
    """What a repair has done."""

    month: Period
    report: str
    keys: int = 0
    """Keys that were looked at."""
    written: int = 0
    """Counters that are at the lake's figure now, and were not."""
    done_before: int = 0
    left: int = 0
    """Counters that were left alone: their fates say why."""
    done: list[Done] = msgspec.field(default_factory=list)
    """The first of them, in the order of key and period."""
    held_back: int = 0
    """Corrections that were not made, since nobody gave a reason to lower a counter, or the lake changed."""

    def add(self, done: Done) -> None:
        """Take a fate in."""
        self.written += done.fate is Fate.WRITTEN
        self.done_before += done.fate is Fate.DONE_BEFORE
        self.left += done.fate in LEFT
        if len(self.done) < CORRECTIONS_HELD:
            self.done.append(done)


class Repairer:
    """Repairs counters of one deployment."""

    def __init__(
        self,
        sources: RepairSources,
        clock: Callable[[], datetime],
        who: str,
        on_progress: OnProgress = lambda _progress: None,
    ) -> None:
        """`clock` gives the time in UTC, for the audit; `who` is whoever repairs."""
        self._sources = sources
        self._clock = clock
        self._who = who
        self._on_progress = on_progress

    def prepare(self, scope: Scope) -> Repair:
        """Do steps 1 and 2.

        Raises:
            NotRepairableError: the scope names what cannot be repaired.
            ArchivedMonthError: counters of the month are archived.
            MeterError: something could not be read.
        """
        self.check_not_archived(scope.month)
        taken = scope.taken()
        counters, has_counters = self._counters(scope)  # 1
        self.check_not_archived(scope.month)  # again: what was read is whole only if it is not archived now
        undecodable = self._undecodable(scope)
        self._on_progress(StepProgress("query", 0))
        (only,) = scope.keys if scope.keys is not None and len(scope.keys) == 1 else ("",)
        found = self._sources.queries.run(  # 2
            query_text(HOURS_OF_KEYS),
            (*between(begins_at(taken[0]), ends_at(taken[-1])), *[quoted(only)] * 2),
            run_id=scope.report,
        )
        pairs = both_sides(counters, by_key(found.rows(), scope.keys), undecodable)
        return Repair(self, scope, taken, pairs, has_counters=has_counters)

    def check_not_archived(self, month: Period) -> None:
        """Raises ArchivedMonthError where counters of a month are archived: a repair would miss them."""
        check_not_archived(self._sources.archives, month)

    def _counters(self, scope: Scope) -> tuple[Iterator[Counter], bool]:
        """Those of the keys in question, in the order of key and period, and whether there are any. All are
        read at once: they wait in temporary files where they are many.
        """
        source = self._sources.counters
        wanted: Iterable[Counter]
        if scope.keys is not None and len(scope.keys) <= READ_ONE_BY_ONE:
            wanted = [one for key in sorted(scope.keys) for one in source.of_key(key, scope.month)]
        else:
            found = source.of_period(scope.month)
            wanted = (one for one in found if scope.keys is None or one.key in scope.keys)
        ordered = summed(sorted_counters(self.with_progress("counters", wanted)))
        first = next(ordered, None)
        return (iter(()), False) if first is None else (chain([first], ordered), True)

    def _undecodable(self, scope: Scope) -> Mapping[Period, RecordSpan]:
        if scope.keys is not None and UNDECODABLE_KEY not in scope.keys:
            return {}
        objects = error_objects(self._sources.error_prefix)
        return undecodable_by_hour(self.with_progress("error objects", objects), scope.month)

    def with_progress(self, step: str, things: Iterable[Any]) -> Iterator[Any]:
        """The same things, with word of how many there were so far."""
        done = 0
        for done, thing in enumerate(things, 1):
            if done % _REPORT_EVERY == 0:
                self._on_progress(StepProgress(step, done))
            yield thing
        self._on_progress(StepProgress(step, done))

    def await_counted(self) -> Mapping[str, int]:
        """Do step 4; the mark of each shard."""
        self._on_progress(StepProgress("waiting for the stream", 0))
        return self._sources.barrier.pass_through()

    def carry_out(self, plan: RepairPlan, scope: Scope, marks: Mapping[str, int]) -> Iterator[Done]:
        """Do steps 5 and 6 for a key."""
        at = f"{self._clock():%Y-%m-%dT%H:%M:%SZ}"
        for planned in plan.corrections:
            reason = f"{scope.reason}; lowered: {scope.lower}" if takes_away(planned) else scope.reason
            audit = Audit(scope.report, reason, self._who, at)
            attempts = ATTEMPTS if has_other_days(planned, plan.taken) else ATTEMPTS_OF_A_WHOLE
            for _ in range(attempts):
                done = self._carry_out(planned, plan, audit, marks)
                if done.fate not in LEFT:
                    break
            yield done

    def _carry_out(
        self, planned: Correction, plan: RepairPlan, audit: Audit, marks: Mapping[str, int]
    ) -> Done:
        held = self._sources.store.read(plan.key, month_of(planned.period))
        found = correction_now(planned, plan, held)
        if isinstance(found, Fate):
            return Done(planned, found)
        raised = {} if has_other_days(found, plan.taken) else marks
        return Done(found, self._sources.store.write(found, held.get(found.period, NOT_HELD), audit, raised))


class Repair:
    """A repair that has read both sides, and has written nothing yet."""

    def __init__(
        self,
        repairer: Repairer,
        scope: Scope,
        taken: Sequence[Period],
        pairs: Iterable[tuple[str, Counters, RepairFigure]],
        *,
        has_counters: bool,
    ) -> None:
        """`has_counters` says whether any of the keys in question has a counter."""
        self._repairer = repairer
        self._scope = scope
        self._taken = taken
        self._pairs = pairs
        self.has_counters = has_counters
        self.keys = 0
        """Keys that were looked at so far."""
        self.held_back: list[HeldBack] = []
        """What of these is not corrected, complete once all plans are read."""

    def plans(self) -> Iterator[RepairPlan]:
        """Step 3, for each key with anything to correct, in the order of the keys. To be read once."""
        for key, before, figure in self._pairs:
            self.keys += 1
            plan = self._plan(key, before, figure)
            if plan.corrections:
                yield plan

    def _plan(self, key: str, before: Counters, figure: RepairFigure) -> RepairPlan:
        """The corrections of a key that may be made. A day that may not is left as it is, and its month goes
        by its own counter; so the rest is reckoned again without it.
        """
        taken = tuple(self._taken)
        while True:
            found = corrections(key, before, figure, self._scope.month, taken)
            held = [HeldBack(one, why) for one in found if (why := self._refusal(one, found))]
            days = {one.correction.period for one in held if is_day(one.correction.period)}
            if not days:
                break
            self.held_back += [one for one in held if one.correction.period in days]
            taken = tuple(day for day in taken if day not in days)
        self.held_back += held
        refused = {one.correction.period for one in held}
        allowed = tuple(one for one in found if one.period not in refused)
        return RepairPlan(key, before, figure, allowed, taken)

    def _refusal(self, one: Correction, found: Sequence[Correction]) -> str:
        """Why a correction is not made; empty: it is. A month follows the days that are corrected."""
        scope = self._scope
        if takes_away(one) and not scope.may_lower(one.key):
            return "it takes calls or totals away, and no reason for that was given (--lower REASON)"
        if scope.followed is None:
            return ""
        compared = (scope.compared or {}).get((one.key, one.period), one.before.usage)
        if one.before.usage != compared or self._agreed(one):
            return "the counter has changed since it was compared: compare again"
        followed = scope.followed.get(one.key, frozenset())
        follows_days = is_month(one.period) and len(found) > 1 and (one.key, one.period) not in scope.doubtful
        if one.period in followed or follows_days:
            return ""
        return "the report does not say so, or a finding doubts the lake: compare again"

    def _agreed(self, one: Correction) -> bool:
        """Whether a day that is to be changed agreed with the lake when it was compared: one that is named
        among the report's contradictions for its month's sake.
        """
        if self._scope.compared is None or not is_day(one.period) or one.key == UNDECODABLE_KEY:
            return False
        changed = beyond_unknown_sizes(NO_USAGE - one.usage) != NO_USAGE
        return changed and (one.key, one.period) not in self._scope.compared

    def carry_out(self, plans: Iterable[RepairPlan], concurrency: int = 1) -> Repaired:
        """Steps 4 to 6, for so many keys at a time.

        Raises:
            MeterError: something could not be read or written. What was done holds, and a new repair does the
                rest.
        """
        repaired = Repaired(self._scope.month, self._scope.report)
        waiting = iter(plans)
        if (first := next(waiting, None)) is not None:
            marks = self._repairer.await_counted()
            reported = self._repairer.with_progress("corrected keys", chain([first], waiting))
            for done in _some_at_a_time(partial(self._of_key, marks), reported, concurrency):
                for one in done:
                    repaired.add(one)
        repaired.keys = self.keys
        repaired.held_back = len(self.held_back)
        return repaired

    def _of_key(self, marks: Mapping[str, int], plan: RepairPlan) -> list[Done]:
        return list(self._repairer.carry_out(plan, self._scope, marks))


def _some_at_a_time(
    work: Callable[[RepairPlan], list[Done]], plans: Iterable[RepairPlan], concurrency: int
) -> Iterator[list[Done]]:
    """The results in the order of the plans. Few plans are held, and none is begun after an error."""
    with ThreadPoolExecutor(concurrency, "repair") as pool:
        under_way: deque[Future[list[Done]]] = deque()
        try:
            for plan in plans:
                under_way.append(pool.submit(work, plan))
                if len(under_way) >= 2 * concurrency:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            for future in under_way:
                future.cancel()
