"""The way of a call from the gateway to the proof, hop by hop, with what is known of each. Pure.

Nothing is measured by a look-up: the watch has looked at the first two hops, heartbeats show the third, and
the last two are known from the hourly run that adds calls up.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, Literal

from metering.counters.traffic import MonthTraffic
from metering.source.gap import Way, minute_of, time_of
from metering.source.settings import is_of_stage
from metering.source.state import SourceState
from usage_api.schemas import Hop

WATCHED_MINUTES: Final = 20
"""The watch looks at the settings every five minutes."""
ADDED_UP: Final = timedelta(hours=2, minutes=30)
"""Two runs of the hourly task may fail before it is named."""
LAKE_SECONDS: Final = 3600
"""As long as the alarm waits for the lake."""
RECONCILED: Final = timedelta(hours=30)
"""A day, and six hours in which a run may end."""

Status = Literal["ok", "behind", "losing", "stopped", "unknown"]
State = Literal["ok", "behind", "failing", "unknown"]


def hops_of(
    source: SourceState,
    counting: tuple[Status, int | None, datetime | None],
    traffic: MonthTraffic | None,
    now: datetime,
) -> tuple[Hop, ...]:
    """All hops at a time. `counting` has the status of the counters, their lag in seconds, and up to when
    they are complete.
    """
    return (
        _of_source(source, now, Way.LOGGED),
        _of_source(source, now, Way.FORWARDED),
        _of_counters(*counting, now),
        _of_lake(traffic, now),
        _of_proof(traffic, now),
    )


_SOURCE: Final = {
    Way.LOGGED: (
        *("API Gateway", "log group"),
        "The calls that API Gateway counts are logged, by its own metrics.",
    ),
    Way.FORWARDED: (
        *("log group", "stream"),
        "The log groups forward what is logged to them, by CloudWatch's metrics.",
    ),
}


def _of_source(source: SourceState, now: datetime, way: Way) -> Hop:
    """What the watch has found."""
    minute = minute_of(now)
    begin, end, well = _SOURCE[way]
    state: State = "ok"
    sentence = " ".join(_problems(source, minute, way))
    if sentence:
        state = "failing"
    elif minute - source.checked > WATCHED_MINUTES:
        state, sentence = "unknown", "The watch has not looked for 20 minutes: check the log of its function."
    elif way not in {leg.way for leg in source.legs}:
        state, sentence = "unknown", "The settings are right; AWS has no counts yet with which to compare."
    return Hop(
        begin=begin,
        end=end,
        state=state,
        lag_seconds=None,
        checked_at=time_of(source.checked) if source.checked else None,
        sentence=sentence or well,
    )


def _problems(source: SourceState, minute: int, way: Way) -> Iterator[str]:
    for fault in source.faults:
        if is_of_stage(fault) == (way is Way.LOGGED):
            yield f"{fault[0].upper()}{fault[1:]}."
    for gap in source.ongoing(minute):
        if gap.way is way:
            yield f"{gap.sentence}. See SourceGapAlarm in the runbook."


def _of_counters(status: Status, lag: int | None, through: datetime | None, now: datetime) -> Hop:
    state, sentence = _COUNTING[status]
    return Hop(
        begin="stream",
        end="counters",
        state=state,
        lag_seconds=lag,
        checked_at=None if through is None else now,
        sentence=sentence,
    )


_WELL: Final[tuple[State, str]] = ("ok", "Each shard is counted up to the last heartbeat.")
_COUNTING: Final[dict[Status, tuple[State, str]]] = {
    "ok": _WELL,
    "losing": _WELL,
    "behind": (
        "behind",
        "Counting is late. After a burst it catches up; else see CountersLateAlarm.",
    ),
    "stopped": (
        "failing",
        "No heartbeat was counted for 5 minutes: see HeartbeatMissingAlarm.",
    ),
    "unknown": ("unknown", "No heartbeat is confirmed yet: normal in the first minutes of a deployment."),
}


def _of_lake(traffic: MonthTraffic | None, now: datetime) -> Hop:
    state, lag, sentence = _lake(traffic, now)
    return Hop(
        begin="stream",
        end="lake",
        state=state,
        lag_seconds=lag,
        checked_at=traffic.made_at if traffic else None,
        sentence=sentence,
    )


def _lake(traffic: MonthTraffic | None, now: datetime) -> tuple[State, int | None, str]:
    if traffic is None or now - traffic.made_at > ADDED_UP:
        return "unknown", None, "The hourly run that looks at it is missing: check the log of reconciliation."
    if traffic.delivered_through is None:
        return "unknown", None, "Firehose's metrics do not say yet how far it has delivered."
    lag = max(0, int((traffic.made_at - traffic.delivered_through).total_seconds()))
    if traffic.waiting:
        many = f"{traffic.waiting:,}{' or more' if traffic.waiting >= 1000 else ''}"
        objects = "object waits" if traffic.waiting == 1 else "objects wait"
        return "failing", lag, f"{many} {objects} under errors/. Bring them in with `usage-meter redrive`."
    if lag > LAKE_SECONDS:
        return "behind", lag, "Firehose is late. See LakeLateAlarm in the runbook."
    return "ok", lag, "Firehose delivers, and nothing waits under errors/."


def _of_proof(traffic: MonthTraffic | None, now: datetime) -> Hop:
    report = traffic.report if traffic else None
    if report is None:
        state: State = "unknown"
        lag, sentence = None, "No report yet: the reconciliation runs each day at 06:00 UTC."
    else:
        lag = max(0, int((now - report.finished_at).total_seconds()))
        is_late = lag > RECONCILED.total_seconds()
        state = "failing" if not report.agrees else "behind" if is_late else "ok"
        sentence = f"{report.month}: {report.sentence}"
    return Hop(
        begin="counters and lake",
        end="reconciliation",
        state=state,
        lag_seconds=lag,
        checked_at=report.finished_at if report else None,
        sentence=sentence,
    )
