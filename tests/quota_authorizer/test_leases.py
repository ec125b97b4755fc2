"""Leases: how one authorizer takes, spends and returns them. Many of them: `tests/simulation`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from metering.errors import Misconfigured
from metering.period import Period
from metering.quotas.plan import Limit, Mode, Plan, Span
from metering.quotas.ports import (
    Lease,
    LeaseAnswer,
    LeaseChange,
    LeasePlace,
    LeaseRecord,
    LeaseStatus,
    spent_slot,
)
from metering.usage import Metric, Usage
from quota_authorizer.leases import LeaseBook, LeaseRequest, Recount, Spending, Spent
from simulation.quotas.store import LeasesInMemory
from tests.quota_authorizer.stores import HOUR, NOON, Desk, QuotasInMemory

PLACE = LeasePlace("a1b2c3", "requests/hour")
START = int(NOON)


def nothing() -> Recount:
    """Nobody can say what is counted."""
    return Recount(None, 0)


class Bench:
    """Authorizers that share a store."""

    def __init__(self, amount: int = 100, reserve_from: int = 80) -> None:
        self.store = LeasesInMemory()
        self.limit = Limit(Metric.REQUESTS, Span.HOUR, amount, mode=Mode.RESERVED, reserve_from=reserve_from)
        self.now = NOON
        self.recount: Callable[[], Recount] = nothing
        self._numbers = iter(range(10**6))

    def book(self) -> LeaseBook:
        """One more authorizer."""
        return LeaseBook(self.store, lambda: f"lease-{next(self._numbers)}")

    def spend(self, book: LeaseBook, used: int = 0) -> Spent:
        """A call."""
        return book.spend(LeaseRequest(PLACE, HOUR, self.limit, used, self.recount), self.now)

    def spend_many(self, book: LeaseBook, calls: int) -> int:
        """How many of so many calls are let through."""
        return sum(self.spend(book).outcome is Spending.SPENT for _ in range(calls))

    @property
    def sheet(self) -> LeaseRecord:
        return self.store.sheets[PLACE]


class TestSpending:
    def test_never_more(self) -> None:
        """One authorizer lets the limit through, to the unit, and nothing beyond."""
        bench = Bench(100)
        assert 100 == bench.spend_many(bench.book(), 500)
        assert 100 == bench.sheet.granted

    def test_several(self) -> None:
        """So do several, in turns."""
        bench = Bench(100)
        books = [bench.book() for _ in range(7)]
        spent = [bench.spend(books[number % 7]).outcome for number in range(700)]
        assert 100 == spent.count(Spending.SPENT)

    def test_few_writes(self) -> None:
        """A lease is a write; leases double with demand, and get small near the limit."""
        bench = Bench(100_000)
        book = bench.book()
        assert 80_000 == bench.spend_many(book, 80_000)
        assert book.writes < 40

    def test_what_is_counted(self) -> None:
        """A period's sheet begins with what the counters hold already."""
        bench = Bench(10)
        book = bench.book()
        assert 3 == sum(bench.spend(book, used=7).outcome is Spending.SPENT for _ in range(20))

    def test_over_from_the_start(self) -> None:
        """A limit that is used up before the first lease grants none."""
        bench = Bench(10)
        assert Spending.EXHAUSTED is bench.spend(bench.book(), used=12).outcome

    def test_limit_of_zero(self) -> None:
        """A limit of 0 grants nothing."""
        bench = Bench(0)
        assert Spending.EXHAUSTED is bench.spend(bench.book()).outcome

    def test_remaining(self) -> None:
        """What is left is what nobody has leased, and what is left of the own lease."""
        bench = Bench(100)
        book = bench.book()
        assert [99, 98, 97] == [bench.spend(book).remaining for _ in range(3)]

    def test_lower_limit(self) -> None:
        """A limit that is lowered below what is granted grants nothing more."""
        bench = Bench(100)
        book = bench.book()
        bench.spend_many(book, 60)
        bench.limit = Limit(Metric.REQUESTS, Span.HOUR, 20, mode=Mode.RESERVED)
        bench.spend_many(book, 40)
        assert Spending.EXHAUSTED is bench.spend(book).outcome


