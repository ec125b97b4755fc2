"""Publication: one report of jobs at once, and the same end whatever was killed."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from metering.errors import Misconfigured, Transient
from metering.period import Period
from metering.proof.stored_object import Stored
from reconciliation.model.report import Report
from reconciliation.report.publication import AT_ONCE, Published, ReportPublisher
from tests.reconciliation.report.report_store import Killed, KillingShelf, Shelf
from tests.reconciliation.report.samples import OCTOBER, agreeing, differing

BEGAN = datetime(2026, 11, 2, 6, tzinfo=UTC)
WRITES = 5
"""Of one publication: the run, the report, the table, the page, and what points to them."""


@dataclass
class Office:
    """A publisher with a clock and reports of its own."""

    shelf: Shelf = field(default_factory=Shelf)
    now: datetime = BEGAN
    found: Callable[[], Report] = differing
    allow_incomplete: bool = False
    is_incomplete: bool = False
    runs: list[str] = field(default_factory=list)

    def publish(self, run_id: str = "one") -> Published:
        publisher = ReportPublisher(self.shelf, self, lambda: self.now)
        return publisher.publish(OCTOBER, run_id=run_id, allow_incomplete=self.allow_incomplete)

    def later(self, time: timedelta) -> None:
        self.now += time

    def latest(self) -> str:
        """The run that `latest.json` names."""
        return str(json.loads(self.shelf.contents[f"reconciliation/{OCTOBER}/latest.json"])["run_id"])

    def names(self) -> list[str]:
        return sorted(name.removeprefix(f"reconciliation/{OCTOBER}/") for name in self.shelf.contents)

    def reconcile(
        self,
        month: Period,
        *,
        run_id: str,
        allow_incomplete: bool | None = None,
        on_compared: Callable[[Report], None] = lambda _report: None,  # noqa: ARG002 - the port's
    ) -> Report:
        """Find what the test says; a month that is not complete is refused, unless that is allowed."""
        self.runs.append(run_id)
        return msgspec.structs.replace(
            self.found(),
            month=month,
            run_id=run_id,
            started_at=self.now,
            finished_at=self.now,
            refused=allow_incomplete is False and self.is_incomplete,
        )


def files_of(run_id: str) -> list[str]:
    return [f"{run_id}/{name}" for name in ("differences.csv", "report.html", "report.json")]


class TestPublish:
    def test_files(self) -> None:
        """The report, the table and the page lie in the run's folder, and `latest.json` points to them."""
        office = Office()
        published = office.publish()
        assert [*sorted(["latest.json", "run.json", *files_of("one")])] == office.names()
        assert (True, "s3://lake/reconciliation/2026-10/one/report.html") == (
            published.is_own,
            published.place,
        )
        content = office.shelf.contents
        latest = json.loads(content["reconciliation/2026-10/latest.json"])
        assert [True] * 3 == [latest[name] in content for name in ("report", "differences", "page")]
        assert ("differs", False, True) == (latest["verdict"], latest["agrees"], latest["is_complete"])

    def test_outside_the_lake(self) -> None:
        """Nothing lies where Athena's table or Firehose look."""
        office = Office()
        office.publish()
        assert [] == [
            name for name in office.shelf.contents if name.startswith(("lake/", "errors/", "athena-results/"))
        ]

    def test_again_under_the_same_id(self) -> None:
        """An event that is delivered twice gives the report of the first time, and changes nothing."""
        office = Office()
        first = office.publish()
        before = dict(office.shelf.contents)
        office.later(timedelta(hours=1))
        second = office.publish()
        assert (first.report, False) == (second.report, second.is_own)
        assert ["one"] == office.runs
        assert before == office.shelf.contents

    def test_another_run(self) -> None:
        """A job that begins when the other has ended finds for itself: after a repair, say."""
        office = Office()
        office.publish("one")
        office.found = agreeing
        office.later(timedelta(seconds=1))
        published = office.publish("two")
        assert (True, True, "two") == (published.is_own, published.report.agrees, office.latest())
        assert ["one", "two"] == office.runs

    def test_an_older_report_does_not_become_the_latest(self) -> None:
        """A slow job that ends its writes after a newer one leaves `latest.json` as it is."""
        office = Office()
        office.publish("one")
        office.later(timedelta(hours=1))
        office.publish("two")
        assert "two" == office.latest()
        office.publish("one")
        assert "two" == office.latest()

    def test_unreadable_state(self) -> None:
        """What is not the meter's is said, with its place."""
        office = Office()
        office.shelf.add(f"reconciliation/{OCTOBER}/run.json", b"{}")
        with pytest.raises(Misconfigured, match=r"run\.json is not what the meter writes"):
            office.publish()


