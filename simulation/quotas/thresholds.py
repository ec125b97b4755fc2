"""Thresholds under the faults of :mod:`simulation.protocol.world`: each that is reached is published, under
one id.

The shipped watch runs within the shipped processor; its store and EventBridge are in memory, behind the
faults of the invocation that is running. A process remembers nothing from batch to batch here, so that only
the store can keep a threshold from being published again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar
from weakref import WeakKeyDictionary

from metering.billing_rule import BillingRule
from metering.calls.record import StreamRecord
from metering.counters.ledger_layout import LedgerLayout
from metering.counters.ports import SliceId, Status
from metering.errors import Transient
from metering.outcome import Outcome, outcome_of_key
from metering.period import Period, is_day, is_hour, is_month
from metering.quotas.decision import Counted
from metering.quotas.plan import Assignment, Kind, Limit, Plan, Span, holder_of
from metering.quotas.ports import (
    ClaimStatus,
    KeyPlan,
    Notification,
    NotificationStore,
    SharedPlan,
    ThresholdCrossing,
    ThresholdPublisher,
)
from metering.quotas.threshold import crossings
from metering.usage import NO_USAGE, Metric, Usage
from simulation.protocol.invocation import Invocation, InvocationEnvironment
from simulation.protocol.meter import Clock, Meter
from simulation.protocol.store import SimulatedCounters, SimulatedLedger, SimulatedProgress, SimulatedStore
from stream_processor.processor import BatchReport, Processor
from stream_processor.thresholds import LimitWatch

PLAN = Plan(
    "simulated",
    (
        Limit(Metric.REQUESTS, Span.HOUR, 4),
        Limit(Metric.REQUESTS, Span.DAY, 9, thresholds=(1, 33, 99, 100)),
        Limit(Metric.BILLABLE, Span.MONTH, 20),
        Limit(Metric.ERRORS, Span.DAY, 3, Kind.SOFT),
    ),
)
ACCOUNT = "acme"
ACCOUNT_PLAN = Plan(
    "of the account",
    (
        Limit(Metric.REQUESTS, Span.HOUR, 8, thresholds=(50, 99, 100)),
        Limit(Metric.BILLABLE, Span.DAY, 14),
        Limit(Metric.REQUESTS, Span.MONTH, 25),
    ),
)
Place = tuple[str, Period, int]

Request = TypeVar("Request")
Answer = TypeVar("Answer")


class NotificationsInMemory:
    """The port `NotificationStore`: every key has the plan, and all may belong to an account that has
    another. Its counters are those of a simulated store.
    """

    def __init__(self, counters: SimulatedCounters, account: str = "") -> None:
        self.claims: dict[str, tuple[str, int] | None] = {}
        """By id of the crossing: shard and time of the claim; None: published."""
        self.waiting: dict[str, ThresholdCrossing] = {}
        self.most_at_once = 3
        self.accounts: dict[str, SharedPlan] = {}
        """Of a test: accounts with plans and keys of their own."""
        self._account = account
        self._counters = counters

    def plans_of(self, keys: Sequence[str]) -> dict[str, KeyPlan]:
        return {key: key_plan(key, self._account) for key in keys}

    def accounts_of(self, names: Sequence[str]) -> dict[str, SharedPlan]:
        keys = frozenset(key for key, _, _ in self._counters.items if outcome_of_key(key) is Outcome.METERED)
        known = self.accounts | ({self._account: SharedPlan(ACCOUNT_KEY_PLAN, keys)} if self._account else {})
        return {name: known[name] for name in names if name in known}

    def slices_of(self, months: Sequence[Period]) -> dict[Period, frozenset[int]]:
        return {month: self._counters.slices.of(month) for month in months}

    def totals_of(self, places: Sequence[Place]) -> dict[Place, Counted]:
        items = self._counters.items
        return {
            place: counted(place[1], items[place].totals, items[place].parts)
            for place in places
            if place in items
        }

    def claim(self, notifications: Sequence[Notification]) -> list[ClaimStatus]:
        return [self._claim(one) for one in notifications]

    def mark_published(self, crossings: Sequence[ThresholdCrossing]) -> list[bool]:
        self.claims |= {one.id: None for one in crossings}
        return [True] * len(crossings)

    def defer(self, crossings: Sequence[ThresholdCrossing]) -> list[bool]:
        self.waiting |= {one.id: one for one in crossings}
        return [True] * len(crossings)

    def deferred(self, start: str = "") -> list[ThresholdCrossing]:
        return [self.waiting[one] for one in sorted(self.waiting, key=lambda one: (one < start, one))][
            : self.most_at_once
        ]

    def settle(self, crossings: Sequence[ThresholdCrossing]) -> list[bool]:
        for one in crossings:
            self.waiting.pop(one.id, None)
        return [True] * len(crossings)

    def _claim(self, notification: Notification) -> ClaimStatus:
        claim = self.claims.get(notification.crossing.id, ("", 0))
        if claim is None:
            return ClaimStatus.PUBLISHED
        shard_id, at = claim
        if shard_id not in ("", notification.shard_id) and at >= notification.stale_before:
            return ClaimStatus.TAKEN
        self.claims[notification.crossing.id] = (notification.shard_id, notification.now)
        return ClaimStatus.OURS


class PublishedEvents:
    """The port `Publisher`: what was published, by id, and how often."""

    def __init__(self) -> None:
        self.events: Counter[str] = Counter()

    def publish(self, crossings: Sequence[ThresholdCrossing]) -> list[str | None]:
        self.events.update(one.id for one in crossings)
        return [None] * len(crossings)


class NotifyingMeter:
    """The shipped meter of one world, with its watch."""

    def __init__(self, kind: type[LimitWatch] = LimitWatch, account: str = "") -> None:
        """`kind` may be a broken variant of the watch. All keys may belong to an account."""
        self.published = PublishedEvents()
        self._kind = kind
        self._account = account
        self.notifications: NotificationsInMemory
        self._clock: Clock
        self._counters: SimulatedCounters
        self._began: WeakKeyDictionary[Invocation, int] = WeakKeyDictionary()

    def meter(self) -> Meter:
        """What a world runs."""
        return Meter("publishing", "nothing", self._store, lambda *both: _Process(self, *both))

    def finish(self) -> None:
        """EventBridge answers again, every claim has become old, and somebody has a batch."""
        while self.notifications.waiting:
            self.watch(self.notifications, self.published, lambda: _MUCH_LATER).look([])

    def expected(self) -> set[str]:
        """The ids of all thresholds that the counters have reached: of keys, and of the account."""
        of_keys: dict[str, dict[Period, Usage]] = {}
        for (key, period), found in self._counters.counted().items():
            if outcome_of_key(key) is Outcome.METERED:
                of_keys.setdefault(key, {}).update(counted(period, found.totals, found.parts))
        reached = [
            one for key, used in of_keys.items() for one in _reached(key_plan(key, self._account), used)
        ]
        if self._account:
            together: dict[Period, Usage] = {}
            for used in of_keys.values():
                for period, usage in used.items():
                    together[period] = together.get(period, NO_USAGE) + usage
            reached += _reached(ACCOUNT_KEY_PLAN, together)
        return set(reached)

    def watch(
        self, store: NotificationStore, publisher: ThresholdPublisher, clock: Callable[[], datetime]
    ) -> LimitWatch:
        """A watch as a process has it that has just begun."""
        return self._kind(store, publisher, clock)

    def began(self, invocation: Invocation) -> datetime:
        """When an invocation began: its clock, also where it is a zombie that goes on."""
        at_ms = self._began.setdefault(invocation, self._clock())
        return datetime.fromtimestamp(at_ms / 1000, UTC)

    def _store(self, clock: Clock) -> SimulatedStore:
        self._clock = clock
        self._counters = SimulatedCounters()
        self.notifications = NotificationsInMemory(self._counters, self._account)
        return SimulatedStore(SimulatedLedger(clock), self._counters, SimulatedProgress())


class _Process:
    """A process of the function."""

    def __init__(
        self, meter: NotifyingMeter, environment: InvocationEnvironment, layout: LedgerLayout
    ) -> None:
        self._meter = meter
        self._environment = environment
        self._layout = layout

    def process(self, batch: Sequence[StreamRecord]) -> BatchReport:
        environment = self._environment
        now = self._meter.began(environment.invocation)
        watch = self._meter.watch(
            FaultyNotifications(environment, self._meter.notifications),
            FaultyPublisher(environment, self._meter.published),
            lambda: now,
        )
        slices = FaultySlices(environment)
        ports = (environment, slices, environment, environment)
        processor = Processor(*ports, layout=self._layout, rule=BillingRule(), limits=watch)
        return processor.process(batch)


class FaultySlices:
    """The port `SliceRegistry` behind the faults of an invocation."""

    def __init__(self, environment: InvocationEnvironment) -> None:
        self._environment = environment

    def register(self, slices: Sequence[SliceId]) -> Sequence[Status]:
        """Each write on its own."""
        return self._environment.invocation.perform(
            slices, lambda one: self._environment.register([one])[0], Status.UNAVAILABLE
        )


class FaultyNotifications:
    """The port `NotificationStore` behind the faults of an invocation."""

    def __init__(self, environment: InvocationEnvironment, notifications: NotificationsInMemory) -> None:
        self._environment = environment
        self._notifications = notifications

    def plans_of(self, keys: Sequence[str]) -> Mapping[str, KeyPlan]:
        return self._all(tuple(keys), self._notifications.plans_of)

    def accounts_of(self, names: Sequence[str]) -> Mapping[str, SharedPlan]:
        return self._all(tuple(names), self._notifications.accounts_of)

    def slices_of(self, months: Sequence[Period]) -> Mapping[Period, frozenset[int]]:
        return self._all(tuple(months), self._notifications.slices_of)

    def totals_of(self, places: Sequence[Place]) -> Mapping[Place, Counted]:
        return self._all(tuple(places), self._notifications.totals_of)

    def deferred(self, start: str = "") -> Sequence[ThresholdCrossing]:
        return self._all(("deferred", start), lambda _: self._notifications.deferred(start))

    def claim(self, notifications: Sequence[Notification]) -> Sequence[ClaimStatus]:
        return self._each(notifications, self._notifications.claim, ClaimStatus.UNAVAILABLE)

    def mark_published(self, crossings: Sequence[ThresholdCrossing]) -> Sequence[bool]:
        return self._each(crossings, self._notifications.mark_published, unavailable=False)

    def defer(self, crossings: Sequence[ThresholdCrossing]) -> Sequence[bool]:
        return self._each(crossings, self._notifications.defer, unavailable=False)

    def settle(self, crossings: Sequence[ThresholdCrossing]) -> Sequence[bool]:
        return self._each(crossings, self._notifications.settle, unavailable=False)

    def _each(
        self, requests: Sequence[Request], write: Callable[[list[Request]], list[Answer]], unavailable: Answer
    ) -> list[Answer]:
        """Several writes, each on its own."""
        invocation = self._environment.invocation
        return invocation.perform(requests, lambda request: write([request])[0], unavailable)

    def _all(self, request: Request, ask: Callable[[Request], Answer]) -> Answer:
        """One request that is answered or not."""
        answer: Answer | None = self._environment.invocation.perform([request], ask, None)[0]
        if answer is None:
            raise Transient("no answer")
        return answer


class FaultyPublisher:
    """The port `Publisher` behind the faults of an invocation."""

    def __init__(self, environment: InvocationEnvironment, reported: PublishedEvents) -> None:
        self._environment = environment
        self._reported = reported

    def publish(self, crossings: Sequence[ThresholdCrossing]) -> Sequence[str | None]:
        return self._environment.invocation.perform(
            crossings, lambda one: self._reported.publish([one])[0], "no answer"
        )


_MUCH_LATER = datetime(2100, 1, 1, tzinfo=UTC)
_IS_OF_SPAN = {Span.HOUR: is_hour, Span.DAY: is_day, Span.MONTH: is_month}


ACCOUNT_KEY_PLAN = KeyPlan(Assignment(holder_of(ACCOUNT), ACCOUNT_PLAN.name, ACCOUNT), ACCOUNT_PLAN)
"""The plan of the account."""


def key_plan(key: str, account: str = "") -> KeyPlan:
    """The plan that every key has."""
    return KeyPlan(Assignment(key, PLAN.name, account), PLAN)


def _reached(planned: KeyPlan, used: Mapping[Period, Usage]) -> list[str]:
    """The ids of the thresholds of a plan that a usage has reached."""
    return [
        crossing.id
        for limit in planned.plan.limits
        for period, usage in used.items()
        if _IS_OF_SPAN[limit.span](period)
        for crossing in crossings(planned, limit, period, limit.used(usage))
    ]


def counted(period: Period, totals: Usage, parts: Mapping[str, int]) -> dict[Period, Usage]:
    """What a counter holds, by period: of a day's hours the requests only."""
    found = {period: totals}
    if is_day(period):
        found |= {Period(f"{period}T{part}"): Usage(requests=count) for part, count in parts.items()}
    return {name: usage for name, usage in found.items() if usage != NO_USAGE}
