"""The third task of the watch: whether all calls reach the stream.

Every five minutes the settings of subscription filters and stages are looked at, which costs nothing: what
is deleted, replaced or switched off is named at once. Every half hour the counts that AWS itself keeps are
compared: each metric costs a cent for a thousand looks. What CloudWatch Logs could not deliver has a metric
and an alarm of its own, each minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

import msgspec

from metering.source.flow import TwoCounts
from metering.source.gap import Way, minute_of
from metering.source.leg import LOOKED_BACK
from metering.source.settings import Stage, Subscription, broken_stages, broken_subscription
from metering.source.state import SourceState, with_counts, with_settings, with_stages

COUNTED_EVERY: Final = 30
"""Minutes between two looks at the counts, in looks at the settings."""


class FilterSource(Protocol):
    """The subscription filters."""

    def of(self, log_group: str) -> Sequence[Subscription] | None:
        """Those of a log group; None: there is no such log group."""
        ...


class StageSource(Protocol):
    """The stages of APIs."""

    def found(self, log_groups: Iterable[str]) -> Sequence[Stage]:
        """Those that log into one of the groups."""
        ...

    def log_groups(self, stages: Iterable[Stage]) -> Mapping[tuple[str, str], str | None]:
        """The log group of each that still exists; None where it logs nothing to a group."""
        ...


class CountSource(Protocol):
    """What AWS counts."""

    def flows(
        self, log_groups: Iterable[str], stages: Sequence[Stage], start: int, end: int
    ) -> Mapping[tuple[Way, str], TwoCounts]:
        """The counts of each way and log group, by minutes since 1970."""
        ...


class SourceStore(Protocol):
    """Where what is known is kept."""

    def load(self) -> SourceState:
        """What is known."""
        ...

    def save(self, state: SourceState) -> bool:
        """Write it in place of the version before it: whether that was still there."""
        ...


@dataclass(frozen=True, slots=True)
class SourceWatch:
    """Looks at the source of one meter. All methods raise Transient or Misconfigured where AWS gives no
    answer.
    """

    log_groups: Sequence[str]
    stream_arn: str
    filters: FilterSource
    stages: StageSource
    counts: CountSource
    store: SourceStore

    def look(self, now: datetime) -> SourceState:
        """Look at the settings, and at the counts if that is due. Of two looks at once one is kept."""
        minute = minute_of(now)
        before = self.store.load()
        state = with_settings(before, self._faults(before), minute)
        if minute - before.counted >= COUNTED_EVERY:
            state = with_stages(state, self.stages.found(self.log_groups), minute)
            flows = self.counts.flows(self.log_groups, state.watched, minute - LOOKED_BACK, minute)
            state = with_counts(state, flows, minute)
        self.store.save(msgspec.structs.replace(state, version=before.version + 1))
        return state

    def _faults(self, state: SourceState) -> Iterable[str]:
        for group in self.log_groups:
            if broken := broken_subscription(group, self.filters.of(group), self.stream_arn):
                yield broken
        yield from broken_stages(state.watched, self.stages.log_groups(state.watched), self.log_groups)
