"""What a soak found, and whether that is as it must be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import linear_regression
from typing import Any, Final

from simulation.soak import script

MEMORY_BYTES_PER_CALL: Final = 1024
"""Memory may grow so much with each call of the second half: the local cloud keeps the lake, tables and
places of log events. (Counters, claims and Parquet files come to some 500 bytes a call.)
"""
MEMORY_ALLOWANCE_BYTES: Final = 16 * 2**20
"""And so much in all, by which the memory of a process goes up and down."""
MEMORY_BYTES_PER_COMPARISON: Final = 2**19
"""And so much with each comparison of the same months, whose results and reports the local cloud keeps: some
120 KB. The process goes up and down by a few MB from one comparison to the next, and the line through twenty
by a quarter of this.
"""


@dataclass(frozen=True, slots=True)
class MinuteResult:
    """One minute of the script."""

    minute: int
    calls: int
    """Lines of the access log so far."""
    counted: int
    """What the counters hold."""
    lag_seconds: float
    """The age of the oldest delivery that was counted or waited in this minute, at most."""
    memory_bytes: int
    cost_usd: float
    drift: int
    """By how much the counters hold less than what is counted for certain, or more than what was sent."""
    alarms: tuple[str, ...]
    """Those that are raised at the end."""
    disturbances: tuple[str, ...]
    faults: Mapping[str, int]
    """Requests disturbed so far, by kind."""


@dataclass(frozen=True, slots=True)
class SoakResult:
    """All of it."""

    minutes: Sequence[MinuteResult]
    real_minutes: float
    events: int
    """Calls, and lines and records that are none, each once."""
    wrong_counters: Sequence[str]
    months: int
    months_compared: int
    """By the shipped reconciliation, at the end."""
    lake_differences: int
    memory_by_comparison: Sequence[int]
    """What the process holds after each of some further comparisons, in bytes."""
    failures: Mapping[str, int]
    """Why watch and reconciliation failed, and how often."""
    given_up: int
    """Records that Lambda gave up."""
    lengths: Mapping[str, int]
    """How many minutes each alarm looks back."""

    @property
    def rung(self) -> dict[str, list[int]]:
        """The minutes at whose end each alarm was raised; alarms that were not are left out."""
        found: dict[str, list[int]] = {}
        for minute in self.minutes:
            for name in minute.alarms:
                found.setdefault(name, []).append(minute.minute)
        return found

    @property
    def memory_growth(self) -> float:
        """Bytes by which memory grew over the second half, by a straight line through its minutes."""
        half = self.minutes[len(self.minutes) // 2 :]
        slope = _slope([one.minute for one in half], [one.memory_bytes for one in half])
        return slope * (half[-1].minute - half[0].minute)

    @property
    def memory_per_comparison(self) -> float:
        """Bytes by which memory grew with each further comparison, by a straight line through them."""
        return _slope(range(len(self.memory_by_comparison)), self.memory_by_comparison)

    @property
    def memory_bound(self) -> int:
        """The most that it may be."""
        half = self.minutes[len(self.minutes) // 2 :]
        calls = half[-1].calls - half[0].calls
        return MEMORY_ALLOWANCE_BYTES + MEMORY_BYTES_PER_CALL * calls

    @property
    def problems(self) -> list[str]:
        """A sentence for everything that is not as it must be."""
        return [*self._drift(), *self._memory(), *alarm_problems(self.rung, self.lengths)]

    def _drift(self) -> Iterator[str]:
        last = self.minutes[-1]
        for minute in self.minutes:
            if minute.drift:
                yield f"in minute {minute.minute} the counters were wrong by {minute.drift:,}"
        if last.counted != self.events:
            yield f"{self.events:,} events were sent, {last.counted:,} counted"
        yield from self.wrong_counters[:10]
        if self.given_up:
            yield f"{self.given_up:,} records were given up"
        if self.months_compared != self.months:
            yield f"{self.months_compared} of {self.months} months could be compared with the lake"
        if self.lake_differences:
            yield f"counters and lake differ in {self.lake_differences:,} places"

    def _memory(self) -> Iterator[str]:
        if self.memory_growth > self.memory_bound:
            yield (
                f"memory grew by {self.memory_growth / 2**20:.1f} MB over the second half, "
                f"{self.memory_bound / 2**20:.1f} at most are expected"
            )
        if self.memory_per_comparison > MEMORY_BYTES_PER_COMPARISON:
            yield (
                f"memory grew by {self.memory_per_comparison / 2**20:.2f} MB with each comparison, "
                f"{MEMORY_BYTES_PER_COMPARISON / 2**20:.2f} at most are expected"
            )

    def to_json(self) -> dict[str, Any]:
        """All figures."""
        return {
            **{name: value for name, value in asdict(self).items() if name != "lengths"},
            "rung": self.rung,
            "memory_growth_bytes": round(self.memory_growth),
            "memory_bound_bytes": self.memory_bound,
            "memory_per_comparison_bytes": round(self.memory_per_comparison),
            "problems": self.problems,
        }


def _slope(at: Sequence[int], values: Sequence[int]) -> float:
    return linear_regression(at, values).slope


def alarm_problems(
    rung: Mapping[str, Sequence[int]],
    lengths: Mapping[str, int],
    disturbances: Sequence[script.ScriptedDisturbance] = script.SCRIPT,
) -> Iterator[str]:
    """What is wrong with when alarms were raised: each disturbance rings its own while it lasts or looks back
    to it, and nothing else does.
    """
    allowed: dict[str, set[int]] = {}
    for one in disturbances:
        for name in sorted(one.rings):
            span = range(one.first, one.until.get(name, one.last + lengths[name]) + 1)
            allowed.setdefault(name, set()).update(span)
            if not set(span) & set(rung.get(name, ())):
                yield f"{name} did not ring for: {one.name}, minutes {one.first} to {one.last}"
    for name, minutes in rung.items():
        if stray := sorted(set(minutes) - allowed.get(name, set())):
            yield f"{name} rang without a reason, in the minutes {', '.join(map(str, stray))}"
