"""Witnesses: what AWS itself counted of each key and day, by code that is not the meter's.

Counters and lake come from one reader of lines. A witness does not: so it sees what that reads wrong in the
same way twice. No witness counts quite the same, so each has a tolerance, with its reason. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from metering.period import Period
from metering.usage import Usage

HELD: Final = 1_000
"""Disagreements that are held; more are only counted."""

KeyAndDay = tuple[str, Period]


class WitnessName(StrEnum):
    """Who counted."""

    LOG = "Logs Insights"
    """A query of the log groups: how many lines each key has on each day."""
    USAGE_PLANS = "usage plans"
    """API Gateway's own count of the calls with a key of a usage plan (GetUsage)."""


class Tolerance(NamedTuple):
    """How far a witness may be from a counter, and why."""

    calls: int
    share: float
    """Of the larger of both; the larger of the two tolerances holds."""
    with_errors: bool
    """Whether calls that were answered with an error may be missing on the witness's side."""
    reason: str


TOLERANCES: Final[Mapping[WitnessName, Tolerance]] = {
    WitnessName.LOG: Tolerance(
        2,
        0.001,
        with_errors=False,
        reason="lines whose JSON a caller broke are counted under their key and read by no query",
    ),
    WitnessName.USAGE_PLANS: Tolerance(
        10,
        0.01,
        with_errors=True,
        reason="API Gateway counts on a best-effort basis, and no call that it refuses itself",
    ),
}


class WitnessCount(NamedTuple):
    """What a witness counted."""

    name: WitnessName
    counts: Mapping[KeyAndDay, int]
    """By key and day."""
    speaks_for_all: bool = False
    """Whether a key and day that it does not have were not called; else nothing is known of them."""
    notes: tuple[str, ...] = ()
    """What it cannot say, a sentence each."""


class Disagreement(msgspec.Struct, frozen=True):
    """A key and day of which a witness says something else."""

    key: str
    period: Period
    counted: int
    witnessed: int


class WitnessReport(msgspec.Struct):
    """A witness, compared with the counters."""

    witness: WitnessName
    tolerance: str
    compared: int = 0
    """Keys and days of which both speak."""
    counted: int = 0
    """Calls of these, by the counters."""
    witnessed: int = 0
    """And by the witness."""
    disagreements_found: int = 0
    disagreements: list[Disagreement] = msgspec.field(default_factory=list)
    """The first of them."""
    notes: list[str] = msgspec.field(default_factory=list)

    @property
    def agrees(self) -> bool:
        """Whether nothing differs by more than the tolerance."""
        return not self.disagreements_found


class Hearing:
    """One pass over the counters' days, in which a witness is compared."""

    def __init__(self, testimony: WitnessCount) -> None:
        self._testimony = testimony
        self._left = dict(testimony.counts)
        self._tolerance = TOLERANCES[testimony.name]
        self._report = WitnessReport(
            testimony.name, tolerance_text(self._tolerance), notes=list(testimony.notes)
        )

    def add(self, key: str, day: Period, usage: Usage) -> None:
        """Compare a key's day."""
        witnessed = self._left.pop((key, day), None)
        if witnessed is None and not self._testimony.speaks_for_all:
            return
        self._compare(Disagreement(key, day, usage.requests, witnessed or 0), usage.errors)

    def report(self) -> WitnessReport:
        """What came of it. Days that only the witness has are compared with nothing."""
        for (key, day), witnessed in sorted(self._left.items()):
            self._compare(Disagreement(key, day, 0, witnessed), 0)
        self._left.clear()
        return self._report

    def _compare(self, both: Disagreement, errors: int) -> None:
        self._report.compared += 1
        self._report.counted += both.counted
        self._report.witnessed += both.witnessed
        if _is_beyond(both, self._tolerance, errors):
            self._report.disagreements_found += 1
            if len(self._report.disagreements) < HELD:
                self._report.disagreements.append(both)


def tolerance_text(tolerance: Tolerance) -> str:
    """A tolerance and its reason, as a sentence."""
    errors = " and the calls answered with an error" if tolerance.with_errors else ""
    return f"{tolerance.calls} calls or {tolerance.share:.1%}{errors}: {tolerance.reason}"


def witness_lines(reports: list[WitnessReport]) -> Iterator[str]:
    """A line for each witness, and for the first days of which it says something else."""
    for one in reports:
        verdict = "agrees" if one.agrees else f"differs on {one.disagreements_found:,}"
        yield (
            f"Witness {one.witness.value}: {verdict} of {one.compared:,} days of keys, {one.witnessed:,} "
            f"calls where {one.counted:,} are counted (tolerance: {one.tolerance})"
        )
        yield from (f"  {note}" for note in one.notes)
        for found in one.disagreements[:10]:
            yield f"  {found.key} {found.period}: {found.counted:,} counted, {found.witnessed:,} witnessed"


def _is_beyond(both: Disagreement, tolerance: Tolerance, errors: int) -> bool:
    allowed = max(tolerance.calls, int(tolerance.share * max(both.counted, both.witnessed)))
    if tolerance.with_errors and both.counted > both.witnessed:
        allowed += errors
    return abs(both.counted - both.witnessed) > allowed
