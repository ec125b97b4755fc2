"""How far a month is complete on both paths, and what of it can be compared. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from metering.period import Period, begins_at, days_of, ends_at
from metering.source.gap import minute_of
from metering.source.state import SourceState
from reconciliation.model.failed_records import FailedRecords

ARRIVAL: Final = timedelta(minutes=15)
"""How long after its own time a call may reach the stream and is still expected: API Gateway writes a line
when the call has ended, and CloudWatch Logs hands it on within seconds, or minutes when it is busy.
"""
WAITING: Final = timedelta(days=2)
"""How long after its own time a call may arrive at all: a day from its log event's own, and the day for which
CloudWatch Logs tries to hand it on. What arrived later and waits is no call of the month.
"""


MOST_REASONS: Final = 10
"""Gaps of the source that are named one by one."""

VOUCHED: Final = datetime.max.replace(tzinfo=UTC)
"""How far a path is complete where the caller vouches for it."""


class Paths(NamedTuple):
    """How far each path is complete, by arrival in the stream. None: nobody knows."""

    counted: datetime | None
    delivered: datetime | None


class Readiness(NamedTuple):
    """What can be compared."""

    until: datetime
    """The first instant that is not complete on both paths, at most the month's end."""
    missing: list[str]
    """Why it is not the month's end, a sentence each."""


def readiness(month: Period, now: datetime, paths: Paths, failed: FailedRecords) -> Readiness:
    """How far a month is complete: whole days, or the month. Of a running month only the days that are over
    are asked for.
    """
    end = ends_at(month)
    over = min(end, now.replace(hour=0, minute=0, second=0, microsecond=0))
    limits = [over]
    missing = [f"the month ends on {end:%Y-%m-%d}"] if now < end else []
    for through, who in (
        (paths.counted, "the stream processor has counted"),
        (paths.delivered, "Firehose has delivered to the lake"),
    ):
        if through is None:
            missing.append(f"nothing is known of how far {who}")
            limits.append(begins_at(month))
        elif through < over + ARRIVAL:
            missing.append(
                f"{who} what arrived before {_text(through)}, and {_text(over + ARRIVAL)} is needed"
            )
            limits.append(through - ARRIVAL)
    waiting = _waiting(end, failed)
    if waiting is not None:
        missing.append(
            f"{failed.waiting} records wait under the error prefix, the first since {_text(waiting)}: "
            "redrive them into the lake"
        )
        limits.append(waiting - WAITING)
    if failed.unreadable:
        missing.append(f"objects under the error prefix cannot be read: {', '.join(failed.unreadable[:10])}")
        limits.append(begins_at(month))
    return Readiness(_whole_days(month, min(limits)), missing)


def gap_reasons(month: Period, source: SourceState) -> list[str]:
    """Why a month is not whole though all that reached the stream is compared, a sentence each: what the
    watch of the source found missing in front of the stream.
    """
    gaps = source.within(minute_of(begins_at(month)), minute_of(ends_at(month)))
    return [gap.sentence for gap in gaps[:MOST_REASONS]] + (
        [f"{len(gaps) - MOST_REASONS:,} more gaps of the source"] if len(gaps) > MOST_REASONS else []
    )


def is_refused(month: Period, now: datetime, until: datetime) -> bool:
    """Whether too little is complete to be compared: not all of a month that is over, or no day of a running
    one though some are over.
    """
    begin, end = begins_at(month), ends_at(month)
    if now >= end:
        return until < end
    return until == begin and now - begin >= timedelta(days=1)


def _text(time: datetime) -> str:
    return f"{time:%Y-%m-%dT%H:%M:%SZ}"


def _waiting(end: datetime, failed: FailedRecords) -> datetime | None:
    """Since when records wait that may hold calls of the month."""
    if failed.waiting_since_ms is None:
        return None
    since = datetime.fromtimestamp(failed.waiting_since_ms / 1000, UTC)
    return since if since < end + WAITING else None


def _whole_days(month: Period, until: datetime) -> datetime:
    """The end of the last day of the month that is over by then, or the month's beginning."""
    ends = [ends_at(day) for day in days_of(month) if ends_at(day) <= until]
    return ends[-1] if ends else begins_at(month)
