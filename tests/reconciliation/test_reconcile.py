"""The reconciliation of a month: nothing differs, or every difference is found."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from metering.calls.call import Call
from metering.calls.event_id import event_hash
from metering.counters.counter import Counter
from metering.errors import MeterError, Misconfigured
from metering.outcome import MALFORMED_KEY, UNATTRIBUTED_KEY, UNDECODABLE_KEY, Outcome
from metering.period import Period
from metering.proof.drift import Difference, Nature
from metering.proof.stored_object import StoredObject
from metering.proof.witness import WitnessCount, WitnessName
from metering.usage import TOTALS, Usage, total
from reconciliation.model.causes import Cause
from reconciliation.model.contradictions import Contradiction
from reconciliation.model.report import Report
from reconciliation.model.report_reading import read_report
from reconciliation.ports import StepProgress
from reconciliation.reconcile import Reconciler, Sources
from tests.factories import delivery, lines
from tests.reconciliation.lake.test_firehose_errors import FAILED, document
from tests.reconciliation.month_end import AFTER, OCTOBER, Deployment, at, call, running

FIFTH = Period("2026-10-05")

CALLS = [
    *(call(f"a{number}", f"2026-10-{number % 31 + 1:02d}T{number % 24:02d}:00:00") for number in range(60)),
    *(call(f"b{number}", f"2026-10-05T{number:02d}:30:00", key="b") for number in range(24)),
    call("unattributed", "2026-10-31T23:59:59.999", key=UNATTRIBUTED_KEY, is_error=True),
    call("malformed", "2026-10-01T00:00:00", key=MALFORMED_KEY),
    call("before", "2026-09-30T23:59:59.999"),
    call("after", "2026-11-01T00:00:00"),
]
OF_OCTOBER = CALLS[:-2]


@pytest.fixture(scope="module")
def used() -> Iterator[Deployment]:
    """A deployment as another test left it."""
    yield from running()


@pytest.fixture
def deployment(used: Deployment) -> Deployment:
    """A deployment to fill."""
    used.empty()
    return used


class TestAgreement:
    def test_nothing_at_all(self, deployment: Deployment) -> None:
        """An empty month agrees."""
        report = deployment.reconcile()
        assert report.agrees
        assert report.is_complete
        assert (0, 0) == (report.lake_events, report.tally.counters)

    def test_the_same_calls(self, deployment: Deployment) -> None:
        """Both sides hold them, in slices and in objects of any cut; the totals are those of the calls."""
        deployment.count(CALLS[:20], shard=0)
        deployment.count(CALLS[20:], shard=17)
        deployment.land(CALLS[:50], name="one")
        deployment.land(CALLS[40:-2], name="two")
        deployment.land(CALLS[-2:], name="edges")

        report = deployment.reconcile()

        assert report.agrees
        expected = total(one.usage for one in OF_OCTOBER)
        assert (expected, expected) == (report.tally.total.counted, report.tally.total.in_lake)
        assert (2, 2) == (report.tally.keys_counted, report.tally.keys_in_lake)
        assert (len(OF_OCTOBER), 10) == (report.lake_events, report.lake_duplicates)
        assert {
            Outcome.METERED: 84,
            Outcome.UNATTRIBUTED: 1,
            Outcome.MALFORMED: 1,
            Outcome.UNDECODABLE: 0,
        } == {outcome: both.counted.requests for outcome, both in report.tally.outcomes.items()}
        assert [f"2026-10-{day:02d}" for day in range(1, 32)] == sorted(report.tally.days)
        assert all(both.counted == both.in_lake for both in report.tally.days.values())

    def test_months_beside_it(self, deployment: Deployment) -> None:
        """What lies in the last and the first instants goes to its own month."""
        deployment.both(CALLS)
        for month in ("2026-09", "2026-10", "2026-11"):
            report = deployment.reconcile(month)
            assert report.agrees
            assert (len(OF_OCTOBER) if month == "2026-10" else 1) == report.lake_events

    def test_proof(self, deployment: Deployment) -> None:
        """The report names the query, and what it read."""
        deployment.both(CALLS)
        report = deployment.reconcile()
        proof, ids = report.proofs
        assert "xxhash64" in ids.sql
        assert "FROM api_gateway_logs" in proof.sql
        assert "'2026-10-01 00:00:00.000'" in proof.parameters
        assert 0 < proof.scanned_bytes == report.scanned_bytes - ids.scanned_bytes
        assert len({(one.key, one.time_ms // 86_400_000) for one in OF_OCTOBER}) == proof.rows

    def test_json(self, deployment: Deployment) -> None:
        """The whole report, with what follows from it."""
        deployment.both(CALLS)
        deployment.edit("a", "2026-10-05", requests=1)
        written = json.loads(deployment.reconcile().to_json())
        assert {"month": "2026-10", "agrees": False, "is_complete": True, "lake_events": 86} == {
            name: written[name] for name in ("month", "agrees", "is_complete", "lake_events")
        }
        (difference,) = written["differences"]
        assert ("a", "2026-10-05", "other totals of the same calls") == (
            difference["key"],
            difference["period"],
            difference["nature"],
        )


class Counted:
    """A witness, with what it has counted, or what keeps it from saying so."""

    name = WitnessName.LOG

    def __init__(self, counts: dict[tuple[str, Period], int] | MeterError) -> None:
        self._counts = counts

    def testify(self, month: Period) -> WitnessCount:
        """What it counted."""
        assert OCTOBER == month
        if isinstance(self._counts, MeterError):
            raise self._counts
        return WitnessCount(self.name, self._counts, speaks_for_all=True)


class TestWitnesses:
    """What AWS itself counted sees what both paths read wrong in the same way."""

    def heard(self, deployment: Deployment, counts: dict[tuple[str, Period], int] | MeterError) -> Report:
        """A report with such a witness."""
        sources = deployment.sources._replace(witnesses=[Counted(counts)])
        return Reconciler(sources, lambda: AFTER).reconcile(OCTOBER, run_id=str(uuid4()))

    def test_misread_alike(self, deployment: Deployment) -> None:
        """Both sides hold a key's calls under another, and agree; the witness does not, on that day alone."""
        deployment.both([call(f"x{number}", "2026-10-05T07:00:00", "wrong") for number in range(9)])
        deployment.both([call("m", "2026-10-06T07:00:00", MALFORMED_KEY)], name="malformed")
        report = self.heard(deployment, {("right", FIFTH): 9})
        assert report.agrees
        [found] = report.witnesses
        assert [("wrong", FIFTH, 9, 0), ("right", FIFTH, 0, 9)] == [
            (one.key, one.period, one.counted, one.witnessed) for one in found.disagreements
        ]
        assert report == read_report(report.to_json(), "report.json")

    def test_one_that_cannot_be_asked(self, deployment: Deployment) -> None:
        """It says so, and the comparison goes on."""
        deployment.both([call("x", "2026-10-05T07:00:00")])
        report = self.heard(deployment, Misconfigured(["StartQuery: no right"]))
        assert report.agrees
        [found] = report.witnesses
        assert ["it could not be queried: StartQuery: no right"] == found.notes
        assert found.agrees

    def test_nobody_was_asked(self, deployment: Deployment) -> None:
        """Then the report has no word of witnesses, nor of gaps."""
        assert not {"witnesses", "source_gaps"} & json.loads(deployment.reconcile().to_json()).keys()


