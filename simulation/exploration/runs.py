"""All worlds of some families, on all processors; a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from simulation.exploration.arrivals.arrivals_world import ArrivalsWorld
from simulation.exploration.arrivals.schedule import ArrivalSchedules
from simulation.exploration.arrivals.story import arrivals_story
from simulation.exploration.changes.settings_schedule import SettingsSchedules
from simulation.exploration.changes.settings_story import settings_story
from simulation.exploration.changes.settings_world import SettingsWorld
from simulation.exploration.changes.stream_schedule import StreamSchedules
from simulation.exploration.changes.stream_story import stream_story
from simulation.exploration.changes.stream_world import StreamsWorld
from simulation.exploration.completeness.schedule import WatchSchedules
from simulation.exploration.completeness.story import watch_story
from simulation.exploration.completeness.watch_world import WatchedWorld
from simulation.exploration.family import AnyWorld, Family
from simulation.exploration.month_end.schedule import MonthEndSchedules
from simulation.exploration.month_end.small_month import SmallMonth
from simulation.exploration.month_end.story import month_story
from simulation.exploration.quotas.authorizer import SHIPPED_QUOTAS
from simulation.exploration.quotas.quota_world import LimitedWorld
from simulation.exploration.quotas.schedule import QuotaSchedules
from simulation.exploration.quotas.story import quota_story
from simulation.exploration.search import explore, search
from simulation.exploration.small_world import SmallWorld
from simulation.exploration.story import story
from simulation.exploration.thresholds.schedule import ThresholdSchedules
from simulation.exploration.thresholds.story import thresholds_story
from simulation.exploration.thresholds.thresholds_world import ThresholdsWorld
from simulation.month_end.meter import SHIPPED_MONTH_END
from simulation.protocol.meter import SHIPPED
from simulation.protocol.world_of_arrivals import SHIPPED_ARRIVALS
from simulation.protocol.world_of_changes import SHIPPED_CHANGING
from simulation.protocol.world_of_streams import SHIPPED_STREAM
from simulation.quotas.broken_watches import SHIPPED_THRESHOLDS

_ROOT = Path(__file__).resolve().parents[2]
_CODE = (
    *("metering", "quota_authorizer", "stream_processor", "watch", "reconciliation", "firehose_transform"),
    *("simulation/exploration", "simulation/protocol", "simulation/quotas", "simulation/month_end"),
)


class WorldExplored(NamedTuple):
    """What exploring one world gave."""

    family: str
    world: str
    faults: int
    states: int
    """Distinct ones."""
    depth: int
    """Steps from the start to the state that is farthest from it."""
    story: str | None = None
    """The shortest way to a broken promise, if there is one."""


class Kept:
    """The results of finished worlds, in a file. Those of other code count for nothing."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._code = code_digest()
        self._results = self._read()

    def of(self, family: str, world: AnyWorld) -> WorldExplored | None:
        """The result of a world, if it is known."""
        return self._results.get((family, str(world), world.faults))

    def add(self, result: WorldExplored) -> None:
        """Keep a result."""
        self._results[result.family, result.world, result.faults] = result
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            document = {"code": self._code, "results": [*self._results.values()]}
            beside = self._file.with_suffix(".new")
            beside.write_text(json.dumps(document))
            beside.replace(self._file)

    def _read(self) -> dict[tuple[str, str, int], WorldExplored]:
        if self._file is None or not self._file.exists():
            return {}
        document = json.loads(self._file.read_text())
        if document["code"] != self._code:
            return {}
        results = (WorldExplored(*one) for one in document["results"])
        return {(one.family, one.world, one.faults): one for one in results}


