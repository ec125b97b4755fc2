"""An operator's moment, and what operators read and write, by number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from metering.counters.ports import Progress
from metering.proof.correction import Audit, Correction, Held
from simulation.exploration.changes.tables import CounterValue, Tables, fill
from simulation.exploration.month_end.moment import OperatorRequest
from simulation.exploration.month_end.small_month import SmallMonth, Work
from simulation.exploration.programs import Numbers
from simulation.month_end.stores import CountersOfMonths
from simulation.protocol.meter import simulated_store


class MonthTables(NamedTuple):
    """What an operator reads of the tables."""

    counters: tuple[CounterValue, ...] = ()
    progress: tuple[Progress, ...] = ()

    def months(self) -> CountersOfMonths:
        """The ports of comparison and repair."""
        store = simulated_store(lambda: 0)
        fill(store, Tables(counters=self.counters))
        return CountersOfMonths(store.counters)


class Correcting(NamedTuple):
    """A correction on its way."""

    correction: Correction
    held: Held
    audit: Audit
    marks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class OperatorMoment:
    """An operator: what he has begun when, what he has read, and what he asks for next."""

    work: Work
    place: int
    begun_at: int
    """In seconds."""
    delivered: int
    """The events that were in the lake when he began, a bit each."""
    answers: tuple[tuple[int, int], ...] = ()
    """By kind and number."""
    request: OperatorRequest | None = None
    """None: it has ended."""


class OperatorAnswers:
    """What the operators of a world have read, and what they got for what they wrote, by number."""

    def __init__(self, world: SmallMonth) -> None:
        self.world = world
        self.paths = Numbers()
        self.lakes = Numbers()
        self.tables = Numbers()
        self.landed = Numbers()
        self.fates = Numbers()
        self.months = Numbers()
        self.marks = Numbers()
        self.kept: dict[str, bytes] = {}
        """The parts of what is sealed or archived, by the name that has their digest."""
