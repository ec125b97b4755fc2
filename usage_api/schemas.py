"""The answers, as their JSON is written: the one definition of it, and of its description in OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from metering.quotas.plan import KeyStatus, Kind, Mode, Span
from metering.usage import Metric

AsOf = Annotated[datetime, Field(description="When the answer was made.")]
CompleteThrough = Annotated[
    datetime | None,
    Field(
        description="All calls that reached the stream before this time are in the numbers; later ones may "
        "be, too. It never goes back. Null while nothing is known."
    ),
]
KeyId = Annotated[
    str, Field(description="The id of the API key, never the key itself.", examples=["a1b2c3d4e5"])
]
Count = Annotated[int, Field(ge=0)]


class Answer(BaseModel):
    """An answer. It cannot be changed, and has no field that is not described."""

    # A model is built when it is first used: a cold start would build all of them for one.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Totals(Answer):
    """The totals of a set of calls."""

    requests: Count = Field(description="Calls.")
    billable: Count = Field(description="Calls that are billed.")
    errors: Count = Field(description="Calls answered with a status of 400 or above.")
    response_bytes: Count
    request_bytes: Count
    latency_ms: Count = Field(description="The sum of the response latencies, in milliseconds.")
    unknown_response_sizes: Count = Field(
        description="Calls of which the size of the response is not known: they add nothing to "
        "`response_bytes`. Those that were counted before the meter knew this total are not among them."
    )
    unknown_request_sizes: Count = Field(description="Likewise of the request and `request_bytes`.")


class Part(Answer):
    """A day of a month or an hour of a day."""

    period: str = Field(description="`2026-11-05` or `2026-11-05T07`, in UTC.")
    requests: Count


class DayPart(Answer):
    """A day of a range."""

    period: str = Field(description="`2026-11-05`, in UTC.")
    totals: Totals


class SourceGap(Answer):
    """Calls that were made in a period and did not come as far as the meter."""

    calls: Count = Field(description="Calls of all keys together, by API Gateway's or the log group's count.")
    begins_at: datetime = Field(description="Before, nothing is known to be missing.")
    ends_at: datetime = Field(description="Up to here it was counted what is missing.")


Missing = Annotated[
    SourceGap | None,
    Field(
        description="Calls of the period that are known to be missing in front of the stream: they may be "
        "anybody's, and are in no number here. Null while none is."
    ),
]


class PeriodUsage(Answer):
    """The usage of a key in a month or a day."""

    key: KeyId
    period: str = Field(description="`2026-11` or `2026-11-05`, in UTC.")
    begins_at: datetime
    ends_at: datetime = Field(description="The first instant after the period.")
    as_of: AsOf
    complete_through: CompleteThrough
    totals: Totals
    parts: tuple[Part, ...] = Field(
        description="The days of the month, or the hours of the day, that have requests, in order."
    )
    source_gap: Missing = None


class RangeUsage(Answer):
    """The usage of a key in a range of days."""

    key: KeyId
    period: None = Field(None, description="Always null: a range is not a period.")
    from_: str = Field(alias="from", description="The first day.")
    to: str = Field(description="The last day, which is included.")
    begins_at: datetime
    ends_at: datetime = Field(description="The first instant after the range.")
    as_of: AsOf
    complete_through: CompleteThrough
    totals: Totals
    parts: tuple[DayPart, ...] = Field(description="The days that have a counter, in order.")
    source_gap: Missing = None


class LimitStanding(Answer):
    """What is used of a limit."""

    metric: Metric
    span: Span
    kind: Kind = Field(description="`hard` denies calls when it is reached, `soft` only publishes alerts.")
    mode: Mode = Field(description="`counted` by the counters, `reserved` before a call is allowed.")
    amount: int = Field(description="The amount in each period.")
    used: Count
    remaining: Count
    resets_at: datetime = Field(description="When the period ends.")
    thresholds: tuple[int, ...] = Field(
        description="Percentages of the amount at which an alert is published."
    )
    denies: bool = Field(description="Whether this limit denies calls now.")
    unknown_sizes: Count = Field(
        default=0,
        description="Of a limit on bytes: calls of the period that it takes for 0 bytes, since their size is "
        "not known.",
    )


class AccountQuota(Answer):
    """The plan of the account that a key belongs to: its limits hold for all of its keys together."""

    name: str
    plan: str
    status: KeyStatus
    limits: tuple[LimitStanding, ...]


class QuotaAnswer(Answer):
    """The plan of a key, and what is used of its limits. Without a plan, `plan` is null and there are no
    limits.
    """

    key: KeyId
    as_of: AsOf
    complete_through: CompleteThrough
    plan: str | None
    is_default_plan: bool = Field(
        default=False, description="Whether it is the plan of keys that have none of their own."
    )
    status: KeyStatus
    allowed: bool = Field(description="Whether a call would be allowed now, by the counters.")
    limits: tuple[LimitStanding, ...]
    account: AccountQuota | None = Field(
        default=None, description="The key's account, where that has a plan as well."
    )


Money = Annotated[str, Field(description="An exact decimal.", examples=["12.50"])]


class CostLine(Answer):
    """A line of the invoice, so far."""

    line: str = Field(description="The price, or `plan:minimum` or `plan:maximum`.")
    quantity: Count | None = Field(description="Units to date; null for a minimum or maximum of the plan.")
    unknown_sizes: Count = Field(
        default=0, description="Calls that a price on bytes charges as 0 bytes: their size is not known."
    )
    to_date: Money
    projected: Money


class CostAnswer(Answer):
    """What the running month costs the account that a key belongs to, with all of its keys: by the counters
    and the tariff in force. It is not proven; the invoice is, and has taxes and corrections besides.
    """

    key: KeyId
    account: str | None = Field(description="`key:KEY` for a key without an account; null: it has no price.")
    period: str = Field(description="The current month.")
    as_of: AsOf
    complete_through: CompleteThrough
    proven: Literal[False] = False
    currency: str | None
    to_date: Money | None = Field(description="All lines together, so far.")
    projected: Money | None = Field(description="The month's total if it continues at this pace.")
    lines: tuple[CostLine, ...]
    not_included: tuple[str, ...] = Field(
        description="Further meters that the invoice adds, and that are not in these figures."
    )
    reason: str | None = Field(description="Why there is no amount; null where there is one.")


class EndpointRequests(Answer):
    """Calls of an endpoint that were answered with one status."""

    method: str = Field(description="Empty where the access log does not say it.", examples=["GET"])
    route: str = Field(
        description="The route, as the API defines it; empty where the access log does not say it.",
        examples=["/orders/{id}"],
    )
    status: Count = Field(description="The status of the response; 0 where it is not known.")
    requests: Count


class BreakdownAnswer(Answer):
    """The calls of a key in a month by endpoint and status: from the full call log, once a day."""

    key: KeyId
    period: str = Field(description="The month.")
    as_of: AsOf
    counted_until: datetime | None = Field(
        description="The calls before that time are in the numbers. Null: the month was not counted by "
        "endpoint yet."
    )
    endpoints: tuple[EndpointRequests, ...] = Field(description="The most frequent first.")
    other_requests: Count = Field(description="Calls of further endpoints, which are not listed.")


class TrafficPart(Answer):
    """The calls of all keys in a day or an hour."""

    period: str = Field(description="`2026-11-05` or `2026-11-05T07`, in UTC.")
    calls: Count = Field(description="With an API key or without one.")
    errors: Count = Field(description="Of these: answered with a status of 400 or above.")


class MonthComparison(Answer):
    """The complete hours of a month, and as many of the month before it."""

    period: str = Field(description="The month before.")
    until: datetime = Field(description="The calls before that time are compared.")
    calls: Count
    calls_before: Count


class UnreadableReason(Answer):
    """Log lines that could not be read, for one reason."""

    reason: str = Field(examples=["no_status"])
    lines: Count
    meaning: str = Field(description="What is wrong with them.")
    advice: str = Field(description="What to do about it.")


class RouteCalls(Answer):
    """The calls of all keys to one route."""

    method: str = Field(description="Empty where the access log does not say it.", examples=["GET"])
    route: str = Field(
        description="The route, as the API defines it; empty where the access log does not say it.",
        examples=["/orders/{id}"],
    )
    calls: Count
    errors: Count


class TrafficAnswer(Answer):
    """The calls of all keys together in a month: from the full call log, once an hour; routes once a day."""

    period: str = Field(description="The month.")
    as_of: AsOf
    made_at: datetime | None = Field(description="When it was added up. Null: it was not yet.")
    counted_until: datetime | None = Field(
        description="The hours before are complete; later ones lack the calls that are on their way."
    )
    calls: Count = Field(description="With an API key or without one.")
    errors: Count = Field(description="Of these: answered with a status of 400 or above.")
    without_key: Count = Field(description="Of the calls: without an API key.")
    days: tuple[TrafficPart, ...] = Field(description="The days with calls, in order.")
    hours: tuple[TrafficPart, ...] = Field(description="The hours with calls, in order.")
    comparison: MonthComparison | None = Field(
        description="Null: nothing is complete yet, or the month before was not added up."
    )
    unreadable: tuple[UnreadableReason, ...] = Field(description="The most frequent reason first.")
    routes: tuple[RouteCalls, ...] = Field(description="At most 50 routes, the most called first.")
    routes_until: datetime | None = Field(
        description="The calls before that time are in the routes. Null: they were not counted yet."
    )


class InvoiceEntry(Answer):
    """An invoice that was issued."""

    invoice: str = Field(
        description="Its name here: the month, and the currency where it only corrects earlier months.",
        examples=["2026-10"],
    )
    month: str
    kind: Literal["invoice", "credit_note"]
    number: str | None = Field(description="Its number, where the tariff gives numbers.")
    date: str | None = Field(description="The date of the number.")
    currency: str
    total: Money = Field(description="Without taxes.")
    amount_due: Money = Field(description="With taxes, where the tariff has any.")


class InvoicesAnswer(Answer):
    """The invoices of the account that a key belongs to now, of the last 24 months that have any; the latest
    first.
    """

    key: KeyId
    account: str | None
    as_of: AsOf
    invoices: tuple[InvoiceEntry, ...]
    reason: str | None = Field(description="Why there is none; null where there are some.")


class KeyEntry(Answer):
    """A key that has a plan, or is an account's that was searched for."""

    key: KeyId
    plan: str | None = Field(description="Null: it has none of its own, and was found by its account.")
    account: str = Field(description="The id of its account; empty: it has none.")
    status: KeyStatus
    name: str | None = Field(default=None, description="The account's name on its invoices.")


