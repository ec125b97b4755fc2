"""What a soak found, and whether that is as it must be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from simulation.soak import script
from simulation.soak.memory import StoredData

MEMORY_ALLOWANCE_BYTES: Final = 16 * 2**20
"""Memory may be so much more after a round than after the one before, beyond what the local cloud stores
more: the memory of a process goes up and down by some MB.
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
class RoundResult:
    """A round's end."""

    memory_by_comparison: Sequence[int]
    """What the process holds after each of some comparisons in a row, in bytes."""
    stored: StoredData
    """What the local cloud stores then."""

    @property
    def memory_bytes(self) -> int:
        """What the process holds at the end: the median, since it goes up and down with each comparison."""
        return round(median(self.memory_by_comparison))


@dataclass(frozen=True, slots=True)
class SoakResult:
    """All of it."""

    minutes: Sequence[MinuteResult]
    rounds: Sequence[RoundResult]
    real_minutes: float
    events: int
    """Calls, and lines and records that are none, each once."""
    wrong_counters: Sequence[str]
    months: int
    months_compared: int
    """By the shipped reconciliation, at the end."""
    lake_differences: int
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
    def memory_growth(self) -> int:
        """Bytes by which there is more after the last round than after the one before: what the process takes
        once is in both.
        """
        before, last = self.rounds[-2:]
        return last.memory_bytes - before.memory_bytes

    @property
    def stored_growth(self) -> int:
        """Bytes of it, at most, that are what the local cloud stores more."""
        before, last = self.rounds[-2:]
        return last.stored.memory_bytes - before.stored.memory_bytes

    @property
    def memory_bound(self) -> int:
        """The most that it may be."""
        return MEMORY_ALLOWANCE_BYTES + self.stored_growth

    @property
    def bytes_per_call(self) -> float:
        """The least of a call that would be too much, if all calls of the last round kept it."""
        before, last = self.rounds[-2:]
        return MEMORY_ALLOWANCE_BYTES / (last.stored.log_events - before.stored.log_events)

    @property
    def bytes_per_comparison(self) -> float:
        """The same, of a comparison."""
        return MEMORY_ALLOWANCE_BYTES / len(self.rounds[-1].memory_by_comparison)

    @property
    def problems(self) -> list[str]:
        """A sentence for everything that is not as it must be."""
        return [*self._drift(), *self._memory(), *self._alarms()]

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
                f"memory grew by {self.memory_growth / 2**20:.1f} MB from one round to the next, "
                f"{self.memory_bound / 2**20:.1f} at most are expected"
            )

    def _alarms(self) -> Iterator[str]:
        return alarm_problems(self.rung, self.lengths, script.played(len(self.rounds)))

    def to_json(self) -> dict[str, Any]:
        """All figures."""
        return {
            **{name: value for name, value in asdict(self).items() if name != "lengths"},
            "rung": self.rung,
            "memory_growth_bytes": self.memory_growth,
            "memory_bound_bytes": self.memory_bound,
            "problems": self.problems,
        }


def alarm_problems(
    rung: Mapping[str, Sequence[int]],
    lengths: Mapping[str, int],
    disturbances: Iterable[script.ScriptedDisturbance],
) -> Iterator[str]:
    """What is wrong with when alarms were raised: each disturbance rings its own while it lasts or looks back
    to it, and nothing else does.
    """
    allowed: dict[str, set[int]] = {}
    for one in disturbances:
        for name in sorted(one.rings):
            last = one.until.get(name)
            span = range(one.first, (one.last + lengths[name] if last is None else last) + 1)
            allowed.setdefault(name, set()).update(span)
            if not set(span) & set(rung.get(name, ())):
                yield f"{name} did not ring for: {one.name}, minutes {one.first} to {one.last}"
    for name, minutes in rung.items():
        if stray := sorted(set(minutes) - allowed.get(name, set())):
            yield f"{name} rang without a reason, in the minutes {', '.join(map(str, stray))}"
