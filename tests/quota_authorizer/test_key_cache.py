"""What an authorizer remembers, for how long, and how often it asks."""

from __future__ import annotations

import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from metering.quotas.plan import HOUR_SECONDS, Limit, Plan, Span
from metering.quotas.ports import Wanted
from metering.usage import Metric
from quota_authorizer.key_cache import MOST_KEYS, KnownKey, Remembered
from tests.quota_authorizer.stores import DAY, HOUR, MONTH, NOON, Desk

KEY = "a1b2c3"
AT = int(NOON)
MONTHLY = Plan("free", (Limit(Metric.REQUESTS, Span.MONTH, 1000),))
HOURLY = Plan("free", (Limit(Metric.REQUESTS, Span.HOUR, 10),))


@pytest.fixture
def desk() -> Desk:
    """An authorizer that has never seen the key, whose plan another key has."""
    one = Desk()
    one.store.give(KEY, MONTHLY)
    one.store.give("other", MONTHLY)
    one.known.known("other", AT)
    one.store.requests.clear()
    return one


def known(desk: Desk, key: str = KEY, at: int = AT) -> KnownKey:
    return desk.known.known(key, at)


class TestRequests:
    def test_first(self, desk: Desk) -> None:
        """A key that is met for the first time costs one request: its plan and both counters at once."""
        assert MONTHLY == getattr(known(desk).facts, "plan", None)
        assert [Wanted(KEY, frozenset({DAY, MONTH}), True, None)] == desk.store.requests

    def test_first_plan(self) -> None:
        """The first key of a plan costs one more, for the plan."""
        desk = Desk()
        desk.store.give(KEY, MONTHLY)
        known(desk)
        assert 2 == len(desk.store.requests)

    def test_fresh(self, desk: Desk) -> None:
        """For some seconds nothing is asked."""
        for _ in range(100):
            known(desk)
        desk.clock.now += 4.9
        known(desk)
        assert 1 == len(desk.store.requests)

    def test_counters(self, desk: Desk) -> None:
        """Then its counters are read again, those that its limits need; the plan is believed for longer."""
        known(desk)
        desk.clock.now += 5
        known(desk)
        assert [Wanted(KEY, frozenset({MONTH}), assignment=False)] == desk.store.requests[1:]

    def test_plan(self, desk: Desk) -> None:
        """After a minute plan and counters are read by one request."""
        known(desk)
        desk.clock.now += 60
        known(desk)
        assert [Wanted(KEY, frozenset({MONTH}), True, "free")] == desk.store.requests[1:]

    def test_other_plan(self, desk: Desk) -> None:
        """A plan with limits of other lengths needs other counters: then there is a second request."""
        known(desk)
        desk.store.give(KEY, HOURLY)
        desk.store.count(KEY, 7)
        desk.clock.now += 60
        assert 7 == known(desk).counted[HOUR].requests
        assert Wanted(KEY, frozenset({DAY}), assignment=False) == desk.store.requests[-1]

    def test_no_limits(self, desk: Desk) -> None:
        """Without limits no counters are read until the plan is."""
        desk.store.give(KEY, Plan("unlimited"))
        for _ in range(11):
            known(desk)
            desk.clock.now += 5
        assert 2 == len(desk.store.requests)

    def test_next_hour(self, desk: Desk) -> None:
        """A new period is not judged by the counters of the old one."""
        known(desk)
        known(desk, at=AT + HOUR_SECONDS)
        assert 2 == len(desk.store.requests)

    def test_digests(self, desk: Desk) -> None:
        """Whose key it is, is asked once a minute; a stranger's every few seconds."""
        desk.store.ids["known"] = KEY
        for _ in range(12):
            assert (KEY, None) == (desk.known.key_of("known"), desk.known.key_of("strange"))
            desk.clock.now += 5
        assert 1 + 12 == len(desk.store.requests)


class TestConcurrency:
    def test_shared(self, desk: Desk) -> None:
        """Twenty misses of one key at the same time share a request."""
        desk.store.before_answer = lambda: time.sleep(0.2)
        with ThreadPoolExecutor(20) as pool:
            entries = list(pool.map(lambda _: known(desk), range(20)))
        assert 1 == len(desk.store.requests)
        assert all(entry.facts is not None and entry.facts.plan == MONTHLY for entry in entries)

    def test_keys_apart(self, desk: Desk) -> None:
        """Misses of different keys do not wait for one another."""
        both_asked = threading.Barrier(2)

        def meet() -> None:
            both_asked.wait(60)

        desk.store.before_answer = meet
        desk.store.give("another", MONTHLY)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda key: known(desk, key), [KEY, "another"]))
        assert 2 == len(desk.store.requests)


class TestBounds:
    def test_keys(self) -> None:
        """However many keys there are, only so many are remembered."""
        desk = Desk()
        for number in range(MOST_KEYS + 10):
            known(desk, f"key-{number}")
        desk.store.requests.clear()
        known(desk, f"key-{MOST_KEYS + 9}")
        assert 0 == len(desk.store.requests)

    def test_no_cliff(self) -> None:
        """With a twentieth more keys than are remembered, all coming round and round, few are read again: 9 %
        by reckoning (x = 1 - exp(-1.05 x)), where first in, first out would read all.
        """
        remembered = Remembered[int](2_000, random.Random(1).randrange)
        rounds: list[int] = []
        for _ in range(20):
            misses = 0
            for number in range(2_100):
                if remembered.get(str(number)) is None:
                    remembered.put(str(number), number)
                    misses += 1
            rounds.append(misses)
        assert 2_100 == rounds[0]
        assert sum(rounds[10:]) / 10 < 0.15 * 2_100

    def test_bound(self) -> None:
        """What is put again keeps its place, and no more than so many are kept."""
        remembered = Remembered[int](2, lambda _most: 0)
        for name, value in [("a", 1), ("b", 2), ("a", 3), ("c", 4)]:
            remembered.put(name, value)
        assert [None, 2, 4] == [remembered.get(name) for name in "abc"]


class TestJudgement:
    def test_own_calls(self) -> None:
        """Calls that were let through since the counters were read are added to them."""
        desk = Desk()
        desk.store.give(KEY, HOURLY)
        desk.store.count(KEY, 7)
        allowed = [desk.decide.decide(KEY, NOON, NOON).decision.allowed for _ in range(5)]
        assert [True, True, True, False, False] == allowed

    def test_not_twice(self) -> None:
        """When the counters are read again they are believed, though some calls may still be on their way."""
        desk = Desk()
        desk.store.give(KEY, HOURLY)
        desk.store.count(KEY, 7)
        for _ in range(3):
            desk.decide.decide(KEY, NOON, NOON)
        desk.clock.now += 5
        desk.store.count(KEY, 9)
        assert desk.decide.decide(KEY, NOON, NOON).decision.allowed
