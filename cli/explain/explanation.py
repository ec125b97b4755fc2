"""What there is to say of one key in one period, put together from what was read. Nothing is read here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import reduce
from operator import add
from typing import Any, Final, NamedTuple

import msgspec

from adapters.dynamodb.key_audit import Alert, KeyRepair, Slice
from cli.explain.lake import LakeAnswer, StatusCalls
from metering.counters.counter import Counter
from metering.outcome import OUTCOME_OF_KEY
from metering.period import Period, days_of, ends_at, hours_of, is_month, month_of
from metering.proof.drift import beyond_unknown_sizes
from metering.quotas.plan import KeyStatus, Span
from metering.usage import NO_USAGE, Metric, Usage
from reconciliation.report.verdict import counted
from usage_api.schemas import LimitStanding, QuotaAnswer

_METRICS: Final = {
    Metric.REQUESTS: "requests",
    Metric.BILLABLE: "billable requests",
    Metric.ERRORS: "errors",
    Metric.RESPONSE_BYTES: "response bytes",
    Metric.REQUEST_BYTES: "request bytes",
}
_SPANS: Final = {Span.HOUR: "an hour", Span.DAY: "a day", Span.WEEK: "a week", Span.MONTH: "a month"}


class Agreement(StrEnum):
    """How the counter and the lake compare."""

    AGREES = "agrees"
    ON_THE_WAY = "in transit"
    """They differ, but only where calls may still be on their way to one of the two."""
    DIFFERS = "differs"
    NOT_ASKED = "not queried"


class PartCompared(NamedTuple):
    """A day or an hour on both sides."""

    period: Period
    counted: int
    in_lake: int | None
    """None: the lake was not queried."""


@dataclass(frozen=True, slots=True)
class Explained:
    """All that was found of a key in a month or day."""

    key: str
    period: Period
    quota: QuotaAnswer
    slices: Sequence[Slice]
    alerts: Sequence[Alert]
    lake: LakeAnswer | None
    lake_late: timedelta
    """A call may be so late in the lake without anything being wrong."""
    repairs: Sequence[KeyRepair] = ()

    @property
    def counter(self) -> Counter:
        """The counter with all its slices."""
        found = [one.counter for one in self.slices]
        return reduce(add, found) if found else Counter(self.key, self.period, NO_USAGE)

    @property
    def parts(self) -> list[PartCompared]:
        """The days of the month, or the hours of the day, that have requests on either side; in order."""
        of_month = is_month(self.period)
        names = days_of(self.period) if of_month else hours_of(self.period)
        mark = "-" if of_month else "T"
        counted = {f"{self.period}{mark}{part}": requests for part, requests in self.counter.parts.items()}
        in_lake = {} if self.lake is None else self.lake.requests_by_part(self.period)
        return [
            PartCompared(name, counted.get(name, 0), None if self.lake is None else in_lake.get(name, 0))
            for name in names
            if counted.get(name) or in_lake.get(name)
        ]

    @property
    def agreement(self) -> Agreement:
        """Whether the counter and the lake hold the same calls."""
        if self.lake is None:
            return Agreement.NOT_ASKED
        if beyond_unknown_sizes(self.counter.usage - self.lake.usage) == NO_USAGE:
            return Agreement.AGREES
        differing = [part.period for part in self.parts if part.counted != part.in_lake]
        if any(self._is_settled(part) for part in differing) or self._is_settled(self.period):
            return Agreement.DIFFERS
        return Agreement.ON_THE_WAY

    @property
    def not_billed(self) -> list[StatusCalls]:
        """The calls that are counted and not billed, by status, as the lake has them."""
        statuses = [] if self.lake is None else self.lake.by_status()
        return [one for one in statuses if not one.billable and one.requests]

    @property
    def denying(self) -> LimitStanding | None:
        """The limit that denies calls now: of several, the one that resets last."""
        return max(
            (limit for limit in self.quota.limits if limit.denies),
            key=lambda limit: limit.resets_at,
            default=None,
        )

    @property
    def blocked_since(self) -> datetime | None:
        """Since when calls are denied in the period of the limit that denies; None: nobody knows."""
        if self.denying is None or self.lake is None:
            return None
        return self.lake.denied_since(self.denying.span.period_at(int(self.quota.as_of.timestamp())))

    @property
    def is_unknown(self) -> bool:
        """Whether nothing at all is known of the key."""
        nothing = not self.slices and not self.alerts and self.quota.plan is None
        return nothing and (self.lake is None or not self.lake.calls)

    @property
    def is_problem(self) -> bool:
        """Whether calls are denied now, or the two sides differ."""
        return not self.quota.allowed or self.agreement is Agreement.DIFFERS

    def conclusion(self) -> Iterator[str]:
        """What it comes to, in sentences."""
        if self.is_unknown:
            yield (
                f"{self.key} is unknown in {self.period}: it has no counter and no plan. "
                "Give the id of the key, not the key itself."
            )
            return
        yield self._of_quota()
        yield self._of_proof()

    def _of_quota(self) -> str:
        if self.key in OUTCOME_OF_KEY:
            return f"{self.key} is not a key: it counts what is {OUTCOME_OF_KEY[self.key]}. {self._reasons()}"
        if self.quota.status is KeyStatus.SUSPENDED:
            return f"Suspended: all calls are blocked until `usage-meter quota resume {self.key}`."
        if self.denying is not None:
            since = "" if self.blocked_since is None else f" since {moment(self.blocked_since)}"
            resets = moment(self.denying.resets_at)
            return f"Blocked{since} by the {described(self.denying)}; resets at {resets}."
        hard = [limit for limit in self.quota.limits if limit.kind == "hard"]
        if not hard:
            return "Not blocked: this key has no hard limit."
        closest = min(hard, key=lambda limit: limit.remaining / (limit.amount or 1))
        return f"Not blocked: {closest.remaining:,} are left of the {described(closest)}."

    def _reasons(self) -> str:
        """Why lines are malformed, in a sentence; and what helps."""
        reasons = () if self.lake is None else self.lake.reasons
        if not reasons:
            return "It has no plan."
        named = ", ".join(f"{one.reason} ({one.lines:,})" for one in reasons)
        return (
            f"Malformed because: {named}. The runbook's section MalformedLinesAlarm says what to do "
            "about each; "
            f"`usage-meter reread {month_of(self.period)}` reads the lines again once the cause is fixed."
        )

    def _of_proof(self) -> str:
        requests = self.counter.usage.requests
        match self.agreement:
            case Agreement.NOT_ASKED:
                return f"{counted(requests, 'request')} counted; the lake was not queried."
            case Agreement.AGREES:
                return f"Counter and lake hold the same {counted(requests, 'call')}."
            case Agreement.ON_THE_WAY:
                return (
                    f"{counted(requests, 'request')} counted, {self._in_lake:,} in the lake: the last "
                    f"calls can take up to {_minutes(self.lake_late)} to arrive."
                )
            case Agreement.DIFFERS:
                return (
                    f"{counted(requests, 'request')} counted, {self._in_lake:,} in the lake: "
                    f"`usage-meter reconcile {month_of(self.period)}` names the calls."
                )

    @property
    def _in_lake(self) -> int:
        return 0 if self.lake is None else self.lake.usage.requests

    def _is_settled(self, period: Period) -> bool:
        """Whether all calls of an hour, day or month should be on both sides by now."""
        counted = self.quota.complete_through or self.quota.as_of
        return ends_at(period) <= min(self.quota.as_of - self.lake_late, counted)


def described(limit: LimitStanding) -> str:
    """`hard limit of 1,000 billable requests a month`."""
    return f"{limit.kind} limit of {limit.amount:,} {_METRICS[limit.metric]} {_SPANS[limit.span]}"


def moment(time: datetime) -> str:
    """A time as people read it."""
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def _minutes(span: timedelta) -> str:
    return f"{counted(-(-int(span.total_seconds()) // 60), 'minute')}"


def document(found: Explained) -> dict[str, Any]:
    """All of it as `--json` prints it. Fingerprints and sequence numbers are text: most readers of JSON would
    round them.
    """
    lake = found.lake
    return {
        "key": found.key,
        "period": found.period,
        "as_of": _iso(found.quota.as_of),
        "complete_through": None
        if found.quota.complete_through is None
        else _iso(found.quota.complete_through),
        "conclusion": " ".join(found.conclusion()),
        "agreement": found.agreement,
        "counter": {
            "totals": _totals(found.counter.usage),
            "parts": [one._asdict() for one in found.parts],
            "slices": [
                {
                    "slice": one.number,
                    "totals": _totals(one.counter.usage),
                    "watermarks": {shard: str(mark) for shard, mark in one.watermarks.items()},
                }
                for one in found.slices
            ],
        },
        "lake": None
        if lake is None
        else {
            "totals": _totals(lake.usage),
            "rows": lake.rows,
            "query_id": lake.query_id,
            "scanned_bytes": lake.scanned_bytes,
            "statuses": [_status(one) for one in lake.by_status()],
            "without_known_size": {
                "requests": lake.usage.unknown_request_sizes,
                "responses": lake.usage.unknown_response_sizes,
            },
            "malformed_because": [one._asdict() for one in lake.reasons],
        },
        "not_billed": [_status(one) for one in found.not_billed],
        "denials": _denials(found),
        "blocked_since": None if found.blocked_since is None else _iso(found.blocked_since),
        "quota": found.quota.model_dump(mode="json", exclude={"key", "as_of", "complete_through"}),
        "alerts": [
            {
                "period": one.period,
                "metric": one.metric,
                "amount": one.amount,
                "threshold": one.threshold,
                "told": one.is_published,
            }
            for one in found.alerts
        ],
        "repairs": [one._asdict() for one in found.repairs],
    }


def _totals(usage: Usage) -> dict[str, object]:
    """Of a slice, totals may be negative: a repair is in slice 0, whichever slice had too much."""
    return {**msgspec.structs.asdict(usage), "fingerprint": str(usage.fingerprint)}


def _status(one: StatusCalls) -> dict[str, object]:
    return {**one._asdict(), "first_at": _iso(one.first_at), "last_at": _iso(one.last_at)}


def _denials(found: Explained) -> dict[str, object] | None:
    denials = None if found.lake is None else found.lake.denials(found.period)
    return None if denials is None else _status(denials)


def _iso(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
