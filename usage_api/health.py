"""The meter's health, judged by how complete the counters are and by what could not be counted. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Final

from metering.counters.traffic import MonthTraffic
from metering.outcome import MALFORMED_KEY, UNATTRIBUTED_KEY, UNDECODABLE_KEY
from metering.proof.archive import ArchiveMark
from metering.source.gap import minute_of
from metering.source.state import SourceState
from metering.usage import NO_USAGE, Usage
from usage_api.hops import Status, hops_of
from usage_api.ports import Completeness
from usage_api.schemas import HealthAnswer, Reserved, ShardHealth
from usage_api.totals import totals_of

BEHIND_SECONDS: Final = 180
STOPPED_SECONDS: Final = 300
"""As long as the alarm waits for heartbeats."""

RESTORED: Final = (
    "The counters' table was restored to an earlier time, and lacks what was counted since. Set the event "
    "source mapping back to before that time, then run `usage-meter resume`: see the runbook, Restore the "
    "counters' table."
)

RESERVED_KEYS: Final = (UNATTRIBUTED_KEY, MALFORMED_KEY, UNDECODABLE_KEY)


def assess(  # noqa: PLR0913 - all that health is made of
    completeness: Completeness,
    reserved: Mapping[str, Usage],
    source: SourceState,
    now: datetime,
    traffic: MonthTraffic | None = None,
    *,
    partly_archived: Iterable[ArchiveMark] = (),
) -> HealthAnswer:
    """The health at a time. `reserved` has the usage of the reserved keys in the current month, `traffic`
    what the hourly run has found last, `partly_archived` the marks of such months.
    """
    lag = _lag(completeness.complete_through, now)
    losses = tuple(_of_source(source, now))
    status = status_of(lag, is_losing=bool(losses))
    shards = tuple(
        ShardHealth(
            shard=shard.shard_id,
            counted_through=shard.counted_through,
            lag_seconds=_seconds(shard.counted_through, now),
        )
        for shard in sorted(completeness.shards, key=lambda shard: shard.shard_id)
    )
    unattributed, malformed, undecodable = (reserved.get(key, NO_USAGE) for key in RESERVED_KEYS)
    return HealthAnswer(
        as_of=now,
        complete_through=completeness.complete_through,
        status=status,
        lag_seconds=lag,
        shards=shards,
        reserved=Reserved(
            unattributed=totals_of(unattributed),
            malformed=totals_of(malformed),
            undecodable=totals_of(undecodable),
        ),
        hops=hops_of(source, (status_of(lag), lag, completeness.complete_through), traffic, now),
        problems=(
            *([RESTORED] if completeness.is_restored else _of_progress(status, lag, shards)),
            *losses,
            *_of_lines(malformed.requests, undecodable.requests),
            *map(_of_archive, partly_archived),
        ),
    )


def status_of(lag: int | None, *, is_losing: bool = False) -> Status:
    """What a lag in seconds means, and whether calls do not reach the stream."""
    if lag is not None and lag >= STOPPED_SECONDS:
        return "stopped"
    if is_losing:
        return "losing"
    if lag is None:
        return "unknown"
    return "behind" if lag > BEHIND_SECONDS else "ok"


def _of_source(source: SourceState, now: datetime) -> Iterator[str]:
    """What keeps calls from the stream."""
    for fault in source.faults:
        yield f"{fault[0].upper()}{fault[1:]}."
    for gap in source.ongoing(minute_of(now)):
        yield f"{gap.sentence}. See SourceGapAlarm in the runbook."


def _of_progress(status: Status, lag: int | None, shards: tuple[ShardHealth, ...]) -> Iterator[str]:
    late = [shard.shard for shard in shards if shard.lag_seconds > BEHIND_SECONDS]
    where = f" Late: {_some(late)}." if late else " Every shard is read, so the heartbeats are missing."
    match status:
        case "unknown":
            yield (
                "It is not known how complete the counters are. This is normal in the first minutes of a "
                "deployment; later, check in the log of the watch function that it sends its heartbeats."
            )
        case "behind":
            yield (
                f"The counters are {lag} seconds late.{where} Check IteratorAge, errors and throttles of the "
                "stream processor; after a burst or an outage it catches up by itself."
            )
        case "stopped":
            yield (
                f"Nothing has been confirmed as counted for {lag} seconds.{where} Check whether the event "
                "source mapping of the stream processor is enabled, whether its log has errors, and whether "
                "the watch function runs each minute."
            )
        case "ok" | "losing":
            return


def _of_lines(malformed: int, undecodable: int) -> Iterator[str]:
    if malformed:
        lines = _many(
            malformed, "log line of this month is unreadable", "log lines of this month are unreadable"
        )
        yield (
            f"{lines}. Compare the access-log format of the stages "
            "with the stack's output AccessLogFormat; the saved query `unreadable log lines` shows them, "
            "and the lake keeps their text."
        )
    if undecodable:
        records = _many(undecodable, "record of this month holds", "records of this month hold")
        yield (
            f"{records} no access log. Find out who else puts records into the "
            "stream; they are under errors/ in the lake's bucket, and `usage-meter redrive` tries them again."
        )


def _of_archive(mark: ArchiveMark) -> str:
    batches = _many(mark.batches, "batch", "batches")
    return (
        f"{mark.month} is partly archived: {mark.moved:,} of {batches} left the table. Unless a job is at "
        f"work, `usage-meter archive {mark.month}` goes on, and `usage-meter archive {mark.month} --restore` "
        "brings them back: see the runbook, Archive."
    )


def _many(count: int, one: str, several: str) -> str:
    return f"{count:,} {one if count == 1 else several}"


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"


def _lag(complete_through: datetime | None, now: datetime) -> int | None:
    return None if complete_through is None else _seconds(complete_through, now)


def _seconds(then: datetime, now: datetime) -> int:
    """Whole seconds from then to now; 0 where a clock is ahead of ours."""
    return max(0, int((now - then).total_seconds()))
