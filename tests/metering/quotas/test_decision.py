"""Decisions: tables of cases, and what holds for all of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.period import Period
from metering.quotas.decision import Decision, decide, periods_at
from metering.quotas.plan import Assignment, Kind, Limit, Plan, Span, limits_of
from metering.usage import Metric, Usage

NOON = datetime(2026, 11, 5, 12, 30, tzinfo=UTC)
HOUR, DAY, MONTH = Period("2026-11-05T12"), Period("2026-11-05"), Period("2026-11")
PER_HOUR = Limit(Metric.REQUESTS, Span.HOUR, 10)
PER_DAY = Limit(Metric.REQUESTS, Span.DAY, 100)
PER_MONTH = Limit(Metric.REQUESTS, Span.MONTH, 1000)
BYTES = Limit(Metric.RESPONSE_BYTES, Span.DAY, 5000)
SOFT = Limit(Metric.REQUESTS, Span.DAY, 1, Kind.SOFT)

COUNTS = st.integers(0, 30)
USAGES = st.builds(Usage, requests=COUNTS, billable=COUNTS, errors=COUNTS, response_bytes=COUNTS)
LIMITS = st.lists(
    st.builds(Limit, st.sampled_from(Metric), st.sampled_from(Span), COUNTS, st.sampled_from(Kind)),
    max_size=5,
)
TIMES = st.datetimes(datetime(2026, 1, 1), datetime(2028, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


def named(decision: Decision) -> str | None:
    """The name of the limit that decided."""
    return decision.standing.limit.name if decision.standing else None


class TestWeek:
    """A week is what its days have used, over the end of a month and of a year."""

    WEEKLY = Limit(Metric.BILLABLE, Span.WEEK, 10)
    NEW_YEAR = datetime(2026, 12, 31, 12, tzinfo=UTC)

    def test_days(self) -> None:
        """Days of the week count, those before and after it do not."""
        used = {"2026-12-27": 50, "2026-12-28": 4, "2026-12-31": 3, "2027-01-01": 2, "2027-01-04": 50}
        counted = {Period(day): Usage(billable=number) for day, number in used.items()}
        decision = decide([self.WEEKLY], counted, datetime(2027, 1, 1, 12, tzinfo=UTC))
        assert (True, "billable/week", 1) == (
            decision.allowed,
            named(decision),
            decision.standing and decision.standing.remaining,
        )
        more = counted | {Period("2026-12-29"): Usage(billable=1)}
        decision = decide([self.WEEKLY], more, datetime(2027, 1, 1, 12, tzinfo=UTC))
        assert (False, 2 * 86_400 + 43_200) == (decision.allowed, decision.retry_after)
        assert decide([self.WEEKLY], more, datetime(2027, 1, 4, tzinfo=UTC)).allowed is False
        assert decide([self.WEEKLY], more, datetime(2027, 1, 11, tzinfo=UTC)).allowed

    def test_counters(self) -> None:
        """The counters that it needs are those of its days until today."""
        at = int(self.NEW_YEAR.timestamp())
        days = {Period(f"2026-12-{day}") for day in (28, 29, 30, 31)}
        assert days == periods_at([Span.WEEK], at) == periods_at([Span.WEEK, Span.HOUR], at)


class TestRetries:
    """A client that goes on trying is denied for the hour, and is not shut out for the month by that."""

    HOURS = 24 * 30

    def served_until_denied(self, monthly: Limit, attempts: int) -> tuple[int, int]:
        """Calls that are served in a month, and the calls that the counters hold then."""
        limits, month, begin = (PER_HOUR, monthly), Usage(), datetime(2026, 11, 1, tzinfo=UTC)
        for number in range(self.HOURS):
            now, hour = begin + timedelta(hours=number), Usage()
            for _ in range(attempts):
                counted = {MONTH: month, Period(f"{now:%Y-%m-%dT%H}"): hour}
                one = Usage(requests=1, billable=int(decide(limits, counted, now).allowed))
                month, hour = month + one, hour + one
        return month.billable, month.requests

    def test_billable(self) -> None:
        """Denied calls use up nothing of a limit of billable calls, which is the default."""
        limit = Limit(Metric.BILLABLE, Span.MONTH, 1000)
        assert (1000, 40 * self.HOURS) == self.served_until_denied(limit, 40)

    def test_requests(self) -> None:
        """They do of a limit of requests: that is for whoever wants every attempt to count."""
        served, counted = self.served_until_denied(PER_MONTH, 40)
        assert (250, 40 * self.HOURS) == (served, counted)


class TestTable:
    @pytest.mark.parametrize(
        ("limits", "counted", "allowed", "decider", "remaining", "retry_after"),
        [
            ([], {}, True, None, None, None),
            ([PER_MONTH], {}, True, "requests/month", 1000, None),
            ([PER_MONTH], {MONTH: Usage(999)}, True, "requests/month", 1, None),
            ([PER_MONTH], {MONTH: Usage(1000)}, False, "requests/month", 0, 2_201_400),
            ([PER_MONTH], {MONTH: Usage(5000)}, False, "requests/month", 0, 2_201_400),
            ([PER_HOUR], {HOUR: Usage(10)}, False, "requests/hour", 0, 1800),
            ([PER_HOUR], {Period("2026-11-05T11"): Usage(10)}, True, "requests/hour", 10, None),
            ([BYTES], {DAY: Usage(9, response_bytes=5000)}, False, "response_bytes/day", 0, 41_400),
            ([BYTES], {DAY: Usage(9, response_bytes=4999)}, True, "response_bytes/day", 1, None),
            ([SOFT], {DAY: Usage(70)}, True, "requests/day", 0, None),
            ([Limit(Metric.REQUESTS, Span.HOUR, 0)], {}, False, "requests/hour", 0, 1800),
        ],
    )
    def test_one_limit(
        self,
        *,
        limits: list[Limit],
        counted: dict[Period, Usage],
        allowed: bool,
        decider: str | None,
        remaining: int | None,
        retry_after: int | None,
    ) -> None:
        """A call is allowed while less than the amount is used; a denial says when it ends."""
        decision = decide(limits, counted, NOON)
        left = decision.standing.remaining if decision.standing else None
        assert (allowed, decider, remaining, retry_after) == (
            decision.allowed,
            named(decision),
            left,
            decision.retry_after,
        )

    def test_closest(self) -> None:
        """Where all limits allow, the one of which the smallest share is left is reported."""
        counted = {HOUR: Usage(3), DAY: Usage(50), MONTH: Usage(60)}
        assert "requests/day" == named(decide([PER_HOUR, PER_DAY, PER_MONTH], counted, NOON))

    def test_longest_denial(self) -> None:
        """Of several exhausted limits the one that resets last decides: before, no attempt makes sense."""
        counted = {HOUR: Usage(10), DAY: Usage(100), MONTH: Usage(100)}
        decision = decide([PER_HOUR, PER_DAY, PER_MONTH], counted, NOON)
        assert ("requests/day", 41_400) == (named(decision), decision.retry_after)

    def test_hard_before_soft(self) -> None:
        """What is left is reported of a hard limit, however a soft one stands."""
        assert "requests/month" == named(decide([SOFT, PER_MONTH], {DAY: Usage(70)}, NOON))

    def test_last_moment(self) -> None:
        """An attempt makes sense after a second at the earliest."""
        late = datetime(2026, 11, 5, 12, 59, 59, 999_999, tzinfo=UTC)
        assert 1 == decide([PER_HOUR], {HOUR: Usage(10)}, late).retry_after


class TestAlways:
    @given(LIMITS, USAGES, USAGES, TIMES)
    def test_monotone(self, limits: list[Limit], usage: Usage, more: Usage, now: datetime) -> None:
        """More usage never turns a denial into a permission, and never leaves more."""
        periods = [span.period_at(int(now.timestamp())) for span in Span]
        before = decide(limits, dict.fromkeys(periods, usage), now)
        after = decide(limits, dict.fromkeys(periods, usage + more), now)
        assert before.allowed or not after.allowed

    @given(LIMITS, USAGES, TIMES)
    def test_soft_never_denies(self, limits: list[Limit], usage: Usage, now: datetime) -> None:
        """However much is used, soft limits allow."""
        soft = [msgspec.structs.replace(limit, kind=Kind.SOFT) for limit in limits]
        periods = [span.period_at(int(now.timestamp())) for span in Span]
        assert decide(soft, dict.fromkeys(periods, usage), now).allowed

    @given(st.sampled_from(Span), st.integers(1, 30), TIMES)
    def test_reset(self, span: Span, amount: int, now: datetime) -> None:
        """A denial ends exactly with its period: a second before it holds, then the amount is there again."""
        limit = Limit(Metric.REQUESTS, span, amount)
        counter = Span.DAY if span is Span.WEEK else span
        counted = {counter.period_at(int(now.timestamp())): Usage(amount)}
        denied = decide([limit], counted, now)
        assert denied.standing is not None
        end = datetime.fromtimestamp(denied.standing.resets_at, UTC)
        assert now < end
        assert not decide([limit], counted, end - timedelta(microseconds=1)).allowed
        again = decide([limit], counted, end)
        assert (True, amount) == (again.allowed, again.standing and again.standing.remaining)

    @given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 60))
    def test_override_wins(self, amount: int, override: int, used: int) -> None:
        """The amount that a key overrides decides, whether it is more or less than the plan's."""
        plan = Plan("free", (Limit(Metric.REQUESTS, Span.DAY, amount), BYTES))
        assignment = Assignment("a1b2c3", "free", overrides={"requests/day": override})
        decision = decide(limits_of(plan, assignment), {DAY: Usage(used)}, NOON)
        assert (used < override) == decision.allowed

    @given(LIMITS, USAGES, TIMES)
    def test_retry_after(self, limits: list[Limit], usage: Usage, now: datetime) -> None:
        """A denial, and only a denial, says when to come back: after 1 second to 31 days."""
        periods = [span.period_at(int(now.timestamp())) for span in Span]
        decision = decide(limits, dict.fromkeys(periods, usage), now)
        if decision.allowed:
            assert decision.retry_after is None
        else:
            assert decision.retry_after is not None
            assert 1 <= decision.retry_after <= 31 * 86_400


class TestPeriods:
    def test_needed(self) -> None:
        """An hour's requests stand in the counter of its day."""
        at = int(NOON.timestamp())
        assert {DAY} == periods_at({Span.HOUR}, at) == periods_at({Span.HOUR, Span.DAY}, at)
        days = {Period(f"2026-11-{day:02d}") for day in (2, 3, 4, 5)}
        assert {MONTH, *days} == periods_at(set(Span), at)
        assert set() == periods_at(set(), at)

    def test_at(self) -> None:
        """The hour, day, week and month of a moment, in UTC."""
        at = int(NOON.timestamp())
        assert [HOUR, DAY, Period("2026-W45"), MONTH] == [span.period_at(at) for span in Span]
