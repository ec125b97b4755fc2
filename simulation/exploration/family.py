"""Worlds of one kind, which are explored together."""

from __future__ import annotations

from typing import NamedTuple

from simulation.exploration.completeness.watch_world import WatchedWorld
from simulation.exploration.quotas.quota_world import LimitedWorld
from simulation.exploration.small_world import SmallWorld

AnyWorld = SmallWorld | LimitedWorld | WatchedWorld
"""Of the stream processor, of a limit, or of the watch."""


class Family(NamedTuple):
    """Worlds of one kind."""

    name: str
    meaning: str
    worlds: tuple[AnyWorld, ...]
