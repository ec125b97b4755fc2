"""Repair: counters brought to the lake's figure, hour by hour, without stopping the meter.

In this order; nothing is written before step 5, and whoever is stopped begins anew:

1. **Read the counters** of the keys in question.
2. **Query the lake** by key and hour. It is asked after the counters were read: what it lacks of them was not
   late by a moment.
3. **Plan**: what each counter holds, and what it should. Only days are taken that are complete on both paths,
   and of which no finding says that the lake is wrong (:mod:`reconciliation.repair.trust`); of the others a
   month keeps what their own counters hold. Nothing is taken away from a counter without a reason for it.
4. **Wait** until every call that the lake was asked for is counted, if it will ever be: see
   :mod:`reconciliation.repair.barrier`.
5. **Read again**, key by key. If a counter is not what it was in step 1, calls have come for it meanwhile,
   which the lake may lack: it is left alone.
6. **Add the difference**, counter by counter, each in a transaction with its audit: on the condition that the
   counter is still what was read in step 5, and that no audit of this counter and report exists.

Why no call is counted twice, or lost: what a counter lacks after step 4 no batch will bring any more, for all
that was in the stream then is counted; and a repetition of such a batch is refused, since the transaction of
the addition raises the counter's watermarks to where the shards were counted. (A month of which some days are
not taken keeps its own: it may still lack a batch of those days.) What comes later is not in the lake's
answer, and adds to whatever the counter holds: additions commute. What a counter has and the lake lacks has
been there since before the lake was asked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from functools import partial
from heapq import merge
from itertools import chain, groupby
from operator import attrgetter, itemgetter
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from metering.counters.counter import Counter, summed
from metering.errors import MeterError
from metering.outcome import UNDECODABLE_KEY
from metering.period import Period, begins_at, day_of, days_of, ends_at, is_day, is_month, month_of
from metering.proof.correction import (
    NOT_HELD,
    Audit,
    Correction,
    Fate,
    Held,
    HeldCounters,
    correction,
    same,
)
from metering.proof.month_state import State, Version
from metering.usage import NO_USAGE, Usage, total
from reconciliation.lake.external_sort import sorted_counters
from reconciliation.lake.queries import between, query_text, quoted
from reconciliation.ports import ErrorPrefix, OnProgress, Queries, StepProgress
from reconciliation.repair.rebuild_undecodable import RecordSpan, undecodable_by_hour, undecodable_days
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
_TOLD_EVERY: Final = 1_000

Counters = Mapping[Period, Counter]
"""Counters of one key by their period."""


class NotRepairableError(MeterError):
    """What was asked for cannot be repaired; the text says why, and what to do."""


class Scope(NamedTuple):
    """What is to be repaired, and why."""

    month: Period
    report: str
    """The id of the run that found it; a counter is corrected once for each."""
    reason: str
    complete_through: datetime
    """Both paths are complete up to here: only days that end before are taken."""
    keys: AbstractSet[str] | None = None
    """None: all."""
    days: AbstractSet[Period] | None = None
    """None: all."""
    followed: Mapping[str, AbstractSet[Period]] | None = None
    """By key, the periods that a report found different and of which the lake can be believed. None: all that
    it lacks or has; a rebuild.
    """
    lower: str = ""
    """Why counters may be lowered; empty: none is."""

    def taken(self) -> list[Period]:
        """The days that are brought to the lake's figure.

        Raises:
            NotRepairableError: a day was named that is not complete, or of another month.
        """
        complete = [day for day in days_of(self.month) if ends_at(day) <= self.complete_through]
        if not complete:
            raise NotRepairableError(f"no day of {self.month} is complete yet: repair it when one is")
        if unfit := sorted((self.days or set()) - set(complete)):
            raise NotRepairableError(
                f"{', '.join(unfit)} cannot be repaired: {self.month} is complete up to {complete[-1]}"
            )
        return complete if self.days is None else sorted(self.days)


class RepairFigure(NamedTuple):
    """What the lake says of the days of a key."""

    days: Counters
    requests_only: bool = False
    """Nothing but numbers are known: the other totals stay as they are."""


class RepairPlan(NamedTuple):
    """The counters of one key, as they were read first, and what is to become of them."""

    key: str
    before: Counters
    figure: RepairFigure
    corrections: tuple[Correction, ...]
    taken: tuple[Period, ...]
    """The days that are brought to the figure."""


class HeldBack(msgspec.Struct, frozen=True):
    """A correction that is not made, and why."""

    correction: Correction
    why: str


class CounterSource(Protocol):
    """The counters, added up over slices or not."""

    def of_period(self, period: Period) -> Iterator[Counter]:
        """Those of all keys in a month and its days, in no order."""
        ...

    def of_key(self, key: str, period: Period) -> Sequence[Counter]:
        """Those of one key."""
        ...


class CorrectionStore(Protocol):
    """Counters as a repair reads and writes them. Transient and Misconfigured are the errors of both."""

    def read(self, key: str, month: Period) -> HeldCounters:
        """The counters of a key in a month and its days, slice by slice, as they are now."""
        ...

    def write(self, one: Correction, held: Held, audit: Audit, marks: Mapping[str, int]) -> Fate:
        """Add what a correction adds, together with its audit, if the counter is still what `held` says, and
        raise its watermark of each shard to the mark.

        The difference goes to slice 0. A correction of this counter for the same report is not made twice.
        """
        ...


class Barrier(Protocol):
    """What waits for the stream."""

    def pass_through(self) -> Mapping[str, int]:
        """Return when all that is in the stream now is counted; up to which position each shard was."""
        ...


class ClosingStates(Protocol):
    """The states of months."""

    def read(self, month: Period) -> Version | None:
        """The state of a month; None: it is open."""
        ...


class RepairSources(NamedTuple):
    """What is read, and the way to what is written."""

    closings: ClosingStates
    queries: Queries
    counters: CounterSource
    error_prefix: ErrorPrefix
    store: CorrectionStore
    barrier: Barrier


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
            MeterError: something could not be read.
        """
        self.refuse_sealed(scope.month)
        taken = scope.taken()
        counters, has_counters = self._counters(scope)  # 1
        undecodable = self._undecodable(scope)
        self._on_progress(StepProgress("query", 0))
        (only,) = scope.keys if scope.keys is not None and len(scope.keys) == 1 else ("",)
        found = self._sources.queries.run(  # 2
            query_text(HOURS_OF_KEYS),
            (*between(begins_at(taken[0]), ends_at(taken[-1])), *[quoted(only)] * 2),
            run_id=scope.report,
        )
        pairs = _pairs(counters, _by_key(found.rows(), scope.keys), undecodable)
        return Repair(self, scope, taken, pairs, has_counters=has_counters)

    def refuse_sealed(self, month: Period) -> None:
        """Its usage is billed: differences of its counters are no longer theirs to hold.

        Raises:
            NotRepairableError: the month is sealed.
        """
        found = self._sources.closings.read(month)
        if found is not None and found.closing.state is State.SEALED:
            raise NotRepairableError(
                f"{month} was sealed on {found.closing.sealed_at:%Y-%m-%d} and is not repaired any more: "
                "what came since is adjusted by the next invoice"
            )

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
        ordered = summed(sorted_counters(self.told("counters", wanted)))
        first = next(ordered, None)
        return (iter(()), False) if first is None else (chain([first], ordered), True)

    def _undecodable(self, scope: Scope) -> Mapping[Period, RecordSpan]:
        if scope.keys is not None and UNDECODABLE_KEY not in scope.keys:
            return {}
        prefix = self._sources.error_prefix
        objects = ((name, prefix.read(name)) for name in prefix.names())
        read = ((name, body) for name, body in objects if body is not None)
        return undecodable_by_hour(self.told("error objects", read), scope.month)

    def told(self, step: str, things: Iterable[Any]) -> Iterator[Any]:
        """The same things, with word of how many there were so far."""
        done = 0
        for done, thing in enumerate(things, 1):
            if done % _TOLD_EVERY == 0:
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
            attempts = ATTEMPTS if _has_other_days(planned, plan.taken) else ATTEMPTS_OF_A_WHOLE
            for _ in range(attempts):
                done = self._carry_out(planned, plan, audit, marks)
                if done.fate not in LEFT:
                    break
            yield done

    def _carry_out(
        self, planned: Correction, plan: RepairPlan, audit: Audit, marks: Mapping[str, int]
    ) -> Done:
        held = self._sources.store.read(plan.key, month_of(planned.period))
        found = _now(planned, plan, held)
        if isinstance(found, Fate):
            return Done(planned, found)
        raised = {} if _has_other_days(found, plan.taken) else marks
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
        if takes_away(one) and not self._scope.lower:
            return "it takes calls or totals away, and no reason for that was given (--lower REASON)"
        if self._scope.followed is None:
            return ""
        followed = self._scope.followed.get(one.key, frozenset())
        if one.period in followed or (is_month(one.period) and len(found) > 1):
            return ""
        return "the report does not say so, or a finding doubts the lake: compare again"

    def carry_out(self, plans: Iterable[RepairPlan], concurrency: int = 1) -> Repaired:
        """Steps 4 to 6, for so many keys at a time.

        Raises:
            NotRepairableError: the month was sealed meanwhile.
            MeterError: something could not be read or written. What was done holds, and a new repair does the
                rest.
        """
        repaired = Repaired(self._scope.month, self._scope.report)
        waiting = iter(plans)
        if (first := next(waiting, None)) is not None:
            self._repairer.refuse_sealed(self._scope.month)
            marks = self._repairer.await_counted()
            told = self._repairer.told("corrected keys", chain([first], waiting))
            for done in _some_at_a_time(partial(self._of_key, marks), told, concurrency):
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


