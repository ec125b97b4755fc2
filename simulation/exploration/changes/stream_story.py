"""A schedule of a stream that is made again as a story."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulation.exploration.changes.guard_runs import GuardRequest, ProcessMoment
from simulation.exploration.changes.stream_schedule import (
    StreamEvent,
    StreamSchedules,
    StreamState,
    StreamStep,
)
from simulation.exploration.changes.stream_world import CALLED
from simulation.exploration.changes.tables import held
from simulation.exploration.search import Violation
from simulation.exploration.small_world import NOON_MS, letter
from simulation.protocol.world_of_streams import StreamMeter


def stream_story(meter: StreamMeter, violation: Violation[StreamStep]) -> str:
    """How a promise is broken, one numbered line a step."""
    schedules = violation.schedules
    if not isinstance(schedules, StreamSchedules):
        raise TypeError(f"{schedules} has no stream that is made again")
    first = schedules.start.first
    return violation.narrated(
        f"{meter.name}: {meter.breaks}. {schedules.world}",
        lambda before, step, after: _sentence(schedules, before, step, after),
        [f"     The stream has {_records(schedules, schedules.start)}; its numbers begin at {first}."],
    )


def _sentence(schedules: StreamSchedules, before: StreamState, step: StreamStep, after: StreamState) -> str:
    who = f"Process {'ABC'[step.place]}"
    texts: dict[StreamEvent, Callable[[], str]] = {
        StreamEvent.HANDED: lambda: f"{who} gets record {_position(before, step)} of shard {step.shard}.",
        StreamEvent.ANSWERED: lambda: f"{who} {_asked(schedules, before, step)}.",
        StreamEvent.UNANSWERED: lambda: f"{who} {_asked(schedules, before, step)}: no answer.",
        StreamEvent.COUNTED: lambda: f"{who} {_counted(schedules, before, step, after)}.",
        StreamEvent.LEFT: lambda: f"{who} refuses the batch; Lambda will repeat it.",
        StreamEvent.ENDED: lambda: f"{who} is ended; a new one takes its place.",
        StreamEvent.READ_AGAIN: lambda: f"Shard {step.shard} is read again from its start.",
        StreamEvent.MADE_HIGHER: lambda: _made_again(schedules, after),
        StreamEvent.MADE_LOWER: lambda: _made_again(schedules, after),
    }
    return texts[step.event]()


def _counted(schedules: StreamSchedules, before: StreamState, step: StreamStep, after: StreamState) -> str:
    moment: ProcessMoment = schedules.processes.moments[before.processes[step.place]]
    found = held(schedules.store(after.tables).counted(), CALLED, schedules.world.events)
    looked = "" if moment.answers else " without a look at its stream"
    return f"counts record {_position(before, step)}{looked}: the counters hold {found}"


def _made_again(schedules: StreamSchedules, after: StreamState) -> str:
    records = _records(schedules, after)
    return f"The stream is deleted and made again, with {records}; its numbers begin at {after.first}."


def _records(schedules: StreamSchedules, state: StreamState) -> str:
    world = schedules.world
    shards = (
        " ".join(letter(world.event(state.stream, shard, index)) for index in range(world.records))
        for shard in range(world.shards)
    )
    return "; ".join(f"{one} in shard {number}" for number, one in enumerate(shards))


def _position(state: StreamState, step: StreamStep) -> int:
    return state.first + state.positions[step.shard]


def _asked(schedules: StreamSchedules, before: StreamState, step: StreamStep) -> str:
    moment: ProcessMoment = schedules.processes.moments[before.processes[step.place]]
    content = schedules.processes.contents[moment.content]
    _, answer = schedules._performed(before, moment)  # noqa: SLF001 - the step once more
    found = f": {answer}" if step.event is StreamEvent.ANSWERED else ""
    match moment.request:
        case GuardRequest.KEEP:
            return "reads which stream the tables count"
        case GuardRequest.MADE_AT:
            return "reads when the stream was made" + (found and f": {_time(answer)}")
        case GuardRequest.HIGHEST:
            return f"reads the highest number that is counted of what arrived before {_time(content)}{found}"
        case _:
            made, first = _time(content[1].created_at), content[1].first
            return f"notes that the tables count the stream of {made}, from {first} on"


def _time(ms: Any) -> str:
    return f"second {(ms - NOON_MS) // 1000}"
