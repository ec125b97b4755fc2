"""What must change, and the changes as text."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from metering.quotas.plan import AccountKeys, Assignment, KeyStatus, Kind, Limit, Mode, Plan, Span
from metering.quotas.plan_diff import Holders, changes, described, over_current
from metering.quotas.plan_file import PlansDocument, WantedKey
from metering.usage import Metric

NOW = 1_793_880_000
MONTHLY = Limit(Metric.REQUESTS, Span.MONTH, 10_000)
HOURLY = Limit(Metric.REQUESTS, Span.HOUR, 100, mode=Mode.RESERVED)
BYTES = Limit(Metric.RESPONSE_BYTES, Span.DAY, 10**9, Kind.SOFT, ())
FREE = Plan("free", (MONTHLY, HOURLY))

PLANS = st.builds(
    Plan,
    name=st.just("free"),
    limits=st.sets(st.sampled_from([MONTHLY, HOURLY, BYTES])).map(tuple),
    version=st.integers(1, 9),
)
WANTED = st.builds(
    WantedKey,
    key=st.just("a1"),
    plan=st.sampled_from(["free", "pro"]),
    account=st.sampled_from([None, "", "acme"]),
    overrides=st.sampled_from([{}, {"requests/month": 5}, {"requests/month": None}]),
    status=st.sampled_from([None, *KeyStatus]),
)
KEYS = st.builds(
    Assignment,
    key=st.just("a1"),
    plan=st.sampled_from(["free", "pro"]),
    account=st.sampled_from(["", "acme"]),
    overrides=st.sampled_from([{}, {"requests/month": 5}]),
    status=st.sampled_from(KeyStatus),
    since=st.integers(0, NOW),
)


class TestChanges:
    def test_new(self) -> None:
        """What is not there is made: a plan begins with version 1, a key has its plan from now on."""
        found = changes(PlansDocument({"free": FREE}, {"a1": WantedKey("a1", "free")}), {}, {}, NOW)
        assert [(None, msgspec.structs.replace(FREE, since=NOW))] == [tuple(one) for one in found.plans]
        assert [(None, Assignment("a1", "free", since=NOW))] == [tuple(one) for one in found.keys]

    def test_version(self) -> None:
        """A plan that changes gets the next version."""
        current = Plan("free", (HOURLY,), version=7)
        (change,) = changes(PlansDocument({"free": FREE}), {"free": current}, {}, NOW).plans
        assert (current, Plan("free", FREE.limits, version=8, since=NOW)) == tuple(change)

    @given(PLANS, PLANS, KEYS, WANTED)
    def test_idempotent(self, plan: Plan, wanted_plan: Plan, key: Assignment, wanted_key: WantedKey) -> None:
        """After the changes are made nothing is left to change."""
        wanted = PlansDocument({"free": wanted_plan}, {"a1": wanted_key})
        found = changes(wanted, {"free": plan}, {"a1": key}, NOW)
        plans = {"free": plan} | {one.new.name: one.new for one in found.plans}
        keys = {"a1": key} | {one.new.key: one.new for one in found.keys}
        assert not changes(wanted, plans, keys, NOW + 60)
        assert bool(found) == bool(described(found))

    @given(KEYS, st.sampled_from(["acme", ""]))
    def test_since(self, key: Assignment, account: str) -> None:
        """A key that keeps its plan has it since it got it, whatever else changes but the amounts."""
        wanted = WantedKey("a1", key.plan, account)
        found = changes(PlansDocument(keys={"a1": wanted}), {}, {"a1": key}, NOW)
        assert all(change.new.since == key.since for change in found.keys)
        other = WantedKey("a1", key.plan, overrides={"requests/month": 6})
        (change,) = changes(PlansDocument(keys={"a1": other}), {}, {"a1": key}, NOW).keys
        assert NOW == change.new.since


class TestImport:
    def test_keeps_what_api_gateway_does_not_know(self) -> None:
        """An imported plan changes the amount that it names; other limits, and how a limit is held, stay."""
        current = Plan("free", (HOURLY, msgspec.structs.replace(MONTHLY, kind=Kind.SOFT), BYTES), version=7)
        found = PlansDocument({"free": Plan("free", (Limit(Metric.REQUESTS, Span.MONTH, 5),))})
        (change,) = changes(over_current(found, {"free": current}), {"free": current}, {}, NOW).plans
        soft = Limit(Metric.REQUESTS, Span.MONTH, 5, Kind.SOFT)
        assert Plan("free", (HOURLY, soft, BYTES), version=8, since=NOW) == change.new

    def test_takes_over_what_is_new(self) -> None:
        """A plan and a limit that are not there are made."""
        found = PlansDocument({"free": FREE, "pro": Plan("pro", (MONTHLY,))})
        taken = over_current(found, {"free": Plan("free", (HOURLY,))})
        assert {"free": Plan("free", (HOURLY, MONTHLY)), "pro": Plan("pro", (MONTHLY,))} == taken.plans


class TestReported:
    def test_plans(self) -> None:
        """Limits that go and come, and no others."""
        found = changes(PlansDocument({"free": Plan("free", (HOURLY, BYTES))}), {"free": FREE}, {}, NOW)
        assert [
            "plan free: version 2",
            "  - requests/month 10,000 hard, alerts at 50+80+100 %",
            "  + response_bytes/day 1,000,000,000 soft, no alerts",
        ] == described(found)

    def test_keys(self) -> None:
        """What is other than before."""
        before = Assignment("a1", "free", "acme", {"requests/month": 5})
        overrides = {"requests/hour": 7_000, "requests/month": None}
        after = WantedKey("a1", "pro", "", overrides, KeyStatus.SUSPENDED)
        found = changes(PlansDocument(keys={"a1": after}), {}, {"a1": before}, NOW)
        (line,) = described(found)
        assert (
            "key a1: plan free -> pro, account acme -> none, status active -> suspended, "
            "requests/hour as the plan -> 7,000, requests/month 5 -> as the plan"
        ) == line

    def test_unused_overrides(self) -> None:
        """A new version keeps what keys override, and says whose amounts have no limit any more."""
        billable = Plan("free", (Limit(Metric.BILLABLE, Span.MONTH, 1000), HOURLY))
        holders = [
            Assignment("b2", "free", "", {"requests/month": 50_000, "requests/hour": 7}),
            Assignment("a1", "free", "acme", {"requests/month": 20_000}),
            Assignment("c3", "pro", "", {"requests/month": 5}),
            Assignment("d4", "free"),
            Assignment("e5", "free", "", {"requests/month": 5}),
        ]
        wanted = PlansDocument({"free": billable}, {"e5": WantedKey("e5", "free")})
        found = changes(wanted, {"free": FREE}, {"e5": holders[4]}, NOW, Holders(holders))
        assert [
            f"key {key}: its requests/month {amount} no longer applies: "
            "version 2 of plan free has no such limit, so the plan's amounts apply"
            for key, amount in (("a1", "20,000"), ("b2", "50,000"))
        ] == described(found)[-2:]
        assert ["a1", "b2"] == [one.key for one in found.unused]
        assert () == changes(PlansDocument({"free": FREE}), {"free": FREE}, {}, NOW, Holders(holders)).unused

    def test_accounts(self) -> None:
        """An account has a plan as a key has: what is new, what is other, and nothing if all is as it should
        be.
        """
        wanted = PlansDocument(accounts={"acme": WantedKey("!account:acme", "team", "acme")})
        held = Assignment("!account:acme", "team", "acme", since=NOW)
        found = changes(wanted, {}, {}, NOW, Holders(accounts={"acme": None}))
        assert ["account acme: plan team"] == described(found)
        assert [(None, held)] == [tuple(one) for one in found.accounts]
        there = Holders(accounts={"acme": AccountKeys("acme", held, frozenset({"a1"}))})
        assert not changes(wanted, {}, {}, NOW + 9, there)
        larger = PlansDocument(
            accounts={"acme": WantedKey("!account:acme", "large", "acme", {"requests/day": 5})}
        )
        assert ["account acme: plan team -> large, requests/day as the plan -> 5"] == described(
            changes(larger, {}, {}, NOW, there)
        )

    def test_expiry(self) -> None:
        """When a key expires is said in words."""
        before, after = Assignment("a1", "free"), WantedKey("a1", "free", expires=NOW)
        found = changes(PlansDocument(keys={"a1": after}), {}, {"a1": before}, NOW)
        assert ["key a1: expires never -> 2026-11-05 12:00 UTC"] == described(found)

    def test_new_key(self) -> None:
        """A key that is new."""
        found = changes(PlansDocument(keys={"a1": WantedKey("a1", "free", "acme")}), {}, {}, NOW)
        assert ["key a1: plan free, account acme"] == described(found)