class TestExpiry:
    def test_not_spent_later(self) -> None:
        """A lease that has expired is not spent; its units come back with the next write."""
        bench = Bench(1000)
        book = bench.book()
        bench.spend_many(book, 20)
        held = bench.sheet.granted - 20
        assert held > 0
        bench.now += 10
        bench.spend(book)
        (lease,) = bench.sheet.leases.values()
        assert 20 + lease.amount == bench.sheet.granted
        assert {spent_slot(int(bench.now)): 5} == bench.sheet.spent or sum(bench.sheet.spent.values()) == 20

    def test_others_get_it(self) -> None:
        """What one returns another can spend: nothing of the limit is lost."""
        bench = Bench(50)
        one, two = bench.book(), bench.book()
        spent = bench.spend_many(one, 20)
        spent += bench.spend_many(two, 500)
        assert spent < 50
        bench.now += 10
        one.tidy(bench.now)
        assert 50 == spent + bench.spend_many(two, 500)

    def test_denied_for_a_while(self) -> None:
        """After an exhausted answer nothing is asked for some seconds."""
        bench = Bench(10)
        book = bench.book()
        bench.spend_many(book, 11)
        writes = book.writes
        assert 0 == bench.spend_many(book, 1000)
        assert writes == book.writes

    def test_retry_after(self) -> None:
        """Where others hold leases it makes sense to come back soon; else when the period ends."""
        bench = Bench(10)
        one, two = bench.book(), bench.book()
        bench.spend_many(one, 8)
        bench.spend_many(two, 100)
        assert bench.sheet.leases
        assert 5.0 == bench.spend(bench.book()).retry_after
        bench.now += 10
        for book in (one, two):
            book.tidy(bench.now)
        three = bench.book()
        bench.spend_many(three, 50)
        bench.now += 10
        three.tidy(bench.now)
        assert bench.spend(bench.book()).retry_after is None


class TestNextPeriod:
    def test_new_sheet(self) -> None:
        """Each period has its own units."""
        bench = Bench(10)
        book = bench.book()
        assert 10 == bench.spend_many(book, 20)
        later = Span.HOUR.period_at(START + 3600)
        request = LeaseRequest(PLACE, later, bench.limit, 0, nothing)
        spent = [book.spend(request, bench.now + 3600).outcome for _ in range(20)]
        assert 10 == spent.count(Spending.SPENT)

    def test_straggler(self) -> None:
        """A call of a period whose sheet is gone is denied for a second: it must not spend the new one's."""
        bench = Bench(10)
        later = Span.HOUR.period_at(START + 3600)
        bench.book().spend(LeaseRequest(PLACE, later, bench.limit, 0, nothing), bench.now)
        spent = bench.spend(bench.book())
        assert (Spending.EXHAUSTED, 1.0) == (spent.outcome, spent.retry_after)


class TestEnded:
    """An authorizer ends with a lease in its hands."""

    @staticmethod
    def ended() -> Bench:
        """Of 100 units 60 are spent by one that has ended with more in its hands; the rest by another."""
        bench = Bench(100, reserve_from=100)
        bench.spend_many(bench.book(), 60)
        bench.spend_many(bench.book(), 200)
        return bench

    def test_comes_back(self) -> None:
        """When the counters hold all that it can have let through, its units come back."""
        bench = self.ended()
        lost = 100 - 60 - sum(lease.amount for lease in bench.sheet.leases.values())
        assert lost < 40
        bench.now += 700
        bench.recount = lambda: Recount(int(bench.now) - 5, 85)
        assert 15 == bench.spend_many(bench.book(), 200)

    def test_counted_already(self) -> None:
        """What was spent lately and is counted already stands twice in the first recount: so much less comes
        back by it. The rest comes back by a later one, although no lease has lapsed since.
        """
        bench = Bench(10)
        of_ended, lately = {"lost": Lease(6, START - 1000)}, {spent_slot(START): 4}
        bench.store.sheets[PLACE] = LeaseRecord(HOUR, 10, of_ended, lately)
        let_through = 4
        bench.recount = lambda: Recount(int(bench.now) - 5, let_through)
        let_through += bench.spend_many(bench.book(), 20)
        assert 6 == let_through
        for _ in range(3):
            bench.now += 700
            let_through += bench.spend_many(bench.book(), 20)
        assert 10 == let_through

    def test_asked_once(self) -> None:
        """Where nothing can come back any more, nobody reads what the counters hold."""
        bench = Bench(10)
        bench.recount = lambda: Recount(int(bench.now) - 5, 12)
        bench.spend_many(bench.book(), 20)
        bench.now += 700
        assert 0 == bench.spend_many(bench.book(), 1)
        bench.recount = lambda: pytest.fail("the counters were read")
        assert 0 == bench.spend_many(bench.book(), 1)

    def test_not_before(self) -> None:
        """Not while counters are late: nobody knows then what it has let through."""
        bench = self.ended()
        before = bench.spend_many(bench.book(), 200)
        bench.now += 700
        bench.recount = lambda: Recount(START + 5, 60)
        assert 0 == before == bench.spend_many(bench.book(), 200)

    @pytest.mark.parametrize("through", [None, -4000])
    def test_nobody_knows(self, through: int | None) -> None:
        """Nor where nobody knows until when they are complete, or where that is long ago."""
        bench = self.ended()
        bench.now += 700
        bench.recount = lambda: Recount(None if through is None else int(bench.now) + through, 10)
        assert 0 == bench.spend_many(bench.book(), 200)

    def test_frozen(self) -> None:
        """One that was only frozen spends nothing of what was given to others meanwhile, nor returns it."""
        bench = Bench(100, reserve_from=100)
        frozen = bench.book()
        bench.spend_many(frozen, 20)
        bench.now += 700
        bench.recount = lambda: Recount(int(bench.now) - 5, 20)
        assert 80 == bench.spend_many(bench.book(), 200)
        assert 0 == bench.spend_many(frozen, 50)
        assert 100 == bench.sheet.granted