class KeysAnswer(Answer):
    """Keys that have a plan or were found by their account, in the order of their ids."""

    keys: tuple[KeyEntry, ...]
    next: str | None = Field(
        description="What to give as `next` for the keys that follow; null: there are none."
    )


class TopEntry(Answer):
    """A key among the heaviest."""

    key: KeyId
    totals: Totals


class TopAnswer(Answer):
    """The top keys of a month by one metric, the heaviest first."""

    period: str
    metric: Metric
    as_of: AsOf
    complete_through: CompleteThrough
    keys: tuple[TopEntry, ...]


class ShardHealth(Answer):
    """How far a shard is."""

    shard: str
    counted_through: datetime
    lag_seconds: Count


class Reserved(Answer):
    """What could not be counted for a key, in the current month."""

    unattributed: Totals = Field(description="Calls without an API key.")
    malformed: Totals = Field(description="Unreadable log lines.")
    undecodable: Totals = Field(description="Deliveries that hold no lines.")


class Hop(Answer):
    """A part of the way of a call, from the gateway to the proof."""

    begin: str = Field(examples=["API Gateway"])
    end: str = Field(examples=["log group"])
    state: Literal["ok", "behind", "failing", "unknown"]
    lag_seconds: Count | None = Field(description="How far its end is behind. Null: it is not known.")
    checked_at: datetime | None = Field(description="When this was found. Null: nobody has looked yet.")
    sentence: str = Field(description="What was found, and what to do.")


class HealthAnswer(Answer):
    """Whether the meter counts."""

    as_of: AsOf
    complete_through: CompleteThrough
    status: Literal["ok", "behind", "losing", "stopped", "unknown"] = Field(
        description="`behind` by more than 3 minutes, `stopped` for 5 or more, `losing` while calls do not "
        "reach the stream, `unknown` while nothing is known."
    )
    lag_seconds: Count | None = Field(description="How long ago `complete_through` is.")
    shards: tuple[ShardHealth, ...]
    reserved: Reserved
    hops: tuple[Hop, ...] = Field(description="In the order in which a call passes them.")
    problems: tuple[str, ...] = Field(description="What is wrong, and what to do, a sentence or two each.")


class ProblemAnswer(BaseModel):
    """Why there is no other answer (RFC 9457)."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    type: str
    title: str
    status: int
    detail: str = Field(description="What is wrong, and what to change.")