def corrections(
    key: str, before: Counters, figure: RepairFigure, month: Period, taken: Sequence[Period]
) -> list[Correction]:
    """What brings the taken days, and the month with them, to a figure; days before the month.

    Of the days that are not taken the month gets what their own counters hold. Pure.
    """
    found: list[Correction] = []
    days = {day: one for day, one in before.items() if day != month and day not in taken}
    for day in taken:
        held = before.get(day, Counter(key, day, NO_USAGE))
        days[day] = _wanted(held, figure.days.get(day, Counter(key, day, NO_USAGE)), figure)
        found += correction(held, days[day])
    parts = {day[-2:]: one.usage.requests for day, one in sorted(days.items()) if one.usage.requests}
    whole = Counter(key, month, total(one.usage for one in days.values()), parts)
    held = before.get(month, Counter(key, month, NO_USAGE))
    return [*found, *correction(held, _wanted(held, whole, figure))]


def _wanted(held: Counter, counter: Counter, figure: RepairFigure) -> Counter:
    """What a counter should hold: all of the figure's, or its numbers only."""
    if not figure.requests_only:
        return counter
    usage = msgspec.structs.replace(held.usage, requests=counter.usage.requests)
    return Counter(held.key, held.period, usage, counter.parts)


def _now(planned: Correction, plan: RepairPlan, held: HeldCounters) -> Correction | Fate:
    """The correction by what the counters hold now, or why there is none.

    A day, and a month of which all days are taken, must be what it was. A month with other days may have got
    calls for these: its taken days must be what they were, or are to be, and it must agree with the others.
    """
    key, period, taken = planned.key, planned.period, plan.taken
    now = {one: found.counter(key, one) for one, found in held.items()}
    if not _has_other_days(planned, taken):
        current = now.get(period, Counter(key, period, NO_USAGE))
        if same(planned.before, current):
            return planned
        return Fate.DONE_BEFORE if same(planned.after, current) else Fate.CHANGED
    targets = {one.period: one.after for one in plan.corrections}
    whole = now.get(period, Counter(key, period, NO_USAGE))
    for day in taken:
        empty = Counter(key, day, NO_USAGE)
        current, was = now.get(day, empty), plan.before.get(day, empty)
        if not same(current, was) and not same(current, targets.get(day, was)):
            return Fate.CHANGED
    if not _agrees_with_days(period, whole, held, now, taken):
        return Fate.UNSURE
    fresh = corrections(key, now, plan.figure, period, taken)
    return fresh[-1] if fresh and fresh[-1].period == period else Fate.DONE_BEFORE


