"""A shipped authorizer as a tree: what it asks for during a call, and how it goes on by each answer.

What an authorizer does is a function of what it remembers, of the call, and of the answers. So a call is run
once for each sequence of answers, on an authorizer that is given the same memory, up to the first answer that
is missing. Between calls nothing is left of it but its memory: two ways to the same memory are one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from enum import IntEnum
from typing import Any, Final, NamedTuple

from metering.errors import Transient
from metering.period import Period
from metering.quotas.decision import Counted
from metering.quotas.plan import AccountKeys, Assignment, Plan, holder_of
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
from metering.usage import Usage
from quota_authorizer.decision import DecisionOutcome, OnFailure, QuotaDecider
from quota_authorizer.key_cache import KnownKeys
from quota_authorizer.leases import LeaseBook
from simulation.exploration.programs import Numbers
from simulation.exploration.quotas.quota_world import ACCOUNT, DAYS, LimitedWorld
from simulation.quotas.store import LeasesInMemory

NO_LEASE_ANSWER: Final = LeaseAnswer(LeaseStatus.UNAVAILABLE)


@dataclass(frozen=True, slots=True)
class QuotaMeter:
    """An authorizer's parts, its storage, and the time that counts as settled."""

    name: str = "shipped"
    breaks: str = "nothing"
    store: type[LeasesInMemory] = LeasesInMemory
    book: Callable[[LeaseStore, Callable[[], str]], LeaseBook] = LeaseBook
    decider: type[QuotaDecider] = QuotaDecider
    known: type[KnownKeys] = KnownKeys
    passes_given_up: bool = False
    """Whether `settled_through` goes past calls that were given up."""


SHIPPED_QUOTAS: Final = QuotaMeter()


class Asked(IntEnum):
    """What an authorizer asks for."""

    ID = 0
    """A new lease's id."""
    SETTLED = 1
    COUNTED = 2
    WRITE = 3


class LeaseWrite(NamedTuple):
    """A write of a lease record."""

    operation: str
    """The name of the port's method."""
    place: int
    content: tuple[Any, ...]


class CallPlace(NamedTuple):
    """A call: its key by number, when it was made, and by the authorizer's clock."""

    key: int
    at: int
    now: int


@dataclass(frozen=True, slots=True)
class AuthorizerMoment:
    """An authorizer: what it remembered before the call that it decides on, and that call."""

    memory: int
    call: CallPlace | None = None
    answers: tuple[int, ...] = ()
    asked: Asked | None = None
    request: int = 0
    """The number of the write that has no answer yet."""
    is_early: bool = True
    """Whether nothing was written during the call yet."""
    is_allowed: bool = False
    """The call was let through; what is left is to tidy up."""


class Authorizers:
    """All authorizers of a world, on all their ways. They are numbers, 1 is one that has just begun."""

    def __init__(self, world: LimitedWorld, meter: QuotaMeter) -> None:
        self.moments = Numbers()
        self.memories = Numbers()
        self.requests = Numbers()
        self.answers = Numbers()
        self._world = world
        self._meter = meter
        self._place_of = {place: number for number, place in enumerate(world.places)}
        self._next: dict[tuple[int, CallPlace | int], int] = {}
        self._spendable: dict[tuple[int, int, Period, int], int] = {}
        self.new = self.moments.of(AuthorizerMoment(self.memories.of(((), ()))))

    def called(self, number: int, call: CallPlace) -> int:
        """An authorizer that gets a call."""
        return self._after(number, call)

    def answered(self, number: int, answer: int) -> int:
        """An authorizer that gets what it has asked for: an answer, by number."""
        return self._after(number, answer)

    def _after(self, number: int, what: CallPlace | int) -> int:
        found = self._next.get((number, what))
        if found is None:
            moment: AuthorizerMoment = self.moments[number]
            if isinstance(what, CallPlace):
                begun = replace(moment, call=what)
            else:
                is_early = moment.is_early and moment.asked is not Asked.WRITE
                begun = replace(moment, answers=(*moment.answers, what), is_early=is_early)
            found = self._next[number, what] = self.moments.of(self._run(begun))
        return found

    def _run(self, moment: AuthorizerMoment) -> AuthorizerMoment:
        if moment.call is None:
            raise ValueError(f"{moment} has no call to decide on")
        call, key = moment.call, self._world.keys[moment.call.key]
        ports = _Ports(self._world, [self.answers[one] for one in moment.answers])
        book = self._meter.book(ports, ports.new_id)
        _remember(book, self.memories[moment.memory])
        known = self._meter.known(
            ports, lambda: float(call.now), counters_seconds=0, plans_seconds=0, default_plan=None
        )
        decider = self._meter.decider(known, book, OnFailure.DENY)
        is_allowed = False
        try:
            outcome = decider.decide(key, float(call.at), float(call.now)).outcome
            is_allowed = outcome is DecisionOutcome.ALLOWED
            book.tidy(call.now)
        except _Missing as missing:
            request = 0 if missing.write is None else self.requests.of(self._placed(*missing.write))
            return replace(moment, asked=missing.asked, request=request, is_allowed=is_allowed)
        return AuthorizerMoment(self.memories.of(_memory_of(book)), is_allowed=is_allowed)

    def _placed(self, operation: str, place: LeasePlace, content: tuple[Any, ...]) -> LeaseWrite:
        return LeaseWrite(operation, self._place_of[place], content)

    def spendable(self, number: int, place: int, period: Period, now: int) -> int:
        """What an authorizer would let through from its memory, without a write."""
        key = (self.moments[number].memory, place, period, now)
        found = self._spendable.get(key)
        if found is None:
            book = self._meter.book(_Ports(self._world, ()), str)
            _remember(book, self.memories[key[0]])
            held = book._reservation(self._world.places[place])  # noqa: SLF001 - its memory is what is asked
            found = self._spendable[key] = held.left if held.covers(period, now) else 0
        return found

    def at_rest(self, number: int) -> int:
        """The same authorizer when its answer has been taken."""
        moment: AuthorizerMoment = self.moments[number]
        return self.moments.of(replace(moment, is_allowed=False)) if moment.call is None else number


