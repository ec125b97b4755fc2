"""The worlds in which each seed is run, by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from simulation.month_end.broken import MONTH_ENDS
from simulation.month_end.faults import Accident, MonthEndResult
from simulation.month_end.world import MonthEndWorld
from simulation.operations.world import OPERATIONS, OperatedWorld, OperationKind
from simulation.protocol.broken_meters import METERS
from simulation.protocol.faults import Fault
from simulation.protocol.world import World, WorldResult
from simulation.protocol.world_of_arrivals import ARRIVAL_METERS, ArrivalWorld
from simulation.protocol.world_of_changes import CHANGING_METERS, ChangingWorld, Disturbance
from simulation.protocol.world_of_streams import STREAM_METERS, Replacement, StreamWorld
from simulation.runs import PlayedWorld, Setup

_EVENTS_ON_DYNAMODB: Final = 30


def _protocol(seed: int, setup: Setup, keep_schedule: bool) -> WorldResult:  # noqa: FBT001 - of a port
    meter = METERS[setup.meter]
    if setup.dynamodb is None:
        return World(seed, meter, keep_schedule=keep_schedule).run()
    from simulation.protocol.dynamodb import dynamodb_store  # noqa: PLC0415 - slow to load, rarely needed

    with dynamodb_store(setup.dynamodb) as store:
        on_dynamodb = replace(meter, store=store)
        return World(seed, on_dynamodb, keep_schedule=keep_schedule, events=_EVENTS_ON_DYNAMODB).run()


def _changes(seed: int, setup: Setup, keep_schedule: bool) -> WorldResult:  # noqa: FBT001 - of a port
    return ChangingWorld(seed, CHANGING_METERS[setup.meter], keep_schedule=keep_schedule).run()


def _streams(seed: int, setup: Setup, keep_schedule: bool) -> WorldResult:  # noqa: FBT001 - of a port
    return StreamWorld(seed, STREAM_METERS[setup.meter], keep_schedule=keep_schedule).run()


def _arrivals(seed: int, setup: Setup, keep_schedule: bool) -> WorldResult:  # noqa: FBT001 - of a port
    return ArrivalWorld(seed, ARRIVAL_METERS[setup.meter], keep_schedule=keep_schedule).run()


def _month_end(seed: int, setup: Setup, keep_schedule: bool) -> MonthEndResult:  # noqa: FBT001 - of a port
    return MonthEndWorld(seed, MONTH_ENDS[setup.meter], keep_schedule=keep_schedule).run()


def _operations(seed: int, setup: Setup, keep_schedule: bool) -> MonthEndResult:  # noqa: FBT001 - of a port
    return OperatedWorld(seed, OPERATIONS[setup.meter], keep_schedule=keep_schedule).run()


_FIGURES: Final = ("events", "records", "duplicates", "heartbeats", "invocations", "completions")
_MONTH_END_FIGURES: Final = (
    *("events", "invocations", "comparisons", "refusals", "corrections", "sealings"),
    "sealed_in_a_hurry",
)

PROTOCOL: Final = PlayedWorld("protocol", tuple(Fault), _FIGURES, METERS, _protocol)
"""The only one that can also be run on a DynamoDB."""

WORLDS: Final = {
    world.name: world
    for world in (
        PROTOCOL,
        PlayedWorld("changes", tuple(Disturbance), _FIGURES, CHANGING_METERS, _changes),
        PlayedWorld("streams", tuple(Replacement), _FIGURES, STREAM_METERS, _streams),
        PlayedWorld("arrivals", tuple(Fault), _FIGURES, ARRIVAL_METERS, _arrivals),
        PlayedWorld("month-end", tuple(Accident), _MONTH_END_FIGURES, MONTH_ENDS, _month_end),
        PlayedWorld("operations", (*Accident, *OperationKind), _MONTH_END_FIGURES, OPERATIONS, _operations),
    )
}