class TestKilled:
    @pytest.mark.parametrize("is_written", [False, True])
    @pytest.mark.parametrize("fatal", range(1, WRITES + 1))
    def test_between_any_two_writes(self, fatal: int, is_written: bool) -> None:
        """Killed at any write, and run again as Lambda does: the same end state."""
        self._assert_same_end(KillingShelf(fatal, is_written=is_written), "one")

    @pytest.mark.parametrize(
        ("fatal", "is_written"),
        [(1, True), *[(fatal, written) for fatal in (2, 3, 4) for written in (False, True)], (5, False)],
    )
    def test_taken_up_by_another(self, fatal: int, is_written: bool) -> None:
        """The same if the next job is another: it goes on with what was begun."""
        self._assert_same_end(KillingShelf(fatal, is_written=is_written), "two")

    def _assert_same_end(self, shelf: KillingShelf, next_run: str) -> None:
        whole, office = Office(), Office(shelf)
        whole.publish("one")
        with pytest.raises(Killed):
            office.publish("one")
        assert "one" == office.publish(next_run).report.run_id
        assert whole.shelf.contents == office.shelf.contents

    def test_every_write_was_killed(self) -> None:
        """The test above has teeth: a publication has just so many writes."""
        office = Office(KillingShelf(0, is_written=False))
        office.publish()
        assert isinstance(office.shelf, KillingShelf)
        assert WRITES == office.shelf.writes

    @pytest.mark.parametrize("fatal", range(2, WRITES + 1))
    def test_readers_meet_whole_reports_only(self, fatal: int) -> None:
        """What `latest.json` names is there, whenever the job was killed."""
        office = Office(KillingShelf(fatal, is_written=True))
        with pytest.raises(Killed):
            office.publish()
        if "latest.json" in office.names():
            assert set(files_of(office.latest())) <= set(office.names())

    def test_given_up(self) -> None:
        """A run that was killed long ago is not taken up: by now the month may be another."""
        office = Office(KillingShelf(2, is_written=False))
        with pytest.raises(Killed):
            office.publish("one")
        office.later(AT_ONCE)
        assert "two" == office.publish("two").report.run_id == office.latest()


class TestAtOnce:
    @pytest.mark.parametrize("jobs", [2, 5])
    def test_one_report(self, jobs: int) -> None:
        """Jobs at once agree on one report, though each finds another: one decides, the others say so."""
        office = Office()
        barrier, numbers = threading.Barrier(jobs), iter(range(jobs))

        def found() -> Report:
            barrier.wait(60)
            return msgspec.structs.replace(agreeing(), altered_rows=next(numbers))

        office.found = found
        with ThreadPoolExecutor(jobs) as pool:
            published = list(pool.map(office.publish, [f"job-{number}" for number in range(jobs)]))
        (run_id,) = {one.report.run_id for one in published}
        assert [published[0].report] * jobs == [one.report for one in published]
        assert 1 == sum(one.is_own for one in published)
        assert sorted(["latest.json", "run.json", *files_of(run_id)]) == office.names()

    def test_of_another_kind(self) -> None:
        """A run that compares what is not complete takes up none that would refuse it, nor the other way."""
        office = Office(KillingShelf(2, is_written=False), is_incomplete=True)
        with pytest.raises(Killed):
            office.publish("refusing")
        office.allow_incomplete = True
        published = office.publish("allowing")
        assert ("allowing", False) == (published.report.run_id, published.report.refused)

    def test_others_all_the_time(self) -> None:
        """A job that never gets its turn ends, and says so."""

        class Crowded(Shelf):
            def read(self, name: str) -> Stored | None:
                return None if name.endswith("run.json") else super().read(name)

            def add(self, name: str, content: bytes) -> bool:
                return not name.endswith("run.json") and super().add(name, content)

        with pytest.raises(Transient, match="others begin runs of 2026-10"):
            Office(Crowded()).publish()
