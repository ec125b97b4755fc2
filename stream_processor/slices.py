"""Step 4: the slices of the increments are registered, before anything is added to them.

Readers of counters (quota decisions, thresholds) ask for the slices that are registered. So a slice that
holds anything is always a registered one; one that is registered and holds nothing yet reads as nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from metering.counters.ports import Increment, SliceId, SliceRegistry, Status
from metering.period import month_of


class Registration:
    """Registers each slice once in the life of a process. Registering it again would change nothing."""

    def __init__(self, registry: SliceRegistry) -> None:
        self._registry = registry
        self._registered: set[SliceId] = set()

    def register(self, increments: Iterable[Increment]) -> bool:
        """Register the slices of the increments: whether all of them are known to be registered now.

        Slice 0 is there without it: a stream below shard 16 writes nothing here.
        """
        slices = {SliceId(month_of(one.period), one.slice) for one in increments if one.slice > 0}
        missing = sorted(slices - self._registered)
        if missing:
            statuses = self._registry.register(missing)
            self._registered |= {
                one for one, status in zip(missing, statuses, strict=True) if status is Status.WRITTEN
            }
        return slices <= self._registered
