"""The search for thresholds that are reached: by what the increments of a batch returned, and what is read
after them.

Where counters have several slices, an increment returns the total of its slice only, and the others are read
after it. Of two shards that reach a threshold together, the one that reads last sees both. Each has
registered its slice before it added to it (:mod:`stream_processor.slices`), and reads which slices there are
after it has added, so that none is missed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

from metering.counters.ports import CounterAnswer, Increment
from metering.errors import UnreadableItem
from metering.outcome import Outcome, outcome_of_key
from metering.period import Period, days_of_week, is_day, is_month, month_of, week_of
from metering.quotas.decision import Counted, resets_at, used_in
from metering.quotas.plan import Limit, Span, in_force_since, limits_of
from metering.quotas.ports import KeyPlan, NotificationStore, SharedPlan, ThresholdCrossing
from metering.quotas.threshold import crossing_id, crossings
from metering.usage import NO_USAGE, Usage

PLANS_SECONDS: Final = 60
MOST_REMEMBERED: Final = 50_000

_NEVER: Final = (0.0, None)

Name = TypeVar("Name")
Value = TypeVar("Value")

Found = tuple[Increment, CounterAnswer]
Place = tuple[str, Period, int]
"""A slice of a counter: key, month or day, number."""


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
        """The month or day, or all days of the week, whose counters say what is used of its limits."""
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
        """The month or day, or all days of the week, whose counters say what is used of its limits."""
        has_week = any(limit.span is Span.WEEK for limit, _ in self.periods)
        return days_of_week(week_of(self.period)) if has_week else (self.period,)


class ReachedThreshold(NamedTuple):
    """A crossing, and the increment that found it."""

    crossing: ThresholdCrossing
    shard_id: str
    first: int


class SettledCrossings:
    """The crossings about which nothing is left to be done: the last ones, as many as are remembered."""

    def __init__(self) -> None:
        self._ids: OrderedDict[str, None] = OrderedDict()

    def is_open(self, crossing: str) -> bool:
        """Whether a crossing of an id may have to be published."""
        return crossing not in self._ids

    def settle(self, crossing: str) -> None:
        """Nothing is left to be done about a crossing."""
        _make_room(self._ids, 1)
        self._ids[crossing] = None


class ThresholdFinder:
    """Finds what the increments of batches have reached. It remembers plans for a minute."""

    def __init__(self, store: NotificationStore, settled: SettledCrossings) -> None:
        self._store = store
        self._settled = settled
        self._plans: OrderedDict[str, tuple[float, _Planned | None]] = OrderedDict()
        self._accounts: OrderedDict[str, tuple[float, SharedPlan | None]] = OrderedDict()
        self._of_batch: Mapping[str, SharedPlan] = {}
        """The accounts of the batch that is looked at, by name."""
        self.unreadable: list[str] = []
        """Stored items that cannot be decoded: whoever looks at a batch gives it a list of its own."""

    def find(self, found: Sequence[Found], now: float) -> list[ReachedThreshold]:
        """The crossings of a batch of one shard that are not settled, of keys and of accounts.

        Raises:
            Transient: the store does not answer.
            UnreadableItem: which slices there are cannot be read, without which no total is known.
        """
        watched = self._watched(found, now)
        counted = self._counted(watched)
        shared = self._shared(found, now)
        return [*map(self._addressed, self._reached(watched, counted)), *shared]

    def _shared(self, found: Sequence[Found], now: float) -> list[ReachedThreshold]:
        """What the keys of accounts have reached together. All of their counters are read after the
        increments, so that of two shards whose calls reach a threshold together the one that reads last sees
        both.
        """
        batches = self._batches(found, now)
        places = self._places_of(batches)
        totals = self.readable(self._store.totals_of(sorted(places))) if places else {}
        reached = []
        for batch in batches:
            counted = _together(totals, batch)
            for limit, period in batch.periods:
                used = used_in(limit, period, counted)
                reached += [
                    ReachedThreshold(crossing, batch.shard_id, batch.first)
                    for crossing in crossings(batch.account.key_plan, limit, period, used)
                    if self._settled.is_open(crossing.id)
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
        return [batch for batch in batches if self._is_open(batch)]

    def _addressed(self, one: ReachedThreshold) -> ReachedThreshold:
        """The crossing of a key, with the address of its account."""
        account = self._of_batch.get(one.crossing.account)
        if account is None:
            return one
        return one._replace(crossing=one.crossing._replace(mail=account.key_plan.assignment.mail))

    def _is_open(self, batch: _Batch) -> bool:
        """Whether there is a threshold that may have to be published."""
        holder = batch.account.key_plan.assignment.key
        return any(
            self._settled.is_open(crossing_id(holder, limit, period, threshold))
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
            found = self.readable(self._store.accounts_of(unknown))
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
            found = self.readable(self._store.plans_of(unknown))
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
        return self.readable(self._store.totals_of(sorted(others))) if others else {}

    def readable(self, found: Mapping[Name, Value | UnreadableItem]) -> dict[Name, Value]:
        """What could be read. A key whose plan could not be read has none, and a total that could not be read
        is 0: so thresholds are found later, or not, and never too early.
        """
        self.unreadable += sorted({str(one) for one in found.values() if isinstance(one, UnreadableItem)})
        return {name: one for name, one in found.items() if not isinstance(one, UnreadableItem)}

    def _reached(
        self, watched: Sequence[_Watched], counted: Mapping[Place, Counted]
    ) -> Iterator[ReachedThreshold]:
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
                if crossing.id not in seen and self._settled.is_open(crossing.id):
                    seen.add(crossing.id)
                    yield ReachedThreshold(crossing, increment.shard_id, increment.first)


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


def _make_room(remembered: OrderedDict[str, Any], wanted: int) -> None:
    """Forget what was learnt first, where it becomes too much. (A plain dict would look for its first entry
    past the places of all that were removed, 50 µs each time.)
    """
    while remembered and len(remembered) + wanted > MOST_REMEMBERED:
        remembered.popitem(last=False)
