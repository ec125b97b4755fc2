"""Quotas under load: how far calls go beyond a limit, and how much of it stays unused.

One key with a limit by the hour, or several keys of an account that has one; the calls come in bursts of up
to ten times the limit's own rate, to up to 50 authorizers of which some end without a word; counters are
late by up to a minute. The authorizers are the shipped ones, whole; only the stores behind their ports and
the clock are simulated. Everything is drawn from a seed, and runs on one thread.

    python -m simulation.quotas.overshoot --seeds 1000
"""

from __future__ import annotations

import random
from bisect import bisect_left, bisect_right, insort
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Final, NamedTuple

from metering.period import Period
from metering.quotas.decision import Counted
from metering.quotas.plan import (
    HOUR_SECONDS,
    AccountKeys,
    Assignment,
    Limit,
    Mode,
    Plan,
    Span,
    holder_of,
)
from metering.quotas.ports import (
    Facts,
    LeaseAnswer,
    LeaseChange,
    LeasePlace,
    LeaseRecord,
    LeaseStatus,
    LeaseStore,
    Wanted,
)
from metering.usage import Metric, Usage
from quota_authorizer.decision import DecisionOutcome, OnFailure, QuotaDecider
from quota_authorizer.key_cache import KnownKeys
from quota_authorizer.leases import LeaseBook
from simulation.quotas.store import LeasesInMemory

KEY: Final = "a1b2c3"
ACCOUNT: Final = "acme"
UNLIMITED: Final = Plan("unlimited")
START: Final = 1_793_880_000
"""2026-11-05T12:00:00Z: the hour begins."""
HOUR: Final = Period("2026-11-05T12")
DAY: Final = Period("2026-11-05")
COUNTERS_SECONDS: Final = 5.0
BATCH_SECONDS: Final = 5.0
"""The window in which the stream processor gathers a batch."""
INSPECTION_SECONDS: Final = 600.0
"""So often the watch looks for batches that were given up."""


