"""Broken authorizers and lease stores, each with a world so small that its fault shows within a few steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from metering.period import Period
from metering.quotas.decision import Counted
from metering.quotas.ports import (
    Lease,
    LeaseAnswer,
    LeaseChange,
    LeasePlace,
    LeaseRecord,
    LeaseStatus,
    LeaseStore,
)
from quota_authorizer.decision import QuotaDecider
from quota_authorizer.key_cache import KnownKeys
from quota_authorizer.leases import SETTLE_SECONDS, LeaseBook, LeaseRequest, Recount, Spent, _Reservation
from simulation.exploration.quotas.authorizer import QuotaMeter
from simulation.exploration.quotas.quota_world import (
    EXPIRED,
    MIDNIGHT,
    NOON,
    SETTLED,
    LimitedWorld,
    QuotaFault,
)
from simulation.quotas.store import LeasesInMemory


class NoRoom(LeasesInMemory):
    """Grants whatever is asked for."""

    def take(self, take: LeaseChange) -> LeaseAnswer:
        """Whatever is granted already."""
        return super().take(take._replace(room=10**9))


class BegunAnew(LeasesInMemory):
    """Begins a lease record that there is."""

    def begin(self, place: LeasePlace, sheet: LeaseRecord) -> LeaseAnswer:
        """In place of what is there."""
        return self._written(place, sheet)


class ReplacedAnyway(LeasesInMemory):
    """Puts the result of a recount in place of a record that has changed since."""

    def replace(self, place: LeasePlace, old: LeaseRecord, new: LeaseRecord) -> LeaseAnswer:  # noqa: ARG002 - the shape of a write
        """In place of whatever is there."""
        return self._written(place, new)


class ClosedAgain(LeasesInMemory):
    """Takes units back of a lease that is not on the record any more."""

    def take(self, take: LeaseChange) -> LeaseAnswer:
        """As if the lease were there."""
        there = self.sheets.get(take.place)
        if there is not None and take.closed is not None:
            leases = {take.closed.lease_id: Lease(0, 0), **there.leases}
            self.sheets[take.place] = there._replace(leases=leases)
        return super().take(take)


class SpendingsForgotten(LeasesInMemory):
    """Recounts without what closed leases have spent lately."""

    def replace(self, place: LeasePlace, old: LeaseRecord, new: LeaseRecord) -> LeaseAnswer:
        """With nothing spent."""
        return super().replace(
            place, old, new._replace(granted=new.granted - sum(new.spent.values()), spent={})
        )


class LiveLeasesForgotten(LeasesInMemory):
    """Recounts without the leases that are live."""

    def replace(self, place: LeasePlace, old: LeaseRecord, new: LeaseRecord) -> LeaseAnswer:
        """With no leases."""
        live = sum(lease.amount for lease in new.leases.values())
        return super().replace(place, old, new._replace(granted=new.granted - live, leases={}))


class _EverLive(_Reservation):
    """A lease that is spent after it has expired."""

    def covers(self, period: Period, now: float) -> bool:
        del now
        return super().covers(period, self.expires_at - 1)


class _OfAnyPeriod(_Reservation):
    """A lease of one period that is spent in another."""

    def covers(self, period: Period, now: float) -> bool:
        del period
        return super().covers(self.period, now)


class _SpentWhileClosing(_Reservation):
    """A lease that is spent although a write that closes it was sent."""

    def covers(self, period: Period, now: float) -> bool:
        self.is_closing = False
        return super().covers(period, now)


class _BrokenBook(LeaseBook):
    """Leases of another kind."""

    kind: type[_Reservation] = _Reservation

    def _reservation(self, place: LeasePlace) -> _Reservation:
        return self._reservations.setdefault(place, self.kind())


class ExpiredSpent(_BrokenBook):
    """Spends leases that have expired."""

    kind = _EverLive


class OfAnyPeriod(_BrokenBook):
    """Spends yesterday's leases."""

    kind = _OfAnyPeriod


class SpentWhileClosing(_BrokenBook):
    """Spends leases that may be closed."""

    kind = _SpentWhileClosing


class ClockTrusted(LeaseBook):
    """Takes its own clock for the time through which everything is settled."""

    def spend(self, request: LeaseRequest, now: float) -> Spent:
        """With a recount that is settled by now."""
        recount: Callable[[], Recount] = request.recount
        trusted = request._replace(recount=lambda: recount()._replace(settled_through=int(now)))
        return super().spend(trusted, now)


class NeverRecounted(LeaseBook):
    """Leaves the leases of authorizers that have ended where they are."""

    def _recounted(self, sheet: LeaseRecord | None, request: LeaseRequest, now: float) -> None:  # noqa: ARG002 - the shape of a recount
        return None


class OnceRecounted(LeaseBook):
    """Recounts only while an ended authorizer's lease is on the record, not for what stood twice."""

    def _recounted(self, sheet: LeaseRecord | None, request: LeaseRequest, now: float) -> LeaseRecord | None:
        before = now - SETTLE_SECONDS
        has_lapsed = sheet is not None and any(one.expires_at < before for one in sheet.leases.values())
        return super()._recounted(sheet, request, now) if has_lapsed else None


class _Presumed:
    """A store whose silence is taken for a grant."""

    def __init__(self, store: LeaseStore) -> None:
        self._store = store
        self.replace = store.replace
        self.begin = store.begin

    def take(self, take: LeaseChange) -> LeaseAnswer:
        answer = self._store.take(take)
        if answer.status is not LeaseStatus.UNAVAILABLE or take.lease_id is None or take.lease is None:
            return answer
        granted = LeaseRecord(take.period, take.lease.amount, {take.lease_id: take.lease}, {})
        return LeaseAnswer(LeaseStatus.WRITTEN, granted)