class Flaky(LeasesInMemory):
    """A store of which some answers are lost."""

    def __init__(self) -> None:
        super().__init__()
        self.carries_out = True
        self.answers = True

    def take(self, take: LeaseChange) -> LeaseAnswer:
        if self.answers:
            return super().take(take)
        if self.carries_out:
            super().take(take)
        return LeaseAnswer(LeaseStatus.UNAVAILABLE)


class TestLostAnswers:
    @pytest.mark.parametrize("carries_out", [True, False])
    def test_nothing_is_lost(self, carries_out: bool) -> None:
        """A lease that was granted without an answer is found on the sheet and returned unspent."""
        bench = Bench(50)
        flaky = bench.store = Flaky()
        flaky.carries_out = carries_out
        book = bench.book()
        spent = bench.spend_many(book, 3)
        flaky.answers = False
        failed = [bench.spend(book).outcome for _ in range(40)]
        spent += failed.count(Spending.SPENT)
        assert Spending.UNAVAILABLE in failed
        flaky.answers = True
        for _ in range(20):
            spent += bench.spend_many(book, 50)
            bench.now += 10
            book.tidy(bench.now)
        assert 50 == spent == bench.sheet.granted

    def test_clock_set_back(self) -> None:
        """A lease whose closing got no answer may be closed: it is spent no more, whatever the clock says."""
        bench = Bench(9, reserve_from=100)
        flaky = bench.store = Flaky()
        book = bench.book()
        spent = bench.spend_many(book, 2)
        assert 3 == bench.sheet.granted
        flaky.answers = False
        bench.now += 10
        book.tidy(bench.now)
        assert 2 == bench.sheet.granted
        bench.now -= 2
        assert Spending.UNAVAILABLE is bench.spend(book).outcome
        flaky.answers = True
        spent += bench.spend_many(book, 50)
        assert 9 == spent == bench.sheet.granted


