"""Reserved limits: calls are let through by leases, which together never exceed the limit.

An authorizer takes a lease on some of what is left, by one conditional write, and spends it in memory. The
lease record of a limit holds `granted`: what all leases of the period may have spent. A lease is closed by
the write that takes the next one, which returns what is unspent. Far from the limit a lease is as large as
the demand; from the share `reserve_from` on it is a small part of what is left, so that little lies with
authorizers that need it no more.

An authorizer that ends without closing its lease leaves it on the record. Its part comes back when the
counters are known to hold every call that it can have let through: until `settled_through`, less
:data:`SETTLE_SECONDS` for calls that were still running and lines that were not yet in the stream. (Calls of
a batch that Lambda gave up are in no counter: until they are repaired, that time stays where it is.) Then
what the counters hold, with all leases and spendings since, is another upper bound of what was let through;
where it is lower than `granted`, it takes its place. (Of these spendings some are counted already, and stand
in it twice: that much comes back by a later recount, when they are settled too.) A lease that has expired is
never spent, so that it does not matter whether its authorizer was ended or only frozen.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

from metering.period import Period
from metering.quotas.plan import Limit
from metering.quotas.ports import (
    SPENT_SECONDS,
    Closed,
    Lease,
    LeaseAnswer,
    LeaseChange,
    LeasePlace,
    LeaseRecord,
    LeaseStatus,
    LeaseStore,
    spent_slot,
)

FIRST_DEMAND: Final = 4
PARTS_FAR: Final = 4
"""Far from the limit a lease takes at most this part of what is left until leases get small."""
PARTS_NEAR: Final = 16
"""Near the limit a lease takes at most this part of what is left, and at least 1."""
PARTS_UNKNOWN: Final = 64
"""The first lease of an authorizer takes at most this part of the limit, and at least 1."""
MANY_LEASES: Final = 20
"""With every so many leases of a limit, the next one lasts once more as long."""
LONGEST_TIMES: Final = 12
"""At most as many times the usual length."""
SETTLE_SECONDS: Final = 300
KEPT_SECONDS: Final = 3600
"""Spendings are kept for so long. Where counters are later, leases of ended authorizers do not come back."""
ATTEMPTS: Final = 4
STRAGGLER_SECONDS: Final = 1.0
"""A call of a period that has ended elsewhere finds no lease; its next attempt lies in the new one."""
MOST_UNSURE: Final = 8
_ANY_ROOM: Final = 2**62
_NO_PERIOD: Final = Period("")


class Spending(Enum):
    """What came of the attempt to spend a unit."""

    SPENT = "spent"
    EXHAUSTED = "exhausted"
    UNAVAILABLE = "unavailable"


class Spent(NamedTuple):
    """The answer to an attempt to spend a unit."""

    outcome: Spending
    remaining: int = 0
    """What is left of the limit, as far as it is known here."""
    retry_after: float | None = None
    """Where it is exhausted: seconds after which units may have come back; None: when the period ends."""


class Recount(NamedTuple):
    """What the counters hold of a limit, and until when they hold everything."""

    settled_through: int | None
    used: int
    """Read after `settled_through`."""


class LeaseRequest(NamedTuple):
    """A call that asks for a unit."""

    place: LeasePlace
    period: Period
    limit: Limit
    used: int
    """By the counters, as far as they are known. A period's lease record begins with it."""
    recount: Callable[[], Recount]


