"""The calls of all keys together, for the owner: of what was added up once an hour. A look-up reads three
objects, whatever the number of keys and calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from metering.counters.breakdown import BreakdownIndex
from metering.counters.traffic import HourCalls, MonthTraffic, growth
from metering.period import Period
from usage_api.ports import TrafficSource
from usage_api.schemas import MonthComparison, RouteCalls, TrafficAnswer, TrafficPart, UnreadableReason
from usage_api.unreadable_lines import advice_on

KEPT_SECONDS: Final = 60.0
MONTHS_KEPT: Final = 4
MOST_ROUTES: Final = 50
FIRST_ERROR_STATUS: Final = 400


class KeptTraffic:
    """The port `TrafficSource`, asking another one about a month at most every :data:`KEPT_SECONDS`."""

    def __init__(self, source: TrafficSource, steady: Callable[[], float]) -> None:
        """`steady` returns seconds since any start, and is never set."""
        self._source = source
        self._steady = steady
        self._kept: dict[Period, tuple[float, MonthTraffic | None]] = {}

    def traffic(self, month: Period) -> MonthTraffic | None:
        """What was read last, or a new answer. Few months are kept: each has some ten kilobytes."""
        now = self._steady()
        until, found = self._kept.get(month, (now, None))
        if now >= until:
            found = self._source.traffic(month)
            self._kept.pop(month, None)
            self._kept[month] = (now + KEPT_SECONDS, found)
            if len(self._kept) > MONTHS_KEPT:
                self._kept.pop(next(iter(self._kept)))
        return found


def traffic_answer(
    month: Period,
    now: datetime,
    found: MonthTraffic | None,
    former: MonthTraffic | None,
    breakdown: BreakdownIndex | None,
) -> TrafficAnswer:
    """A month, with the one before it and the breakdown by endpoint; None: there is none."""
    parts = () if found is None else found.days
    return TrafficAnswer(
        period=month,
        as_of=now,
        made_at=found.made_at if found else None,
        counted_until=found.until if found else None,
        calls=sum(one.calls for one in parts),
        errors=sum(one.errors for one in parts),
        without_key=sum(one.without_key for one in parts),
        days=tuple(_parts(parts)),
        hours=() if found is None else tuple(_parts(found.hours)),
        comparison=_comparison(found, former),
        unreadable=() if found is None else tuple(_unreadable(found)),
        routes=() if breakdown is None else tuple(_routes(breakdown)),
        routes_until=breakdown.until if breakdown else None,
    )


def _parts(calls: Iterable[HourCalls]) -> Iterator[TrafficPart]:
    for one in calls:
        yield TrafficPart(period=one.hour, calls=one.calls, errors=one.errors)


def _comparison(found: MonthTraffic | None, former: MonthTraffic | None) -> MonthComparison | None:
    if found is None or former is None or (seen := growth(found, former)) is None:
        return None
    return MonthComparison(
        period=former.month, until=seen.until, calls=seen.calls, calls_before=seen.calls_before
    )


def _unreadable(found: MonthTraffic) -> Iterator[UnreadableReason]:
    for reason, lines in found.reasons.items():
        meaning, advice = advice_on(reason)
        yield UnreadableReason(reason=reason, lines=lines, meaning=meaning, advice=advice)


def _routes(breakdown: BreakdownIndex) -> list[RouteCalls]:
    """The heaviest routes, all statuses of each together."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for one in breakdown.total.endpoints:
        calls, errors = found.get((one.method, one.route), (0, 0))
        failed = one.calls if one.status >= FIRST_ERROR_STATUS else 0
        found[one.method, one.route] = calls + one.calls, errors + failed
    heaviest = sorted(found.items(), key=lambda route: (-route[1][0], route[0]))[:MOST_ROUTES]
    return [
        RouteCalls(method=method, route=route, calls=calls, errors=errors)
        for (method, route), (calls, errors) in heaviest
    ]
