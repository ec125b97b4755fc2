"""What the watch knows of the source: kept between two looks, read by whoever says how complete something
is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from metering.source.arrivals import ArrivalReadings, Arrived, differences, judged, with_reading
from metering.source.flow import TwoCounts
from metering.source.gap import Gap, Way, with_gap, with_return
from metering.source.leg import Leg, Looked, begun, look
from metering.source.settings import MOST_STAGES, Stage

ONGOING: Final = 60
"""A gap counts as going on for so many minutes after its end, or from what was found last."""
FORGOTTEN: Final = 1_440
"""A stage that does not log here any more is named for so many minutes; then that is taken as meant."""
MOST_GROUPS: Final = 50
"""Further log groups that are remembered; of more, the first by name."""
KEPT: Final = 400 * 1_440
"""Gaps are kept for so many minutes: more than a year."""


class Known(msgspec.Struct, frozen=True):
    """A stage that logs into a log group of the meter, or did."""

    stage: Stage
    seen: int
    """When it was last found to, in minutes since 1970."""


class FurtherGroup(msgspec.Struct, frozen=True, order=True):
    """A log group that is not among the stack's parameters, and leads into the stream, or did."""

    name: str
    seen: int
    """When a filter was last found to lead there, in minutes since 1970."""


class SourceState(msgspec.Struct, frozen=True):
    """All that is known. Times are in minutes since 1970."""

    version: int = 0
    checked: int = 0
    """When the settings were looked at last."""
    counted: int = 0
    """When the counts were looked at last."""
    faults: tuple[str, ...] = ()
    """What is wrong with the settings, a sentence each."""
    stages: tuple[Known, ...] = ()
    legs: tuple[Leg, ...] = ()
    gaps: tuple[Gap, ...] = ()
    further: tuple[FurtherGroup, ...] = ()
    arrivals: ArrivalReadings = ArrivalReadings()

    def ongoing(self, now: int) -> tuple[Gap, ...]:
        """The gaps that may still grow."""
        return tuple(gap for gap in self.gaps if now - gap.end <= ONGOING)

    def within(self, begin: int, end: int) -> tuple[Gap, ...]:
        """The gaps that concern some minute from `begin` until before `end`."""
        return tuple(gap for gap in self.gaps if gap.begin < end and gap.end > begin)

    @property
    def watched(self) -> tuple[Stage, ...]:
        """The stages whose calls should be logged."""
        return tuple(known.stage for known in self.stages)


def with_settings(state: SourceState, faults: Iterable[str], now: int) -> SourceState:
    """The state after the settings were looked at."""
    return msgspec.structs.replace(state, checked=now, faults=tuple(sorted(faults)))


def with_stages(state: SourceState, found: Iterable[Stage], now: int) -> SourceState:
    """The state after it was looked which stages log here. Those that did are remembered for a day."""
    known = {(one.stage.api, one.stage.stage): one for one in state.stages if now - one.seen < FORGOTTEN}
    known |= {(stage.api, stage.stage): Known(stage, now) for stage in found}
    kept = sorted(known.values(), key=lambda one: one.stage)[:MOST_STAGES]
    return msgspec.structs.replace(state, stages=tuple(kept))


def with_groups(state: SourceState, leading: Iterable[str], now: int) -> SourceState:
    """The state after it was looked which further log groups lead into the stream. Those that did are
    remembered for a day; then their stages are no longer the meter's.
    """
    known = {one.name: one for one in state.further if now - one.seen < FORGOTTEN}
    known |= {name: FurtherGroup(name, now) for name in leading}
    further = tuple(sorted(known.values())[:MOST_GROUPS])
    gone = {one.name for one in state.further} - {one.name for one in further}
    stages = tuple(one for one in state.stages if one.stage.log_group not in gone)
    return msgspec.structs.replace(state, further=further, stages=stages)


def with_counts(state: SourceState, flows: Mapping[tuple[Way, str], TwoCounts], now: int) -> SourceState:
    """The state after the counts of each way and log group were looked at. Without counts a leg is
    forgotten.
    """
    before = {(leg.way, leg.place): leg for leg in state.legs}
    looks = [
        look(before.get(at) or begun(*at, now), flow, now)
        for at, flow in sorted(flows.items(), key=lambda one: one[0])
    ]
    gaps = tuple(gap for gap in state.gaps if now - gap.end < KEPT)
    for one in looks:
        gaps = _with_look(gaps, one)
    legs = tuple(one.leg for one in looks)
    return msgspec.structs.replace(state, counted=now, legs=legs, gaps=gaps)


def with_arrivals(
    state: SourceState, arrived: Arrived | None, flows: Mapping[tuple[Way, str], TwoCounts], now: int
) -> SourceState:
    """The state after it was read what arrived in the counters, and compared with what was forwarded. None:
    the counters were restored to an earlier time.
    """
    forwarded = {group: counts for (way, group), counts in flows.items() if way is Way.FORWARDED}
    arrivals = with_reading(state.arrivals, arrived, forwarded, now)
    found = list(differences(arrivals, forwarded))
    gaps = state.gaps
    for one in found:
        if one.gap is not None:
            gaps = with_gap(gaps, one.gap)
        gaps = with_return(gaps, Way.COUNTED, one.group, one.returned, 0)
    return msgspec.structs.replace(state, gaps=gaps, arrivals=judged(arrivals, found))


def _with_look(gaps: tuple[Gap, ...], looked: Looked) -> tuple[Gap, ...]:
    if looked.gap is not None:
        return with_gap(gaps, looked.gap)
    if looked.returned:
        return with_return(gaps, looked.leg.way, looked.leg.place, looked.returned, looked.allowed)
    return gaps