@dataclass(slots=True)
class _Reservation:
    """What this authorizer holds of one limit."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    period: Period = _NO_PERIOD
    lease_id: str | None = None
    amount: int = 0
    left: int = 0
    expires_at: int = 0
    is_closing: bool = False
    """A write that closes it was sent. It may have been made, so that nothing more is spent of it, not even
    where the clock is set back to before it expires.
    """
    demand: int = FIRST_DEMAND
    unsure: dict[str, Lease] = field(default_factory=dict)
    """Leases that were asked for without an answer. None is spent; those that were granted are closed."""
    sheet: LeaseRecord | None = None
    retry_at: float = 0.0
    ceiling: int = 0

    def covers(self, period: Period, now: float) -> bool:
        is_live = self.left > 0 and now < self.expires_at and not self.is_closing
        return is_live and period == self.period

    def closing(self, now: float) -> Closed | None:
        """What the next write closes: the lease that is held, as it ends now, or one that may be there."""
        if self.lease_id is not None:
            self.is_closing = True
            return Closed(self.lease_id, self.amount - self.left, self.left, int(now))
        for lease_id, lease in self.unsure.items():
            return Closed(lease_id, 0, lease.amount, int(now))
        return None

    def drop(self) -> None:
        """Forget the lease that is held."""
        self.lease_id, self.amount, self.left = None, 0, 0

    def learn_sheet(self, sheet: LeaseRecord) -> None:
        """Keep a lease record of the period, and forget the leases that are not on it any more."""
        self.sheet = sheet
        if self.lease_id is not None and self.lease_id not in sheet.leases:
            self.drop()
        self.unsure = {name: lease for name, lease in self.unsure.items() if name in sheet.leases}

    def note_unsure(self, lease_id: str, lease: Lease) -> None:
        """A lease was asked for, and there was no answer."""
        if len(self.unsure) < MOST_UNSURE:
            self.unsure[lease_id] = lease

    def learn_demand(self, now: float) -> None:
        """Twice the lease if it was spent before its time, what was spent of it otherwise."""
        if self.lease_id is not None:
            spent = self.amount - self.left
            self.demand = max(1, 2 * self.amount if self.left == 0 and now < self.expires_at else spent)


class LeaseBook:
    """The leases that one authorizer holds."""

    def __init__(
        self,
        store: LeaseStore,
        new_id: Callable[[], str],
        *,
        lease_seconds: int = 10,
        retry_seconds: float = 5.0,
        settle_seconds: int = SETTLE_SECONDS,
    ) -> None:
        """`new_id` gives an id that no other authorizer gives. An exhausted limit is asked for again after
        `retry_seconds`.
        """
        self._store = store
        self._new_id = new_id
        self._lease_seconds = lease_seconds
        self._retry_seconds = retry_seconds
        self._settle_seconds = settle_seconds
        self._reservations: dict[LeasePlace, _Reservation] = {}
        self._expiring: list[tuple[int, LeasePlace]] = []
        self._lock = threading.Lock()
        self.writes = 0
        """Requests to the store so far."""

    def spend(self, request: LeaseRequest, now: float) -> Spent:
        """Spend a unit of a limit for a call, at a time in epoch seconds of this authorizer's clock."""
        held = self._reservation(request.place)
        with held.lock:
            if held.covers(request.period, now):
                return _spend(held, request.limit)
            if held.ceiling == request.limit.amount and held.period == request.period and now < held.retry_at:
                return Spent(Spending.EXHAUSTED, 0, held.retry_at - now)
            return self._renew(held, request, now)

    def give_back(self, place: LeasePlace) -> None:
        """Take back a unit that was spent for a call that another limit denies."""
        held = self._reservation(place)
        with held.lock:
            if held.lease_id is not None and held.left < held.amount:
                held.left += 1

    def tidy(self, now: float) -> None:
        """Close one lease that has expired, if there is one: its authorizer may have no more calls for it."""
        while (place := self._next_expired(now)) is not None:
            held = self._reservation(place)
            with held.lock:
                if held.lease_id is not None and held.expires_at <= now:
                    held.learn_demand(now)
                    self._close(held, place, now)
                    return

    def _next_expired(self, now: float) -> LeasePlace | None:
        with self._lock:
            if not self._expiring or self._expiring[0][0] > now:
                return None
            return heapq.heappop(self._expiring)[1]

    def _reservation(self, place: LeasePlace) -> _Reservation:
        found = self._reservations.get(place)
        if found is None:
            with self._lock:
                found = self._reservations.setdefault(place, _Reservation())
        return found

    def _renew(self, held: _Reservation, request: LeaseRequest, now: float) -> Spent:
        """Close what is held and take a new lease. Each refusal shows what to ask for next."""
        held.learn_demand(now)
        held.ceiling = request.limit.amount
        if held.period != request.period:
            held.sheet, held.period, held.unsure = None, request.period, {}
            held.drop()  # nobody needs the sheet of its period any more
        has_asked = has_recounted = False
        for _ in range(ATTEMPTS):
            closed = held.closing(now)
            size = self._size(held, request.limit, closed.unspent if closed else 0)
            if size == 0 and not has_asked and request.limit.amount:
                size = 1  # others may have returned something since
            if size == 0:
                if has_recounted or (sheet := self._recounted(held.sheet, request, now)) is None:
                    break
                has_recounted, held.sheet = True, sheet
                continue
            lease = Lease(size, int(now) + self._seconds(held, request.limit))
            outcome = self._attempt(held, request, lease, closed)
            if outcome is not None:
                return outcome
            has_asked = True
        self._close(held, request.place, now)
        return self._exhausted(held, now)

    def _attempt(
        self, held: _Reservation, request: LeaseRequest, lease: Lease, closed: Closed | None
    ) -> Spent | None:
        """One write; None: it was refused, and what is known of the record has changed."""
        lease_id = self._new_id()
        answer = self._take_or_begin(held, request, lease_id, lease, closed)
        sheet = answer.sheet
        if answer.status is LeaseStatus.UNAVAILABLE:
            held.note_unsure(lease_id, lease)
            return Spent(Spending.UNAVAILABLE)
        if sheet is None or sheet.period > request.period:
            held.drop()
            return Spent(Spending.EXHAUSTED, 0, STRAGGLER_SECONDS)
        held.learn_sheet(sheet)
        if answer.status is LeaseStatus.REFUSED and lease_id not in sheet.leases:
            return None
        self._hold(held, request.place, lease_id, lease)
        return _spend(held, request.limit)

    def _take_or_begin(
        self, held: _Reservation, request: LeaseRequest, lease_id: str, lease: Lease, closed: Closed | None
    ) -> LeaseAnswer:
        """Take a lease on the period's record; where there is none yet, begin it with the lease."""
        limit = request.limit
        room = limit.amount - lease.amount + (closed.unspent if closed else 0)
        forget = _old_slots(held.sheet, lease.expires_at)
        answer = self._take(LeaseChange(request.place, request.period, room, lease_id, lease, closed, forget))
        if answer.status is not LeaseStatus.REFUSED or not _is_earlier(answer.sheet, request.period):
            return answer
        if request.used + lease.amount > limit.amount:
            return LeaseAnswer(LeaseStatus.REFUSED, LeaseRecord(request.period, request.used, {}, {}))
        sheet = LeaseRecord(request.period, request.used + lease.amount, {lease_id: lease}, {})
        self.writes += 1
        return self._store.begin(request.place, sheet)

    def _hold(self, held: _Reservation, place: LeasePlace, lease_id: str, lease: Lease) -> None:
        held.lease_id, held.amount, held.left = lease_id, lease.amount, lease.amount
        held.expires_at, held.is_closing = lease.expires_at, False
        with self._lock:
            heapq.heappush(self._expiring, (lease.expires_at, place))

    def _size(self, held: _Reservation, limit: Limit, returned: int) -> int:
        """How much the next lease asks for. Where nothing is known of the record it is little."""
        if held.sheet is None:
            return min(held.demand, max(1, limit.amount // PARTS_UNKNOWN), limit.amount)
        granted = held.sheet.granted - returned
        left = max(0, limit.amount - granted)
        until_small = limit.amount * limit.reserve_from // 100 - granted
        most = max(until_small // PARTS_FAR, left // PARTS_NEAR, 1)
        return min(held.demand, most, left)

    def _seconds(self, held: _Reservation, limit: Limit) -> int:
        """How long the next lease lasts. Each change of a record costs as much as all of its leases: the more
        there are, the longer they last, so that the cost of all together does not grow with their square.
        Near the limit, where units should come back soon, none lasts longer than usual.
        """
        sheet = held.sheet
        if sheet is None or sheet.granted * 100 >= limit.amount * limit.reserve_from:
            return self._lease_seconds
        return self._lease_seconds * min(LONGEST_TIMES, 1 + len(sheet.leases) // MANY_LEASES)

    def _recounted(self, sheet: LeaseRecord | None, request: LeaseRequest, now: float) -> LeaseRecord | None:
        """The record without what is settled by now: leases of authorizers that have ended, and spendings."""
        if sheet is None or not _has_settled(sheet, int(now) - self._settle_seconds):
            return None
        recount = request.recount()
        if recount.settled_through is None:
            return None
        settled = min(recount.settled_through, int(now)) - self._settle_seconds
        if settled < now - KEPT_SECONDS + 2 * SPENT_SECONDS:
            return None
        leases = {name: lease for name, lease in sheet.leases.items() if lease.expires_at >= settled}
        spent = {slot: amount for slot, amount in sheet.spent.items() if slot >= spent_slot(settled)}
        unsettled = sum(lease.amount for lease in leases.values()) + sum(spent.values())
        new = LeaseRecord(sheet.period, min(sheet.granted, recount.used + unsettled), leases, spent)
        if new == sheet:
            return None
        self.writes += 1
        answer = self._store.replace(request.place, sheet, new)
        return answer.sheet if answer.status is not LeaseStatus.UNAVAILABLE else None

    def _close(self, held: _Reservation, place: LeasePlace, now: float) -> None:
        closed = held.closing(now)
        if closed is not None:
            answer = self._take(LeaseChange(place, held.period, _ANY_ROOM, closed=closed))
            if answer.sheet is not None and answer.sheet.period == held.period:
                held.learn_sheet(answer.sheet)
            elif answer.status is not LeaseStatus.UNAVAILABLE:
                held.drop()

    def _exhausted(self, held: _Reservation, now: float) -> Spent:
        """Units come back only from leases that others hold."""
        held.retry_at = now + self._retry_seconds
        others = held.sheet is not None and bool(held.sheet.leases)
        return Spent(Spending.EXHAUSTED, 0, self._retry_seconds if others else None)

    def _take(self, take: LeaseChange) -> LeaseAnswer:
        self.writes += 1
        return self._store.take(take)


def _spend(held: _Reservation, limit: Limit) -> Spent:
    held.left -= 1
    granted = held.sheet.granted if held.sheet else 0
    return Spent(Spending.SPENT, max(0, limit.amount - granted) + held.left)


def _is_earlier(sheet: LeaseRecord | None, period: Period) -> bool:
    """Whether a period has no lease record yet."""
    return sheet is None or sheet.period < period


def _has_settled(sheet: LeaseRecord, before: int) -> bool:
    """Whether a recount may give something back: a lease has lapsed, or what is spent is counted, and stood
    twice in an earlier recount.
    """
    has_lapsed = any(lease.expires_at < before for lease in sheet.leases.values())
    return has_lapsed or any(slot < spent_slot(before) for slot in sheet.spent)


def _old_slots(sheet: LeaseRecord | None, now: int) -> list[int]:
    if sheet is None:
        return []
    return [slot for slot in sheet.spent if slot < spent_slot(now - KEPT_SECONDS)]
