"""Cuts above the stream, and the time within which each has to be named."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from copy import copy
from enum import StrEnum
from typing import Final, NamedTuple

from metering.source.arrivals import SLACK
from metering.source.leg import SILENT
from metering.source.settings import Stage, Subscription, broken_stages, broken_subscription
from metering.source.state import SourceState, with_arrivals, with_counts, with_settings, with_stages
from simulation.source.days import DAY, FIRST, GROUP, SourceDays, binomial

CHECKED_EVERY: Final = 5
COUNTED_EVERY: Final = 30
"""As the template schedules the watch."""
ALARM_MINUTES: Final = 2
"""After which CloudWatch's own alarm on DeliveryErrors is raised: the minute itself, and one for its point.
"""
AT_ONCE: Final = 5
WITHIN: Final = 60
WARMED_UP: Final = 8 * DAY

STREAM: Final = "arn:aws:kinesis:eu-west-1:123456789012:stream/calls"
_STAGE: Final = Stage("a1b2c3", "prod", is_rest=True, name="orders", log_group=GROUP)


class CutKind(StrEnum):
    """What is cut."""

    FILTER_DELETED = "subscription filter deleted"
    FILTER_REPLACED = "subscription filter leads elsewhere"
    FILTER_PATTERN = "subscription filter with a pattern"
    LOG_REMOVED = "access log of the stage removed"
    ROLE_LOST = "role of the subscription lost"
    GATEWAY_SILENT = "API Gateway logs nothing, settings as before"
    DROPPED = "0.1 % not forwarded, without an error"
    SOCKETS_SILENT = "WebSocket API logs nothing, settings as before"
    NOT_COUNTED = "everything forwarded, nothing counted"
    SKIPPED = "records of hours skipped, then counted again"


ABOVE_LOG: Final = frozenset({CutKind.LOG_REMOVED, CutKind.GATEWAY_SILENT})
IN_STREAM: Final = frozenset({CutKind.NOT_COUNTED, CutKind.SKIPPED})
_WITHOUT_METRIC: Final = IN_STREAM | {CutKind.GATEWAY_SILENT, CutKind.SOCKETS_SILENT, CutKind.DROPPED}
_SKIPPED_MINUTES: Final = 150
_EDGE: Final = SLACK + 5
"""Minutes of log events that may be on either side of a reading."""


class SourceCut(NamedTuple):
    """What is cut, and when, in minutes from the first."""

    kind: CutKind
    minute: int

    @property
    def has_metric(self) -> bool:
        """Whether settings or a metric of errors say so at once."""
        return self.kind not in _WITHOUT_METRIC


class Named(NamedTuple):
    """What became of a cut."""

    cut: SourceCut
    lost: int
    """Calls that were lost until then."""
    visible: int | None
    """From when on it can be known; None: nothing came that could be lost."""
    named: int | None

    @property
    def waited(self) -> int | None:
        """Minutes from when it could be known until it was named."""
        return None if self.named is None or self.visible is None else max(0, self.named - self.visible)

    @property
    def is_in_time(self) -> bool:
        """Whether it was named in time, or lost nothing that shows."""
        if self.visible is None:
            return True
        allowed = AT_ONCE if self.cut.has_metric else WITHIN
        return self.waited is not None and self.waited <= allowed


def settings_at(cut: SourceCut | None, minute: int) -> list[str]:
    """What a look at the settings finds."""
    kind = cut.kind if cut is not None and minute >= cut.minute else None
    ours = Subscription("usage-meter", "", STREAM)
    subscriptions: list[Subscription] = {
        CutKind.FILTER_DELETED: [],
        CutKind.FILTER_REPLACED: [ours._replace(destination=STREAM + "-2")],
        CutKind.FILTER_PATTERN: [ours._replace(pattern="{ $.status = 2* }")],
    }.get(kind, [ours])  # type: ignore[arg-type]  # None is no key
    logs_to = None if kind is CutKind.LOG_REMOVED else GROUP
    broken = broken_subscription(GROUP, subscriptions, STREAM)
    stages = broken_stages([_STAGE], {(_STAGE.api, _STAGE.stage): logs_to}, [GROUP])
    return [*([broken] if broken else []), *stages]


def watched(
    days: SourceDays, state: SourceState, minutes: range, cut: SourceCut | None = None
) -> Iterator[tuple[int, SourceState]]:
    """The watch's states, minute by minute as it looks."""
    for minute in minutes:
        if minute % CHECKED_EVERY == days.seed % CHECKED_EVERY:
            state = with_settings(state, settings_at(cut, minute), FIRST + minute)
            if minute % COUNTED_EVERY == days.seed % COUNTED_EVERY:
                state = with_stages(state, [_STAGE], FIRST + minute)
                flows = days.seen(minute)
                state = with_counts(state, flows, FIRST + minute)
                if minute:
                    state = with_arrivals(state, days.arrived(minute), flows, FIRST + minute)
            yield minute, state