class BatchesGivenUp(NamedTuple):
    """Batches that Lambda gives up: of what reached the stream between two times, in epoch seconds."""

    begins: float
    ends: float
    repaired_at: float
    """Until then they lie in the failure bucket, and their calls are in no counter."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """An hour of one key."""

    seed: int
    mode: Mode
    amount: int
    """The limit."""
    load: float
    """Calls of the hour as a multiple of the limit."""
    bursts: int
    """The calls come in so many bursts; 1: evenly."""
    lag_seconds: float
    """From the end of a call until a batch with it is counted."""
    longest_call_seconds: float
    authorizers: int
    crashes: int
    """Authorizers that end without closing their leases, at random moments."""
    lost_answers: float
    """Share of requests to the leases whose answer is lost; half of them were carried out."""
    reserve_from: int = 80
    keys_of_account: int = 0
    """The limit is that of an account with so many keys, each of which has calls; 0: of one key."""
    given_up: tuple[BatchesGivenUp, ...] = ()

    @classmethod
    def of_account(cls, seed: int, mode: Mode) -> Scenario:
        """The scenario of a seed, its calls spread over the keys of an account."""
        return replace(
            cls.drawn(seed, mode), keys_of_account=random.Random(f"{seed} keys").choice([2, 3, 20])
        )

    @classmethod
    def with_failures(cls, seed: int) -> Scenario:
        """The scenario of a seed with a reserved limit; some batches are given up, and authorizers end."""
        draw = random.Random(f"{seed} given up")
        begins = [START + 600 * number for number in draw.sample(range(6), draw.choice([1, 2, 4]))]
        given_up = tuple(
            BatchesGivenUp(
                begin, begin + draw.choice([BATCH_SECONDS, 60, 600]), begin + draw.choice([900, 7200])
            )
            for begin in begins
        )
        return replace(cls.drawn(seed, Mode.RESERVED), crashes=30, lost_answers=0.0, given_up=given_up)

    @classmethod
    def drawn(cls, seed: int, mode: Mode) -> Scenario:
        """The scenario of a seed."""
        draw = random.Random(seed)
        return cls(
            seed=seed,
            mode=mode,
            amount=draw.choice([1, 7, 60, 200, 400]),
            load=draw.choice([0.5, 1.0, 1.5, 3.0, 10.0]),
            bursts=draw.choice([1, 3, 10, 40]),
            lag_seconds=draw.uniform(0, 60),
            longest_call_seconds=draw.choice([0.0, 1.0, 29.0]),
            authorizers=draw.randint(1, 50),
            crashes=draw.choice([0, 0, 3, 30]),
            lost_answers=draw.choice([0.0, 0.0, 0.02, 0.2]),
            reserve_from=draw.choice([0, 50, 80, 100]),
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """What became of an hour."""

    scenario: Scenario
    calls: int
    admitted: int
    unchecked: int
    """Calls that were denied because an answer was lost: authorizers deny what they cannot check here."""
    lease_writes: int

    @property
    def overshoot(self) -> int:
        """Calls beyond the limit."""
        return max(0, self.admitted - self.scenario.amount)

    @property
    def undershoot(self) -> int:
        """Calls that were denied by the limit although it was not used up."""
        denied = self.calls - self.admitted - self.unchecked
        return min(denied, max(0, self.scenario.amount - self.admitted))


@dataclass(slots=True)
class _World:
    """What the authorizers share. `now` is epoch seconds."""

    scenario: Scenario
    now: float = float(START)
    arrivals: dict[str, list[float]] = field(default_factory=dict)
    """When the line of each call of a key reached the stream, ascending."""

    def counted(self, key: str) -> int:
        """Calls of a key in the counters by now: a batch is counted whole, at its end."""
        arrivals, through = self.arrivals.get(key, ()), self.counted_through(self.now)
        missing = [one for one in self.scenario.given_up if self.now < one.repaired_at]
        if not missing:
            return bisect_right(arrivals, through)
        found = arrivals[: bisect_right(arrivals, through)]
        return len(found) - sum(
            bisect_left(found, one.ends) - bisect_left(found, one.begins) for one in missing
        )

    @property
    def keys(self) -> list[str]:
        """The keys that have calls."""
        return [f"{KEY}-{number}" for number in range(self.scenario.keys_of_account)] or [KEY]

    def counted_through(self, now: float) -> float:
        """All that arrived before is counted, or given up."""
        late = now - self.scenario.lag_seconds
        return late - late % BATCH_SECONDS if self.scenario.lag_seconds else late

    def settled_through(self) -> float:
        """As the watch kept it when it last found no batch that was given up."""
        at = self.now - self.now % INSPECTION_SECONDS
        while any(
            one.begins < self.counted_through(at) and at < one.repaired_at for one in self.scenario.given_up
        ):
            at -= INSPECTION_SECONDS
        return self.counted_through(at)


class _Counters:
    """The port `QuotaStore`: keys whose counters are late, with a plan of their own or of their account."""

    def __init__(self, world: _World) -> None:
        scenario = world.scenario
        limit = Limit(
            Metric.REQUESTS,
            Span.HOUR,
            scenario.amount,
            mode=scenario.mode,
            reserve_from=scenario.reserve_from,
        )
        self._world = world
        self._plan = Plan("simulated", (limit,))

    def read(self, wanted: Wanted) -> Facts:
        counted = self.counted([wanted.key], wanted.periods)
        if self._world.scenario.keys_of_account:
            return Facts(counted, Assignment(wanted.key, UNLIMITED.name, ACCOUNT), UNLIMITED)
        return Facts(counted, Assignment(wanted.key, self._plan.name), self._plan)

    def plan(self, name: str) -> Plan | None:
        return {self._plan.name: self._plan, UNLIMITED.name: UNLIMITED}.get(name)

    def account(self, name: str) -> AccountKeys | None:
        held = Assignment(holder_of(name), self._plan.name, name)
        return AccountKeys(name, held, frozenset(self._world.keys)) if name == ACCOUNT else None

    def counted(self, keys: Iterable[str], periods: frozenset[Period]) -> Counted:
        del periods  # all calls are of one hour
        requests = Usage(requests=sum(map(self._world.counted, keys)))
        return {DAY: requests, HOUR: requests}

    def key_of(self, digest: str) -> str | None:
        return digest

    def settled_through(self) -> int | None:
        return int(self._world.settled_through())


class _Unreliable:
    """The port `LeaseStore` behind a network that loses answers, and some requests."""

    def __init__(self, leases: LeasesInMemory, share: float, draw: random.Random) -> None:
        self._leases = leases
        self._share = share
        self._draw = draw

    def begin(self, place: LeasePlace, sheet: LeaseRecord) -> LeaseAnswer:
        return self._lossy(lambda: self._leases.begin(place, sheet))

    def take(self, take: LeaseChange) -> LeaseAnswer:
        return self._lossy(lambda: self._leases.take(take))

    def replace(self, place: LeasePlace, old: LeaseRecord, new: LeaseRecord) -> LeaseAnswer:
        return self._lossy(lambda: self._leases.replace(place, old, new))

    def _lossy(self, request: Callable[[], LeaseAnswer]) -> LeaseAnswer:
        if self._draw.random() >= self._share:
            return request()
        if self._draw.random() < 0.5:
            request()
        return LeaseAnswer(LeaseStatus.UNAVAILABLE)


class _Authorizer:
    """The shipped judge with what it knows and holds, and a clock that is not exact."""

    def __init__(self, world: _World, leases: LeaseStore, draw: random.Random, ids: Iterator[str]) -> None:
        self._world = world
        self._skew = draw.uniform(-2, 2)
        self._known = KnownKeys(
            _Counters(world),
            lambda: world.now,
            counters_seconds=COUNTERS_SECONDS,
            plans_seconds=60,
            default_plan=None,
        )
        self.leases = LeaseBook(leases, lambda: next(ids))
        self._decider = QuotaDecider(self._known, self.leases, OnFailure.DENY)
        self._reads = 0

    def outcome(self, key: str, at: float) -> DecisionOutcome:
        """What becomes of a call of a key that API Gateway takes at `at`."""
        now = self._world.now + self._skew
        decided = self._decider.decide(key, at, now)
        if self._known.reads != self._reads:
            self._reads = self._known.reads
            self.leases.tidy(now)
        return decided.outcome


def run(scenario: Scenario) -> Measured:
    """Play an hour."""
    draw = random.Random(f"{scenario.seed} {scenario.mode}")
    world = _World(scenario)
    keys, draw_key = world.keys, random.Random(f"{scenario.seed} whose call")
    leases = _Unreliable(LeasesInMemory(), scenario.lost_answers, draw)
    ids = (f"lease-{number}" for number in count())
    authorizers = [_Authorizer(world, leases, draw, ids) for _ in range(scenario.authorizers)]
    crashes = sorted(draw.uniform(0, HOUR_SECONDS) + START for _ in range(scenario.crashes))
    outcomes: Counter[DecisionOutcome] = Counter()
    writes = 0
    times = call_times(scenario, draw)
    for at in times:
        world.now = at
        while crashes and crashes[0] <= at:
            crashes.pop(0)
            number = draw.randrange(len(authorizers))
            writes += authorizers[number].leases.writes
            authorizers[number] = _Authorizer(world, leases, draw, ids)
        key = draw_key.choice(keys)
        outcomes[draw.choice(authorizers).outcome(key, at)] += 1
        arrivals = world.arrivals.setdefault(key, [])
        insort(arrivals, at + draw.uniform(0, scenario.longest_call_seconds))
    writes += sum(authorizer.leases.writes for authorizer in authorizers)
    return Measured(
        scenario, len(times), outcomes[DecisionOutcome.ALLOWED], outcomes[DecisionOutcome.UNCHECKED], writes
    )


def call_times(scenario: Scenario, draw: random.Random) -> list[float]:
    """When the calls of the hour come: in bursts at ten times the limit's own rate, or evenly."""
    calls = max(1, round(scenario.amount * scenario.load))
    if scenario.bursts == 1:
        return sorted(START + draw.random() * HOUR_SECONDS for _ in range(calls))
    of_a_burst = HOUR_SECONDS * scenario.load / 10 / scenario.bursts
    begins = [draw.random() * (HOUR_SECONDS - of_a_burst) for _ in range(scenario.bursts)]
    return sorted(START + draw.choice(begins) + draw.random() * of_a_burst for _ in range(calls))


def steady(mode: Mode, lag_seconds: float, load: float, seed: int = 0) -> Scenario:
    """An hour without accidents: calls at an even rate."""
    return Scenario(
        seed=seed,
        mode=mode,
        amount=2000,
        load=load,
        bursts=1,
        lag_seconds=lag_seconds,
        longest_call_seconds=0.2,
        authorizers=10,
        crashes=0,
        lost_answers=0.0,
    )
