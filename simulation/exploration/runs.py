"""All worlds of some families, on all processors; a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import as_completed
from functools import partial
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
from simulation.exploration.schedule import Schedules
from simulation.exploration.search import Searched, searched
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
from simulation.worker_pool import worker_pool

_ROOT = Path(__file__).resolve().parents[2]
CODE = (
    *("metering", "adapters", "stream_processor", "firehose_transform", "quota_authorizer", "watch"),
    *("reconciliation", "local_cloud", "simulation"),
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
    for folder in CODE:
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
    with worker_pool(workers, start_method="spawn", tasks_of_a_worker=1) as pool:
        tasks = [pool.submit(explored, *one) for one in waiting]
        yield from (task.result() for task in as_completed(tasks))


def explored(family: str, world: AnyWorld) -> WorldExplored:
    """Every state of a world on the shipped meter."""
    return WorldExplored(family, str(world), world.faults, *_searched(world))


def _searched(world: AnyWorld) -> Searched:  # noqa: PLR0911 - one for each kind of world
    match world:
        case LimitedWorld():
            return searched(partial(QuotaSchedules, is_folded=True), quota_story, world, SHIPPED_QUOTAS)
        case ThresholdsWorld():
            return searched(ThresholdSchedules, thresholds_story, world, SHIPPED_THRESHOLDS)
        case WatchedWorld():
            return searched(WatchSchedules, watch_story, world, SHIPPED)
        case ArrivalsWorld():
            return searched(ArrivalSchedules, arrivals_story, world, SHIPPED_ARRIVALS)
        case StreamsWorld():
            return searched(StreamSchedules, stream_story, world, SHIPPED_STREAM)
        case SettingsWorld():
            return searched(SettingsSchedules, settings_story, world, SHIPPED_CHANGING)
        case SmallMonth():
            return searched(MonthEndSchedules, month_story, world, SHIPPED_MONTH_END)
        case SmallWorld():
            return searched(partial(Schedules, is_folded=True), story, world, SHIPPED)


def total_states(results: Iterable[WorldExplored]) -> int:
    """The distinct states of all worlds: a state of one world is none of another."""
    return sum(result.states for result in results)