class TestJudge:
    def test_two_limits(self) -> None:
        """Where one reserved limit is exhausted, the other gets its unit back."""
        desk = Desk()
        hourly = Limit(Metric.REQUESTS, Span.HOUR, 100, mode=Mode.RESERVED)
        daily = Limit(Metric.REQUESTS, Span.DAY, 5, mode=Mode.RESERVED)
        desk.store.give("a1b2c3", Plan("both", (hourly, daily)))
        outcomes = [desk.decide.decide("a1b2c3", NOON, NOON) for _ in range(20)]
        assert 5 == sum(one.decision.allowed for one in outcomes)
        assert "requests/day" == getattr(outcomes[-1].decision.standing, "limit", hourly).name
        assert (
            95
            == desk.leases.spend(
                LeaseRequest(PLACE._replace(key="a1b2c3"), HOUR, hourly, 0, nothing), NOON
            ).remaining
            + 1
        )

    def test_billable(self) -> None:
        """Billable calls can be reserved: three authorizers never let more through than the limit, whatever
        becomes of the calls, and a period begins with those that were billable before.
        """
        plan = Plan("free", (Limit(Metric.BILLABLE, Span.MONTH, 100, mode=Mode.RESERVED),))
        shared, leases = QuotasInMemory(), LeasesInMemory()
        shared.give("a1b2c3", plan)
        shared.usage["a1b2c3"] = {Period("2026-11"): Usage(requests=5_000, billable=30)}
        desks = [Desk(shared, leases, name=name) for name in ("one", "two", "three")]
        allowed = [desks[n % 3].decide.decide("a1b2c3", NOON, NOON).decision.allowed for n in range(400)]
        assert 70 == sum(allowed)

    def test_billable_counted(self) -> None:
        """An authorizer knows of the calls that it let through itself that they may be billable."""
        desk = Desk()
        desk.store.give("a1b2c3", Plan("free", (Limit(Metric.BILLABLE, Span.MONTH, 10),)))
        assert 10 == sum(desk.decide.decide("a1b2c3", NOON, NOON).decision.allowed for _ in range(50))

    def test_counted_denies_first(self) -> None:
        """A counted limit that denies spends nothing of a reserved one."""
        desk = Desk()
        reserved = Limit(Metric.REQUESTS, Span.HOUR, 100, mode=Mode.RESERVED)
        desk.store.give("a1b2c3", Plan("both", (reserved, Limit(Metric.REQUESTS, Span.DAY, 5))))
        desk.store.count("a1b2c3", 5)
        desk.decide.decide("a1b2c3", NOON, NOON)
        assert 0 == desk.leases.writes

    def test_recount(self) -> None:
        """Units of an authorizer that ended come back by the progress of the shards and the counters."""
        shared, leases = QuotasInMemory(), LeasesInMemory()
        plan = Plan("free", (Limit(Metric.REQUESTS, Span.HOUR, 100, mode=Mode.RESERVED, reserve_from=100),))
        shared.give("a1b2c3", plan)
        for name, calls in (("ended", 60), ("other", 200)):
            desk = Desk(shared, leases, name=name)
            for _ in range(calls):
                desk.decide.decide("a1b2c3", NOON, NOON)
        shared.count("a1b2c3", 85)
        late = NOON + 700
        shared.through = int(late)
        third = Desk(shared, leases, name="third")
        third.clock.now = late
        assert 15 == sum(third.decide.decide("a1b2c3", late, late).decision.allowed for _ in range(50))

    def test_misconfigured(self) -> None:
        """A store that cannot work fails no call: the setting decides."""
        desk = Desk()
        desk.store.give("a1b2c3", Plan("free", (Limit(Metric.REQUESTS, Span.HOUR, 9, mode=Mode.RESERVED),)))

        def refuse(take: LeaseChange) -> LeaseAnswer:
            raise Misconfigured([f"no permission for {take.place.limit}"])

        desk.leases._store.take = refuse  # type: ignore[method-assign]  # noqa: SLF001 - the store of this test
        assert "Unchecked" == desk.decide.decide("a1b2c3", NOON, NOON).outcome
        assert "requests/hour" in desk.known.last_error


class TestLease:
    def test_two_numbers(self) -> None:
        """An amount, and until when."""
        assert (40, 7) == Lease(40, 7)


class TestManyAuthorizers:
    def bench(self, leases: int, amount: int = 1_000_000) -> Bench:
        """A limit on which so many others hold a lease of one unit each."""
        bench = Bench(amount)
        others = {f"other-{number}": Lease(1, START + 60) for number in range(leases)}
        bench.store.begin(PLACE, LeaseRecord(HOUR, leases, others, {}))
        return bench

    def seconds(self, bench: Bench) -> int:
        """How long the second lease of an authorizer lasts, which knows the others by the first."""
        book = bench.book()
        bench.spend(book)
        while True:
            before = set(bench.sheet.leases)
            bench.spend(book)
            for lease_id in set(bench.sheet.leases) - before:
                return bench.sheet.leases[lease_id].expires_at - START

    @pytest.mark.parametrize(("leases", "seconds"), [(0, 10), (18, 10), (100, 60), (1_000, 120)])
    def test_longer(self, leases: int, seconds: int) -> None:
        """The more leases there are, the longer the next one lasts, up to two minutes."""
        assert seconds == self.seconds(self.bench(leases))

    def test_near_the_limit(self) -> None:
        """From `reserve_from` on none does: what is not spent is to come back soon."""
        assert 10 == self.seconds(self.bench(1_000, amount=1_200))

    def test_cost(self) -> None:
        """300 authorizers that let a call through each second change the record 2.5 times a second: with
        leases of 10 seconds it would be 30.
        """
        bench = Bench(10_000_000)
        books = [bench.book() for _ in range(300)]
        writes: list[int] = []
        for second in range(240):
            bench.now = NOON + second
            assert all(bench.spend(book).outcome is Spending.SPENT for book in books)
            writes.append(sum(book.writes for book in books))
        assert (writes[-1] - writes[-121]) / 120 <= 3
