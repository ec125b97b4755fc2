"""The look-ups, on sources in memory."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.counters.counter import Counter
from metering.period import Period
from metering.quotas.plan import AccountKeys, Assignment, KeyStatus, Kind, Limit, Plan, Span
from metering.source.gap import Gap, Way, minute_of
from metering.source.state import SourceState
from metering.usage import Metric, Usage
from tests.usage_api.sources import Complete, Memory
from usage_api.parameters import Days
from usage_api.problems import BadRequest
from usage_api.queries import UsageQueries
from usage_api.schemas import SourceGap, Totals

NOVEMBER, FIFTH, TODAY = Period("2026-11"), Period("2026-11-05"), Period("2026-11-24")
USED = Usage(12, 11, 1, 1200, 120, 60, 99, unknown_request_sizes=9)
AS_OF = datetime(2026, 11, 24, 19, 0, 3, tzinfo=UTC)
THROUGH = datetime(2026, 11, 24, 18, 59, tzinfo=UTC)
PLAN = Plan("pro", (Limit(Metric.REQUESTS, Span.MONTH, 100), Limit(Metric.REQUESTS, Span.HOUR, 5)))


def memory(**more: object) -> Memory:
    """A key that was used on two days."""
    counters = {
        ("k1", NOVEMBER): Counter("k1", NOVEMBER, USED, {"24": 7, "05": 5, "06": 0}),
        ("k1", FIFTH): Counter("k1", FIFTH, Usage(5), {"07": 5}),
        ("k1", TODAY): Counter("k1", TODAY, Usage(7), {"18": 2, "19": 5}),
    }
    return Memory(**{"counters": counters, **more})  # type: ignore[arg-type]  # by their names


class TestUsage:
    def test_current_month(self) -> None:
        """Totals without the fingerprint, days that have requests in their order, times in whole seconds."""
        answer = memory().look_ups().usage("k1")
        assert ("k1", "2026-11", AS_OF, THROUGH) == (
            answer.key,
            answer.period,
            answer.as_of,
            answer.complete_through,
        )
        assert Totals(
            requests=12,
            billable=11,
            errors=1,
            response_bytes=1200,
            request_bytes=120,
            latency_ms=60,
            unknown_response_sizes=0,
            unknown_request_sizes=9,
        ) == (answer.totals)
        assert [("2026-11-05", 5), ("2026-11-24", 7)] == [
            (part.period, part.requests) for part in answer.parts
        ]
        assert (datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)) == (
            answer.begins_at,
            answer.ends_at,
        )

    def test_day(self) -> None:
        """The parts of a day are hours."""
        answer = memory().look_ups().usage("k1", TODAY)
        assert ["2026-11-24T18", "2026-11-24T19"] == [part.period for part in answer.parts]

    def test_unused(self) -> None:
        """A key without a counter has used nothing."""
        answer = memory().look_ups().usage("nobody")
        assert (0, ()) == (answer.totals.requests, answer.parts)

    def test_range(self) -> None:
        """Days that have a counter, and their sum."""
        answer = memory().look_ups().usage_of_days("k1", Days(Period("2026-11-01"), Period("2026-11-30")))
        assert [("2026-11-05", 5), ("2026-11-24", 7)] == [
            (part.period, part.totals.requests) for part in answer.parts
        ]
        assert (None, "2026-11-01", "2026-11-30", 12) == (
            answer.period,
            answer.from_,
            answer.to,
            answer.totals.requests,
        )

    def test_never_optimistic(self) -> None:
        """Completeness is read before any counter, whatever is asked for."""
        asks: list[Callable[[UsageQueries], object]] = [
            lambda look_ups: look_ups.usage("k1"),
            lambda look_ups: look_ups.usage_of_days("k1", Days(FIFTH, TODAY)),
            lambda look_ups: look_ups.quota("k1"),
            lambda look_ups: look_ups.top(None, Metric.REQUESTS, 5),
            lambda look_ups: look_ups.health(),
        ]
        for ask in asks:
            reads = memory(assignments={"k1": Assignment("k1", "pro")}, plans={"pro": PLAN})
            ask(reads.look_ups())
            assert "completeness" == reads.reads[0]
            assert any(read.startswith(("counter", "days")) for read in reads.reads)

    def test_nothing_known(self) -> None:
        """While nobody knows how complete the counters are, nothing is promised."""
        assert memory(complete=Complete(None)).look_ups().usage("k1").complete_through is None


class TestSourceGap:
    """What is known to be missing in front of the stream."""

    def test_of_the_period(self) -> None:
        """The gaps that concern the period, together; None where there are none."""
        noon = minute_of(datetime(2026, 11, 5, 12, tzinfo=UTC))
        gaps = (
            Gap(Way.LOGGED, "log", noon, noon + 60, 7),
            Gap(Way.FORWARDED, "log", noon + 120, noon + 180, 3),
            Gap(Way.FORWARDED, "log", noon + 1440, noon + 1500, 5),
        )
        look_ups = memory(source=SourceState(gaps=gaps)).look_ups()
        assert look_ups.usage("k1", FIFTH).source_gap == SourceGap(
            calls=10,
            begins_at=datetime(2026, 11, 5, 12, tzinfo=UTC),
            ends_at=datetime(2026, 11, 5, 15, tzinfo=UTC),
        )
        month = look_ups.usage("k1", NOVEMBER).source_gap
        assert month is not None
        assert 15 == month.calls
        assert look_ups.usage("k1", TODAY).source_gap is None
        days = look_ups.usage_of_days("k1", Days(FIFTH, Period("2026-11-06"))).source_gap
        assert month == days


class TestQuota:
    def test_standing(self) -> None:
        """How each limit stands; the hour's own requests count for a limit by the hour."""
        answer = (
            memory(assignments={"k1": Assignment("k1", "pro")}, plans={"pro": PLAN}).look_ups().quota("k1")
        )
        assert ("pro", KeyStatus.ACTIVE, False) == (answer.plan, answer.status, answer.allowed)
        assert [("month", 100, 12, 88, False), ("hour", 5, 5, 0, True)] == [
            (one.span, one.amount, one.used, one.remaining, one.denies) for one in answer.limits
        ]
        assert datetime(2026, 11, 24, 20, tzinfo=UTC) == answer.limits[1].resets_at

    def test_overrides(self) -> None:
        """A key may have another amount than its plan."""
        assignment = Assignment("k1", "pro", overrides={"requests/hour": 50})
        answer = memory(assignments={"k1": assignment}, plans={"pro": PLAN}).look_ups().quota("k1")
        assert (True, 45) == (answer.allowed, answer.limits[1].remaining)

    def test_soft(self) -> None:
        """A soft limit notifies, and denies nothing."""
        plan = Plan("pro", (Limit(Metric.REQUESTS, Span.DAY, 1, Kind.SOFT),))
        answer = (
            memory(assignments={"k1": Assignment("k1", "pro")}, plans={"pro": plan}).look_ups().quota("k1")
        )
        assert (True, False, 0) == (answer.allowed, answer.limits[0].denies, answer.limits[0].remaining)

    def test_unknown_sizes(self) -> None:
        """A limit on bytes says how many calls of its period it takes for 0 bytes; any other says none."""
        limits = tuple(Limit(one, Span.MONTH, 10**6, Kind.SOFT) for one in Metric)
        counters = {
            ("k1", NOVEMBER): Counter(
                "k1", NOVEMBER, Usage(9, unknown_request_sizes=9, unknown_response_sizes=2)
            )
        }
        assigned = {"k1": Assignment("k1", "pro")}
        reads = memory(counters=counters, assignments=assigned, plans={"pro": Plan("pro", limits)})
        found = {
            one.metric: one.unknown_sizes for one in reads.look_ups().quota("k1").limits if one.unknown_sizes
        }
        assert {Metric.REQUEST_BYTES: 9, Metric.RESPONSE_BYTES: 2} == found

    def test_no_plan(self) -> None:
        """Without a plan there are no limits, and no counter is read."""
        reads = memory()
        answer = reads.look_ups().quota("k1")
        assert (None, (), True) == (answer.plan, answer.limits, answer.allowed)
        assert ["completeness", "assignment k1"] == reads.reads

    def test_default_plan(self) -> None:
        """Keys without a plan have the deployment's, as the authorizer has it."""
        assert "pro" == memory(plans={"pro": PLAN}).look_ups("pro").quota("k1").plan

    def test_expired(self) -> None:
        """So is one that has expired."""
        assignment = Assignment("k1", "free", expires=int(AS_OF.timestamp()))
        answer = memory(assignments={"k1": assignment}, plans={"free": Plan("free")}).look_ups().quota("k1")
        assert (KeyStatus.ACTIVE, False) == (answer.status, answer.allowed)

    def test_account(self) -> None:
        """Beside the key's own limits stand those of its account, with what all of its keys have used."""
        team = Plan("team", (Limit(Metric.REQUESTS, Span.MONTH, 40), Limit(Metric.REQUESTS, Span.HOUR, 9)))
        held = Assignment("!account:acme", "team", "acme", {"requests/hour": 8})
        both = memory(
            assignments={"k1": Assignment("k1", "free", "acme")},
            plans={"free": Plan("free"), "team": team},
            accounts={"acme": AccountKeys("acme", held, frozenset({"k1", "old", "new"}))},
        )
        both.counters = {
            **both.counters,
            ("old", NOVEMBER): Counter("old", NOVEMBER, Usage(20), {}),
            ("old", TODAY): Counter("old", TODAY, Usage(3), {"19": 3}),
        }
        answer = both.look_ups().quota("k1")
        account = answer.account
        assert account is not None
        assert ("acme", "team", (), False) == (account.name, account.plan, answer.limits, answer.allowed)
        assert [(40, 32, 8, False), (8, 8, 0, True)] == [
            (one.amount, one.used, one.remaining, one.denies) for one in account.limits
        ]

    @pytest.mark.parametrize("account", [None, AccountKeys("acme", None, frozenset({"k1"}))])
    def test_account_without_plan(self, account: AccountKeys | None) -> None:
        """An account without a plan says nothing."""
        accounts = {} if account is None else {"acme": account}
        answer = memory(
            assignments={"k1": Assignment("k1", "pro", "acme")}, plans={"pro": PLAN}, accounts=accounts
        )
        assert answer.look_ups().quota("k1").account is None

    def test_suspended(self) -> None:
        """A suspended key is let through no more."""
        assignment = Assignment("k1", "free", status=KeyStatus.SUSPENDED)
        answer = memory(assignments={"k1": assignment}, plans={"free": Plan("free")}).look_ups().quota("k1")
        assert (KeyStatus.SUSPENDED, False) == (answer.status, answer.allowed)


