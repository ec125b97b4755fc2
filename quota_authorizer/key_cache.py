"""What one authorizer knows of the keys that it has seen: their plans for a minute, their usage for seconds.

Concurrent misses of one key share a request: the first asks, the others wait for its answer.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Generic, NamedTuple, TypeVar

from metering.errors import MeterError, Transient
from metering.period import Period
from metering.quotas.decision import Counted, periods_at
from metering.quotas.plan import HOUR_SECONDS, Assignment, Limit, Mode, Plan, Span, limits_of
from metering.quotas.ports import Facts, QuotaStore, Wanted

FAILURE_SECONDS: Final = 1.0
"""After a failure a key is not asked about again for so long."""
KEPT_SECONDS: Final = 3600.0
"""Whose key a digest is, is believed for so long after it was read, while the store does not answer."""
MOST_KEYS: Final = 20_000
"""Beyond so many, each new key takes the place of one that is drawn at random."""

Value = TypeVar("Value")

ALL_SPANS: Final = frozenset({Span.MONTH, Span.DAY})


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What a decision is made of."""

    assignment: Assignment | None
    plan: Plan | None
    """None: the key has no plan, or one that does not exist."""
    limits: tuple[Limit, ...]
    spans: frozenset[Span]
    has_reserved: bool


class _KnownId(NamedTuple):
    """Whose key a digest is; None: nobody's."""

    key: str | None
    fresh_until: float
    kept_until: float


NO_FACTS: Final = KeyFacts(None, None, (), frozenset(), has_reserved=False)