class TestDifferences:
    """After all is the same on both sides, one thing is changed."""

    @pytest.fixture
    def month(self, deployment: Deployment) -> Deployment:
        deployment.count(OF_OCTOBER)
        deployment.land(OF_OCTOBER)
        return deployment

    def found(self, month: Deployment) -> list[tuple[str, str, Nature, int]]:
        """Key, period, nature and surplus of requests."""
        report = month.reconcile()
        assert len(report.differences) == report.differences_found
        return [(one.key, one.period, one.nature, one.surplus.requests) for one in report.differences]

    def test_a_row_deleted(self, month: Deployment) -> None:
        """The day and the month of its key are short by one in the lake."""
        month.land([one for one in OF_OCTOBER if one.event_id != "b7"])
        assert [
            ("b", "2026-10", Nature.MISSING_IN_LAKE, 1),
            ("b", "2026-10-05", Nature.MISSING_IN_LAKE, 1),
        ] == self.found(month)

    def test_an_object_doubled(self, month: Deployment) -> None:
        """No difference: the copies are seen, and not counted."""
        month.land(OF_OCTOBER, name="copy")
        report = month.reconcile()
        assert report.agrees
        assert len(OF_OCTOBER) == report.lake_duplicates

    def test_an_event_swapped(self, month: Deployment) -> None:
        """For another with equal sums: only the fingerprint shows it."""
        month.land(
            [
                call("other", "2026-10-05T07:30:00", key="b") if one.event_id == "b7" else one
                for one in OF_OCTOBER
            ]
        )
        assert [
            ("b", "2026-10", Nature.OTHER_CALLS, 0),
            ("b", "2026-10-05", Nature.OTHER_CALLS, 0),
        ] == self.found(month)

    def test_an_hour_lost(self, month: Deployment) -> None:
        """Of one key."""
        month.land(
            [one for one in OF_OCTOBER if not (one.key == "b" and one.time_ms < at("2026-10-05T01:00:00"))]
        )
        assert [
            ("b", "2026-10", Nature.MISSING_IN_LAKE, 1),
            ("b", "2026-10-05", Nature.MISSING_IN_LAKE, 1),
        ] == self.found(month)

    def test_a_call_not_counted(self, month: Deployment) -> None:
        """It lies in the lake alone; so does a key of its own."""
        month.land(
            [call("late", "2026-10-31T01:00:00"), call("late too", "2026-10-30T01:00:00", key="c")],
            name="more",
        )
        assert [
            ("a", "2026-10", Nature.MISSING_IN_COUNTERS, -1),
            ("a", "2026-10-31", Nature.MISSING_IN_COUNTERS, -1),
            ("c", "2026-10", Nature.MISSING_IN_COUNTERS, -1),
            ("c", "2026-10-30", Nature.MISSING_IN_COUNTERS, -1),
        ] == self.found(month)

    def test_a_key_that_the_lake_lacks(self, month: Deployment) -> None:
        """Found by the counters alone."""
        month.count([call("only counted", "2026-10-31T01:00:00", key="c")])
        assert [
            ("c", "2026-10", Nature.MISSING_IN_LAKE, 1),
            ("c", "2026-10-31", Nature.MISSING_IN_LAKE, 1),
        ] == self.found(month)

    def test_a_call_under_another_key(self, month: Deployment) -> None:
        """Both keys differ."""
        month.land(
            [
                call("b7", "2026-10-05T07:30:00", key="a") if one.event_id == "b7" else one
                for one in OF_OCTOBER
            ]
        )
        assert [
            ("a", "2026-10", Nature.MISSING_IN_COUNTERS, -1),
            ("a", "2026-10-05", Nature.MISSING_IN_COUNTERS, -1),
            ("b", "2026-10", Nature.MISSING_IN_LAKE, 1),
            ("b", "2026-10-05", Nature.MISSING_IN_LAKE, 1),
        ] == self.found(month)

    def test_a_counter_deleted(self, month: Deployment) -> None:
        """Its calls are missing in the counters."""
        month.dynamodb.delete_item(
            TableName=month.settings.counters_table, Key={"pk": {"S": "key:b"}, "sk": {"S": "2026-10-05#0"}}
        )
        assert [("b", "2026-10-05", Nature.MISSING_IN_COUNTERS, -24)] == self.found(month)

    def test_a_call_in_the_wrong_month(self, month: Deployment) -> None:
        """Both months differ."""
        month.land(
            [
                call("b7", "2026-11-05T07:30:00", key="b") if one.event_id == "b7" else one
                for one in OF_OCTOBER
            ]
        )
        assert [("b", "2026-10"), ("b", "2026-10-05")] == [found[:2] for found in self.found(month)]
        month.land([call("b7", "2026-11-05T07:30:00", key="b")], name="november")
        assert [("b", "2026-11-05")] == [
            (one.key, one.period) for one in month.reconcile("2026-11").differences
        ]


