"""What AWS itself counted, compared with the counters."""

from __future__ import annotations

import pytest

from metering.period import Period
from metering.proof.witness import HELD, Hearing, WitnessCount, WitnessName, witness_lines
from metering.usage import Usage

FIFTH, SIXTH = Period("2026-10-05"), Period("2026-10-06")


def heard(testimony: WitnessCount, *days: tuple[str, Period, Usage]) -> list[tuple[str, Period, int, int]]:
    """What a witness disagrees with."""
    hearing = Hearing(testimony)
    for key, day, usage in days:
        hearing.add(key, day, usage)
    return [(one.key, one.period, one.counted, one.witnessed) for one in hearing.report().disagreements]


@pytest.mark.parametrize(
    ("counted", "witnessed", "differs"),
    [(100, 100, False), (100, 102, False), (100, 103, True), (97, 100, True), (50_000, 49_950, False)],
)
def test_tolerance(counted: int, witnessed: int, differs: bool) -> None:
    """The log may differ by two calls, or one in a thousand."""
    testimony = WitnessCount(WitnessName.LOG, {("a", FIFTH): witnessed}, speaks_for_all=True)
    assert differs == bool(heard(testimony, ("a", FIFTH, Usage(counted))))


def test_refused_calls() -> None:
    """API Gateway counts no call that it refuses: errors may be missing there, and never be too many."""
    testimony = WitnessCount(WitnessName.USAGE_PLANS, {("a", FIFTH): 70, ("b", FIFTH): 130})
    usage = Usage(100, errors=25)
    assert [("b", FIFTH, 100, 130)] == heard(testimony, ("a", FIFTH, usage), ("b", FIFTH, usage))


def test_what_one_side_lacks() -> None:
    """A day that only the witness has differs; one that it does not have does, if it speaks for all."""
    counts = {("a", FIFTH): 7}
    days = ("b", SIXTH, Usage(9))
    whole = heard(WitnessCount(WitnessName.LOG, counts, speaks_for_all=True), days)
    assert [("b", SIXTH, 9, 0), ("a", FIFTH, 0, 7)] == whole
    assert [("a", FIFTH, 0, 7)] == heard(WitnessCount(WitnessName.LOG, counts), days)


def test_many() -> None:
    """The first are held, all are counted, and a line says so for each witness."""
    counts = {(f"key-{number:05d}", FIFTH): 5 for number in range(HELD + 500)}
    report = Hearing(WitnessCount(WitnessName.LOG, counts, notes=("it was late",))).report()
    assert (HELD, HELD + 500) == (len(report.disagreements), report.disagreements_found)
    first, note, *others = witness_lines([report])
    assert first.startswith(
        "Witness Logs Insights: differs on 1,500 of 1,500 days of keys, 7,500 calls where 0"
    )
    assert ("  it was late", 10) == (note, len(others))
