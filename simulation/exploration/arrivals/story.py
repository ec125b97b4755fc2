"""A schedule of what log groups bring as a story."""

from __future__ import annotations

from collections.abc import Callable

from simulation.exploration.arrivals.schedule import ArrivalEvent, ArrivalSchedules, ArrivalState, ArrivalStep
from simulation.exploration.search import Violation
from simulation.protocol.world_of_arrivals import ArrivalMeter


def arrivals_story(meter: ArrivalMeter, violation: Violation[ArrivalStep]) -> str:
    """How a promise is broken, one numbered line a step."""
    schedules = violation.schedules
    if not isinstance(schedules, ArrivalSchedules):
        raise TypeError(f"{schedules} does not count what log groups bring")
    return violation.narrated(
        f"{meter.name}: {meter.breaks}. {schedules.world}",
        lambda before, step, after: _sentence(schedules, before, step, after),
        [
            f"     Record {number} brings log events of group {record[:1]}: {len(record)}."
            for number, record in enumerate(schedules.world.records, 1)
            if record
        ],
    )


def _sentence(
    schedules: ArrivalSchedules, before: ArrivalState, step: ArrivalStep, after: ArrivalState
) -> str:
    who = "An attempt that was given up" if step.is_given_up else "The attempt"
    texts: dict[ArrivalEvent, Callable[[], str]] = {
        ArrivalEvent.BEGUN: lambda: f"An attempt begins with {_records(step)}.",
        ArrivalEvent.WRITTEN: lambda: f"{who} writes what they brought{_shown(schedules, before, after)}.",
        ArrivalEvent.UNANSWERED: lambda: f"{who} writes what they brought: no answer.",
        ArrivalEvent.SENT_AGAIN: lambda: f"{who} writes what they brought: no answer; it will send it again.",
        ArrivalEvent.LANDED: lambda: f"A write without an answer is made{_shown(schedules, before, after)}.",
        ArrivalEvent.REPORTED: lambda: f"Lambda gets the report, and goes on at record {after.position + 1}.",
        ArrivalEvent.GIVEN_UP: lambda: "The attempt is given up for lost; Lambda will repeat its batch.",
        ArrivalEvent.READ_AGAIN: lambda: f"The shard is read again from record {step.subject + 1}.",
    }
    return texts[step.event]()


def _records(step: ArrivalStep) -> str:
    first = step.subject + 1
    return f"record {first}" if first == step.end else f"records {first} to {step.end}"


def _shown(schedules: ArrivalSchedules, before: ArrivalState, after: ArrivalState) -> str:
    if before.item == after.item:
        return ", and is refused"
    item = schedules.item(after)
    held = ", ".join(f"{events} of {log_group.rpartition('/')[2]}" for log_group, events in item.events)
    return f": the table has {held or 'nothing'} through record {item.position}"
