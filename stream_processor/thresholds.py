"""Thresholds that are reached: found by the increments themselves, published once.

An increment returns what its counter holds, and a refused one does so too. A threshold that this reaches, and
that is not known to be published, is

1. **claimed** for this shard, in an item of its own, by one conditional write. If this is the last step, the
   retry of the batch is refused by the counter, finds the threshold again, and may take over its own claim;
   another shard may do so after :data:`CLAIM_SECONDS`.
2. **published**. If this is the last step, the retry publishes the same event again, under the same id.
3. **marked** as published, in the same item. From now on a claim is refused.

What cannot be published is kept in the table, before anything else is written, and published later by whoever
has a batch; each shard begins at a place of its own among what waits. An outage of EventBridge delays what is
published, never what is counted: publishing has a budget of time (:mod:`adapters.event_bus`), and where
nothing of a batch could be published, none tries again for :data:`PAUSE_SECONDS`. What the table does not
answer for is repeated with its batch.

Where counters have several slices, an increment returns the total of its slice only, and the others are read
after it. Of two shards that reach a threshold together, the one that reads last sees both. Each has
registered its slice before it added to it (:mod:`stream_processor.slices`), and reads which slices there are
after it has added, so that none is missed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeVar

from metering.counters.ports import CounterAnswer, Increment
from metering.errors import Transient, UnreadableItem
from metering.outcome import Outcome, outcome_of_key
from metering.period import Period, days_of_week, is_day, is_month, month_of, week_of
from metering.quotas.decision import Counted, resets_at, used_in
from metering.quotas.plan import Limit, Span, in_force_since, limits_of
from metering.quotas.ports import (
    ClaimStatus,
    KeyPlan,
    Notification,
    NotificationStore,
    SharedPlan,
    ThresholdCrossing,
    ThresholdPublisher,
)
from metering.quotas.threshold import ID_LENGTH, crossing_id, crossings
from metering.usage import NO_USAGE, Usage

CLAIM_SECONDS: Final = 300
"""A claim of another shard that is older is taken over. An invocation takes 120 seconds at most."""
PLANS_SECONDS: Final = 60
DEFERRED_SECONDS: Final = 60
"""Between two looks for what waits, where nothing was found. As long as there is something, each batch
publishes some of it.
"""
PAUSE_SECONDS: Final = 60
"""How long nothing is published after EventBridge has taken nothing."""
REACHED_AT_ONCE: Final = 500
"""Thresholds that are claimed, published and marked before the next ones."""
NOT_TRIED: Final = "not tried: EventBridge took nothing a moment ago"
MOST_REMEMBERED: Final = 50_000

_NEVER: Final = (0.0, None)

Name = TypeVar("Name")
Value = TypeVar("Value")

Found = tuple[Increment, CounterAnswer]
Place = tuple[str, Period, int]
"""A slice of a counter: key, month or day, number."""


class LimitReport(NamedTuple):
    """What was done with the thresholds of a batch."""

    published: tuple[ThresholdCrossing, ...] = ()
    """Published and marked, those that had waited too."""
    deferred: int = 0
    """Kept to be published later."""
    unpublished_from: int | None = None
    """The lowest sequence number whose increment reached a threshold with an unknown state."""
    errors: tuple[str, ...] = ()
    """Why some could not be published."""
    unreadable: tuple[str, ...] = ()
    """Stored items that cannot be decoded. Thresholds that need them are not found; counting goes on."""


NOTHING_FOUND: Final = LimitReport()


@dataclass(slots=True)
class _Progress:
    """A report in the making."""

    published: list[ThresholdCrossing] = field(default_factory=list)
    deferred: int = 0
    unpublished_from: int | None = None
    errors: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def repeat(self, first: int) -> None:
        """The batch is to be repeated from here."""
        self.unpublished_from = first if self.unpublished_from is None else min(self.unpublished_from, first)

    @property
    def report(self) -> LimitReport:
        return LimitReport(
            tuple(self.published),
            self.deferred,
            self.unpublished_from,
            tuple(self.errors),
            tuple(self.unreadable),
        )


class _Planned(NamedTuple):
    """The plan of a key, with those of its limits that have thresholds: by the month, and shorter."""

    key_plan: KeyPlan
    by_month: tuple[Limit, ...]
    shorter: tuple[Limit, ...]


class _Watched(NamedTuple):
    """An increment with the limits of its key that it may bring to a threshold."""

    increment: Increment
    answer: CounterAnswer
    key_plan: KeyPlan
    limits: tuple[Limit, ...]

    @property
    def has_week(self) -> bool:
        """Whether the other days of its week have to be known."""
        return any(limit.span is Span.WEEK for limit in self.limits)

    @property
    def periods(self) -> tuple[Period, ...]:
        """The month or day, or all days of the week, whose counters say how its limits stand."""
        return days_of_week(week_of(self.increment.period)) if self.has_week else (self.increment.period,)


class _Batch(NamedTuple):
    """The calls of an account in a month or day that a batch has brought."""

    account: SharedPlan
    period: Period
    keys: frozenset[str]
    """Those of the account, and those that the batch shows to be its own."""
    periods: tuple[tuple[Limit, Period], ...]
    """The limits that they may bring to a threshold, each with the month, day or hour."""
    shard_id: str
    first: int

    @property
    def counters(self) -> tuple[Period, ...]:
        """The month or day, or all days of the week, whose counters say how its limits stand."""
        has_week = any(limit.span is Span.WEEK for limit, _ in self.periods)
        return days_of_week(week_of(self.period)) if has_week else (self.period,)


class _Reached(NamedTuple):
    """A crossing, and the increment that found it."""

    crossing: ThresholdCrossing
    shard_id: str
    first: int


class LimitWatch:
    """Finds thresholds that are reached, and publishes them.

    It remembers plans for a minute, and what is published. All that it must not forget is in the store.
    """

    def __init__(
        self,
        store: NotificationStore,
        publisher: ThresholdPublisher,
        clock: Callable[[], datetime],
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        """`is_over` says when no more is to be claimed and published."""
        self._is_over = is_over
        self._store = store
        self._publisher = publisher
        self._clock = clock
        self._plans: dict[str, tuple[float, _Planned | None]] = {}
        self._accounts: dict[str, tuple[float, SharedPlan | None]] = {}
        self._settled: dict[str, float] = {}
        """Crossings by id, and until when (epoch seconds) nothing is to be done about them."""
        self._unreadable: list[str] = []
        self._of_batch: Mapping[str, SharedPlan] = {}
        """Of the batch that is looked at: items, and accounts by name."""
        self._drain_at = float("-inf")
        self._paused_until = float("-inf")

    def look(self, found: Sequence[Found], shard_id: str = "") -> LimitReport:
        """Find what the increments of a batch of one shard have reached, and publish it, then some of what
        waits. `shard_id` names the shard where nothing was found.
        """
        now = self._clock().timestamp()
        progress = _Progress()
        self._unreadable = progress.unreadable
        try:
            watched = self._watched(found, now)
            counted = self._counted(watched)
            shared = self._shared(found, now)
        except UnreadableItem as error:  # which slices there are: without them no total is known
            progress.unreadable.append(str(error))
            return progress.report
        except Transient:
            for increment, _ in found:
                if outcome_of_key(increment.key) is Outcome.METERED:
                    progress.repeat(increment.first)
            return progress.report
        reached = [*map(self._addressed, self._reached(watched, counted, now)), *shared]
        for start in range(0, len(reached), REACHED_AT_ONCE):
            self._publish_all(reached[start : start + REACHED_AT_ONCE], now, progress)
        self._drain(found[0][0].shard_id if found else shard_id, now, progress)
        return progress.report

    def _shared(self, found: Sequence[Found], now: float) -> list[_Reached]:
        """What the keys of accounts have reached together. All of their counters are read after the
        increments, so that of two shards whose calls reach a threshold together the one that reads last sees
        both.
        """
        batches = self._batches(found, now)
        places = self._places_of(batches)
        totals = self._readable(self._store.totals_of(sorted(places))) if places else {}
        reached = []
        for batch in batches:
            counted = _together(totals, batch)
            for limit, period in batch.periods:
                used = used_in(limit, period, counted)
                reached += [
                    _Reached(crossing, batch.shard_id, batch.first)
                    for crossing in crossings(batch.account.key_plan, limit, period, used)
                    if self._settled.get(crossing.id, 0.0) <= now
                ]
        return reached

    def _batches(self, found: Sequence[Found], now: float) -> list[_Batch]:
        """The accounts, by month and day, that have calls here and thresholds which are not all published."""
        metered = [one for one, _ in found if outcome_of_key(one.key) is Outcome.METERED]
        plans = self._plans_of({one.key for one in metered}, now)
        grouped: dict[tuple[str, Period], list[Increment]] = {}
        for one in metered:
            name = plans[one.key].key_plan.assignment.account if one.key in plans else ""
            if name:
                grouped.setdefault((name, one.period), []).append(one)
        accounts = self._of_batch = self._accounts_of({name for name, _ in grouped}, now)
        batches = [
            _batch(accounts[name], period, increments)
            for (name, period), increments in grouped.items()
            if name in accounts
        ]
        return [batch for batch in batches if self._is_open(batch, now)]

    def _addressed(self, one: _Reached) -> _Reached:
        """The crossing of a key, with the address of its account."""
        account = self._of_batch.get(one.crossing.account)
        if account is None:
            return one
        return one._replace(crossing=one.crossing._replace(mail=account.key_plan.assignment.mail))

    def _is_open(self, batch: _Batch, now: float) -> bool:
        """Whether there is a threshold that may have to be published."""
        holder = batch.account.key_plan.assignment.key
        return any(
            self._settled.get(crossing_id(holder, limit, period, threshold), 0.0) <= now
            for limit, period in batch.periods
            for threshold in limit.thresholds
        )

    def _places_of(self, batches: Sequence[_Batch]) -> set[Place]:
        """All slices of the counters of all keys."""
        if not batches:
            return set()
        slices = self._store.slices_of(sorted({month_of(one) for batch in batches for one in batch.counters}))
        return {
            (key, period, number)
            for batch in batches
            for key in batch.keys
            for period in batch.counters
            for number in slices[month_of(period)]
        }

    def _accounts_of(self, names: Iterable[str], now: float) -> dict[str, SharedPlan]:
        known = {name: self._accounts.get(name, _NEVER) for name in sorted(names)}
        unknown = [name for name, (until, _) in known.items() if until <= now]
        if unknown:
            found = self._readable(self._store.accounts_of(unknown))
            learnt = {name: (now + PLANS_SECONDS, found.get(name)) for name in unknown}
            known |= learnt  # before room is made, as for the plans of keys
            _make_room(self._accounts, len(learnt))
            self._accounts |= learnt
        return {name: account for name, (_, account) in known.items() if account is not None}

    def _watched(self, found: Sequence[Found], now: float) -> list[_Watched]:
        """The increments of keys with limits that have a threshold which is not known to be published."""
        metered = [pair for pair in found if outcome_of_key(pair[0].key) is Outcome.METERED]
        metered.sort(key=lambda pair: pair[0].first)  # those that time is over for are the last ones
        plans = self._plans_of({increment.key for increment, _ in metered}, now)
        watched = []
        for increment, answer in metered:
            planned = plans.get(increment.key)
            if planned is None or not _is_in_force(planned.key_plan, increment.period):
                continue
            limits = planned.by_month if is_month(increment.period) else planned.shorter
            if limits:
                watched.append(_Watched(increment, answer, planned.key_plan, limits))
        return watched

    def _plans_of(self, keys: Iterable[str], now: float) -> dict[str, _Planned]:
        known = {key: self._plans.get(key, _NEVER) for key in sorted(keys)}
        unknown = [key for key, (until, _) in known.items() if until <= now]
        if unknown:
            found = self._readable(self._store.plans_of(unknown))
            learnt = {key: (now + PLANS_SECONDS, _planned(found.get(key))) for key in unknown}
            known |= learnt  # before room is made: the batch needs what it has, whatever is forgotten
            _make_room(self._plans, len(learnt))
            self._plans |= learnt
        return {key: planned for key, (_, planned) in known.items() if planned is not None}

    def _counted(self, watched: Sequence[_Watched]) -> Mapping[Place, Counted]:
        """What the other slices of the watched counters hold, read after the increments."""
        if not watched:
            return {}
        slices = self._store.slices_of(
            sorted({month_of(period) for one in watched for period in one.periods})
        )
        others = {
            (one.increment.key, period, number)
            for one in watched
            for period in one.periods
            for number in slices[month_of(period)]
            if (period, number) != (one.increment.period, one.increment.slice)
        }
        return self._readable(self._store.totals_of(sorted(others))) if others else {}

    def _readable(self, found: Mapping[Name, Value | UnreadableItem]) -> dict[Name, Value]:
        """What could be read. A key whose plan could not be read has none, and a total that could not be read
        is 0: so thresholds are found later, or not, and never too early.
        """
        self._unreadable += sorted({str(one) for one in found.values() if isinstance(one, UnreadableItem)})
        return {name: one for name, one in found.items() if not isinstance(one, UnreadableItem)}

    def _reached(
        self, watched: Sequence[_Watched], counted: Mapping[Place, Counted], now: float
    ) -> Iterator[_Reached]:
        others: dict[tuple[str, Period], list[Counted]] = {}
        for (key, period, _), usage in counted.items():
            others.setdefault((key, period), []).append(usage)
            if is_day(period):
                others.setdefault((key, week_of(period)), []).append(usage)
        seen: set[str] = set()
        for one in watched:
            increment = one.increment
            of_week: Sequence[Counted] = ()
            if one.has_week:
                of_week = others.get((increment.key, week_of(increment.period)), ())
            for crossing in _crossings(one, others.get((increment.key, increment.period), ()), of_week):
                if crossing.id not in seen and self._settled.get(crossing.id, 0.0) <= now:
                    seen.add(crossing.id)
                    yield _Reached(crossing, increment.shard_id, increment.first)

    def _publish_all(self, reached: Sequence[_Reached], now: float, progress: _Progress) -> None:
        """Claim, publish, mark; or defer what cannot be published. Where time is over, all is repeated."""
        if self._is_over():
            for one in reached:
                progress.repeat(one.first)
            return
        ours = self._claim(reached, now, progress)
        if not ours:
            return
        taken = self._publish([one.crossing for one in ours], now, progress)
        published = [one for one, is_taken in zip(ours, taken, strict=True) if is_taken]
        unpublished = [one for one, is_taken in zip(ours, taken, strict=True) if not is_taken]
        progress.deferred += self._keep(self._store.defer, unpublished, progress)
        self._keep(self._store.mark_published, published, progress)
        progress.published += [one.crossing for one in published]

    def _publish(self, found: Sequence[ThresholdCrossing], now: float, progress: _Progress) -> list[bool]:
        """Publish crossings: which were taken. After a failure of all, nothing is tried for a while."""
        if now < self._paused_until:
            progress.errors.append(NOT_TRIED)
            return [False] * len(found)
        errors = self._publisher.publish(found)
        progress.errors += [error for error in errors if error is not None]
        taken = [error is None for error in errors]
        if not any(taken):
            self._paused_until = now + PAUSE_SECONDS
        return taken

    def _claim(self, reached: Sequence[_Reached], now: float, progress: _Progress) -> list[_Reached]:
        if not reached:
            return []
        stale = int(now) - CLAIM_SECONDS
        statuses = self._store.claim(
            [Notification(one.crossing, one.shard_id, int(now), stale) for one in reached]
        )
        ours = []
        for one, status in zip(reached, statuses, strict=True):
            match status:
                case ClaimStatus.OURS:
                    ours.append(one)
                case ClaimStatus.PUBLISHED:
                    self._settle(one.crossing, float("inf"))
                case ClaimStatus.TAKEN:
                    self._settle(one.crossing, now + CLAIM_SECONDS)
                case ClaimStatus.UNAVAILABLE:
                    progress.repeat(one.first)
        return ours

    def _keep(
        self,
        write: Callable[[Sequence[ThresholdCrossing]], Sequence[bool]],
        crossings_found: Sequence[_Reached],
        progress: _Progress,
    ) -> int:
        """Store the state of crossings; returns how many were stored. The batch repeats the others."""
        if not crossings_found:
            return 0
        written = write([one.crossing for one in crossings_found])
        for one, is_written in zip(crossings_found, written, strict=True):
            if is_written:
                self._settle(one.crossing, float("inf"))
            else:
                progress.repeat(one.first)
        return sum(written)

    def _drain(self, shard_id: str, now: float, progress: _Progress) -> None:
        """Publish some of what waits. What fails now waits on."""
        if now < max(self._drain_at, self._paused_until) or self._is_over():
            return
        try:
            found = self._store.deferred(_own_part(shard_id))
        except Transient:
            found = []
        waiting = list(self._readable(dict(enumerate(found))).values())
        ours = self._claim_waiting(waiting, shard_id, now)
        if not ours:
            self._drain_at = now + DEFERRED_SECONDS
            return
        taken = self._publish(ours, now, progress)
        published = [one for one, is_taken in zip(ours, taken, strict=True) if is_taken]
        marked = self._store.mark_published(published)
        done = [one for one, is_marked in zip(published, marked, strict=True) if is_marked]
        self._store.settle(done)
        progress.published += done

    def _claim_waiting(
        self, waiting: Sequence[ThresholdCrossing], shard_id: str, now: float
    ) -> list[ThresholdCrossing]:
        """Those that no other shard is about to publish. What was published already waits no longer."""
        if not waiting:
            return []
        stale = int(now) - CLAIM_SECONDS
        statuses = self._store.claim([Notification(one, shard_id, int(now), stale) for one in waiting])
        claimed = list(zip(waiting, statuses, strict=True))
        self._store.settle([one for one, status in claimed if status is ClaimStatus.PUBLISHED])
        return [one for one, status in claimed if status is ClaimStatus.OURS]

    def _settle(self, crossing: ThresholdCrossing, until: float) -> None:
        _make_room(self._settled, 1)
        self._settled[crossing.id] = until


def _own_part(shard_id: str) -> str:
    """Where a shard begins among the ids of crossings, which are as evenly spread as this."""
    return hashlib.sha256(shard_id.encode()).hexdigest()[:ID_LENGTH]


def _planned(key_plan: KeyPlan | None) -> _Planned | None:
    if key_plan is None:
        return None
    limits = [limit for limit in limits_of(key_plan.plan, key_plan.assignment) if limit.thresholds]
    return _Planned(
        key_plan,
        by_month=tuple(limit for limit in limits if limit.span is Span.MONTH),
        shorter=tuple(limit for limit in limits if limit.span is not Span.MONTH),
    )


def _crossings(
    watched: _Watched, others: Sequence[Counted], of_week: Sequence[Counted]
) -> Iterator[ThresholdCrossing]:
    """The thresholds that a counter has reached, with its other slices and the other days of its week."""
    for limit in watched.limits:
        for period, used in _used(watched, limit, of_week if limit.span is Span.WEEK else others):
            if _is_in_force(watched.key_plan, period):
                yield from crossings(watched.key_plan, limit, period, used)


def _batch(account: SharedPlan, period: Period, increments: Sequence[Increment]) -> _Batch:
    """The increments of one account, of one month or day."""
    key_plan = account.key_plan
    of_month = is_month(period)
    hours = sorted({part for one in increments for part in one.parts})
    limits = [limit for limit in limits_of(key_plan.plan, key_plan.assignment) if limit.thresholds]
    pairs = [
        (limit, within)
        for limit in limits
        if (limit.span is Span.MONTH) is of_month
        for within in _within(limit, period, hours)
        if _is_in_force(key_plan, within)
    ]
    return _Batch(
        account,
        period,
        account.keys | {one.key for one in increments},
        tuple(pairs),
        increments[0].shard_id,
        min(one.first for one in increments),
    )


def _within(limit: Limit, period: Period, hours: Iterable[str]) -> list[Period]:
    """The periods of a limit that a counter of a month or day, and hours of it, lie in."""
    match limit.span:
        case Span.HOUR:
            return [Period(f"{period}T{hour}") for hour in hours]
        case Span.WEEK:
            return [week_of(period)]
        case _:
            return [period]


def _together(totals: Mapping[Place, Counted], batch: _Batch) -> Counted:
    """What the keys of an account hold together."""
    counted: dict[Period, Usage] = {}
    for (key, period, _), one in totals.items():
        if period in batch.counters and key in batch.keys:
            for within, usage in one.items():
                counted[within] = counted.get(within, NO_USAGE) + usage
    return counted


def _is_in_force(key_plan: KeyPlan, period: Period) -> bool:
    """Whether a period had not ended when the limits were set."""
    return resets_at(period) > in_force_since(key_plan.plan, key_plan.assignment)


def _used(watched: _Watched, limit: Limit, others: Sequence[Counted]) -> Iterator[tuple[Period, int]]:
    """What a limit's periods hold, over all slices, as far as the increment is in them."""
    increment, answer = watched.increment, watched.answer
    if limit.span is Span.WEEK:
        days = (usage for one in others for within, usage in one.items() if is_day(within))
        used = limit.used(answer.totals or NO_USAGE) + sum(map(limit.used, days))
        yield week_of(increment.period), used
        return
    if limit.span is not Span.HOUR:
        own = answer.totals or NO_USAGE
        yield increment.period, _sum(limit, increment.period, own, others)
        return
    for hour, requests in answer.parts.items():
        period = Period(f"{increment.period}T{hour}")
        yield period, _sum(limit, period, Usage(requests=requests), others)


def _sum(limit: Limit, period: Period, own: Usage, others: Sequence[Counted]) -> int:
    return limit.used(own) + sum(limit.used(other.get(period, NO_USAGE)) for other in others)


def _make_room(remembered: dict[str, Any], wanted: int) -> None:
    """Forget what was learnt first, where it becomes too much."""
    while remembered and len(remembered) + wanted > MOST_REMEMBERED:
        del remembered[next(iter(remembered))]