class TestKeys:
    @given(
        st.sets(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=5), max_size=12)
    )
    def test_all_pages(self, keys: set[str]) -> None:
        """Page by page every key is shown, once."""
        look_ups = Memory(assignments={key: Assignment(key, "pro") for key in keys}).look_ups()
        shown, token = [], None
        while True:
            page = look_ups.keys(3, token)
            shown += [entry.key for entry in page.keys]
            token = page.next
            if token is None:
                break
        assert sorted(keys) == shown

    def test_made_up_token(self) -> None:
        """A place in the list that it never gave out."""
        with pytest.raises(BadRequest):
            memory().look_ups().keys(3, "made-up")


class TestTop:
    def test_order(self) -> None:
        """The heaviest first by the metric, keys without any of it and reserved ones left out."""
        names = ("a", "b", "c", "-", "!malformed", "none")
        counters = {
            (key, NOVEMBER): Counter(key, NOVEMBER, Usage(requests, errors=errors))
            for key, requests, errors in zip(names, (5, 9, 5, 99, 99, 0), (0, 1, 3, 9, 9, 0), strict=True)
        }
        look_ups = Memory(counters=counters, candidates=[*names, "gone"]).look_ups()
        assert ["b", "a", "c"] == [one.key for one in look_ups.top(None, Metric.REQUESTS, 5).keys]
        assert ["c", "b"] == [one.key for one in look_ups.top(NOVEMBER, Metric.ERRORS, 5).keys]
        assert ["b"] == [one.key for one in look_ups.top(NOVEMBER, Metric.REQUESTS, 1).keys]
