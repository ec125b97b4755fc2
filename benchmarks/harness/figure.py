"""What a measurement yields: figures, each held against its target."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

LOSS: Final = 1.5
"""A figure has fallen when it is worse than the recorded one by more than this: a third of a ratio."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much a measurement does. The short form takes a minute for all, and has ratios only."""

    short: bool = False
    most_rounds: int | None = None
    """The most rounds of a contest; tests need one, to see that it can be run."""

    def of(self, full: int, short: int) -> int:
        """A number of rounds, calls or seconds."""
        return short if self.short else full

    def rounds(self, full: int, short: int) -> int:
        """The rounds of a contest."""
        rounds = self.of(full, short)
        return rounds if self.most_rounds is None else min(rounds, self.most_rounds)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that matters, with what it is compared to and what it must reach."""

    name: str
    what: str
    against: str
    value: float
    target: float
    unit: str = "x"
    at_least: bool = True
    """Whether more is better; otherwise the target is the most that is allowed."""
    is_ratio: bool = True
    """Whether the value means the same on every machine, so that the short form can be held to it."""
    details: Mapping[str, float] = field(default_factory=dict)
    """What it was made of: absolute times, counts."""

    @property
    def holds(self) -> bool:
        """Whether the target is reached."""
        return self.value >= self.target if self.at_least else self.value <= self.target

    def has_fallen(self, recorded: float) -> bool:
        """Whether this is worse than a recorded value by more than a third of the ratio."""
        return self.value < recorded / LOSS if self.at_least else self.value > recorded * LOSS

    def as_json(self) -> dict[str, object]:
        """For the file of results."""
        return {**asdict(self), "holds": self.holds}


Measurement = Callable[[Size], Iterator[Figure]]
