"""The shortest way to what each broken meter does wrong."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

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
from simulation.exploration.quotas.authorizer import QuotaMeter
from simulation.exploration.quotas.broken import BROKEN_QUOTAS, QUOTAS_SHOWN_BY
from simulation.exploration.quotas.schedule import QuotaSchedules
from simulation.exploration.quotas.story import quota_story
from simulation.exploration.search import explore, search
from simulation.exploration.story import story
from simulation.exploration.thresholds.families import THRESHOLDS_SHOWN_BY
from simulation.exploration.thresholds.schedule import ThresholdSchedules
from simulation.exploration.thresholds.story import thresholds_story
from simulation.month_end.meter import MonthEndMeter
from simulation.protocol.meter import Meter
from simulation.protocol.world_of_arrivals import BROKEN_ARRIVALS, ArrivalMeter
from simulation.protocol.world_of_changes import BROKEN_CHANGING, ChangingMeter
from simulation.protocol.world_of_streams import BROKEN_STREAMS, StreamMeter
from simulation.quotas.broken_watches import BROKEN_THRESHOLDS, ThresholdMeter


def _of_processor(meter: Meter) -> str | None:
    found = explore(SHOWN_BY[meter.name], meter, deepest=MOST_STEPS)
    return None if found.violation is None else story(meter, found.violation)


def _of_limit(meter: QuotaMeter) -> str | None:
    found = search(lambda: QuotaSchedules(QUOTAS_SHOWN_BY[meter.name], meter), MOST_STEPS)
    return None if found.violation is None else quota_story(meter, found.violation)


def _of_thresholds(meter: ThresholdMeter) -> str | None:
    found = search(lambda: ThresholdSchedules(THRESHOLDS_SHOWN_BY[meter.name], meter), MOST_STEPS)
    return None if found.violation is None else thresholds_story(meter, found.violation)


def _of_watch(meter: Meter) -> str | None:
    found = search(lambda: WatchSchedules(WATCHES_SHOWN_BY[meter.name], meter), MOST_STEPS)
    return None if found.violation is None else watch_story(meter, found.violation)


def _of_arrivals(meter: ArrivalMeter) -> str | None:
    found = search(lambda: ArrivalSchedules(ARRIVALS_SHOWN_BY[meter.name], meter), MOST_STEPS)
    return None if found.violation is None else arrivals_story(meter, found.violation)


def _of_stream(meter: StreamMeter) -> str | None:
    found = search(lambda: StreamSchedules(STREAMS_SHOWN_BY[meter.name], meter), MOST_STEPS)
    return None if found.violation is None else stream_story(meter, found.violation)


def _of_settings(meter: ChangingMeter) -> str | None:
    found = search(lambda: SettingsSchedules(SETTINGS_SHOWN_BY[meter.name], meter), MOST_STEPS)
    return None if found.violation is None else settings_story(meter, found.violation)


def _of_month(meter: MonthEndMeter) -> str | None:
    found = search(lambda: MonthEndSchedules(MONTHS_SHOWN_BY[meter.name], meter), MOST_STEPS)
    return None if found.violation is None else month_story(meter, found.violation)


STORIES: Final[dict[str, Callable[[], str | None]]] = {
    **{meter.name: partial(_of_processor, meter) for meter in BROKEN_SMALL},
    **{meter.name: partial(_of_limit, meter) for meter in BROKEN_QUOTAS},
    **{meter.name: partial(_of_thresholds, meter) for meter in BROKEN_THRESHOLDS},
    **{meter.name: partial(_of_watch, meter) for meter in BROKEN_SMALL_WATCHES},
    **{meter.name: partial(_of_arrivals, meter) for meter in BROKEN_ARRIVALS},
    **{meter.name: partial(_of_stream, meter) for meter in BROKEN_STREAMS},
    **{meter.name: partial(_of_settings, meter) for meter in BROKEN_CHANGING},
    **{meter.name: partial(_of_month, meter) for meter in BROKEN_SMALL_MONTHS},
}
"""By the name of a broken meter; None: nothing is found within :data:`MOST_STEPS` steps."""
