"""Plans and their limits, and which key has which plan: what a decision is made of."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from metering.period import Period, day_of, hour_of, month_of, week_of
from metering.usage import Metric, Usage

HOUR_SECONDS: Final = 3600
DEFAULT_THRESHOLDS: Final = (50, 80, 100)
DEFAULT_RESERVE_FROM: Final = 80


class Span(StrEnum):
    """How long a limit's period is, in UTC."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    """From Monday on."""
    MONTH = "month"

    def period_at(self, epoch_seconds: int) -> Period:
        """The period of this length that a time lies in."""
        hour = hour_of(epoch_seconds // HOUR_SECONDS)
        match self:
            case Span.HOUR:
                return hour
            case Span.DAY:
                return day_of(hour)
            case Span.WEEK:
                return week_of(day_of(hour))
            case Span.MONTH:
                return month_of(hour)


class Kind(StrEnum):
    """What happens when a limit is reached."""

    HARD = "hard"
    """Calls are denied until the period ends."""
    SOFT = "soft"
    """Thresholds are published, nothing is denied."""


class Mode(StrEnum):
    """How a hard limit is held."""

    COUNTED = "counted"
    """By the counters. They are late by the way of the log, and calls are let through meanwhile."""
    RESERVED = "reserved"
    """By leases: a call is let through only if its unit was reserved before. Never more than the limit."""


class Limit(msgspec.Struct, frozen=True, gc=False):
    """At most `amount` of a metric in each period of a length. There is one for a metric and length."""

    metric: Metric
    span: Span
    amount: int
    kind: Kind = Kind.HARD
    thresholds: tuple[int, ...] = DEFAULT_THRESHOLDS
    """Percentages of the amount, ascending: an event is published when the usage reaches one. A hard limit
    has none over 100, since its usage cannot pass 100.
    """
    mode: Mode = Mode.COUNTED
    reserve_from: int = DEFAULT_RESERVE_FROM
    """Percentage of the amount from which leases are small. Says something in the mode `reserved` only."""

    @property
    def name(self) -> str:
        """What it is called: `requests/month`."""
        return f"{self.metric}/{self.span}"

    def used(self, usage: Usage) -> int:
        """What a usage holds of the metric."""
        used: int = getattr(usage, self.metric)
        return used


class Plan(msgspec.Struct, frozen=True):
    """Limits under a name. A change makes a new version; versions count from 1."""

    name: str
    limits: tuple[Limit, ...] = ()
    version: int = 1
    since: int = 0
    """Epoch seconds: since when this version is in force."""


class KeyStatus(StrEnum):
    """Whether a key may be used at all."""

    ACTIVE = "active"
    SUSPENDED = "suspended"


class Assignment(msgspec.Struct, frozen=True):
    """The plan of a key."""

    key: str
    plan: str
    account: str = ""
    overrides: Mapping[str, int] = {}
    """Amounts in place of the plan's, by the name of the limit."""
    status: KeyStatus = KeyStatus.ACTIVE
    since: int = 0
    """Epoch seconds: since when the key has this plan, with these amounts."""
    expires: int = 0
    """Epoch seconds: from when on no call of the key is let through; 0: never."""
    mail: str = ""
    """Of an account: the address at which the customer hears of thresholds; empty: of none."""

    def may_call(self, at: float) -> bool:
        """Whether the key may be used at all, at a time in epoch seconds."""
        return self.status is KeyStatus.ACTIVE and (not self.expires or at < self.expires)


ACCOUNT_PREFIX: Final = "!account:"


def holder_of(account: str) -> str:
    """Who holds the plan of an account, where else a key does. No key can have this for its id."""
    return f"{ACCOUNT_PREFIX}{account}"


class AccountKeys(msgspec.Struct, frozen=True):
    """The keys of an account, and its plan, whose limits hold for all of them together.

    A key that ever belonged to the account stays one of them: a limit is kept when a key is rotated.
    """

    name: str
    assignment: Assignment | None = None
    """Its plan, held by :func:`holder_of` it; None: it has none."""
    keys: frozenset[str] = frozenset()


def in_force_since(plan: Plan, assignment: Assignment) -> int:
    """Since when (epoch seconds) the limits of a key are as they are. No
    threshold is published of periods that ended before it.
    """
    return max(plan.since, assignment.since)


def limits_of(plan: Plan, assignment: Assignment) -> tuple[Limit, ...]:
    """The limits of a key: its plan's, with the amounts that the key overrides."""
    overrides = assignment.overrides
    if not overrides:
        return plan.limits
    return tuple(
        msgspec.structs.replace(limit, amount=overrides[limit.name]) if limit.name in overrides else limit
        for limit in plan.limits
    )
