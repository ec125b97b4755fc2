"""Thresholds: what the watch makes of what increments find. Faults are in `tests/simulation`."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from adapters.dynamodb.counters import DynamoDBCounters
from adapters.dynamodb.plans import PlanBook
from adapters.dynamodb.slices import DynamoDBSlices
from adapters.dynamodb.thresholds import DEFERRED_AT_ONCE, DynamoDBNotifications
from metering.counters.ports import CounterAnswer, Increment, SliceId, Status
from metering.counters.slices import slice_of
from metering.errors import Transient
from metering.period import Period, month_of
from metering.quotas.decision import Counted
from metering.quotas.plan import Assignment, Kind, Limit, Plan, Span, holder_of
from metering.quotas.ports import KeyPlan, SharedPlan, ThresholdCrossing
from metering.quotas.threshold import crossing_id, decode_crossing, encode_crossing
from metering.usage import Metric, Usage
from simulation.protocol.store import SimulatedCounters
from simulation.quotas.thresholds import NotificationsInMemory
from stream_processor import threshold_finder
from stream_processor import thresholds as alerts
from stream_processor.slices import Registration
from stream_processor.threshold_finder import Found
from stream_processor.thresholds import CLAIM_SECONDS, NOTHING_FOUND, LimitWatch
from tests.tables import create_tables

MONTH, DAY = Period("2026-11"), Period("2026-11-05")
SHARD = "shardId-000000000000"
DAILY = Limit(Metric.REQUESTS, Span.DAY, 100)
NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)


class OnePlan(NotificationsInMemory):
    """A store in which keys have the plan that a test gives them."""

    def __init__(self, *limits: Limit, since: int = 0) -> None:
        super().__init__(SimulatedCounters())
        self.plan: Plan | None = Plan("free", limits, version=7)
        self.since = since
        self.asked: list[Sequence[str]] = []
        self.reads_of_totals = 0
        self.is_out_of_reach = False

    def count(self, increment: Increment) -> None:
        """Let the counters hold an increment."""
        self._counters.slices.register([SliceId(month_of(increment.period), increment.slice)])
        self._counters.add([increment])

    def totals_of(self, places: Sequence[tuple[str, Period, int]]) -> dict[tuple[str, Period, int], Counted]:
        self.reads_of_totals += 1
        if self.is_out_of_reach:
            raise Transient("no answer")
        return super().totals_of(places)

    def plans_of(self, keys: Sequence[str]) -> dict[str, KeyPlan]:
        self.asked.append(keys)
        plan = self.plan
        return (
            {key: KeyPlan(Assignment(key, "free", "acme", since=self.since), plan) for key in keys}
            if plan
            else {}
        )


class Noted(OnePlan):
    """One that notes the order of its writes."""

    def __init__(self, *limits: Limit) -> None:
        super().__init__(*limits)
        self.writes: list[str] = []

    def defer(self, crossings: Sequence[ThresholdCrossing]) -> list[bool]:
        self.writes.append("keep")
        return super().defer(crossings)

    def mark_published(self, crossings: Sequence[ThresholdCrossing]) -> list[bool]:
        self.writes.append("mark")
        return super().mark_published(crossings)


def _hour(hour: int) -> int:
    """Epoch seconds of an hour of the day."""
    return int(NOON.replace(hour=hour).timestamp())


class Published:
    """EventBridge, as long as it answers."""

    def __init__(self) -> None:
        self.answers = True
        self.takes: int | None = None
        """Of each request it takes so many; None: all."""
        self.requests = 0
        self.crossings: list[ThresholdCrossing] = []
        self._lock = threading.Lock()

    def publish(self, crossings: Sequence[ThresholdCrossing]) -> list[str | None]:
        with self._lock:
            self.requests += 1
            taken = crossings[: self.takes] if self.answers else []
            self.crossings += taken
        return [None] * len(taken) + ["no answer"] * (len(crossings) - len(taken))

    @property
    def thresholds(self) -> list[int]:
        return [crossing.threshold for crossing in self.crossings]


class Unwalked(OrderedDict[str, None]):
    """One that nobody iterates over."""

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("its entries are looked through")


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def found(
    requests: int,
    *,
    key: str = "a1b2c3",
    period: Period = DAY,
    status: Status = Status.WRITTEN,
    first: int = 10,
    hours: dict[str, int] | None = None,
    shard_id: str = SHARD,
) -> Found:
    """What an increment of one call has found."""
    parts = hours or {"11": requests}
    increment = Increment(key, period, 0, shard_id, first, first, Usage(1), dict.fromkeys(parts, 1))
    return increment, CounterAnswer(status, None, Usage(requests), parts if period == DAY else {})


@pytest.fixture
def published() -> Published:
    return Published()


@pytest.fixture
def clock() -> Clock:
    return Clock()


class TestFinding:
    def test_crossing(self, published: Published, clock: Clock) -> None:
        """A crossing names key, account, plan, limit, period, threshold and what is used."""
        report = LimitWatch(OnePlan(DAILY), published, clock).look([found(51)])
        (crossing,) = published.crossings
        identity = crossing_id("a1b2c3", DAILY, DAY, 50)
        assert (
            ThresholdCrossing(identity, "a1b2c3", "acme", "free", 7, "requests", DAY, 100, "hard", 50, 51)
            == crossing
        )
        assert (crossing,) == report.published

    def test_jump(self, published: Published, clock: Clock) -> None:
        """A batch that passes several thresholds at once publishes each."""
        LimitWatch(OnePlan(DAILY), published, clock).look([found(250)])
        assert [50, 80, 100] == published.thresholds

    def test_below(self, published: Published, clock: Clock) -> None:
        """49 of 100 are less than 50 %."""
        assert NOTHING_FOUND == LimitWatch(OnePlan(DAILY), published, clock).look([found(49)])
        assert [] == published.crossings

    def test_reported_once(self, published: Published, clock: Clock) -> None:
        """What is reported is not reported again: not by this process, nor by another."""
        store = OnePlan(DAILY)
        watch = LimitWatch(store, published, clock)
        for requests in (50, 51, 79):
            watch.look([found(requests)])
        LimitWatch(store, published, clock).look([found(79)])
        assert [50] == published.thresholds

    def test_hours(self, published: Published, clock: Clock) -> None:
        """A limit by the hour is watched by the hours of the day's counter that the increment is about."""
        store = OnePlan(Limit(Metric.REQUESTS, Span.HOUR, 10, thresholds=(100,)))
        LimitWatch(store, published, clock).look([found(15, hours={"10": 12, "11": 3})])
        assert [Period("2026-11-05T10")] == [crossing.period for crossing in published.crossings]

    def test_refused(self, published: Published, clock: Clock) -> None:
        """A refused increment publishes what an attempt before it may have found and not published."""
        LimitWatch(OnePlan(DAILY), published, clock).look([found(50, status=Status.REFUSED)])
        assert [50] == published.thresholds

    def test_keys_of_the_meter(self, published: Published, clock: Clock) -> None:
        """Calls without a key have no plan."""
        store = OnePlan(DAILY)
        LimitWatch(store, published, clock).look([found(99, key="-"), found(99, key="!malformed")])
        assert [[]] == [list(keys) for keys in store.asked] or not store.asked
        assert [] == published.crossings

    def test_new_plan(self, published: Published, clock: Clock) -> None:
        """A plan that comes later is seen within a minute; then what is reached by then is reported."""
        store = OnePlan(DAILY)
        plan, store.plan = store.plan, None
        watch = LimitWatch(store, published, clock)
        watch.look([found(60)])
        store.plan = plan
        clock.now += timedelta(seconds=59)
        watch.look([found(61)])
        assert [] == published.crossings
        clock.now += timedelta(seconds=1)
        watch.look([found(62)])
        assert [50] == published.thresholds

    def test_new_amount(self, published: Published, clock: Clock) -> None:
        """A new version of a plan publishes again what it changes, and nothing else."""
        store = OnePlan(DAILY)
        watch = LimitWatch(store, published, clock)
        watch.look([found(60)])
        store.plan = Plan("free", (DAILY, Limit(Metric.ERRORS, Span.DAY, 5)), version=8)
        clock.now += timedelta(seconds=60)
        watch.look([found(61)])
        assert [100] == [crossing.amount for crossing in published.crossings]
        store.plan = Plan("free", (Limit(Metric.REQUESTS, Span.DAY, 120),), version=9)
        clock.now += timedelta(seconds=60)
        watch.look([found(62)])
        assert [100, 120] == [crossing.amount for crossing in published.crossings]

    @pytest.mark.parametrize(("since", "reported"), [("2026-11-06T00:00", []), ("2026-11-05T23:59", [50])])
    def test_past_periods(self, published: Published, clock: Clock, since: str, reported: list[int]) -> None:
        """Late calls of a period before the key had its plan publish nothing."""
        begun = int(datetime.fromisoformat(since).replace(tzinfo=UTC).timestamp())
        LimitWatch(OnePlan(DAILY, since=begun), published, clock).look([found(60)])
        assert reported == published.thresholds

    @pytest.mark.parametrize(("key_since", "plan_since"), [(14, 0), (0, 14)])
    def test_hour_before(self, published: Published, clock: Clock, key_since: int, plan_since: int) -> None:
        """A limit by the hour that is set at 14:00, by key or by plan, publishes nothing of the hours that
        were over: neither of one that has a late call in this batch, nor of the busy ones before.
        """
        hourly = Limit(Metric.REQUESTS, Span.HOUR, 100)
        store = OnePlan(hourly, since=_hour(key_since) if key_since else 0)
        store.plan = Plan("free", (hourly,), since=_hour(plan_since) if plan_since else 0)
        watch = LimitWatch(store, published, clock)
        hours = {**{f"{hour:02d}": 120 for hour in range(6, 14)}, "14": 1}
        watch.look([found(961, hours=hours)])
        assert [] == published.crossings
        watch.look([found(1_100, hours=hours | {"14": 140})])
        assert {"2026-11-05T14"} == {crossing.period for crossing in published.crossings}

    def test_over_all(self, published: Published, clock: Clock) -> None:
        """A soft limit holds nothing, so that it may notify at multiples."""
        soft = Limit(Metric.REQUESTS, Span.DAY, 100, Kind.SOFT, (100, 120, 300))
        LimitWatch(OnePlan(soft), published, clock).look([found(299)])
        assert [100, 120] == published.thresholds

    def test_no_thresholds(self, published: Published, clock: Clock) -> None:
        """A limit may be silent."""
        LimitWatch(OnePlan(Limit(Metric.REQUESTS, Span.DAY, 1, thresholds=())), published, clock).look(
            [found(60)]
        )
        assert [] == published.crossings