@dataclass(slots=True)
class KnownKey:
    """What is known of one key. Times are seconds of the clock that the book was given."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    facts: KeyFacts | None = None
    facts_until: float = 0.0
    counted: Counted = field(default_factory=dict)
    hour: int = 0
    """The hour (since 1970) that `counted` was read for."""
    fresh_until: float = 0.0
    admitted: int = 0
    """Calls of that hour that were let through since `counted` was read: it does not hold them yet."""
    failed: bool = False
    """The last attempt to read failed: what is known is old, or nothing."""

    def is_fresh(self, now: float, hour: int) -> bool:
        """Whether it need not be read again."""
        return now < self.fresh_until and (hour == self.hour or self.failed)

    def admit(self, hour: int) -> None:
        """A call was let through."""
        if hour == self.hour:
            self.admitted += 1


@dataclass(slots=True)
class KnownAccount(KnownKey):
    """What is known of an account, whose limits hold for all of its keys together."""

    keys: frozenset[str] = frozenset()


class Remembered(Generic[Value]):
    """Values by name, of which no more than so many are kept.

    A new name takes the place of one that is drawn at random. Where there are some names too many, and they
    come round and round, most are still there when they come again: what was put first is forgotten no sooner
    than what was put last, or all would be forgotten just before they come.
    """

    def __init__(self, most: int, draw: Callable[[int], int] = random.randrange) -> None:
        """`draw` gives a number below another."""
        self._values: dict[str, Value] = {}
        self._names: list[str] = []
        self._most = most
        self._draw = draw
        self.get = self._values.get

    def put(self, name: str, value: Value) -> Value:
        """Keep a value. Threads must take turns."""
        if name not in self._values:
            self._take_place(name)
        self._values[name] = value
        return value

    def _take_place(self, name: str) -> None:
        if len(self._names) < self._most:
            self._names.append(name)
            return
        place = self._draw(self._most)
        del self._values[self._names[place]]
        self._names[place] = name


class KnownKeys:
    """Reads what is not known or too old."""

    def __init__(
        self,
        store: QuotaStore,
        clock: Callable[[], float],
        *,
        counters_seconds: float,
        plans_seconds: float,
        default_plan: str | None,
    ) -> None:
        """`default_plan` is that of keys without a plan of their own; None: they have no limits."""
        self._store = store
        self._clock = clock
        self._counters_seconds = counters_seconds
        self._plans_seconds = plans_seconds
        self._default_plan = default_plan
        self._keys = Remembered[KnownKey](MOST_KEYS)
        self._accounts = Remembered[KnownAccount](MOST_KEYS)
        self._plans: dict[str, tuple[float, Plan | None]] = {}
        self._ids = Remembered[_KnownId](MOST_KEYS)
        self._ids_retry_at = float("-inf")
        self._lock = threading.Lock()
        self.reads = 0
        """Requests to the store so far."""
        self.last_error = ""
        """Why the store did not answer, the last time it did not."""

    def known(self, key: str, at: int) -> KnownKey:
        """What is known of a key, for a call at a time in epoch seconds.

        Where the store does not answer, `failed` says so, and what was known before stays.
        """
        entry = self._keys.get(key)
        if entry is None:
            entry = self._new_entry(key)
        hour = at // HOUR_SECONDS
        if entry.is_fresh(self._clock(), hour):
            return entry
        with entry.lock:
            if not entry.is_fresh(self._clock(), hour):
                self._refresh(entry, at, lambda now: self._read(key, entry, at, now))
        return entry

    def account(self, name: str, at: int) -> KnownAccount:
        """What is known of an account, for a call of one of its keys at a time in epoch seconds. The counters
        of all of its keys are read, as often as those of a key.
        """
        entry = self._accounts.get(name)
        if entry is None:
            with self._lock:
                entry = self._accounts.get(name) or self._accounts.put(name, KnownAccount())
        hour = at // HOUR_SECONDS
        if entry.is_fresh(self._clock(), hour):
            return entry
        with entry.lock:
            if not entry.is_fresh(self._clock(), hour):
                self._refresh(entry, at, lambda now: self._read_account(name, entry, at, now))
        return entry

    def recount(
        self, holder: str, periods: frozenset[Period], keys: Iterable[str] | None = None
    ) -> tuple[int | None, Counted]:
        """Until when everything is counted and nothing was given up (epoch seconds), and what the counters of
        a key (or of the keys of an account) hold in some months and days after that.

        Raises:
            Transient, Misconfigured: they cannot be read.
        """
        self.reads += 1
        through = self._store.settled_through()
        if keys is not None:
            self.reads += 1
            return through, self._store.counted(keys, periods)
        return through, self._ask(Wanted(holder, periods, assignment=False)).counted

    def key_of(self, digest: str) -> str | None:
        """The id of the key with a digest; unknown ones are remembered for a shorter time.

        While the store does not answer, the keys that were known before stay known for a while.

        Raises:
            Transient, Misconfigured: it cannot be read, and was not known before.
        """
        now = self._clock()
        known = self._ids.get(digest)
        if known is not None and now < known.fresh_until:
            return known.key
        if now >= self._ids_retry_at:
            try:
                return self._read_id(digest, now)
            except MeterError as error:
                self._ids_retry_at, self.last_error = now + FAILURE_SECONDS, str(error)
        if known is not None and known.key is not None and now < known.kept_until:
            return known.key
        raise Transient(self.last_error)

    def _read_id(self, digest: str, now: float) -> str | None:
        self.reads += 1
        key = self._store.key_of(digest)
        fresh = self._plans_seconds if key else self._counters_seconds
        with self._lock:
            self._ids.put(digest, _KnownId(key, now + fresh, now + KEPT_SECONDS))
        return key

    def _new_entry(self, key: str) -> KnownKey:
        with self._lock:
            return self._keys.get(key) or self._keys.put(key, KnownKey())

    def _refresh(self, entry: KnownKey, at: int, read: Callable[[float], None]) -> None:
        now = self._clock()
        try:
            read(now)
        except MeterError as error:
            entry.failed, entry.fresh_until = True, now + FAILURE_SECONDS
            self.last_error = str(error)
            return
        entry.failed, entry.hour, entry.admitted = False, at // HOUR_SECONDS, 0
        has_limits = entry.facts is not None and bool(entry.facts.limits)
        entry.fresh_until = min(
            entry.facts_until, now + self._counters_seconds if has_limits else entry.facts_until
        )

    def _read(self, key: str, entry: KnownKey, at: int, now: float) -> None:
        """Read counters, and the plan where it is not known or old: one request. A second one where the plan
        is another than before, and is not known here or has limits of other lengths.
        """
        asks_plan = entry.facts is None or now >= entry.facts_until
        plan = entry.facts.plan.name if asks_plan and entry.facts and entry.facts.plan else None
        periods = _periods(entry.facts, at)
        read = self._ask(Wanted(key, periods, asks_plan, plan))
        counted = read.counted
        if asks_plan:
            facts = self._facts(read, now)
            if not (needed := _periods(facts, at)) <= periods:
                counted = self._ask(Wanted(key, needed, assignment=False)).counted
            entry.facts, entry.facts_until = facts, now + self._plans_seconds
        entry.counted = counted

    def _read_account(self, name: str, entry: KnownAccount, at: int, now: float) -> None:
        """Read the counters of all keys of an account, and which they are where that is not known or old."""
        if entry.facts is None or now >= entry.facts_until:
            self.reads += 1
            account = self._store.account(name)
            assignment = None if account is None else account.assignment
            plan = None if assignment is None else self._plan(assignment.plan, now)
            entry.facts = _facts(assignment, plan)
            entry.keys = frozenset() if account is None else account.keys
            entry.facts_until = now + self._plans_seconds
        if entry.facts.limits:
            self.reads += 1
            entry.counted = self._store.counted(entry.keys, periods_at(entry.facts.spans, at))

    def _ask(self, wanted: Wanted) -> Facts:
        self.reads += 1
        return self._store.read(wanted)

    def _facts(self, read: Facts, now: float) -> KeyFacts:
        if read.plan is not None:
            self._plans[read.plan.name] = (now + self._plans_seconds, read.plan)
        assignment = read.assignment
        name = assignment.plan if assignment else self._default_plan
        return _facts(assignment, None if name is None else self._plan(name, now))

    def _plan(self, name: str, now: float) -> Plan | None:
        until, plan = self._plans.get(name, (0.0, None))
        if now < until:
            return plan
        self.reads += 1
        plan = self._store.plan(name)
        self._plans[name] = (now + self._plans_seconds, plan)
        return plan


def _facts(assignment: Assignment | None, plan: Plan | None) -> KeyFacts:
    if plan is None:
        return replace(NO_FACTS, assignment=assignment)
    limits = limits_of(plan, assignment) if assignment else plan.limits
    return KeyFacts(
        assignment,
        plan,
        limits,
        spans=frozenset(limit.span for limit in limits),
        has_reserved=any(limit.mode is Mode.RESERVED for limit in limits),
    )


def _periods(facts: KeyFacts | None, at: int) -> frozenset[Period]:
    """The months and days whose counters a decision needs. Where no plan is known, both."""
    return periods_at(ALL_SPANS if facts is None else facts.spans, at)
