"""Many seeds, on all processors, added up."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar

from simulation.protocol.broken_meters import METERS
from simulation.protocol.dynamodb import dynamodb_store
from simulation.protocol.faults import Fault
from simulation.protocol.world import World, WorldResult

T = TypeVar("T")

_SEEDS_OF_A_TASK = 20
FAILURES_KEPT = 20


@dataclass(frozen=True, slots=True)
class Setup:
    """What the seeds are run on."""

    meter: str = "shipped"
    dynamodb: str | None = None
    """The address of a DynamoDB, in place of the simulated store."""
    fixed: Mapping[str, Any] = field(default_factory=dict)
    """Settings that are not drawn."""


@dataclass(slots=True)
class Summary:
    """What the runs came to."""

    runs: int = 0
    events: int = 0
    duplicates: int = 0
    records: int = 0
    heartbeats: int = 0
    invocations: int = 0
    completions: int = 0
    injected: Counter[Fault] = field(default_factory=Counter)
    differing: int = 0
    """Runs with a difference."""
    untrue: int = 0
    """Runs in which `complete_through` did not keep its promise."""
    failed: list[WorldResult] = field(default_factory=list)
    """The first of those."""
    seconds: float = 0.0

    def add(self, result: WorldResult) -> None:
        """Add a run."""
        self.runs += 1
        self.events += result.events
        self.duplicates += result.duplicates
        self.records += result.records
        self.heartbeats += result.heartbeats
        self.invocations += result.invocations
        self.completions += result.completions
        self.injected += result.injected
        self.differing += bool(result.differences)
        self.untrue += bool(result.untrue)
        if (result.differences or result.untrue) and len(self.failed) < FAILURES_KEPT:
            self.failed.append(result)


def run_seed(seed: int, setup: Setup, *, keep_schedule: bool = False) -> WorldResult:
    """Run one seed."""
    meter = METERS[setup.meter]
    if setup.dynamodb is None:
        return World(seed, meter, keep_schedule=keep_schedule, **setup.fixed).run()
    with dynamodb_store(setup.dynamodb) as store:
        on_dynamodb = replace(meter, store=store)
        return World(seed, on_dynamodb, keep_schedule=keep_schedule, **setup.fixed).run()


def run_seeds(
    first: int,
    count: int,
    setup: Setup,
    *,
    workers: int | None = None,
    report: Callable[[Summary], None] = lambda _summary: None,
) -> Summary:
    """Run seeds, on several processes if there are many; `report` is called from time to time with the
    progress.
    """
    began, summary = time.monotonic(), Summary()
    for results in on_processors(first, count, workers, partial(run_seed, setup=setup)):
        for result in results:
            summary.add(result)
        summary.seconds = time.monotonic() - began
        report(summary)
    return summary


def on_processors(first: int, count: int, workers: int | None, run: Callable[[int], T]) -> Iterator[list[T]]:
    """What running seeds gives, in their order and some at a time: on this many processes, or one a processor
    where that is not said.
    """
    starts = range(first, first + count, _SEEDS_OF_A_TASK)
    tasks = [range(start, min(start + _SEEDS_OF_A_TASK, first + count)) for start in starts]
    run_task = partial(_run_task, run)
    if workers == 1 or len(tasks) == 1:
        yield from map(run_task, tasks)
        return
    with ProcessPoolExecutor(workers or os.cpu_count() or 1, multiprocessing.get_context("spawn")) as pool:
        yield from pool.map(run_task, tasks)


def _run_task(run: Callable[[int], T], seeds: range) -> list[T]:
    return [run(seed) for seed in seeds]