@pytest.fixture(scope="class")
def filled(used: Deployment) -> Deployment:
    """A month that is the same on both sides, for tests that leave it so."""
    used.empty()
    used.count(OF_OCTOBER)
    used.land(OF_OCTOBER)
    return used


class TestEdits:
    """One number of one counter is changed by one, and changed back."""

    @pytest.mark.parametrize(
        ("name", "period"),
        # in every run of the tests each total, of a month and of a day in turn; of requests both
        [
            pytest.param(name, period, marks=[pytest.mark.exhaustive] * (number > 0 and number % 2 == turn))
            for number, name in enumerate(TOTALS)
            for turn, period in enumerate(["2026-10", "2026-10-05"])
        ],
    )
    def test_a_counter_edited(self, filled: Deployment, name: str, period: str) -> None:
        """Any total of any counter, by one; requests then contradict those by day or hour, too."""
        filled.edit("b", period, **{name: 1})
        report = filled.reconcile()
        filled.edit("b", period, **{name: -1})
        (difference,) = report.differences
        assert ("b", period, 1) == (difference.key, difference.period, getattr(difference.surplus, name))
        nature = Nature.OTHER_CALLS if name == "fingerprint" else Nature.OTHER_TOTALS
        assert nature == difference.nature
        assert (name == "requests") == bool(report.contradictions)
        assert not report.agrees

    @pytest.mark.parametrize(
        ("period", "part", "expected"),
        [
            (
                "2026-10",
                "d05",
                [Contradiction("b", OCTOBER, "", 25, 24), Contradiction("b", OCTOBER, "05", 25, 24)],
            ),
            (
                "2026-10",
                "d06",
                [Contradiction("b", OCTOBER, "", 25, 24), Contradiction("b", OCTOBER, "06", 1, 0)],
            ),
            ("2026-10-05", "h07", [Contradiction("b", FIFTH, "", 25, 24)]),
        ],
    )
    def test_a_part_edited(
        self, filled: Deployment, period: str, part: str, expected: list[Contradiction]
    ) -> None:
        """The requests of a day within its month, or of an hour within its day."""
        filled.edit("b", period, **{part: 1})
        report = filled.reconcile()
        filled.edit("b", period, **{part: -1})
        assert expected == report.contradictions
        hours = [(one.period, one.nature) for one in report.differences]
        assert ([(FIFTH, Nature.OTHER_HOURS)] if part.startswith("h") else []) == hours
        assert not report.agrees
        assert [("b", period, Cause.COUNTER_EDITED)] == [
            (finding.key, finding.period, finding.cause) for finding in report.findings
        ]


