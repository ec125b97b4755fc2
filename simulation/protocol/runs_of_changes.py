"""Many worlds in which much changes, added up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

from simulation.protocol.runs import FAILURES_KEPT, on_processors
from simulation.protocol.world import WorldResult
from simulation.protocol.world_of_changes import CHANGING_METERS, ChangingWorld, Disturbance


class ChangingRun(NamedTuple):
    """What became of a seed."""

    result: WorldResult
    changes: Counter[Disturbance]


@dataclass(slots=True)
class ChangingSummary:
    """What became of the runs."""

    runs: int = 0
    events: int = 0
    invocations: int = 0
    changes: Counter[Disturbance] = field(default_factory=Counter)
    differing: int = 0
    """Runs with a difference, or in which `complete_through` did not keep its promise."""
    failed: list[WorldResult] = field(default_factory=list)
    """The first of those."""
    seconds: float = 0.0

    def add(self, run: ChangingRun) -> None:
        """Add a run."""
        result = run.result
        self.runs += 1
        self.events += result.events
        self.invocations += result.invocations
        self.changes += run.changes
        if result.differences or result.untrue:
            self.differing += 1
            self.failed = [*self.failed, result][:FAILURES_KEPT]


def run_changing(seed: int, meter: str = "shipped", *, keep_schedule: bool = False) -> ChangingRun:
    """Run one seed."""
    world = ChangingWorld(seed, CHANGING_METERS[meter], keep_schedule=keep_schedule)
    return ChangingRun(world.run(), world.changes)


def run_all_changing(
    first: int,
    count: int,
    meter: str = "shipped",
    *,
    workers: int | None = None,
    report: Callable[[ChangingSummary], None] = lambda _summary: None,
) -> ChangingSummary:
    """Run seeds, on several processes if there are many; `report` is called now and then."""
    began, summary = time.monotonic(), ChangingSummary()
    for runs in on_processors(first, count, workers, partial(run_changing, meter=meter)):
        for run in runs:
            summary.add(run)
        summary.seconds = time.monotonic() - began
        report(summary)
    return summary
