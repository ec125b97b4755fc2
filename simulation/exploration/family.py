"""Worlds of one kind, which are explored together."""

from __future__ import annotations

from typing import NamedTuple

from simulation.exploration.arrivals.arrivals_world import ArrivalsWorld
from simulation.exploration.changes.settings_world import SettingsWorld
from simulation.exploration.changes.stream_world import StreamsWorld
from simulation.exploration.completeness.watch_world import WatchedWorld
from simulation.exploration.month_end.small_month import SmallMonth
from simulation.exploration.quotas.quota_world import LimitedWorld
from simulation.exploration.small_world import SmallWorld
from simulation.exploration.thresholds.thresholds_world import ThresholdsWorld

AnyWorld = (
    SmallWorld
    | LimitedWorld
    | ThresholdsWorld
    | WatchedWorld
    | ArrivalsWorld
    | StreamsWorld
    | SettingsWorld
    | SmallMonth
)
"""Of the processor, a limit, its thresholds, the watch, what log groups bring, a stream that is made again,
settings that change, or a month end.
"""


class Family(NamedTuple):
    """Worlds of one kind."""

    name: str
    meaning: str
    worlds: tuple[AnyWorld, ...]
