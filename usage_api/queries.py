"""The look-ups: from what is asked to an answer.

Each takes the time first, then reads completeness, then counters: so the counters hold all that
`complete_through` promises.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from metering.counters.counter import Counter
from metering.counters.traffic import HOUR, MonthTraffic
from metering.outcome import OUTCOME_OF_KEY
from metering.period import Period, begins_at, ends_at, is_day
from metering.quotas.decision import (
    Counted,
    Standing,
    periods_at,
    standings,
    unknown_sizes_in,
    verdict,
)
from metering.quotas.plan import Assignment, KeyStatus, Plan, Span, limits_of
from metering.source.gap import minute_of, time_of, total_missing
from metering.usage import NO_USAGE, Metric, Usage, total
from usage_api.costs import cost_of_key
from usage_api.cursor import key_before, token_after
from usage_api.health import RESERVED_KEYS, assess
from usage_api.invoices import InvoiceFile, account_of, invoice_file, invoices_of
from usage_api.key_search import KeyOwners, key_page
from usage_api.parameters import Days
from usage_api.ports import (
    ArchiveSource,
    BreakdownSource,
    CompletenessSource,
    CounterSource,
    InvoiceSource,
    PlanSource,
    SourceStateSource,
    TariffSource,
    TopKeysSource,
    TrafficSource,
)
from usage_api.schemas import (
    AccountQuota,
    BreakdownAnswer,
    CostAnswer,
    DayPart,
    EndpointRequests,
    HealthAnswer,
    InvoicesAnswer,
    KeysAnswer,
    LimitStanding,
    Part,
    PeriodUsage,
    QuotaAnswer,
    RangeUsage,
    SourceGap,
    TopAnswer,
    TopEntry,
    TrafficAnswer,
)
from usage_api.totals import totals_of
from usage_api.traffic import traffic_answer


class UsageSources(NamedTuple):
    """Where all is read."""

    counters: CounterSource
    plans: PlanSource
    completeness: CompletenessSource
    heaviest: TopKeysSource
    source: SourceStateSource
    tariffs: TariffSource
    breakdowns: BreakdownSource
    traffic: TrafficSource
    invoices: InvoiceSource
    archives: ArchiveSource


class _AccountNow(NamedTuple):
    """How an account stands, and whether a call of its keys would be let through."""

    quota: AccountQuota
    allowed: bool


class UsageQueries:
    """Answers questions about usage.

    All methods raise Transient or Misconfigured where something cannot be read.
    """

    def __init__(
        self, sources: UsageSources, clock: Callable[[], datetime], default_plan: str | None = None
    ) -> None:
        """`default_plan` is that of keys that have none."""
        self._counters, self._plans, self._completeness, self._heaviest = sources[:4]
        self._source, self._tariffs, self._breakdowns, self._traffic, self._invoices = sources[4:9]
        self._archives = sources.archives
        self._clock = clock
        self._default_plan = default_plan

    def usage(self, key: str, period: Period | None = None) -> PeriodUsage:
        """The usage of a key in a month or day, or in the current month: by one request."""
        now = self._now()
        period = period or current_month(now)
        complete_through = self._complete_through()
        counter = self._counters.counter(key, period)
        return PeriodUsage(
            key=key,
            period=period,
            begins_at=begins_at(period),
            ends_at=ends_at(period),
            as_of=now,
            complete_through=complete_through,
            totals=totals_of(counter.usage),
            parts=tuple(_parts(counter)),
            source_gap=self._missing(begins_at(period), ends_at(period)),
        )

    def usage_of_days(self, key: str, days: Days) -> RangeUsage:
        """The usage of a key in a range of days: by one request."""
        now = self._now()
        complete_through = self._complete_through()
        counters = self._counters.days(key, days.first, days.last)
        return RangeUsage.model_validate(
            {
                "key": key,
                "from": days.first,
                "to": days.last,
                "begins_at": begins_at(days.first),
                "ends_at": ends_at(days.last),
                "as_of": now,
                "complete_through": complete_through,
                "totals": totals_of(total(counter.usage for counter in counters)),
                "parts": tuple(
                    DayPart(period=counter.period, totals=totals_of(counter.usage)) for counter in counters
                ),
                "source_gap": self._missing(begins_at(days.first), ends_at(days.last)),
            }
        )

    def quota(self, key: str) -> QuotaAnswer:
        """The plan of a key and what is used of its limits."""
        now = self._now()
        complete_through = self._complete_through()
        assignment = self._plans.assignment(key)
        plan = self._plan(assignment)
        limits = limits_of(plan, assignment or Assignment(key, plan.name)) if plan else ()
        at = int(now.timestamp())
        spans = frozenset(limit.span for limit in limits)
        counted = self._counted([key], spans, at)
        found = standings(limits, counted, at)
        account = self._account_quota(assignment.account, at) if assignment and assignment.account else None
        status = assignment.status if assignment else KeyStatus.ACTIVE
        return QuotaAnswer(
            key=key,
            as_of=now,
            complete_through=complete_through,
            plan=plan.name if plan else None,
            is_default_plan=plan is not None and assignment is None,
            status=status,
            allowed=(assignment is None or assignment.may_call(at))
            and verdict(found, at).allowed
            and (account is None or account.allowed),
            limits=tuple(_limit(standing, counted, at) for standing in found),
            account=None if account is None else account.quota,
        )

    def cost(self, key: str) -> CostAnswer:
        """What the current month costs the account of a key so far."""
        now = self._now()
        complete_through = self._complete_through()
        found = cost_of_key(key, current_month(now), now, self._tariffs.tariff(), self._counters)
        return found.model_copy(update={"complete_through": complete_through})

    def breakdown(self, key: str, month: Period | None = None) -> BreakdownAnswer:
        """The calls of a key in a month by endpoint and status, or in the current month."""
        now = self._now()
        month = month or current_month(now)
        index = self._breakdowns.index(month)
        found = None if index is None else self._breakdowns.of_key(index, key)
        return BreakdownAnswer(
            key=key,
            period=month,
            as_of=now,
            counted_until=None if index is None else index.until,
            endpoints=tuple(
                EndpointRequests(method=one.method, route=one.route, status=one.status, requests=one.calls)
                for one in (found.endpoints if found else ())
            ),
            other_requests=found.other_calls if found else 0,
        )

    def invoices(self, key: str) -> InvoicesAnswer:
        """The invoices of the account of a key."""
        now = self._now()
        return invoices_of(key, self._payer(key, now), now, self._invoices)

    def invoice(self, key: str, name: str, media_type: str) -> InvoiceFile:
        """An invoice of the account of a key, as one of its files.

        Raises:
            NotFound: the account has no such invoice.
        """
        return invoice_file(self._payer(key, self._now()), name, media_type, self._invoices)

    def _payer(self, key: str, now: datetime) -> str | None:
        """The account that pays for a key; None: no tariff is in force."""
        return account_of(key, current_month(now), self._tariffs.tariff())

    def _account_quota(self, name: str, at: int) -> _AccountNow | None:
        """How an account stands; None: it has no plan."""
        account = self._plans.account(name)
        assignment = account.assignment if account else None
        plan = None if assignment is None else self._plans.plan(assignment.plan)
        if account is None or assignment is None or plan is None:
            return None
        limits = limits_of(plan, assignment)
        spans = frozenset(limit.span for limit in limits)
        counted = self._counted(sorted(account.keys), spans, at)
        found = standings(limits, counted, at)
        quota = AccountQuota(
            name=name,
            plan=plan.name,
            status=assignment.status,
            limits=tuple(_limit(standing, counted, at) for standing in found),
        )
        return _AccountNow(quota, assignment.may_call(at) and verdict(found, at).allowed)

    def keys(self, limit: int, token: str | None, text: str | None = None) -> KeysAnswer:
        """Keys that have a plan, in the order of their ids; or those that a text is searched for.

        Raises:
            BadRequest: the token is none that this gave out.
        """
        owners = KeyOwners(self._tariffs.tariff(), current_month(self._now()))
        after = "" if token is None else key_before(token)
        found = key_page(self._plans, owners, limit, after, text)
        last = token_after(found.entries[-1].key) if found.has_more else None
        return KeysAnswer(keys=found.entries, next=last)

    def traffic(self, month: Period | None = None) -> TrafficAnswer:
        """The calls of all keys in a month, or in the current one."""
        now = self._now()
        month = month or current_month(now)
        source, former = self._traffic, current_month(begins_at(month) - HOUR)
        found = source.traffic(month)
        return traffic_answer(month, now, found, source.traffic(former), self._breakdowns.index(month))

    def top(self, month: Period | None, metric: Metric, limit: int) -> TopAnswer:
        """The top keys of a month, or of the current one."""
        now = self._now()
        month = month or current_month(now)
        complete_through = self._complete_through()
        candidates = [key for key in self._heaviest.keys(month) if key not in OUTCOME_OF_KEY]
        counters = [one for one in self._counters.of_keys(candidates, month) if getattr(one.usage, metric)]
        counters.sort(key=lambda one: (-getattr(one.usage, metric), one.key))
        return TopAnswer(
            period=month,
            metric=metric,
            as_of=now,
            complete_through=complete_through,
            keys=tuple(TopEntry(key=one.key, totals=totals_of(one.usage)) for one in counters[:limit]),
        )

    def health(self) -> HealthAnswer:
        """Whether the meter counts, and what to do about problems."""
        now = self._now()
        completeness = self._completeness.read()
        reserved = self._counters.of_keys(RESERVED_KEYS, current_month(now))
        usage = {counter.key: counter.usage for counter in reserved}
        return assess(
            completeness,
            usage,
            self._source.load(),
            now,
            self._last_traffic(now),
            partly_archived=self._archives.partly_archived(),
        )

    def _last_traffic(self, now: datetime) -> MonthTraffic | None:
        """What the hourly run has found last: in the first hour of a month that is in the month before."""
        month = current_month(now)
        return self._traffic.traffic(month) or self._traffic.traffic(current_month(begins_at(month) - HOUR))

    def _now(self) -> datetime:
        return self._clock().astimezone(UTC).replace(microsecond=0)

    def _complete_through(self) -> datetime | None:
        through = self._completeness.read().complete_through
        return None if through is None else through.replace(microsecond=0)

    def _missing(self, begin: datetime, end: datetime) -> SourceGap | None:
        """What is known to be missing in front of the stream; None: nothing."""
        gaps = self._source.load().within(minute_of(begin), minute_of(end))
        if not gaps:
            return None
        return SourceGap(
            calls=total_missing(gaps),
            begins_at=time_of(min(gap.begin for gap in gaps)),
            ends_at=time_of(max(gap.end for gap in gaps)),
        )

    def _plan(self, assignment: Assignment | None) -> Plan | None:
        name = assignment.plan if assignment else self._default_plan
        return self._plans.plan(name) if name else None

    def _counted(self, keys: Sequence[str], spans: frozenset[Span], at: int) -> Counted:
        """What the counters of keys hold together, by month and day, and by hour of a day."""
        counted: dict[Period, Usage] = {}
        for period in periods_at(spans, at):
            for counter in self._counters_of(keys, period):
                counted[period] = counted.get(period, NO_USAGE) + counter.usage
                if is_day(period):
                    for part, requests in counter.parts.items():
                        hour = Period(f"{period}T{part}")
                        counted[hour] = counted.get(hour, NO_USAGE) + Usage(requests=requests)
        return counted

    def _counters_of(self, keys: Sequence[str], period: Period) -> Sequence[Counter]:
        return (
            [self._counters.counter(keys[0], period)]
            if len(keys) == 1
            else self._counters.of_keys(keys, period)
        )


def current_month(now: datetime) -> Period:
    """The month that a time lies in."""
    return Period(now.strftime("%Y-%m"))


def _parts(counter: Counter) -> list[Part]:
    """The parts that have requests, in order."""
    mark = "T" if is_day(counter.period) else "-"
    return [
        Part(period=f"{counter.period}{mark}{part}", requests=requests)
        for part, requests in sorted(counter.parts.items())
        if requests
    ]


def _limit(standing: Standing, counted: Counted, at: int) -> LimitStanding:
    limit = standing.limit
    return LimitStanding(
        metric=limit.metric,
        span=limit.span,
        kind=limit.kind,
        mode=limit.mode,
        amount=limit.amount,
        used=standing.used,
        remaining=standing.remaining,
        resets_at=datetime.fromtimestamp(standing.resets_at, UTC),
        thresholds=limit.thresholds,
        denies=standing.denies,
        unknown_sizes=unknown_sizes_in(limit, counted, at),
    )
