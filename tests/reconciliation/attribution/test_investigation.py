"""An investigation ends within its budget, holds one key at a time, and keeps what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from metering.calls.event_id import event_hash
from metering.errors import Transient
from metering.period import Period
from metering.proof.drift import Difference
from metering.proof.logged_call import LoggedCall, TooManyLines
from metering.proof.stored_object import StoredObject
from metering.usage import NO_USAGE, Usage, total
from reconciliation.attribution import evidence_reader, investigation
from reconciliation.attribution.attribution import Evidence, Suspect, explain
from reconciliation.attribution.budget import Budget
from reconciliation.attribution.investigation import Circumstances, Investigation
from reconciliation.lake.queries import KEYS_OF_A_QUERY, read_calls
from reconciliation.lake.readiness import Paths
from reconciliation.model.causes import Cause, Finding
from reconciliation.model.contradictions import Contradiction

DAY = Period("2026-10-05")
NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
BYTES_OF_A_QUERY = 100


@dataclass
class Result:
    """A query that has run."""

    rows: Callable[[], Iterator[tuple[Any, ...]]]
    query_id: str = "q"
    sql: str = ""
    parameters: tuple[str, ...] = ()
    scanned_bytes: int = BYTES_OF_A_QUERY
    milliseconds: int = 1


def rows_of(key: str, calls: int) -> Iterator[tuple[Any, ...]]:
    """What the lake has of a key's day."""
    for number in range(calls):
        event_id = f"{key}-{number}"
        sizes = (100, None, 5, False, True)
        yield event_id, event_hash(event_id), key, NOON, 200, True, *sizes, "metered", "s3://lake/one"


def differing(key: str, counted: Usage, in_lake: Usage, **parts: int) -> list[Difference]:
    """A key's month and day."""
    hours = {name[1:]: number for name, number in parts.items()}
    return [
        Difference(key, Period("2026-10"), counted, in_lake),
        Difference(key, DAY, counted, in_lake, parts=hours),
    ]


@dataclass
class Lake:
    """Some calls of each key, of which the counters lack all."""

    calls_of_a_key: int = 1
    fails_at: int = 0
    """Which query Athena does not run."""
    seconds_of_a_query: float = 0.0
    now: float = 0.0
    asked: list[list[str]] = field(default_factory=list)
    """The keys of each query."""

    def run(self, sql: str, parameters: Sequence[str] = (), *, run_id: str) -> Result:  # noqa: ARG002 - the port's
        keys = sorted({one.strip("'") for one in parameters[-KEYS_OF_A_QUERY:]})
        self.asked.append(keys)
        self.now += self.seconds_of_a_query
        if len(self.asked) == self.fails_at:
            raise Transient("Athena is busy")
        return Result(lambda: (row for key in keys for row in rows_of(key, self.calls_of_a_key)))

    def differences(self, keys: int) -> list[Difference]:
        """Each key's day, which the counters lack."""
        names = (f"key-{number:04d}" for number in range(keys))
        rows = {name: rows_of(name, self.calls_of_a_key) for name in names}
        in_lake = {name: total(row.call.usage for row in read_calls(of_key)) for name, of_key in rows.items()}
        return [one for name, usage in in_lake.items() for one in differing(name, NO_USAGE, usage)]


class Errors:
    """An error prefix with some objects."""

    def __init__(self, objects: int = 0, on_read: Callable[[], None] = lambda: None) -> None:
        self._objects, self._on_read = objects, on_read

    def objects(self) -> Iterator[StoredObject]:
        return (StoredObject(f"errors/{number}", "tag", 0) for number in range(self._objects))

    def read(self, _name: str) -> bytes | None:
        self._on_read()
        return b""


def investigated(
    lake: Lake, keys: int, budget: Budget, *, log: Any = None, errors: Errors | None = None, waiting: int = 0
) -> tuple[Investigation, list[Finding]]:
    """An investigation that is done, and what it found."""
    one = Investigation(
        lake, log, errors or Errors(), lambda *_: None, lambda _: None, run_id="run", budget=budget
    )
    circumstances = Circumstances(NOON + timedelta(days=20), Paths(None, None), waiting)
    with budget.investigation():
        return one, list(one.findings(lake.differences(keys), [], [], circumstances))


