"""The decision on a call: from limits, usage and time to allowed or denied. Pure.

More usage never turns a denial into a permission, a soft limit never denies, and a period's usage says
nothing about the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from metering.period import Period, days_of_week, ends_at, week_of
from metering.quotas.plan import Kind, Limit, Span
from metering.usage import NO_USAGE, Usage

Counted = Mapping[Period, Usage]
"""The usage of a key by period. A period that is not there has none."""


class Standing(NamedTuple):
    """What is used of a limit at a moment."""

    limit: Limit
    used: int
    resets_at: int
    """Epoch seconds: when its period ends."""
    account: str = ""
    """Whose keys together it bounds; empty: it is of one key."""

    @property
    def name(self) -> str:
        """What the limit is called: `requests/month`, that of an account `account:requests/month`."""
        return f"account:{self.limit.name}" if self.account else self.limit.name

    @property
    def remaining(self) -> int:
        """What is left of the amount, never below 0."""
        return max(0, self.limit.amount - self.used)

    @property
    def denies(self) -> bool:
        """Whether it denies a call. A hard limit of 0 denies all."""
        return self.limit.kind is Kind.HARD and self.used >= self.limit.amount


class Decision(NamedTuple):
    """Whether a call is let through, and the limit that decided.

    For a denial it is the exhausted limit that resets last, for a permission the hard limit of which the
    smallest share is left (a soft one where there is no hard one); None without limits.
    """

    allowed: bool
    standing: Standing | None = None
    retry_after: int | None = None
    """Whole seconds after which another attempt makes sense, at least 1; None where the call is allowed."""


ALLOWED = Decision(allowed=True)


def decide(limits: Iterable[Limit], counted: Counted, now: datetime) -> Decision:
    """Decide on a call at a time."""
    return decide_at(limits, counted, now.timestamp())


def decide_at(limits: Iterable[Limit], counted: Counted, now: float) -> Decision:
    """As :func:`decide`, with the time in epoch seconds."""
    return verdict(standings(limits, counted, int(now)), now)


def standings(limits: Iterable[Limit], counted: Counted, now: int) -> list[Standing]:
    """What is used of each limit at a time in epoch seconds."""
    found = []
    for limit in limits:
        period = limit.span.period_at(now)
        used = used_in(limit, period, counted)
        found.append(Standing(limit, used, resets_at(period)))
    return found


def used_in(limit: Limit, period: Period, counted: Counted) -> int:
    """What a period has used of a limit. Of a week it is what its days have used."""
    if limit.span is not Span.WEEK:
        return limit.used(counted.get(period, NO_USAGE))
    return sum(limit.used(counted.get(day, NO_USAGE)) for day in days_of_week(period))


def unknown_sizes_in(limit: Limit, counted: Counted, now: int) -> int:
    """The calls that a limit on bytes takes for 0 bytes in its period at a time in epoch seconds, since their
    size is not known.
    """
    period = limit.span.period_at(now)
    periods = days_of_week(period) if limit.span is Span.WEEK else (period,)
    return sum(counted.get(one, NO_USAGE).unknown_sizes(limit.metric) for one in periods)


def verdict(found: Sequence[Standing], now: float) -> Decision:
    """The decision that the limits, as they stand, come to."""
    denying = [standing for standing in found if standing.denies]
    if denying:
        last = max(denying, key=lambda standing: standing.resets_at)
        return denial(last, now)
    return Decision(allowed=True, standing=min(found, key=_closeness, default=None))


def denial(standing: Standing, now: float, retry_after: float | None = None) -> Decision:
    """A denial by a limit, until its period ends or for a shorter time."""
    wait = standing.resets_at - now if retry_after is None else retry_after
    return Decision(allowed=False, standing=standing, retry_after=max(1, -int(-wait // 1)))


def _closeness(standing: Standing) -> tuple[bool, float, int]:
    """Orders limits by how near they are: hard ones first, then by the share that is left."""
    limit = standing.limit
    return limit.kind is not Kind.HARD, standing.remaining / (limit.amount or 1), standing.resets_at


@lru_cache(maxsize=4096)
def resets_at(period: Period) -> int:
    """Epoch seconds of the end of a period."""
    return int(ends_at(period).timestamp())


def periods_at(spans: Iterable[Span], now: int) -> frozenset[Period]:
    """The months and days whose counters hold the usage at a time: of an hour its day, of a week its days."""
    wanted = set(spans)
    found = {(Span.MONTH if span is Span.MONTH else Span.DAY).period_at(now) for span in wanted}
    if Span.WEEK in wanted:
        today = Span.DAY.period_at(now)
        found |= {day for day in days_of_week(week_of(today)) if day <= today}
    return frozenset(found)
