"""The calls of all keys by hour: from the lake to what a look-up reads."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from adapters.s3.bucket import Bucket
from metering.bucket_layout import traffic_name
from metering.counters.traffic import MonthTraffic, UnreadableLines
from metering.errors import Misconfigured
from metering.outcome import MALFORMED_KEY, UNATTRIBUTED_KEY
from metering.period import Period
from reconciliation.lake.queries import between
from reconciliation.report.publication import Latest
from reconciliation.traffic import TrafficPublisher
from tests.reconciliation.month_end import OCTOBER, Deployment, call, row, running

NOW = datetime(2026, 10, 6, 13, 25, tzinfo=UTC)
SEPTEMBER = Period("2026-09")


def event(number: int, when: str, key: str = "a", **fields: Any) -> dict[str, Any]:
    """A row of the lake."""
    return row(call(f"e{number}", f"2026-10-{when}", key)) | fields


class Path:
    """Firehose, which has delivered all until a time."""

    def __init__(self, through: datetime | None = NOW) -> None:
        self.through = through

    def complete_through(self) -> datetime | None:
        """That time."""
        return self.through


class NotedQueries:
    """The lake, and the parameters with which it is read."""

    def __init__(self, deployment: Deployment) -> None:
        self._queries = deployment.sources.queries
        self.read: list[tuple[str, ...]] = []

    def run(self, sql: str, parameters: Any = (), *, run_id: str) -> Any:
        """Read."""
        self.read.append(tuple(parameters))
        return self._queries.run(sql, parameters, run_id=run_id)


class World:
    """A lake, and the one who adds it up."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.bucket = Bucket(deployment.s3, deployment.settings.lake_bucket)
        self.queries, self.path, self.now = NotedQueries(deployment), Path(), NOW
        self._publisher = TrafficPublisher(self.queries, self.bucket, self.path, lambda: self.now)
        self._runs = 0

    def add_up(self) -> MonthTraffic:
        """The running month, after another run."""
        self._runs += 1
        self.queries.read.clear()
        return self._publisher.publish(run_id=f"run-{id(self)}-{self._runs}")[-1]


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """A local cloud."""
    yield from running()


@pytest.fixture
def world(deployment: Deployment) -> World:
    """Calls on two days of October, of which one lies in the lake twice, and lines that cannot be read."""
    deployment.empty()
    twice = event(1, "05T12:00:00")
    found = World(deployment)
    for month in (SEPTEMBER, OCTOBER):
        found.bucket.delete(traffic_name(month))
    deployment.analyst.store(
        "2026-10-05",
        twice,
        twice,
        event(2, "05T12:59:59", "b", status=404),
        event(3, "05T13:00:00", UNATTRIBUTED_KEY, status=403),
        event(4, "05T13:00:01", MALFORMED_KEY, reason="no_status: it has no status"),
        event(5, "05T14:00:01", MALFORMED_KEY, reason="no_status: it has no status"),
        event(6, "05T14:00:01", MALFORMED_KEY, reason="xml: XML: set the stage's format to JSON"),
    )
    deployment.analyst.store("2026-10-06", event(7, "06T12:30:00"))
    return found


def test_hours(world: World) -> None:
    """Each event once; errors are calls with status 400 or above, and unreadable lines are not calls."""
    found = world.add_up()
    assert [("2026-10-05T12", 2, 1, 0), ("2026-10-05T13", 1, 1, 1), ("2026-10-06T12", 1, 0, 0)] == [
        (one.hour, one.calls, one.errors, one.without_key) for one in found.hours
    ]
    day = Period("2026-10-05")
    assert (UnreadableLines(day, "no_status", 2), UnreadableLines(day, "xml", 1)) == found.unreadable
    stored = world.bucket.get(traffic_name(OCTOBER))
    assert stored is not None
    assert found == msgspec.json.decode(stored.content, type=MonthTraffic)


@pytest.mark.parametrize(
    ("delivered", "until"),
    [
        (NOW, "06T13"),
        (NOW - timedelta(minutes=20), "06T12"),
        (NOW - timedelta(hours=30), "05T07"),
        (datetime(2026, 9, 1, tzinfo=UTC), "01T00"),
        (None, "01T00"),
    ],
)
def test_until(world: World, delivered: datetime | None, until: str) -> None:
    """Only hours of which Firehose has delivered all, and a quarter of an hour more, count as complete."""
    world.path.through = delivered
    assert f"2026-10-{until}" == f"{world.add_up().until:%Y-%m-%dT%H}"


def test_only_what_may_have_changed_is_read(world: World) -> None:
    """The first run reads both months, the next the running day, the first of a day the month; and what was
    read before stays.
    """
    first = world.add_up()
    assert [2, "'2026-10-01 00:00:00.000'"] == [len(world.queries.read), world.queries.read[1][7]]
    late, new = event(9, "04T01:00:00"), event(8, "06T13:30:00")
    world.deployment.analyst.store("2026-10-06", event(7, "06T12:30:00"), late, new)
    world.now += timedelta(hours=1)
    second = world.add_up()
    assert [between(datetime(2026, 10, 6, tzinfo=UTC), world.now)] == world.queries.read
    assert [*first.hours, second.hours[-1]] == list(second.hours)
    assert ("2026-10-06T13", first.unreadable) == (second.hours[-1].hour, second.unreadable)
    world.now += timedelta(days=1)
    assert "2026-10-04T01" == world.add_up().hours[0].hour


def test_the_month_before(world: World) -> None:
    """It is read again until two days after its end, and not any more then."""
    world.now = datetime(2026, 11, 1, 0, 25, tzinfo=UTC)
    world.add_up()
    assert 2 == len(world.queries.read)
    world.now = datetime(2026, 11, 1, 1, 25, tzinfo=UTC)
    world.add_up()
    assert [between(datetime(2026, 11, 1, tzinfo=UTC), world.now)] == world.queries.read[1:]
    world.now = datetime(2026, 11, 3, 2, 25, tzinfo=UTC)
    world.add_up()
    world.now += timedelta(hours=1)
    world.add_up()
    assert 1 == len(world.queries.read)


def test_the_newest_report(world: World) -> None:
    """What reconciliation found last is kept with it: of the month, or else of the one before."""
    assert world.add_up().report is None
    latest = Latest(SEPTEMBER, "r", NOW, "agree", "No drift.", True, True, "r", "d", "p")
    world.bucket.put("reconciliation/2026-09/latest.json", msgspec.json.encode(latest))
    report = world.add_up().report
    assert report is not None
    assert (SEPTEMBER, NOW, "No drift.", True) == (
        report.month,
        report.finished_at,
        report.sentence,
        report.agrees,
    )
    world.bucket.delete("reconciliation/2026-09/latest.json")


def test_what_is_not_ours(world: World) -> None:
    """Another object in its place is named."""
    world.bucket.put(traffic_name(OCTOBER), b"{}")
    with pytest.raises(Misconfigured, match=r"traffic/2026-10.json is not what the meter writes"):
        world.add_up()