def _has_other_days(planned: Correction, taken: Sequence[Period]) -> bool:
    return is_month(planned.period) and len(taken) < len(days_of(planned.period))


def _agrees_with_days(
    month: Period, whole: Counter, held: HeldCounters, now: Counters, taken: Sequence[Period]
) -> bool:
    """Whether a month has the same batches as its days that are not taken.

    A batch is written to both, one after the other. One that only the month has shows in the requests of a
    day; if another that only the day has makes up for it, the day is ahead with that one's watermark.
    """
    reached = held.get(month, NOT_HELD).watermarks
    others = [day for day in days_of(month) if day not in taken]
    if any(whole.parts.get(day[-2:], 0) != _requests(now, day) for day in others):
        return False
    marks = chain.from_iterable(held.get(day, NOT_HELD).watermarks.items() for day in others)
    return all(mark <= reached.get(shard, b"") for shard, mark in marks)


def _requests(now: Counters, day: Period) -> int:
    return now[day].usage.requests if day in now else 0


def _pairs(
    counters: Iterable[Counter],
    lake: Iterable[tuple[str, RepairFigure]],
    undecodable: Mapping[Period, RecordSpan],
) -> Iterator[tuple[str, Counters, RepairFigure]]:
    """Both sides of each key, in the order of the keys."""
    by_key = groupby(counters, key=attrgetter("key"))
    counted = ((key, {one.period: one for one in of_key}) for key, of_key in by_key)
    failed = [(UNDECODABLE_KEY, RepairFigure({}, requests_only=True))] if undecodable else []
    sides: Iterable[tuple[str, Any]] = merge(counted, lake, failed, key=itemgetter(0))
    for key, found in groupby(sides, key=itemgetter(0)):
        before: Counters = {}
        figure = RepairFigure({})
        for _, side in found:
            if isinstance(side, RepairFigure):
                figure = side
            else:
                before = side
        if key == UNDECODABLE_KEY:
            figure = RepairFigure(undecodable_days(before, undecodable), requests_only=True)
        yield key, before, figure


def _by_key(
    rows: Iterable[tuple[Any, ...]], keys: AbstractSet[str] | None
) -> Iterator[tuple[str, RepairFigure]]:
    """The rows of the query by key, in the order of the keys."""
    for key, of_key in groupby(rows, key=itemgetter(0)):
        if keys is None or key in keys:
            yield key, RepairFigure(_days(key, of_key))


def _days(key: str, rows: Iterable[tuple[Any, ...]]) -> Counters:
    days: dict[Period, Counter] = {}
    for _, time, *totals in rows:
        hour, usage = Period(f"{time:%Y-%m-%dT%H}"), Usage(*totals)
        one = Counter(key, day_of(hour), usage, {hour[-2:]: usage.requests})
        days[one.period] = days[one.period] + one if one.period in days else one
    return days