def cut_off(days: SourceDays, cut: SourceCut, end: int) -> tuple[SourceDays, list[int]]:
    """The days with a cut in them until a minute, and how many calls each minute lost by it."""
    drawn, after = random.Random(days.seed * 1_000_003 + cut.minute), copy(days)
    after.logged, after.forwarded, after.counted = list(days.logged), list(days.forwarded), list(days.counted)
    after.socket_logged = list(days.socket_logged)
    lost = [0] * days.length
    if cut.kind is CutKind.SKIPPED:
        end = min(end, cut.minute + _SKIPPED_MINUTES)
    for minute in range(cut.minute, end):
        if cut.kind is CutKind.SOCKETS_SILENT:
            lost[minute] = after.connected[minute]
            after.socket_logged[minute] = 0
        elif cut.kind in IN_STREAM:
            lost[minute] = after.counted[minute]
        elif cut.kind in ABOVE_LOG:
            lost[minute] = after.logged[minute]
            after.logged[minute] = after.forwarded[minute] = 0
        else:
            share = 0.001 if cut.kind is CutKind.DROPPED else 1.0
            lost[minute] = binomial(drawn, after.forwarded[minute], share)
            after.forwarded[minute] -= lost[minute]
        if cut.kind is not CutKind.SOCKETS_SILENT:
            after.counted[minute] = max(0, after.counted[minute] - lost[minute])
    return after, lost


def run_cut(days: SourceDays, state: SourceState, minutes: range, cut: SourceCut) -> Named:
    """Watch days with a cut in them, from a state that has learned what is usual."""
    after, lost = cut_off(days, cut, minutes.stop)
    visible = _visible(days, cut, lost, minutes.stop - 2 * WITHIN)
    known = {*state.faults, *state.gaps}
    end = minutes.stop if visible is None else min(minutes.stop, visible + 3 * WITHIN)
    if cut.kind is CutKind.ROLE_LOST:
        named = None if visible is None else visible + ALARM_MINUTES
        return Named(cut, sum(lost[:end]), visible, named)
    for minute, one in watched(after, state, range(minutes.start, end), cut):
        if minute >= cut.minute and ({*one.faults, *one.gaps} - known):
            return Named(cut, sum(lost[:minute]), visible, minute)
    return Named(cut, sum(lost[:end]), visible, None)


def _visible(days: SourceDays, cut: SourceCut, lost: list[int], end: int) -> int | None:
    """From when on, before an end, a cut can be known: settings at once; errors with the first; silence
    with more calls than are usually not logged; a share without an error when it is a thousandth of an
    hour's calls, and more than chance makes of what is on its way; what is not counted, when counting has
    come so far, and it is more than may be on either side of two readings.
    """
    if cut.has_metric and cut.kind is not CutKind.ROLE_LOST:
        return cut.minute
    least = 1
    if cut.kind in (CutKind.GATEWAY_SILENT, CutKind.SOCKETS_SILENT):
        least = SILENT
    if cut.kind in IN_STREAM:
        return _countable(days, cut, lost, end)
    if cut.kind is CutKind.DROPPED:
        hour = sum(days.called[cut.minute : cut.minute + 60])
        least = max(2, round(hour * 0.001), round(1 + math.sqrt(hour / 60)))
    so_far = 0
    for minute in range(cut.minute, end):
        so_far += lost[minute]
        if so_far >= least:
            return minute
    return None


def _countable(days: SourceDays, cut: SourceCut, lost: list[int], end: int) -> int | None:
    """When what was lost is more than may be on either side of two readings, and a delivery that came twice.
    Where a shard goes meanwhile, with what it had brought, readings before and after are not comparable.
    """
    if any(cut.minute - WITHIN < minute + DAY < end for minute in days.reshardings):
        return None
    around = days.forwarded[max(0, cut.minute - WITHIN) : end]
    most = max((sum(around[place : place + _EDGE]) for place in range(len(around))), default=0)
    least = 2 * most + 2 * max(around, default=0)
    for minute in range(cut.minute + 1, end):
        through = minute - days.lags[minute - 1]
        if sum(lost[cut.minute : max(cut.minute, through)]) > least:
            return minute
    return None
