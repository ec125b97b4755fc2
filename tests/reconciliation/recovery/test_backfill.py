"""What the log groups have and the lake lacks: brought into lake and counters once, whatever happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from adapters.access_log_search import AccessLogSearch
from adapters.s3.lake_writer import LakeWriter
from adapters.s3.recoveries import S3Recoveries
from metering.billing_rule import BillingRule
from metering.calls.delivery import LogEvent
from metering.calls.privacy import KEPT
from metering.outcome import MALFORMED_KEY
from metering.period import Period
from reconciliation.recovery.backfill import Backfill, Backfiller, Place, WhyLeft
from reconciliation.recovery.recoverer import Recovered, Recoverer
from tests.factories import KEY, NOON_MS, line, log_event_id
from tests.local_cloud.athena.workshop import TABLE
from tests.reconciliation.month_end import AFTER, Deployment, call, running
from tests.reconciliation.recovery.rereading import COMPLETE, SHARD, land, record, same_client
from tests.reconciliation.repair.repairing import Waiting, counters, items, repairer, run
from tests.reconciliation.repair.shipped_meter import Meter
from tests.reconciliation.repair.strikes import Strike, at_each_write

RULE = BillingRule()
LAST = Period("2026-10-31")
TEXTS = [line(extendedRequestId=f"{number:015x}=") for number in range(3)] + ["no line"]


class Log:
    """Log groups in memory: all that was logged, and since when they keep it."""

    def __init__(
        self, events: list[LogEvent], kept_since: datetime = datetime(2026, 10, 1, tzinfo=UTC)
    ) -> None:
        self._events = events
        self._kept_since = kept_since

    def holds(self, start: datetime, end: datetime) -> bool:
        """Whether all of a time is kept."""
        return start >= self._kept_since and any(self.events(start, end))

    def events(self, start: datetime, end: datetime) -> Iterator[LogEvent]:
        """What was logged in a time."""
        first, last = (round(time.timestamp() * 1000) for time in (start, end))
        return (event for event in self._events if first <= event.timestamp < last)


def logged(texts: list[str] = TEXTS, number: int = 1, at_ms: int = NOON_MS) -> list[LogEvent]:
    """The log events of a record, by the ids that its delivery has."""
    return [LogEvent(log_event_id(1000 * number + index), at_ms, text) for index, text in enumerate(texts)]


class Desk:
    """A deployment with everything that brings lines in."""

    def __init__(
        self,
        deployment: Deployment,
        events: list[LogEvent],
        attach: Callable[[Any], Any] = same_client,
        *,
        now: datetime = AFTER,
        complete: datetime = COMPLETE,
        kept_since: datetime = datetime(2026, 10, 1, tzinfo=UTC),
        marks: dict[str, int] | None = None,
    ) -> None:
        cloud = deployment.cloud
        s3, dynamodb = attach(cloud.client("s3")), attach(cloud.client("dynamodb"))
        notes = S3Recoveries(s3, deployment.settings.lake_bucket)
        barrier = Waiting(marks=marks or {})
        self.recoverer = Recoverer(
            notes, repairer(deployment, barrier, dynamodb), lambda _month: complete, lambda: now, run
        )
        writer = LakeWriter.from_glue(s3, cloud.client("glue"), TABLE["DatabaseName"], TABLE["Name"])
        queries = deployment.sources.queries
        log = Log(events, kept_since)
        self.backfiller = Backfiller(log, queries, writer, self.recoverer, RULE, personal=KEPT)
        self._now = now

    def look(self, day: str = LAST) -> Backfill:
        """What would be brought in."""
        return self.backfiller.look([Period(day)], run())

    def backfill(self, day: str = LAST) -> Recovered:
        """Finish what others began, look, and bring in."""
        recovered = self.recoverer.finish()
        found = self.look(day)
        if found.missing:
            recovered.add(self.backfiller.carry_out(found, run(), "ops@example.com", self._now))
        return recovered


@pytest.fixture(scope="module")
def cloud() -> Iterator[Deployment]:
    """A deployment for the whole module."""
    yield from running()


@pytest.fixture
def deployment(cloud: Deployment) -> Deployment:
    """The deployment, empty."""
    cloud.empty()
    return cloud


def counted(deployment: Deployment) -> list[tuple[str, str, int]]:
    """Key, period and requests of each counter with any."""
    found = counters(deployment)
    return [(one.key, one.period, one.usage.requests) for one in found if one.usage.requests]


ALL = [(key, period, count) for key, count in ((MALFORMED_KEY, 1), (KEY, 3)) for period in ("2026-10", LAST)]


def test_lost_on_both_paths(deployment: Deployment) -> None:
    """Lines that no path has come into both, with an audit item for each counter; a second run finds nothing,
    and the same delivery, should it come after all, is counted by nobody.
    """
    batch = record(1, TEXTS)
    desk = Desk(deployment, logged(), marks={SHARD: batch.sequence_number})
    found = desk.look()
    assert ({Place(KEY, LAST): 3, Place(MALFORMED_KEY, LAST): 1}, 4, []) == (
        found.missing, found.lines, found.gone,
    )  # fmt: skip
    assert [] == counted(deployment)
    assert (0, 4) == ((done := desk.backfill()).left, done.written)
    assert ALL == counted(deployment)
    assert deployment.reconcile().agrees
    assert ["brought in from the log groups"] * 4 == [
        item["reason"]["S"].partition(" (")[0] for item in items(deployment, "repair:")
    ]
    assert 0 == desk.backfill().written
    assert 0 == Meter(deployment, RULE).process(batch).metered
    assert ALL == counted(deployment)


def test_lost_on_the_way_to_the_lake(deployment: Deployment) -> None:
    """Where the counters have the calls, only the lake changes; where they have some of them, they get the
    rest.
    """
    Meter(deployment, RULE).process(record(1, TEXTS))
    before = counted(deployment)
    assert not deployment.reconcile().agrees
    desk = Desk(deployment, logged())
    assert (0, 0) == ((done := desk.backfill()).left, done.written)
    assert before == counted(deployment) == ALL
    assert deployment.reconcile().agrees

    deployment.empty()
    Meter(deployment, RULE).process(record(1, TEXTS[:1]))
    land(deployment, 1, TEXTS[1:2], RULE, name="some")
    assert 0 == Desk(deployment, logged()).backfill().left
    assert ALL == counted(deployment)
    assert deployment.reconcile().agrees


@pytest.mark.parametrize("late_days", [0, 6, 13])
def test_of_any_age(deployment: Deployment, late_days: int) -> None:
    """A line that came into the log group days after its own time is brought into the day of its call."""
    at_ms = NOON_MS + late_days * 86_400_000
    day = datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")
    events = logged([line(extendedRequestId="old=", requestTimeEpoch=at_ms)], at_ms=at_ms)
    assert 0 == Desk(deployment, events).backfill(day).left
    assert deployment.reconcile(day[:7]).agrees
    assert 1 == len(items(deployment, f"repair:{KEY}")) // 2


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"now": datetime(2026, 11, 1, 12, 14, tzinfo=UTC)}, WhyLeft.TOO_RECENT),
        ({"complete": datetime(2026, 10, 31, tzinfo=UTC)}, WhyLeft.INCOMPLETE),
    ],
)
def test_left(deployment: Deployment, options: dict[str, Any], why: str) -> None:
    """Logged too lately, or of a day that is not complete: nothing is written."""
    desk = Desk(deployment, logged(), **options)
    assert {why: 4} == desk.look().left
    assert 0 == desk.backfill().written
    assert [] == counted(deployment)


def test_a_lake_that_is_not_to_be_followed(deployment: Deployment) -> None:
    """Where counters and lake differ by rows that nobody logged, nothing of that key and day is touched."""
    deployment.land([call("forged", "2026-10-31T12:00:00", KEY)], name="forged")
    found = Desk(deployment, logged()).look()
    assert ({Place(MALFORMED_KEY, LAST): 1}, {WhyLeft.DOUBTFUL: 3}) == (found.missing, found.left)
    found = Desk(deployment, logged(), kept_since=datetime(2026, 11, 1, tzinfo=UTC)).look()
    assert [LAST] == found.gone


@pytest.mark.exhaustive
def test_killed(deployment: Deployment) -> None:
    """Wherever a run is killed, and whichever answer is lost, the next one ends with each call once."""
    ends: set[str] = set()
    strikes = 0

    def attempt(strike: Strike) -> None:
        deployment.empty()
        Desk(deployment, logged(), strike.attach).backfill()

    for _ in at_each_write(attempt):
        strikes += 1
        other = Desk(deployment, logged(), now=AFTER + timedelta(days=3))
        assert 0 == other.backfill().left
        ends.add(repr(counted(deployment)))
        assert deployment.reconcile().agrees
    assert ({repr(ALL)}, True) == (ends, strikes > 9)


def test_two_at_once(deployment: Deployment) -> None:
    """Two jobs that have looked at the same time bring each call in once."""
    one, other = (Desk(deployment, logged()) for _ in range(2))
    found = [desk.look() for desk in (one, other)]
    for desk, looked in zip((one, other), found, strict=True):
        assert 0 == desk.backfiller.carry_out(looked, run(), "ops", AFTER).left
    assert ALL == counted(deployment)
    assert deployment.reconcile().agrees


def test_the_log_groups(deployment: Deployment) -> None:
    """The search of the access log gives the lines of a time with the ids that deliveries have."""
    log = AccessLogSearch(deployment.logs, deployment.settings.log_groups, RULE, lambda: AFTER)
    assert [] == list(log.events(AFTER, AFTER + timedelta(hours=1)))
