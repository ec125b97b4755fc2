"""The shortest way to what each broken meter does wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, Protocol, TypeVar

from simulation.exploration.arrivals.families import ARRIVALS_SHOWN_BY
from simulation.exploration.arrivals.schedule import ArrivalSchedules
from simulation.exploration.arrivals.story import arrivals_story
from simulation.exploration.broken import BROKEN_SMALL, MOST_STEPS, SHOWN_BY
from simulation.exploration.changes.families import SETTINGS_SHOWN_BY, STREAMS_SHOWN_BY
from simulation.exploration.changes.settings_schedule import SettingsSchedules
from simulation.exploration.changes.settings_story import settings_story
from simulation.exploration.changes.stream_schedule import StreamSchedules
from simulation.exploration.changes.stream_story import stream_story
from simulation.exploration.completeness.broken import BROKEN_SMALL_WATCHES, WATCHES_SHOWN_BY
from simulation.exploration.completeness.schedule import WatchSchedules
from simulation.exploration.completeness.story import watch_story
from simulation.exploration.month_end.families import BROKEN_SMALL_MONTHS, MONTHS_SHOWN_BY
from simulation.exploration.month_end.schedule import MonthEndSchedules
from simulation.exploration.month_end.story import month_story
from simulation.exploration.quotas.broken import BROKEN_QUOTAS, QUOTAS_SHOWN_BY
from simulation.exploration.quotas.schedule import QuotaSchedules
from simulation.exploration.quotas.story import quota_story
from simulation.exploration.schedule import Schedules
from simulation.exploration.search import Violation, World, searched
from simulation.exploration.state_space import State, StateSpace, Step_co
from simulation.exploration.story import story
from simulation.exploration.thresholds.families import THRESHOLDS_SHOWN_BY
from simulation.exploration.thresholds.schedule import ThresholdSchedules
from simulation.exploration.thresholds.story import thresholds_story
from simulation.protocol.world_of_arrivals import BROKEN_ARRIVALS
from simulation.protocol.world_of_changes import BROKEN_CHANGING
from simulation.protocol.world_of_streams import BROKEN_STREAMS
from simulation.quotas.broken_watches import BROKEN_THRESHOLDS


class _Named(Protocol):
    @property
    def name(self) -> str: ...


NamedMeter = TypeVar("NamedMeter", bound=_Named)


def _stories(
    meters: Iterable[NamedMeter],
    shown_by: Mapping[str, World],
    schedules: Callable[[World, NamedMeter], StateSpace[State, Step_co]],
    story: Callable[[NamedMeter, Violation[Step_co]], str],
) -> dict[str, Callable[[], str | None]]:
    def found(meter: NamedMeter) -> str | None:
        return searched(schedules, story, shown_by[meter.name], meter, MOST_STEPS).story

    return {meter.name: partial(found, meter) for meter in meters}


STORIES: Final[dict[str, Callable[[], str | None]]] = {
    **_stories(BROKEN_SMALL, SHOWN_BY, Schedules, story),
    **_stories(BROKEN_QUOTAS, QUOTAS_SHOWN_BY, QuotaSchedules, quota_story),
    **_stories(BROKEN_THRESHOLDS, THRESHOLDS_SHOWN_BY, ThresholdSchedules, thresholds_story),
    **_stories(BROKEN_SMALL_WATCHES, WATCHES_SHOWN_BY, WatchSchedules, watch_story),
    **_stories(BROKEN_ARRIVALS, ARRIVALS_SHOWN_BY, ArrivalSchedules, arrivals_story),
    **_stories(BROKEN_STREAMS, STREAMS_SHOWN_BY, StreamSchedules, stream_story),
    **_stories(BROKEN_CHANGING, SETTINGS_SHOWN_BY, SettingsSchedules, settings_story),
    **_stories(BROKEN_SMALL_MONTHS, MONTHS_SHOWN_BY, MonthEndSchedules, month_story),
}
"""By the name of a broken meter; None: nothing is found within :data:`MOST_STEPS` steps."""
