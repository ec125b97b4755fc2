"""Worlds of a few calls: a reserved limit, moments of time, and what may go wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from metering.period import Period
from metering.quotas.plan import Limit, Mode, Plan, Span, holder_of
from metering.quotas.ports import LeasePlace
from metering.usage import Metric
from quota_authorizer.leases import SETTLE_SECONDS

NOON: Final = 1_793_880_000
"""2026-11-05T12:00:00Z."""
MIDNIGHT: Final = NOON + 12 * 3600
DAYS: Final = (Period("2026-11-05"), Period("2026-11-06"))
SKEW: Final = 2
"""Seconds that an authorizer's clock may be wrong."""
LATEST: Final = SETTLE_SECONDS - SKEW
"""Seconds from a call's being let through to its line's reaching the stream, at most: with the skew, all that
:data:`quota_authorizer.leases.SETTLE_SECONDS` allows for.
"""
EXPIRED: Final = NOON + 10
"""A lease of noon has expired by a clock that is right."""
SETTLED: Final = NOON + SETTLE_SECONDS + 11
"""The first second at which a lease of noon may come back."""
LATER: Final = SETTLED + SETTLE_SECONDS + 11
"""A lease of `SETTLED` may come back, and what was spent of one of noon."""

ACCOUNT: Final = "acme"
_KEYS: Final = ("k1", "k2")
_UNLIMITED: Final = Plan("unlimited")


class QuotaFault(StrEnum):
    """What may go wrong."""

    UNANSWERED = "unanswered"
    """A request gets no answer; a write is made at any later moment, or never."""
    KILLED = "killed"
    """An authorizer is killed; its last write is made at any later moment, or never."""
    CLOCK = "clock"
    """An authorizer's clock is set forward or back, by up to the skew."""
    GIVEN_UP = "given up"
    """Lambda gives up a batch with a call, until it is repaired."""


@dataclass(frozen=True, slots=True)
class LimitedWorld:
    """A few authorizers, and calls that may come to any of them at any moment."""

    amount: int
    """Of the limit."""
    calls: int
    """How many are made at most."""
    times: tuple[int, ...] = (NOON, EXPIRED, SETTLED)
    """The moments, in epoch seconds: one after the other, each when something could happen at it."""
    faults: int = 1
    """How many may strike in one schedule."""
    of_account: bool = False
    """Whether the limit is that of an account with two keys; else of one key."""
    of_key: int | None = None
    """The amount of a limit that each key of the account has as well."""
    kinds: tuple[QuotaFault, ...] = (QuotaFault.UNANSWERED, QuotaFault.KILLED)
    """Of the faults that strike."""
    authorizers: int = 2
    ended: int = 0
    """Leases of noon, of a call each, of authorizers that have ended and let nothing through."""
    reserve_from: int = 80
    checks_record: bool = True
    """Whether a lease record that grants too little is wrong before a call too many is let through."""
    name: str = field(default="", compare=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that have calls."""
        return _KEYS if self.of_account else _KEYS[:1]

    @property
    def places(self) -> tuple[LeasePlace, ...]:
        """Where leases are kept: that of the limit, then those of the keys' own limits."""
        own = [] if self.of_key is None else [LeasePlace(key, self.limit.name) for key in self.keys]
        holder = holder_of(ACCOUNT) if self.of_account else self.keys[0]
        return (LeasePlace(holder, self.limit.name), *own)

    @property
    def limit(self) -> Limit:
        """Calls that the limit denies are not billable: they use nothing up."""
        return self._limit(self.amount)

    @property
    def plan(self) -> Plan:
        """That of the account, or of the key."""
        return Plan("limited", (self.limit,))

    @property
    def plan_of_keys(self) -> Plan:
        """That of each key."""
        if not self.of_account:
            return self.plan
        return _UNLIMITED if self.of_key is None else Plan("of keys", (self._limit(self.of_key),))

    def amount_at(self, place: int) -> int:
        """The amount of the limit at a place."""
        return self.amount if place == 0 or self.of_key is None else self.of_key

    def keys_at(self, place: int) -> tuple[int, ...]:
        """The keys, by number, whose calls the limit at a place bounds."""
        return tuple(range(len(self.keys))) if place == 0 else (place - 1,)

    def day_at(self, time: int) -> int:
        """The number of the day of a moment, by its number."""
        return int(self.times[time] >= MIDNIGHT)

    def _limit(self, amount: int) -> Limit:
        return Limit(Metric.BILLABLE, Span.DAY, amount, mode=Mode.RESERVED, reserve_from=self.reserve_from)

    def __str__(self) -> str:
        whose = f"an account's limit of {self.amount}" if self.of_account else f"a limit of {self.amount}"
        own = "" if self.of_key is None else f", {self.of_key} for each key"
        many = "an authorizer" if self.authorizers == 1 else f"{self.authorizers} authorizers"
        times = " ".join(str(time - NOON) for time in self.times)
        ended = f"; {self.ended} leases of ended ones" if self.ended else ""
        kinds = f"; {', '.join(self.kinds)}" if self.faults else ""
        return (
            f"{self.name or 'quotas'} ({whose}{own}; {many}, {self.calls} calls at {times} s{ended}{kinds})"
        )
