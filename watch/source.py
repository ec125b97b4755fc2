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

from metering.source.arrivals import Arrived
from metering.source.flow import TwoCounts
from metering.source.gap import Way, minute_of
from metering.source.leg import LOOKED_BACK
from metering.source.settings import (
    Stage,
    Subscription,
    broken_stages,
    broken_subscription,
    faults_of,
    stages_of_turn,
)
from metering.source.state import (
    SourceState,
    with_arrivals,
    with_counts,
    with_groups,
    with_settings,
    with_stages,
)

CHECKED_EVERY: Final = 5
"""Minutes between two looks at the settings, by the template's schedule."""
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

    def forwarding(self, now: int) -> Iterable[str]:
        """The log groups from which a filter of the meter's name forwards."""
        ...

    def flows(
        self, log_groups: Iterable[str], stages: Sequence[Stage], start: int, end: int
    ) -> Mapping[tuple[Way, str], TwoCounts]:
        """The counts of each way and log group, by minutes since 1970."""
        ...


class ArrivalSource(Protocol):
    """What arrived in the counters."""

    def read(self) -> Arrived | None:
        """What all shards have brought; None: the counters were restored to an earlier time."""
        ...


class RefusalSource(Protocol):
    """Why batches are refused."""

    def reason(self, now: datetime) -> str | None:
        """Why a batch was refused in the last minutes; None: none was."""
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
    """Those of the stack's parameters. Others that lead into the stream are found by what they forward."""
    stream_arn: str
    filters: FilterSource
    stages: StageSource
    counts: CountSource
    refusals: RefusalSource
    store: SourceStore
    arrivals: ArrivalSource | None = None
    """None: what is forwarded is not compared with what is counted."""

    def look(self, now: datetime) -> SourceState:
        """Look at the settings, and at the counts if that is due. Of two looks at once one is kept."""
        minute = minute_of(now)
        before = self.store.load()
        is_due = minute - before.counted >= COUNTED_EVERY
        further = {one.name for one in before.further} | (self._found(minute) if is_due else set())
        state, broken = self._with_filters(before, further, minute)
        refused = self.refusals.reason(now)
        faults = [*broken, *self._stage_faults(state, minute), *([_refused(refused)] if refused else [])]
        state = with_settings(state, faults, minute)
        if is_due:
            state = with_stages(state, self.stages.found(self._groups(state)), minute)
            flows = self.counts.flows(self._groups(state), state.watched, minute - LOOKED_BACK, minute)
            state = with_counts(state, flows, minute)
            if self.arrivals is not None:
                state = with_arrivals(state, self.arrivals.read(), flows, minute)
        self.store.save(msgspec.structs.replace(state, version=before.version + 1))
        return state

    def _found(self, minute: int) -> set[str]:
        return set(self.counts.forwarding(minute)) - set(self.log_groups)

    def _with_filters(
        self, state: SourceState, further: Iterable[str], minute: int
    ) -> tuple[SourceState, list[str]]:
        """The state after the filters were looked at, and what is wrong with them. A further group is one of
        the meter once a filter leads from it into the stream.
        """
        broken = {group: self._broken(group) for group in further}
        state = with_groups(state, [group for group, fault in broken.items() if fault is None], minute)
        broken |= {group: self._broken(group) for group in self.log_groups}
        return state, [fault for group in self._groups(state) if (fault := broken[group])]

    def _broken(self, log_group: str) -> str | None:
        return broken_subscription(log_group, self.filters.of(log_group), self.stream_arn)

    def _groups(self, state: SourceState) -> list[str]:
        return list(dict.fromkeys([*self.log_groups, *(one.name for one in state.further)]))

    def _stage_faults(self, state: SourceState, minute: int) -> Iterable[str]:
        """What is wrong with the stages: where there are many, some are looked at, and of the others it is
        what was found last.
        """
        looked_at = stages_of_turn(state.watched, minute // CHECKED_EVERY)
        others = [stage for stage in state.watched if stage not in looked_at]
        yield from broken_stages(looked_at, self.stages.log_groups(looked_at), self._groups(state))
        yield from faults_of(others, state.faults)


def _refused(reason: str) -> str:
    return f"the stream processor refuses batches: {reason} (see the runbook, Another stream)"