class TestAltered:
    def test_a_copy_with_another_hash(self, deployment: Deployment) -> None:
        """One event all the same, and no row of it is sound but one."""
        one = call("1", "2026-10-05T00:00:00")
        deployment.empty()
        deployment.both([one])
        deployment.land([msgspec.structs.replace(one, event_hash=one.event_hash ^ 1)], name="copy")
        report = deployment.reconcile()
        assert (1, 2, 1) == (report.lake_events, report.tally.lake_rows, report.altered_rows)
        assert not report.agrees


class TestUndecodable:
    def count(self, deployment: Deployment, number: int) -> None:
        """Count records that cannot be decoded."""
        deployment.count(
            [
                Call(
                    f"shard:{index}", event_hash(f"shard:{index}"), at("2026-10-31T12:00:00"), UNDECODABLE_KEY
                )
                for index in range(number)
            ]
        )

    def test_they_lie_under_the_error_prefix(self, deployment: Deployment) -> None:
        """As many there as were counted: nothing differs."""
        self.count(deployment, 2)
        deployment.fail(document(b"junk") + document(b"other"))
        report = deployment.reconcile()
        assert report.agrees
        assert report.is_complete
        both = report.tally.outcomes[Outcome.UNDECODABLE]
        assert (2, 2) == (both.counted.requests, both.in_lake.requests)
        assert 0 == report.tally.total.counted.requests

    @pytest.mark.parametrize(("counted", "found", "surplus"), [(2, 1, 1), (0, 1, -1), (1, 0, 1)])
    def test_another_number(self, deployment: Deployment, counted: int, found: int, surplus: int) -> None:
        """More or fewer than were counted, or none."""
        self.count(deployment, counted)
        deployment.fail(b"".join(document(b"junk %d" % number) for number in range(found)))
        (difference,) = deployment.reconcile().differences
        assert (UNDECODABLE_KEY, OCTOBER, Usage(surplus)) == (
            difference.key,
            difference.period,
            difference.surplus,
        )

    def test_records_that_wait(self, deployment: Deployment) -> None:
        """They hold calls that the lake lacks: the month is refused, and the report says what to do."""
        deployment.fail(document(delivery(lines(2))))
        report = deployment.reconcile()
        assert [True, False, False] == [report.refused, report.agrees, report.is_complete]
        (reason,) = report.missing
        assert (
            "1 records wait under the error prefix, the first since 2026-10-31T12:00:00Z: redrive" in reason
        )

    def test_objects_of_others(self, deployment: Deployment) -> None:
        """They are named."""
        deployment.fail(b"junk")
        (reason,) = deployment.reconcile().missing
        assert "errors/processing-failed/one" in reason


