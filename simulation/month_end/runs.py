"""Many month ends, on all processors, added up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from simulation.month_end.broken import BROKEN_MONTH_ENDS
from simulation.month_end.faults import Accident, MonthEndResult
from simulation.month_end.meter import SHIPPED_MONTH_END
from simulation.month_end.world import MonthEndWorld
from simulation.protocol.runs import FAILURES_KEPT, on_processors

MONTH_ENDS = {meter.name: meter for meter in (SHIPPED_MONTH_END, *BROKEN_MONTH_ENDS)}

FIGURES = ("events", "invocations", "comparisons", "refusals", "corrections", "sealings", "sealed_in_a_hurry")
"""What is added up of the results."""


@dataclass(slots=True)
class MonthEndSummary:
    """What became of the runs."""

    runs: int = 0
    figures: Counter[str] = field(default_factory=Counter)
    injected: Counter[Accident] = field(default_factory=Counter)
    differing: int = 0
    """Runs with a difference, or in which a path was called complete and was not."""
    failed: list[MonthEndResult] = field(default_factory=list)
    """The first of those."""
    seconds: float = 0.0

    def add(self, result: MonthEndResult) -> None:
        """Add a run."""
        self.runs += 1
        self.figures.update({name: getattr(result, name) for name in FIGURES})
        self.injected += result.injected
        if result.differences or result.untrue:
            self.differing += 1
            self.failed = [*self.failed, result][:FAILURES_KEPT]


def run_month_end(seed: int, meter: str = "shipped", *, keep_schedule: bool = False) -> MonthEndResult:
    """Run one seed."""
    return MonthEndWorld(seed, MONTH_ENDS[meter], keep_schedule=keep_schedule).run()


def run_month_ends(
    first: int,
    count: int,
    meter: str = "shipped",
    *,
    workers: int | None = None,
    report: Callable[[MonthEndSummary], None] = lambda _summary: None,
) -> MonthEndSummary:
    """Run seeds, on several processes if there are many; `report` is called now and then."""
    began, summary = time.monotonic(), MonthEndSummary()
    for results in on_processors(first, count, workers, partial(run_month_end, meter=meter)):
        for result in results:
            summary.add(result)
        summary.seconds = time.monotonic() - began
        report(summary)
    return summary