class TestManyKeys:
    def test_full_memory(self, published: Published, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        """A batch that brings a new key when memory is full publishes what its known keys have reached."""
        monkeypatch.setattr("stream_processor.threshold_finder.MOST_REMEMBERED", 3)
        watch = LimitWatch(OnePlan(DAILY), published, clock)
        watch.look([found(1, key="victim"), found(1, key="b"), found(1, key="c")])
        watch.look([found(100, key="victim"), found(1, key="newcomer")])
        assert [("victim", 50), ("victim", 80), ("victim", 100)] == [
            (one.key, one.threshold) for one in published.crossings
        ]

    def test_batch_beyond_memory(
        self, published: Published, clock: Clock, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So does a batch with more keys than are remembered, known or not."""
        monkeypatch.setattr("stream_processor.threshold_finder.MOST_REMEMBERED", 3)
        watch = LimitWatch(OnePlan(DAILY), published, clock)
        keys = [f"key-{number}" for number in range(10)]
        watch.look([found(1, key=key) for key in keys])
        watch.look([found(100, key=key) for key in keys])
        assert {(key, threshold) for key in keys for threshold in (50, 80, 100)} == {
            (one.key, one.threshold) for one in published.crossings
        }

    def test_forgetting_walks_over_nothing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was learnt first is forgotten at once, however much was forgotten before: iterating over a
        dict passes the places of all that was removed, 50 µs for each threshold once there are 50,000.
        """
        monkeypatch.setattr(threshold_finder, "MOST_REMEMBERED", 3)
        monkeypatch.setattr(threshold_finder, "OrderedDict", Unwalked)
        settled = threshold_finder.SettledCrossings()
        for number in range(5):
            settled.settle(str(number))
        assert ["2", "3", "4"] == [str(number) for number in range(5) if not settled.is_open(str(number))]


class TestTime:
    def test_over(self, published: Published, clock: Clock) -> None:
        """Where time is over nothing is claimed: all is repeated from the first that reached anything."""
        watch = LimitWatch(OnePlan(DAILY), published, clock, lambda: True)
        report = watch.look([found(55, first=9), found(10, first=3, key="b"), found(99, first=7, key="c")])
        assert (7, (), 0) == (report.unpublished_from, report.published, published.requests)

    def test_midway(self, published: Published, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        """What was reached first is published first; the batch is repeated from the first that was not."""
        monkeypatch.setattr(alerts, "REACHED_AT_ONCE", 1)
        answers = iter([False, False, True, True])
        watch = LimitWatch(OnePlan(DAILY), published, clock, answers.__next__)
        report = watch.look([found(55, first=9 - number, key=f"k{number}") for number in range(3)])
        assert (["k2", "k1"], 9) == ([one.key for one in published.crossings], report.unpublished_from)


class TestWeek:
    """Of a week an increment knows its own day; the other days are read after it."""

    WEEKLY = Limit(Metric.REQUESTS, Span.WEEK, 100)

    def test_days(self, published: Published, clock: Clock) -> None:
        """Days of the week, over all slices, make it full; those before it do not."""
        store = OnePlan(self.WEEKLY)
        for day, number, slice_number in ((2, 30, 0), (4, 15, 1), (1, 500, 0)):
            period = Period(f"2026-11-{day:02d}")
            store.count(
                Increment("a1b2c3", period, slice_number, SHARD, 1, day, Usage(number), {"11": number})
            )
        watch = LimitWatch(store, published, clock)
        watch.look([found(4)])
        assert [] == published.crossings
        watch.look([found(5)])
        assert [("2026-W45", 50, 50)] == [
            (one.period, one.threshold, one.used) for one in published.crossings
        ]
        watch.look([found(36, hours={"11": 1})])
        assert [50, 80] == published.thresholds

    def test_month(self, published: Published, clock: Clock) -> None:
        """The increment of the month says nothing of the week."""
        LimitWatch(OnePlan(self.WEEKLY), published, clock).look([found(500, period=MONTH)])
        assert [] == published.crossings

    def test_account(self, published: Published, clock: Clock) -> None:
        """The keys of an account fill its week together."""
        store = OnePlan()
        held = Assignment(holder_of("acme"), "team", "acme")
        plan = Plan("team", (self.WEEKLY,))
        store.accounts["acme"] = SharedPlan(KeyPlan(held, plan), frozenset({"old", "a1"}))
        for key, period, number in (
            ("old", "2026-11-02", 60),
            ("a1", "2026-11-05", 20),
            ("old", "2026-11-01", 99),
        ):
            counter = Increment(key, Period(period), 0, SHARD, 1, number, Usage(number), {"11": number})
            store.count(counter)
        LimitWatch(store, published, clock).look([found(20, key="a1")])
        assert [("2026-W45", 50, 80), ("2026-W45", 80, 80)] == [
            (one.period, one.threshold, one.used) for one in published.crossings
        ]


class TestAccount:
    """The keys of an account reach its thresholds together."""

    TEAM = Plan("team", (Limit(Metric.REQUESTS, Span.DAY, 100), Limit(Metric.REQUESTS, Span.HOUR, 40)), 3)
    HELD = Assignment(holder_of("acme"), "team", "acme")

    @pytest.fixture
    def store(self) -> OnePlan:
        """Three keys of the account, one of which was taken away, with calls of the day."""
        store = OnePlan()
        store.accounts["acme"] = SharedPlan(KeyPlan(self.HELD, self.TEAM), frozenset({"old", "a1", "b2"}))
        return store

    def count(self, store: OnePlan, **requests: int) -> None:
        """What the counters of keys hold, all of it in the hour before noon."""
        for key, number in requests.items():
            counter = Increment(key, DAY, 0, SHARD, 1, number, Usage(number), {"11": number})
            store.count(counter)

    def test_together(self, store: OnePlan, published: Published, clock: Clock) -> None:
        """A crossing names the account, its plan and what all of its keys have used."""
        self.count(store, old=30, a1=15, b2=6)
        LimitWatch(store, published, clock).look([found(15, key="a1", hours={"11": 15})])
        assert [
            ("2026-11-05", 50, 51),
            ("2026-11-05T11", 50, 51),
            ("2026-11-05T11", 80, 51),
            ("2026-11-05T11", 100, 51),
        ] == [(one.period, one.threshold, one.used) for one in published.crossings]
        assert {("!account:acme", "acme", "team", 3)} == {
            (one.key, one.account, one.plan, one.plan_version) for one in published.crossings
        }

    def test_mail(self, store: OnePlan, published: Published, clock: Clock) -> None:
        """Crossings of the account and of its keys have the account's address, those of others have none."""
        held = msgspec.structs.replace(self.HELD, mail="ops@acme.example")
        store.plan = Plan("free", (Limit(Metric.REQUESTS, Span.DAY, 100),))
        store.accounts["acme"] = SharedPlan(KeyPlan(held, self.TEAM), frozenset({"a1"}))
        self.count(store, a1=95)
        watch = LimitWatch(store, published, clock)
        watch.look([found(95, key="a1", hours={"11": 95})])
        assert {("a1", "ops@acme.example"), ("!account:acme", "ops@acme.example")} == {
            (one.key, one.mail) for one in published.crossings
        }
        store.accounts.clear()
        later = Published()
        LimitWatch(store, later, clock).look([found(95, key="c3", hours={"11": 95})])
        assert {("c3", "")} == {(one.key, one.mail) for one in later.crossings}

    def test_once(self, store: OnePlan, published: Published, clock: Clock) -> None:
        """Whichever key reaches a threshold, it is sent once; when all are sent nothing is read any more."""
        self.count(store, old=60, a1=20, b2=20)
        watch = LimitWatch(store, published, clock)
        for key in ("a1", "b2", "a1"):
            watch.look([found(20, key=key, hours={"11": 20})])
        assert 6 == len(published.crossings)
        assert 1 == store.reads_of_totals

    def test_below(self, store: OnePlan, published: Published, clock: Clock) -> None:
        """A key that is far over what others use says nothing of its account's limit by itself."""
        self.count(store, a1=19)
        LimitWatch(store, published, clock).look([found(19, key="a1", hours={"11": 19})])
        assert [] == published.crossings

    def test_new_key(self, store: OnePlan, published: Published, clock: Clock) -> None:
        """A key that came to the account a moment ago counts, although the account is not read anew yet."""
        self.count(store, old=30, fresh=21)
        LimitWatch(store, published, clock).look([found(21, key="fresh", hours={"11": 1})])
        assert 50 in published.thresholds

    def test_before(self, store: OnePlan, published: Published, clock: Clock) -> None:
        """Nothing is reported of an hour that was over when the account got its plan."""
        held = Assignment(holder_of("acme"), "team", "acme", since=int(NOON.timestamp()))
        store.accounts["acme"] = SharedPlan(KeyPlan(held, self.TEAM), frozenset({"old", "a1"}))
        self.count(store, old=40, a1=9)
        LimitWatch(store, published, clock).look([found(9, key="a1", hours={"11": 9})])
        assert [] == published.crossings

    def test_out_of_reach(self, store: OnePlan, published: Published, clock: Clock) -> None:
        """If the counters of the other keys cannot be read, the batch is repeated: nothing is lost."""
        store.is_out_of_reach = True
        report = LimitWatch(store, published, clock).look([found(60, key="a1", first=5)])
        assert 5 == report.unpublished_from


class TestOutage:
    def test_deferred(self, published: Published, clock: Clock) -> None:
        """While EventBridge does not answer nothing is repeated: what waits is reported a minute later."""
        watch = LimitWatch(OnePlan(DAILY), published, clock)
        published.answers = False
        report = watch.look([found(55)])
        assert (1, None, ("no answer",)) == (report.deferred, report.unpublished_from, report.errors)
        published.answers = True
        assert () == watch.look([found(56)]).published
        clock.now += timedelta(seconds=60)
        assert [50] == [crossing.threshold for crossing in watch.look([], SHARD).published]
        clock.now += timedelta(seconds=60)
        assert NOTHING_FOUND == watch.look([found(57)])

    def test_pause(self, published: Published, clock: Clock) -> None:
        """What comes while EventBridge is known to take nothing is kept without trying; a minute later all is
        published.
        """
        watch = LimitWatch(OnePlan(DAILY), published, clock)
        published.answers = False
        watch.look([found(55)])
        clock.now += timedelta(seconds=59)
        report = watch.look([found(55, key="other")])
        assert (1, 1, (alerts.NOT_TRIED,)) == (published.requests, report.deferred, report.errors)
        published.answers = True
        clock.now += timedelta(seconds=1)
        assert {"a1b2c3", "other"} == {crossing.key for crossing in watch.look([], SHARD).published}

    def test_kept_first(self, published: Published, clock: Clock) -> None:
        """What could not be published is kept before what was published is marked: a process that ends in
        between loses nothing that nobody else knows.
        """
        store = Noted(DAILY)
        published.takes = 1
        LimitWatch(store, published, clock).look([found(80)])
        assert ["keep", "mark"] == store.writes[:2]

    def test_how_fast(self, published: Published, clock: Clock) -> None:
        """8,000 that wait are published by four shards within 27 batches of each, none of them twice."""
        store = OnePlan(DAILY)
        store.most_at_once = DEFERRED_AT_ONCE
        crossing = ThresholdCrossing("", "k", "acme", "free", 7, "requests", DAY, 100, "hard", 50, 51)
        store.defer([crossing._replace(id=crossing_id(f"k{one}", DAILY, DAY, 50)) for one in range(8000)])
        watches = [LimitWatch(store, published, clock) for _ in range(4)]
        batches = 0
        while store.waiting:
            clock.now += timedelta(seconds=1)
            batches += 1
            for number, watch in enumerate(watches):
                watch.look([found(1, shard_id=f"shardId-{number:012d}")])
        assert (8000, 8000) == (len(published.crossings), len({one.id for one in published.crossings}))
        assert batches <= 27

    def test_other_shards_wait(self, published: Published, clock: Clock) -> None:
        """What a shard is about to publish others leave alone, until its claim is old."""
        store = OnePlan(DAILY)
        published.answers = False
        LimitWatch(store, published, clock).look([found(55)])
        published.answers = True
        other = found(1, shard_id="shardId-000000000001")
        assert () == LimitWatch(store, published, clock).look([other]).published
        clock.now += timedelta(seconds=CLAIM_SECONDS + 1)
        assert [50] == [
            crossing.threshold for crossing in LimitWatch(store, published, clock).look([other]).published
        ]
        assert {} == store.waiting

    @pytest.mark.parametrize("is_published", [False, True], ids=["ended", "published"])
    def test_claim_of_another_shard(self, published: Published, clock: Clock, *, is_published: bool) -> None:
        """What another shard has claimed is kept: if that one ended, it is published when its claim is old,
        without any further call; else nobody publishes it again, and it waits no longer.
        """
        store = OnePlan(DAILY)
        id_ = crossing_id("a1b2c3", DAILY, DAY, 50)
        store.claims[id_] = ("shardId-000000000001", int(clock().timestamp()))
        watch = LimitWatch(store, published, clock)
        report = watch.look([found(55)])
        assert ((), 0, None) == (report.published, report.deferred, report.unpublished_from)
        if is_published:
            store.claims[id_] = None
        clock.now += timedelta(seconds=CLAIM_SECONDS + 1)
        watch.look([], SHARD)
        assert ([] if is_published else [id_]) == [one.id for one in published.crossings]
        assert {} == store.waiting

    def test_lost_in_two_places(self, published: Published, clock: Clock) -> None:
        """What can be neither reported nor kept repeats the batch from the increment that found it."""
        store = OnePlan(DAILY)
        published.answers = False
        store.defer = lambda crossings: [False] * len(crossings)  # type: ignore[method-assign]
        report = LimitWatch(store, published, clock).look([found(10, first=3), found(55, first=7, key="b")])
        assert 7 == report.unpublished_from


class TestConcurrent:
    def test_once(self, dynamodb_local: str, published: Published) -> None:
        """Eight shards in two slices count one key at the same time: each threshold is reported once."""
        tables = create_tables(dynamodb_local)
        book = PlanBook(tables.counters, tables.dynamodb)
        limits = (Limit(Metric.REQUESTS, Span.DAY, 100), Limit(Metric.REQUESTS, Span.MONTH, 160))
        book.put_plan(Plan("free", limits), None)
        book.assign(Assignment("a1b2c3", "free"))

        def count(number: int) -> None:
            shard_id = f"shardId-{number:012d}"
            updates = tables.updates(2)
            counters = DynamoDBCounters(tables.counters, updates)
            registration = Registration(DynamoDBSlices(tables.counters, updates))
            watch = LimitWatch(
                DynamoDBNotifications(tables.counters, tables.dynamodb, updates), published, lambda: NOON
            )
            for first in range(20):
                increments = [
                    Increment(
                        "a1b2c3", period, slice_of(shard_id), shard_id, first, first, Usage(1), {part: 1}
                    )
                    for period, part in ((MONTH, "05"), (DAY, "12"))
                ]
                assert registration.register(increments)
                report = watch.look(list(zip(increments, counters.add(increments), strict=True)))
                assert report.unpublished_from is None

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(count, [0, 1, 2, 3, 16, 17, 18, 19]))
        reported = Counter((crossing.period, crossing.threshold) for crossing in published.crossings)
        assert {(period, threshold): 1 for period in (MONTH, DAY) for threshold in (50, 80, 100)} == reported


class TestConcurrentAccount:
    def test_once(self, dynamodb_local: str, published: Published) -> None:
        """Eight shards in two slices count four keys of an account at the same time: each threshold of the
        account is reported once.
        """
        tables = create_tables(dynamodb_local)
        book = PlanBook(tables.counters, tables.dynamodb)
        limits = (Limit(Metric.REQUESTS, Span.DAY, 100), Limit(Metric.REQUESTS, Span.MONTH, 160))
        book.put_plan(Plan("team", limits), None)
        book.put_plan(Plan("unlimited"), None)
        keys = [f"key-{number}" for number in range(4)]
        for key in keys:
            book.assign(Assignment(key, "unlimited", "acme"))
        book.assign_account(Assignment(holder_of("acme"), "team", "acme"))

        def count(number: int) -> None:
            shard_id = f"shardId-{number:012d}"
            updates = tables.updates(2)
            counters = DynamoDBCounters(tables.counters, updates)
            registration = Registration(DynamoDBSlices(tables.counters, updates))
            watch = LimitWatch(
                DynamoDBNotifications(tables.counters, tables.dynamodb, updates), published, lambda: NOON
            )
            for first in range(20):
                increments = [
                    Increment(
                        keys[(number + first) % 4],
                        period,
                        slice_of(shard_id),
                        shard_id,
                        first,
                        first,
                        Usage(1),
                        {part: 1},
                    )
                    for period, part in ((MONTH, "05"), (DAY, "12"))
                ]
                assert registration.register(increments)
                report = watch.look(list(zip(increments, counters.add(increments), strict=True)))
                assert report.unpublished_from is None

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(count, [0, 1, 2, 3, 16, 17, 18, 19]))
        reported = Counter((one.key, one.period, one.threshold) for one in published.crossings)
        assert {
            ("!account:acme", period, threshold): 1 for period in (MONTH, DAY) for threshold in (50, 80, 100)
        } == reported


class TestText:
    def test_round_trip(self) -> None:
        """A crossing that waits comes back as it was."""
        crossing = ThresholdCrossing("id", 'k"ey', "", "free", 2, "errors", DAY, 10**15, "soft", 1, 10**15)
        assert crossing == decode_crossing(encode_crossing(crossing))
