"""Plans and their limits, and which key has which plan: what a decision is made of."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from metering.period import Period, day_of, hour_of, month_of
from metering.usage import Metric, Usage

HOUR_SECONDS: Final = 3600
DEFAULT_THRESHOLDS: Final = (50, 80, 100)
DEFAULT_RESERVE_FROM: Final = 80


class Span(StrEnum):
    """How long a limit's period is, in UTC."""

    HOUR = "hour"
    DAY = "day"
    MONTH = "month"

    def period_at(self, epoch_seconds: int) -> Period:
        """The period of this length that a time lies in."""
        hour = hour_of(epoch_seconds // HOUR_SECONDS)
        match self:
            case Span.HOUR:
                return hour
            case Span.DAY:
                return day_of(hour)
            case Span.MONTH:
                return month_of(hour)


class Kind(StrEnum):
    """What happens when a limit is reached."""

    HARD = "hard"
    """Calls are denied until the period ends."""
    SOFT = "soft"
    """Thresholds are told, nothing is denied."""


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
    """Percentages of the amount, ascending, that are told when the usage reaches them."""
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
    """Epoch seconds: since when the key has this plan. Thresholds of earlier periods are not told."""


def limits_of(plan: Plan, assignment: Assignment) -> tuple[Limit, ...]:
    """The limits of a key: its plan's, with the amounts that the key overrides."""
    overrides = assignment.overrides
    if not overrides:
        return plan.limits
    return tuple(
        msgspec.structs.replace(limit, amount=overrides[limit.name]) if limit.name in overrides else limit
        for limit in plan.limits
    )