def code_digest() -> str:
    """A digest of everything that decides what a search finds."""
    digest = hashlib.sha256()
    for folder in _CODE:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def run(families: Sequence[Family], kept: Kept, workers: int | None = None) -> Iterator[WorldExplored]:
    """The results of all worlds, as they come."""
    waiting: list[tuple[str, AnyWorld]] = []
    for family in families:
        for world in family.worlds:
            known = kept.of(family.name, world)
            if known is None:
                waiting.append((family.name, world))
            else:
                yield known
    for result in _explored(waiting, workers or os.cpu_count() or 1):
        kept.add(result)
        yield result


def _explored(waiting: Sequence[tuple[str, AnyWorld]], workers: int) -> Iterator[WorldExplored]:
    if workers == 1 or len(waiting) == 1:
        yield from (explored(*one) for one in waiting)
        return
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        tasks = [pool.submit(explored, *one) for one in waiting]
        yield from (task.result() for task in as_completed(tasks))


def explored(family: str, world: AnyWorld) -> WorldExplored:
    """Every state of a world on the shipped meter."""
    match world:
        case LimitedWorld():
            states, depth, way = _limit(world)
        case ThresholdsWorld():
            states, depth, way = _thresholds(world)
        case WatchedWorld():
            states, depth, way = _watch(world)
        case ArrivalsWorld():
            states, depth, way = _arrivals(world)
        case StreamsWorld():
            states, depth, way = _stream(world)
        case SettingsWorld():
            states, depth, way = _settings(world)
        case SmallMonth():
            states, depth, way = _month(world)
        case SmallWorld():
            states, depth, way = _processor(world)
    return WorldExplored(family, str(world), world.faults, states, depth, way)


def _processor(world: SmallWorld) -> tuple[int, int, str | None]:
    found = explore(world, SHIPPED, is_folded=True)
    way = None if found.violation is None else story(SHIPPED, found.violation)
    return found.states, found.depth, way


def _limit(world: LimitedWorld) -> tuple[int, int, str | None]:
    found = search(lambda: QuotaSchedules(world, SHIPPED_QUOTAS, is_folded=True))
    way = None if found.violation is None else quota_story(SHIPPED_QUOTAS, found.violation)
    return found.states, found.depth, way


def _thresholds(world: ThresholdsWorld) -> tuple[int, int, str | None]:
    found = search(lambda: ThresholdSchedules(world, SHIPPED_THRESHOLDS))
    way = None if found.violation is None else thresholds_story(SHIPPED_THRESHOLDS, found.violation)
    return found.states, found.depth, way


def _watch(world: WatchedWorld) -> tuple[int, int, str | None]:
    found = search(lambda: WatchSchedules(world, SHIPPED))
    way = None if found.violation is None else watch_story(SHIPPED, found.violation)
    return found.states, found.depth, way


def _arrivals(world: ArrivalsWorld) -> tuple[int, int, str | None]:
    found = search(lambda: ArrivalSchedules(world, SHIPPED_ARRIVALS))
    way = None if found.violation is None else arrivals_story(SHIPPED_ARRIVALS, found.violation)
    return found.states, found.depth, way


def _stream(world: StreamsWorld) -> tuple[int, int, str | None]:
    found = search(lambda: StreamSchedules(world, SHIPPED_STREAM))
    way = None if found.violation is None else stream_story(SHIPPED_STREAM, found.violation)
    return found.states, found.depth, way


def _settings(world: SettingsWorld) -> tuple[int, int, str | None]:
    found = search(lambda: SettingsSchedules(world, SHIPPED_CHANGING))
    way = None if found.violation is None else settings_story(SHIPPED_CHANGING, found.violation)
    return found.states, found.depth, way


def _month(world: SmallMonth) -> tuple[int, int, str | None]:
    found = search(lambda: MonthEndSchedules(world, SHIPPED_MONTH_END))
    way = None if found.violation is None else month_story(SHIPPED_MONTH_END, found.violation)
    return found.states, found.depth, way


def total_states(results: Iterable[WorldExplored]) -> int:
    """The distinct states of all worlds: a state of one world is none of another."""
    return sum(result.states for result in results)
