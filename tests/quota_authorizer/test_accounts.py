"""An account has limits as well as a key: all of its keys together, whichever comes and goes."""

from __future__ import annotations

import pytest

from metering.period import Period
from metering.quotas.decision import Decision
from metering.quotas.plan import KeyStatus, Limit, Mode, Plan, Span
from metering.usage import Metric, Usage
from quota_authorizer.decision import OnFailure
from simulation.quotas.store import LeasesInMemory
from tests.quota_authorizer.stores import DAY, HOUR, NOON, Desk, QuotasInMemory

GENEROUS = Plan("generous", (Limit(Metric.REQUESTS, Span.HOUR, 80),))
TEAM = Plan("team", (Limit(Metric.REQUESTS, Span.HOUR, 100),))
RESERVED = Plan("team", (Limit(Metric.REQUESTS, Span.HOUR, 100, mode=Mode.RESERVED),))
KEYS = ("old", "new", "third")


def shared(plan: Plan = TEAM, key_plan: Plan = GENEROUS) -> QuotasInMemory:
    """Three keys of an account."""
    store = QuotasInMemory()
    for key in KEYS:
        store.give(key, key_plan, account="acme")
    store.give_account("acme", plan, *KEYS)
    return store


def decide(desk: Desk, key: str, at: float = NOON) -> Decision:
    """The decision on a call."""
    return desk.decide.decide(key, at, at).decision


def name(decision: Decision) -> str | None:
    """The limit that decided."""
    return decision.standing and decision.standing.name


class TestCounted:
    def test_together(self) -> None:
        """The calls of all keys use up the limit of the account, those of one key its own as well."""
        desk = Desk(shared())
        desk.store.count("old", 40)
        desk.store.count("new", 59)
        assert (True, "account:requests/hour") == (decide(desk, "new").allowed, name(decide(desk, "third")))
        desk = Desk(shared())
        desk.store.count("old", 80)
        assert (False, "requests/hour") == (decide(desk, "old").allowed, name(decide(desk, "old")))
        assert decide(desk, "new").allowed

    def test_rotated(self) -> None:
        """A key that was taken away, or rotated, leaves what it used; the next one begins where it ended."""
        store = shared()
        store.count("old", 100)
        del store.assignments["old"]
        decision = decide(Desk(store), "new")
        assert (False, 3600) == (decision.allowed, decision.retry_after)

    def test_other_accounts(self) -> None:
        """Keys of other accounts, and of none, have nothing to do with it."""
        store = shared()
        store.count("old", 100)
        store.give("stranger", GENEROUS)
        store.give("initech", GENEROUS, account="initech")
        desk = Desk(store)
        assert decide(desk, "stranger").allowed
        assert decide(desk, "initech").allowed

    def test_admitted(self) -> None:
        """An authorizer knows of the calls that it let through itself, of whichever key."""
        desk = Desk(shared())
        allowed = [decide(desk, KEYS[number % 3]).allowed for number in range(300)]
        assert 100 == sum(allowed)

    def test_requests(self) -> None:
        """The keys of an account share what is read of it: it is read as often as one key."""
        desk = Desk(shared())
        for _ in range(50):
            for key in KEYS:
                decide(desk, key)
        of_account = [
            one for one in desk.store.requests if isinstance(one, tuple) and one[0] in ("account", "counted")
        ]
        assert [("account", "acme"), ("counted", *sorted(KEYS))] == of_account
        desk.clock.now += 5
        decide(desk, "old")
        assert ("counted", *sorted(KEYS)) == desk.store.requests[-1]

    def test_overrides(self) -> None:
        """An account may have amounts of its own, as a key may."""
        store = shared()
        store.give_account("acme", TEAM, *KEYS, overrides={"requests/hour": 7})
        desk = Desk(store)
        assert 7 == sum(decide(desk, KEYS[number % 3]).allowed for number in range(60))

    @pytest.mark.parametrize("held", [{"status": KeyStatus.SUSPENDED}, {"expires": int(NOON)}])
    def test_suspended(self, held: dict[str, object]) -> None:
        """An account that is suspended, or has expired, lets none of its keys in."""
        store = shared()
        store.give_account("acme", TEAM, *KEYS, **held)
        assert "Suspended" == Desk(store).decide.decide("new", NOON, NOON).outcome

    @pytest.mark.parametrize("has_keys", [True, False])
    def test_no_plan(self, *, has_keys: bool) -> None:
        """An account without a plan limits nothing."""
        store = shared()
        store.count("old", 10_000)
        account = store.accounts.pop("acme")
        if has_keys:
            store.accounts["acme"] = type(account)("acme", None, account.keys)
        desk = Desk(store)
        assert (True, "requests/hour") == (decide(desk, "new").allowed, name(decide(desk, "new")))