def hold(calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many calls are held at a time."""
    for module in (evidence_reader, investigation):
        monkeypatch.setattr(module, "CALLS_OF_A_QUERY", calls)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"most_bytes": 250}, "its queries had read 300 bytes, of 250"),
        ({"most_rows": 60}, "it had read 60 rows and lines, of 60"),
    ],
)
def test_bytes_and_rows(limits: dict[str, int], reason: str) -> None:
    """Once they are spent no other query is begun. What was found is kept, what is left is counted."""
    lake = Lake()
    one, found = investigated(lake, 200, Budget(lambda: 0.0, **limits))
    assert (3, 60, 140, reason) == (len(lake.asked), len(found), one.left_out, one.ended)


def test_time() -> None:
    """It ends with its time: each query takes 10 seconds of 35."""
    lake = Lake(seconds_of_a_query=10)
    budget = Budget(lambda: lake.now)
    budget.ends_in(35)
    one, found = investigated(lake, 200, budget)
    assert (4, 80, 120, "its time was over") == (len(lake.asked), len(found), one.left_out, one.ended)


def test_all_of_it() -> None:
    """Where the budget suffices, nothing ends early."""
    one, found = investigated(Lake(), 50, Budget())
    assert (50, 0, "") == (len(found), one.left_out, one.ended)


def test_a_service_that_fails() -> None:
    """What was found before is kept, and the report says why there is no more."""
    one, found = investigated(Lake(fails_at=3), 100, Budget())
    assert (40, 60, "it could not go on: Athena is busy") == (len(found), one.left_out, one.ended)


def test_one_key_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys that have too many calls to be held together are read and explained one after the other."""
    hold(30, monkeypatch)
    lake, order = Lake(calls_of_a_key=3), list[int]()

    def noted(evidence: Evidence) -> list[Suspect]:
        order.append(len(lake.asked))
        return explain(evidence)

    monkeypatch.setattr(investigation, "explain", noted)
    _, found = investigated(lake, KEYS_OF_A_QUERY, Budget())
    assert [KEYS_OF_A_QUERY] + KEYS_OF_A_QUERY * [1] == [len(keys) for keys in lake.asked]
    assert [2 + number for number in range(KEYS_OF_A_QUERY)] == order
    assert 3 * KEYS_OF_A_QUERY == len(found)


def test_the_budget_ends_between_two_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of keys that are read one after the other those are named that the budget sufficed for."""
    hold(30, monkeypatch)
    together = 3 * KEYS_OF_A_QUERY
    budget = Budget(lambda: 0.0, most_rows=together + 3 * 3)
    one, found = investigated(Lake(calls_of_a_key=3), KEYS_OF_A_QUERY, budget)
    assert {f"key-{number:04d}" for number in range(3)} == {finding.key for finding in found}
    assert (3 * 3, KEYS_OF_A_QUERY - 3) == (len(found), one.left_out)
    assert "it had read 69 rows and lines, of 69" == one.ended


def test_a_key_with_too_many_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said of that key, and the others are named."""
    hold(2, monkeypatch)
    _, found = investigated(Lake(calls_of_a_key=3), 2, Budget())
    assert ["the lake has more than 2 calls of the key on that day"] * 2 == [one.note for one in found]


class ManyLines:
    """A log group with more lines of each key than are held at a time."""

    def __init__(self, lines: int) -> None:
        self._lines, self.asked = lines, list[int]()

    def holds(self, _start: datetime, _end: datetime) -> bool:
        return True

    def calls(self, keys: Sequence[str], _start: datetime, _end: datetime) -> Iterator[LoggedCall]:
        self.asked.append(len(keys))
        for key in keys:
            for row in read_calls(rows_of(key, self._lines)):
                yield LoggedCall(row.call, row.call.time_ms)


def test_lines_of_one_key_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """So it is with the lines of the log."""
    hold(5, monkeypatch)
    log = ManyLines(3)
    _, found = investigated(Lake(calls_of_a_key=1), 2, Budget(), log=log)
    assert [2, 1, 1] == log.asked
    assert {Cause.LOST, Cause.NOT_COUNTED} == {one.cause for one in found}


class Slow(ManyLines):
    """A log group that has no end."""

    def __init__(self, lake: Lake) -> None:
        super().__init__(0)
        self._lake = lake

    def calls(self, _keys: Sequence[str], _start: datetime, _end: datetime) -> Iterator[LoggedCall]:
        self._lake.now += 100
        raise TooManyLines("no time")


def test_a_search_that_ends_with_the_time() -> None:
    """What the log would have said is not taken for what it says: the day is left out."""
    lake = Lake()
    budget = Budget(lambda: lake.now)
    budget.ends_in(60)
    one, found = investigated(lake, 2, budget, log=Slow(lake))
    assert ([], 2, "its time was over") == (found, one.left_out, one.ended)


def test_an_error_prefix_that_is_not_read_to_its_end() -> None:
    """Whether a call waits there is not known then: it is not said to be lost."""
    lake = Lake()
    budget = Budget(lambda: lake.now)
    budget.ends_in(35)
    counted = Usage(1, 1, 0, 100, 0, 5, event_hash("other"))
    differences = differing("key-0000", counted, NO_USAGE, h12=1)

    def slow() -> None:
        lake.now += 20

    lake.calls_of_a_key = 0
    for objects, cause, ended in ((1, Cause.LOST_IN_LAKE, ""), (3, Cause.UNKNOWN, "its time was over")):
        lake.now = 0.0
        one = Investigation(
            lake, None, Errors(objects, slow), lambda *_: None, lambda _: None, run_id="run", budget=budget
        )
        with budget.investigation():
            (found,) = one.findings(
                differences, [], [], Circumstances(NOON + timedelta(days=20), Paths(None, NOON), 1)
            )
        assert (cause, ended) == (found.cause, one.ended)


class TestBudget:
    def test_parts(self) -> None:
        """Of several months each gets its part of what is left, and each begins with all bytes and rows."""
        now = 0.0
        budget = Budget(lambda: now, most_rows=10)
        budget.ends_in(100, parts=2)
        now = 20.0
        with budget.investigation():
            assert (40.0, "") == (budget.seconds_left(), budget.exhausted())
            budget.spend(rows=10)
            assert "it had read 10 rows and lines, of 10" == budget.exhausted()
        with budget.investigation():
            assert "" == budget.exhausted()

    def test_a_comparison_has_no_limit(self) -> None:
        """Only investigations end early: without its comparison there is no report."""
        budget = Budget(lambda: 50.0)
        budget.ends_in(-1)
        assert not budget.is_over()
        with budget.investigation():
            assert budget.is_over()


class TestMonthAlone:
    """The month's counter of a key has a call more than its day and the lake."""

    MONTH = Period("2026-10")

    def found(
        self, extra: int, log: Any = None, lake: Lake | None = None
    ) -> tuple[Investigation, list[Finding]]:
        """What is named of the month where it holds that call of the day once more."""
        lake, key = lake or Lake(), "key-0000"
        rows = [one.call.usage for one in read_calls(rows_of(key, extra + 1))]
        differences = [Difference(key, self.MONTH, rows[0] + rows[extra], rows[0], parts={"05": 2})]
        contradictions = [Contradiction(key, self.MONTH, "05", 2, 1)]
        one = Investigation(
            lake, log, Errors(), lambda *_: None, lambda _: None, run_id="run", budget=Budget()
        )
        circumstances = Circumstances(NOON + timedelta(days=20), Paths(None, None), 0)
        return one, list(one.findings(differences, contradictions, [], circumstances))

    @pytest.mark.parametrize(
        ("extra", "log", "cause", "event_id"),
        [
            (1, None, Cause.LOST_IN_LAKE, None),
            (1, ManyLines(2), Cause.LOST_IN_LAKE, "key-0000-1"),
            (1, ManyLines(1), Cause.COUNTER_EDITED, None),
            (0, None, Cause.COUNTER_EDITED, None),
        ],
    )
    def test_named(self, extra: int, log: Any, cause: Cause, event_id: str | None) -> None:
        """By its line, where the log has one; without the log by its hash, or not at all. It is an edit where
        the lake has the call, or the log does not.
        """
        _, found = self.found(extra, log)
        assert [("key-0000", self.MONTH, cause, event_id)] == [
            (one.key, one.period, one.cause, one.event_id) for one in found
        ]

    def test_a_service_that_fails(self) -> None:
        """Where neither rows nor lines were read, it is not said to be an edit."""
        one, found = self.found(0, None, Lake(fails_at=1))
        assert ([Cause.UNKNOWN], "it could not go on: Athena is busy") == (
            [finding.cause for finding in found],
            one.ended,
        )