def presumed(store: LeaseStore, new_id: Callable[[], str]) -> LeaseBook:
    """Spends leases that it got no answer for."""
    return LeaseBook(_Presumed(store), new_id)


class CountedFirst(KnownKeys):
    """Reads the counters of a recount before the time through which everything is settled."""

    def recount(
        self, holder: str, periods: frozenset[Period], keys: Iterable[str] | None = None
    ) -> tuple[int | None, Counted]:
        """In the wrong order."""
        counted = self._store.counted([holder] if keys is None else keys, periods)
        return self._store.settled_through(), counted


class AccountForgotten(QuotaDecider):
    """Holds each key to its own limits only."""

    def _account(self, *_: object) -> None:
        return None


BROKEN_QUOTAS: Final = (
    QuotaMeter("no-room", "leases are granted without looking at what is left", store=NoRoom),
    QuotaMeter("begun-anew", "a lease record is begun in place of one that there is", store=BegunAnew),
    QuotaMeter("replaced-anyway", "a recount replaces a record that has changed", store=ReplacedAnyway),
    QuotaMeter("closed-again", "a lease that is closed already returns its units again", store=ClosedAgain),
    QuotaMeter("spendings-forgotten", "a recount leaves out what was spent lately", store=SpendingsForgotten),
    QuotaMeter("leases-forgotten", "a recount leaves out live leases", store=LiveLeasesForgotten),
    QuotaMeter("expired-spent", "leases are spent after they have expired", book=ExpiredSpent),
    QuotaMeter("any-period", "leases of yesterday are spent today", book=OfAnyPeriod),
    QuotaMeter("spent-while-closing", "a lease is spent although it may be closed", book=SpentWhileClosing),
    QuotaMeter(
        "settled-too-early",
        "leases come back while their calls are on the way to the counters",
        book=partial(LeaseBook, settle_seconds=SETTLE_SECONDS - 20),
    ),
    QuotaMeter(
        "settled-at-once",
        "leases come back without the time that running calls are allowed",
        book=partial(LeaseBook, settle_seconds=0),
    ),
    QuotaMeter("clock-trusted", "a recount goes by the authorizer's own clock", book=ClockTrusted),
    QuotaMeter("counted-first", "a recount reads the counters too early", known=CountedFirst),
    QuotaMeter("given-up-settled", "a recount goes by `complete_through`", passes_given_up=True),
    QuotaMeter("presumed", "a lease is spent that there was no answer for", book=presumed),
    QuotaMeter("account-forgotten", "the limit of an account is not looked at", decider=AccountForgotten),
    QuotaMeter("never-recounted", "leases of ended authorizers never come back", book=NeverRecounted),
    QuotaMeter("once-recounted", "what stood twice in a recount never comes back", book=OnceRecounted),
)
"""Each breaks a promise of :meth:`simulation.exploration.quotas.promises.QuotaPromises.violation`. None of
the seeds 0 to 3,079 of :mod:`simulation.quotas.overshoot` shows `settled-at-once`.
"""

_RECOUNTED: Final = LimitedWorld(amount=1, calls=2, times=(NOON, SETTLED), faults=0, checks_record=False)
_KILLED: Final = LimitedWorld(amount=2, calls=2, times=(NOON,), kinds=(QuotaFault.KILLED,))
_ANSWER_LOST: Final = (QuotaFault.UNANSWERED,)
_KEYS_OF_ACCOUNT: Final = LimitedWorld(
    amount=2,
    calls=2,
    of_account=True,
    of_key=1,
    times=(NOON, SETTLED),
    kinds=_ANSWER_LOST,
)

QUOTAS_SHOWN_BY: Final = {
    "no-room": LimitedWorld(amount=1, calls=2, faults=0),
    "begun-anew": LimitedWorld(amount=1, calls=2, faults=0),
    "replaced-anyway": LimitedWorld(amount=1, calls=2, times=(SETTLED,), ended=1, faults=0),
    "closed-again": LimitedWorld(amount=1, calls=4, times=(NOON,), faults=2, kinds=_ANSWER_LOST),
    "spendings-forgotten": LimitedWorld(amount=2, calls=3, times=(SETTLED,), ended=1, kinds=_ANSWER_LOST),
    "leases-forgotten": LimitedWorld(amount=2, calls=3, times=(SETTLED,), ended=1, faults=0),
    "expired-spent": _KEYS_OF_ACCOUNT,
    "any-period": LimitedWorld(
        amount=2,
        calls=2,
        of_account=True,
        of_key=1,
        times=(MIDNIGHT - 5, MIDNIGHT),
        kinds=_ANSWER_LOST,
    ),
    "spent-while-closing": LimitedWorld(
        amount=9,
        calls=3,
        times=(NOON, EXPIRED),
        faults=3,
        kinds=(QuotaFault.UNANSWERED, QuotaFault.CLOCK),
        authorizers=1,
        reserve_from=100,
    ),
    "settled-too-early": _RECOUNTED,
    "settled-at-once": _RECOUNTED,
    "clock-trusted": _RECOUNTED,
    "counted-first": _RECOUNTED,
    "given-up-settled": LimitedWorld(
        amount=1, calls=2, times=(NOON, SETTLED), kinds=(QuotaFault.GIVEN_UP,), checks_record=False
    ),
    "presumed": LimitedWorld(amount=1, calls=2, times=(NOON,), kinds=_ANSWER_LOST),
    "account-forgotten": LimitedWorld(amount=1, calls=2, of_account=True, faults=0),
    "never-recounted": _KILLED,
    "once-recounted": _KILLED,
}
"""By the name of a meter."""
