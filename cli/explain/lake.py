"""The lake's own count of one key: which query gives it, and what its rows say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from metering.calls.access_log import FIRST_ERROR_STATUS
from metering.outcome import MALFORMED_KEY
from metering.period import Period, begins_at, day_of, ends_at, is_day
from metering.usage import Usage, total
from reconciliation.lake.queries import (
    CALLS_BY_HOUR_AND_STATUS,
    MALFORMED_REASONS,
    between,
    query_text,
    quoted,
)
from reconciliation.ports import Queries

TOO_MANY_REQUESTS: Final = 429
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class LakeCalls(NamedTuple):
    """The calls of a key in one hour that were answered with one status."""

    hour: Period
    status: int
    """0 where the row has none."""
    billable: bool
    first_at: datetime
    last_at: datetime
    rows: int
    """Rows of the lake; more than the requests where events lie there more than once."""
    usage: Usage


class MalformedReason(NamedTuple):
    """Why lines are malformed."""

    reason: str
    lines: int
    example: str
    """The reason of one of them in words, with the value that is wrong."""
    text: str
    """The beginning of one of them; empty where the lake does not keep it."""


class LakeAnswer(NamedTuple):
    """What the lake has of a key in a period, and what it cost to ask."""

    calls: Sequence[LakeCalls]
    query_id: str
    scanned_bytes: int
    milliseconds: int
    reasons: Sequence[MalformedReason] = ()
    """Of the reserved key of malformed lines: why they are. The most frequent comes first."""

    @property
    def usage(self) -> Usage:
        """The usage, each event once."""
        return total(one.usage for one in self.calls)

    @property
    def rows(self) -> int:
        """All rows."""
        return sum(one.rows for one in self.calls)

    def requests_by_part(self, period: Period) -> Mapping[Period, int]:
        """The requests of each day of a month, or of each hour of a day, that has some."""
        found: dict[Period, int] = {}
        for one in self.calls:
            part = one.hour if is_day(period) else day_of(one.hour)
            found[part] = found.get(part, 0) + one.usage.requests
        return found

    def by_status(self) -> list[StatusCalls]:
        """The calls of each status, in the order of statuses."""
        groups: dict[tuple[int, bool], list[LakeCalls]] = {}
        for one in self.calls:
            groups.setdefault((one.status, one.billable), []).append(one)
        return [StatusCalls.of(groups[name]) for name in sorted(groups)]

    def denials(self, within: Period) -> StatusCalls | None:
        """The calls of an hour, day or month that were answered with status 429; None: there are none."""
        found = [one for one in self.calls if one.status == TOO_MANY_REQUESTS and one.hour.startswith(within)]
        return StatusCalls.of(found) if found else None

    def denied_since(self, within: Period) -> datetime | None:
        """Since when every call of an hour, day or month had status 429: the first such call after the last
        one with another status. Where the two are mixed within one hour, the time of that last one. None: the
        last call had another status, or there was none.
        """
        found = [one for one in self.calls if one.hour.startswith(within)]
        let_through = max((one.last_at for one in found if one.status != TOO_MANY_REQUESTS), default=_NEVER)
        denied = [one for one in found if one.status == TOO_MANY_REQUESTS and one.last_at > let_through]
        return max(min(one.first_at for one in denied), let_through) if denied else None


class StatusCalls(NamedTuple):
    """The calls of a key that were answered with one status."""

    status: int
    billable: bool
    requests: int
    first_at: datetime
    last_at: datetime

    @classmethod
    def of(cls, calls: Sequence[LakeCalls]) -> StatusCalls:
        """All of them together; there is at least one."""
        return cls(
            calls[0].status,
            calls[0].billable,
            sum(one.usage.requests for one in calls),
            min(one.first_at for one in calls),
            max(one.last_at for one in calls),
        )


def ask_lake(queries: Queries, key: str, period: Period, run_id: str) -> LakeAnswer:
    """What the lake has of a key in a month or day, by one query; of malformed lines by
    another one why they are.

    Raises:
        MeterError: the query failed.
    """
    sql = query_text(CALLS_BY_HOUR_AND_STATUS)
    parameters = (*between(begins_at(period), ends_at(period)), quoted(key))
    query = queries.run(sql, parameters, run_id=run_id)
    calls = tuple(_read(query.rows()))
    answer = LakeAnswer(calls, query.query_id, query.scanned_bytes, query.milliseconds)
    if key == MALFORMED_KEY:
        return answer._replace(reasons=_reasons(queries, period, run_id))
    return answer


def _reasons(queries: Queries, period: Period, run_id: str) -> Sequence[MalformedReason]:
    parameters = between(begins_at(period), ends_at(period))
    found = queries.run(query_text(MALFORMED_REASONS), parameters, run_id=run_id)
    return tuple(MalformedReason(*row) for row in found.rows())


def _read(rows: Iterable[tuple[Any, ...]]) -> Iterable[LakeCalls]:
    for hour, status, billable, first_at, last_at, lake_rows, requests, *sums in rows:
        response_bytes, request_bytes, latency_ms, fingerprint, *unknown = sums
        is_error = status >= FIRST_ERROR_STATUS
        usage = Usage(
            requests,
            requests if billable else 0,
            requests if is_error else 0,
            response_bytes,
            request_bytes,
            latency_ms,
            fingerprint,
            *unknown,
        )
        yield LakeCalls(
            Period(f"{hour:%Y-%m-%dT%H}"), status, bool(billable), first_at, last_at, lake_rows, usage
        )