class TestWeek:
    def test_of_account(self) -> None:
        """A limit by the week holds for the keys of an account too, counted and reserved."""
        for mode in Mode:
            plan = Plan("team", (Limit(Metric.REQUESTS, Span.WEEK, 100, mode=mode),))
            store = shared(plan, Plan("unlimited"))
            store.usage["old"] = {Period("2026-11-02"): Usage(30), Period("2026-11-01"): Usage(500)}
            store.usage["new"] = {DAY: Usage(20)}
            desk = Desk(store)
            assert 50 == sum(decide(desk, KEYS[number % 3]).allowed for number in range(200))


class TestReserved:
    def test_never_exceeded(self) -> None:
        """Three authorizers and three keys never let more through than the account's limit."""
        store, leases = shared(RESERVED), LeasesInMemory()
        desks = [Desk(store, leases, name=one) for one in ("a", "b", "c")]
        allowed = [decide(desks[n % 3], KEYS[n // 3 % 3]).allowed for n in range(900)]
        assert 100 == sum(allowed)

    def test_begins_with_all_keys(self) -> None:
        """A period begins with what all keys have used by then."""
        store = shared(RESERVED)
        store.count("old", 30)
        store.count("third", 60)
        desk = Desk(store)
        assert 10 == sum(decide(desk, "new").allowed for _ in range(50))

    def test_both_reserved(self) -> None:
        """A unit of the key comes back where the account has none left."""
        own = Plan("own", (Limit(Metric.REQUESTS, Span.HOUR, 50, mode=Mode.RESERVED),))
        store, leases = shared(RESERVED, own), LeasesInMemory()
        desk = Desk(store, leases)
        allowed = {key: sum(decide(desk, key).allowed for _ in range(200)) for key in KEYS}
        assert {"old": 50, "new": 50, "third": 0} == allowed
        assert {"old", "new", "third", "!account:acme"} == {place.key for place in leases.sheets}

    def test_recount(self) -> None:
        """Units of an authorizer that ended come back by the counters of all keys."""
        limit = Limit(Metric.REQUESTS, Span.HOUR, 100, mode=Mode.RESERVED, reserve_from=100)
        store, leases = shared(Plan("team", (limit,)), Plan("unlimited")), LeasesInMemory()
        for name_of_desk, calls in (("ended", 60), ("other", 200)):
            desk = Desk(store, leases, name=name_of_desk)
            for number in range(calls):
                decide(desk, KEYS[number % 3])
        for key in KEYS:
            store.count(key, 25)
        late = NOON + 700
        store.through = int(late)
        third = Desk(store, leases, name="third")
        third.clock.now = late
        assert 25 == sum(decide(third, "old", late).allowed for _ in range(50))


class TestOutOfReach:
    @pytest.mark.parametrize(("setting", "allowed"), [(OnFailure.ALLOW, True), (OnFailure.DENY, False)])
    def test_unknown(self, setting: OnFailure, *, allowed: bool) -> None:
        """Where nobody can say how the account stands, the setting decides, and that is counted."""
        desk = Desk(shared(), on_failure=setting)
        known = desk.known.known("new", int(NOON))
        assert known.facts is not None
        desk.store.out_of_reach = True
        decided = desk.decide.decide("new", NOON, NOON)
        assert ("Unchecked", allowed) == (decided.outcome, decided.decision.allowed)
        assert 1 == desk.decide.counts["StoreFailures"]

    def test_last_word(self) -> None:
        """An account that was over its limit stays so."""
        desk = Desk(shared())
        desk.store.count("old", 100)
        decide(desk, "new")
        desk.store.out_of_reach = True
        desk.clock.now += 30
        assert not decide(desk, "new").allowed


def test_periods() -> None:
    """The periods of the tests' store are those of the decision."""
    desk = Desk(shared())
    desk.store.count("old", 3)
    decide(desk, "old")
    assert {HOUR, DAY} <= desk.known.account("acme", int(NOON)).counted.keys()