class _Missing(Exception):
    """The authorizer has come to a request that no answer is known to."""

    def __init__(self, asked: Asked, write: tuple[str, LeasePlace, tuple[Any, ...]] | None = None) -> None:
        super().__init__()
        self.asked = asked
        self.write = write


class _Ports:
    """The ports `LeaseStore` and `QuotaStore`, which give known answers. Plans never change."""

    def __init__(self, world: LimitedWorld, answers: Iterable[Any]) -> None:
        self._world = world
        self._answers = iter(answers)

    def new_id(self) -> str:
        found: str = self._answer(Asked.ID)
        return found

    def begin(self, place: LeasePlace, sheet: LeaseRecord) -> LeaseAnswer:
        return self._written("begin", place, sheet)

    def take(self, take: LeaseChange) -> LeaseAnswer:
        return self._written("take", take.place, take)

    def replace(self, place: LeasePlace, old: LeaseRecord, new: LeaseRecord) -> LeaseAnswer:
        return self._written("replace", place, old, new)

    def read(self, wanted: Wanted) -> Facts:
        plan = self._world.plan_of_keys
        account = ACCOUNT if self._world.of_account else ""
        return Facts(
            self.counted([wanted.key], wanted.periods), Assignment(wanted.key, plan.name, account), plan
        )

    def plan(self, name: str) -> Plan | None:
        return next((one for one in (self._world.plan, self._world.plan_of_keys) if one.name == name), None)

    def account(self, name: str) -> AccountKeys:
        assignment = Assignment(holder_of(name), self._world.plan.name, name)
        return AccountKeys(name, assignment, frozenset(self._world.keys))

    def counted(self, keys: Iterable[str], periods: frozenset[Period]) -> Counted:
        del periods  # whatever is not asked for is left aside
        counted = self._answer(Asked.COUNTED)
        if counted is None:
            raise Transient("no answer")
        places = [self._world.keys.index(key) for key in keys]
        calls = [sum(counted[place * len(DAYS) + day] for place in places) for day in range(len(DAYS))]
        return {day: Usage(requests=one, billable=one) for day, one in zip(DAYS, calls, strict=True)}

    def key_of(self, digest: str) -> str:
        return digest

    def settled_through(self) -> int:
        found: int | None = self._answer(Asked.SETTLED)
        if found is None:
            raise Transient("no answer")
        return found

    def _written(self, operation: str, place: LeasePlace, *content: Any) -> LeaseAnswer:
        found: LeaseAnswer = self._answer(Asked.WRITE, (operation, place, content))
        return found

    def _answer(self, asked: Asked, write: tuple[str, LeasePlace, tuple[Any, ...]] | None = None) -> Any:
        for answer in self._answers:
            return answer
        raise _Missing(asked, write)


Remembered = tuple[tuple[tuple[LeasePlace, tuple[tuple[str, Any], ...]], ...], tuple[Any, ...]]


def _memory_of(book: LeaseBook) -> Remembered:
    """What a book remembers between two calls."""
    held = sorted(book._reservations.items())  # noqa: SLF001 - a state is all that decides what comes
    reservations = tuple((place, _fields(one)) for place, one in held)
    return reservations, tuple(sorted(book._expiring))  # noqa: SLF001 - as above


def _fields(reservation: Any) -> tuple[tuple[str, Any], ...]:
    names = (one.name for one in fields(reservation) if one.name != "lock")
    return tuple((name, getattr(reservation, name)) for name in names)


def _remember(book: LeaseBook, memory: Remembered) -> None:
    """Give a book that has just begun the memory of another one."""
    reservations, expiring = memory
    for place, values in reservations:
        held = book._reservation(place)  # noqa: SLF001 - as above
        for name, value in values:
            setattr(held, name, dict(value) if name == "unsure" else value)
    book._expiring[:] = expiring  # noqa: SLF001 - as above
