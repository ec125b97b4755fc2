"""Many seeds of one world, on all processors, added up."""

from __future__ import annotations

import gc
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final, Protocol, TypeVar

from simulation.worker_pool import worker_pool

T = TypeVar("T")

_SEEDS_OF_A_TASK: Final = 20
_OBJECTS_BETWEEN_COLLECTIONS: Final = 50_000
FAILURES_KEPT: Final = 20


class PlayedSeed(Protocol):
    """What became of a seed, in whatever world."""

    seed: int
    differences: list[str]
    untrue: list[str]
    schedule: list[str]

    @property
    def injected(self) -> Mapping[StrEnum, int]:
        """How often each kind struck."""
        ...


class NamedMeter(Protocol):
    """A meter of a world: the shipped one, or one that breaks a rule."""

    @property
    def name(self) -> str:
        """Its name, for the command."""
        ...

    @property
    def breaks(self) -> str:
        """The rule that it breaks."""
        ...


@dataclass(frozen=True, slots=True)
class Setup:
    """What the seeds are run on."""

    meter: str = "shipped"
    dynamodb: str | None = None
    """The address of a DynamoDB, in place of the simulated store, in the worlds that can be run on one."""


@dataclass(frozen=True, slots=True)
class PlayedWorld:
    """A kind of world, and how it is run and reported."""

    name: str
    kinds: Sequence[StrEnum]
    """What can go wrong in it."""
    figures: Sequence[str]
    """The attributes of its results that are added up."""
    meters: Mapping[str, NamedMeter]
    run: Callable[[int, Setup, bool], PlayedSeed]
    """Runs a seed; the last argument is whether its schedule is kept. A function of a module."""


@dataclass(slots=True)
class Summary:
    """What became of the runs."""

    world: PlayedWorld
    runs: int = 0
    figures: Counter[str] = field(default_factory=Counter)
    injected: Counter[StrEnum] = field(default_factory=Counter)
    differing: int = 0
    """Runs with a difference."""
    untrue: int = 0
    """Runs in which something was called complete that was not."""
    failed: list[PlayedSeed] = field(default_factory=list)
    """The first of those."""
    seconds: float = 0.0

    @property
    def has_failed(self) -> bool:
        """Whether any run shows something wrong."""
        return bool(self.failed)

    def add(self, result: PlayedSeed) -> None:
        """Add a run."""
        self.runs += 1
        self.figures.update({name: getattr(result, name) for name in self.world.figures})
        self.injected.update(result.injected)
        self.differing += bool(result.differences)
        self.untrue += bool(result.untrue)
        if (result.differences or result.untrue) and len(self.failed) < FAILURES_KEPT:
            self.failed.append(result)


def run_seeds(
    world: PlayedWorld,
    seeds: range,
    setup: Setup,
    *,
    workers: int | None = None,
    report: Callable[[Summary], None] = lambda _summary: None,
) -> Summary:
    """Run seeds, on several processes if there are many; `report` is called from time to time with the
    progress.
    """
    began, summary = time.monotonic(), Summary(world)
    for results in _on_processors(seeds, workers, partial(_run, world.run, setup)):
        for result in results:
            summary.add(result)
        summary.seconds = time.monotonic() - began
        report(summary)
    return summary


def _run(run: Callable[[int, Setup, bool], T], setup: Setup, seed: int) -> T:
    return run(seed, setup, False)  # noqa: FBT003 - whether the schedule is kept


def _on_processors(seeds: range, workers: int | None, run: Callable[[int], T]) -> Iterator[list[T]]:
    """What running seeds gives, in their order and some at a time: on this many processes, or one a processor
    where that is not said.
    """
    tasks = [seeds[start : start + _SEEDS_OF_A_TASK] for start in range(0, len(seeds), _SEEDS_OF_A_TASK)]
    run_task = partial(_run_task, run)
    if workers == 1 or len(tasks) == 1:
        yield from map(run_task, tasks)
        return
    with worker_pool(workers, start_method="spawn", prepare=partial(_collect_rarely, run)) as pool:
        yield from pool.map(run_task, tasks)


def _collect_rarely(_run: Callable[[int], object]) -> None:
    """A worker has imported all that a seed needs, to get its argument: none of it ever becomes garbage. What
    does are the worlds that are over, each a few thousand objects.
    """
    gc.freeze()
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)


def _run_task(run: Callable[[int], T], seeds: range) -> list[T]:
    return [run(seed) for seed in seeds]