class TestRunningMonth:
    def test_it_is_not_complete(self, deployment: Deployment) -> None:
        """Compared as far as its days are over, and marked."""
        report = deployment.reconcile(now=datetime(2026, 10, 31, 23, 59, tzinfo=UTC))
        assert ["the month ends on 2026-11-01"] == report.missing
        assert datetime(2026, 10, 31, tzinfo=UTC) == report.compared_until
        assert [False, True, True] == [report.refused, report.is_settled, report.agrees]
        assert deployment.reconcile(now=datetime(2026, 11, 1, tzinfo=UTC)).is_complete

    def test_other_periods(self, deployment: Deployment) -> None:
        """Only months are reconciled."""
        with pytest.raises(ValueError, match="2026-10-05 is not a month"):
            deployment.reconcile("2026-10-05")


@dataclass(frozen=True)
class Answered:
    """A query of the lake with these rows."""

    rows_: list[tuple[Any, ...]]
    query_id: str = "q"
    sql: str = "SELECT"
    parameters: tuple[str, ...] = ()
    scanned_bytes: int = 0
    milliseconds: int = 0

    def rows(self) -> Iterator[tuple[Any, ...]]:
        return iter(self.rows_)

    def run(self, _sql: str, _parameters: Iterable[str] = (), *, run_id: str) -> Answered:
        assert run_id
        return self


@dataclass(frozen=True)
class Held:
    """Counters and error objects that are held in memory."""

    counters: list[Counter]

    def of_period(self, _period: Period) -> Iterator[Counter]:
        return iter(self.counters)

    def objects(self) -> Iterable[StoredObject]:
        return [StoredObject(name, "tag", 0) for name in (FAILED, "redriven meanwhile")]

    def read(self, name: str) -> bytes | None:
        return b"" if name == FAILED else None


class TestManyKeys:
    def test_differences_beyond_what_is_held(self) -> None:
        """All are counted, the first are kept: where everything differs, the memory does not fill."""
        counters = [Counter(f"k{number:04d}", OCTOBER, Usage(1), {"05": 1}) for number in range(1000)]
        held = Held(counters)
        progress: list[StepProgress] = []
        reconciler = Reconciler(
            Sources(Answered([]), held, held),
            lambda: datetime(2026, 11, 24, tzinfo=UTC),
            progress.append,
            differences_held=10,
        )
        report = reconciler.reconcile(OCTOBER, run_id="r")
        assert (1000, 10) == (report.differences_found, len(report.differences))
        assert (1000, 10) == (report.contradictions_found, len(report.contradictions))
        assert Difference("k0000", OCTOBER, Usage(1), Usage(), parts={"05": 1}) == report.differences[0]
        assert StepProgress("counters", 1000) in progress
        assert StepProgress("error objects", 1) in progress

    def test_progress(self) -> None:
        """Word comes every ten thousand, and at the end."""
        held = Held([Counter(f"k{number:05d}", OCTOBER, Usage()) for number in range(25_000)])
        progress: list[StepProgress] = []
        Reconciler(
            Sources(Answered([]), held, held), lambda: datetime(2026, 11, 24, tzinfo=UTC), progress.append
        ).reconcile(OCTOBER, run_id="r")
        assert [10_000, 20_000, 25_000] == [one.done for one in progress if one.step == "counters"]
