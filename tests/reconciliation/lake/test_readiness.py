"""How far a month is complete, and what of it is compared."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from metering.period import Period
from reconciliation.lake.readiness import VOUCHED, Paths, is_refused, readiness
from reconciliation.model.failed_records import FailedRecords

OCTOBER = Period("2026-10")
END = datetime(2026, 11, 1, tzinfo=UTC)
LATER = datetime(2026, 11, 2, 6, tzinfo=UTC)
NOTHING = FailedRecords()


def at(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("through", [VOUCHED, at("2026-11-01T00:15"), LATER])
def test_a_whole_month(through: datetime) -> None:
    """Both paths are complete a quarter of an hour past its end."""
    assert (END, []) == readiness(OCTOBER, LATER, Paths(through, through), NOTHING)
    assert not is_refused(OCTOBER, LATER, END)


@pytest.mark.parametrize(
    ("paths", "sentence"),
    [
        (Paths(at("2026-10-20T12:00"), VOUCHED), "the stream processor has counted"),
        (Paths(VOUCHED, at("2026-10-20T12:00")), "Firehose has delivered to the lake"),
    ],
)
def test_a_path_that_stands(paths: Paths, sentence: str) -> None:
    """Its days until then are complete; the month is refused, and the sentence says since when."""
    until, (reason,) = readiness(OCTOBER, LATER, paths, NOTHING)
    assert at("2026-10-20T00:00") == until
    assert reason.startswith(f"{sentence} what arrived before 2026-10-20T12:00:00Z")
    assert is_refused(OCTOBER, LATER, until)


def test_a_path_of_which_nothing_is_known() -> None:
    """Nothing is complete."""
    until, reasons = readiness(OCTOBER, LATER, Paths(None, VOUCHED), NOTHING)
    assert (at("2026-10-01"), ["nothing is known of how far the stream processor has counted"]) == (
        until,
        reasons,
    )
    assert is_refused(OCTOBER, at("2026-10-20T00:00"), until)


@pytest.mark.parametrize(
    ("now", "until"), [("2026-10-24T06:00", "2026-10-24"), ("2026-10-01T23:59", "2026-10-01")]
)
def test_a_running_month(now: str, until: str) -> None:
    """The days that are over; on its first day there is nothing to compare, and that is no refusal."""
    ready = readiness(OCTOBER, at(now), Paths(VOUCHED, VOUCHED), NOTHING)
    assert (at(until), ["the month ends on 2026-11-01"]) == ready
    assert not is_refused(OCTOBER, at(now), ready.until)


def test_what_waits() -> None:
    """A record under the error prefix may hold calls of two days before; later ones none of the month."""
    waiting = FailedRecords(waiting=1, waiting_since_ms=round(at("2026-10-20T12:00").timestamp() * 1000))
    assert at("2026-10-18T00:00") == readiness(OCTOBER, LATER, Paths(VOUCHED, VOUCHED), waiting).until
    later = FailedRecords(waiting=1, waiting_since_ms=round(at("2026-11-03T00:00").timestamp() * 1000))
    assert (END, []) == readiness(OCTOBER, LATER, Paths(VOUCHED, VOUCHED), later)


def test_objects_of_others() -> None:
    """They are named, and may hide anything."""
    until, (reason,) = readiness(OCTOBER, LATER, Paths(VOUCHED, VOUCHED), FailedRecords(unreadable=["x"]))
    assert at("2026-10-01T00:00") == until
    assert reason.endswith(": x")
