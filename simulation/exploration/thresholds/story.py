"""A schedule of thresholds as a story."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from metering.counters.ports import Status
from metering.quotas.ports import ClaimStatus
from metering.usage import NO_USAGE
from simulation.exploration.search import Violation
from simulation.exploration.thresholds.attempts import ThresholdPort
from simulation.exploration.thresholds.schedule import (
    ThresholdEvent,
    ThresholdSchedules,
    ThresholdState,
    ThresholdStep,
)
from simulation.exploration.thresholds.thresholds_world import DAY, called
from simulation.quotas.broken_watches import ThresholdMeter

_REQUESTS: Final = {
    ThresholdPort.ADD: "adds its calls to the counter",
    ThresholdPort.TOTALS: "reads counters of the limit",
    ThresholdPort.CLAIM: "claims the threshold",
    ThresholdPort.PUBLISH: "publishes the threshold",
    ThresholdPort.MARK: "marks the threshold as published",
    ThresholdPort.DEFER: "keeps the threshold to be published later",
    ThresholdPort.DEFERRED: "reads which thresholds wait",
    ThresholdPort.SETTLE: "removes the threshold from those that wait",
}
_CLAIMED: Final = {
    ClaimStatus.OURS: "it may publish it",
    ClaimStatus.PUBLISHED: "it is marked as published",
    ClaimStatus.TAKEN: "another shard has claimed it",
}
_OF_NOBODY: Final = (ThresholdEvent.LANDED, ThresholdEvent.LATER)
"""What no attempt does."""


def thresholds_story(meter: ThresholdMeter, violation: Violation[ThresholdStep]) -> str:
    """How a promise is broken, one numbered line a step."""
    schedules = violation.schedules
    if not isinstance(schedules, ThresholdSchedules):
        raise TypeError(f"{schedules} does not publish thresholds")
    return violation.narrated(
        f"{meter.name}: {meter.breaks}. {schedules.world}",
        lambda before, step, after: _sentence(schedules, before, step, after),
        [
            f"     Record {number} of shard {shard.number} has a call of {called(record)}."
            for shard in schedules.world.shards
            for number, record in enumerate(shard.records, 1)
        ],
    )


def _sentence(
    schedules: ThresholdSchedules, before: ThresholdState, step: ThresholdStep, after: ThresholdState
) -> str:
    texts: dict[ThresholdEvent, Callable[[], str]] = {
        ThresholdEvent.BEGUN: lambda: f"an attempt begins with {_records(step)}.",
        ThresholdEvent.MADE: lambda: f"{_request(schedules, step)}{_answer(schedules, before, step)}.",
        ThresholdEvent.UNANSWERED: lambda: f"{_request(schedules, step)}: no answer.",
        ThresholdEvent.SENT_AGAIN: lambda: f"{_request(schedules, step)}: no answer; it will send it again.",
        ThresholdEvent.NOT_TAKEN: lambda: f"{_request(schedules, step)}: EventBridge refuses it.",
        ThresholdEvent.LANDED: lambda: "A write without an answer is made.",
        ThresholdEvent.REPORTED: lambda: (
            f"Lambda gets the report, and goes on at record {after.positions[step.shard] + 1}."
        ),
        ThresholdEvent.GIVEN_UP: lambda: "the attempt is given up for lost; Lambda will repeat its batch.",
        ThresholdEvent.READ_AGAIN: lambda: f"Lambda reads again from record {step.subject + 1}.",
        ThresholdEvent.LATER: lambda: "Five minutes pass.",
    }
    text = texts[step.event]()
    return text if step.event in _OF_NOBODY else f"Shard {schedules.world.shards[step.shard].number}: {text}"


def _records(step: ThresholdStep) -> str:
    first = step.subject + 1
    return f"record {first}" if first == step.end else f"records {first} to {step.end}"


def _request(schedules: ThresholdSchedules, step: ThresholdStep) -> str:
    who = "an attempt that was given up" if step.is_given_up else "the attempt"
    return f"{who} {_REQUESTS[schedules.request(schedules.attempt(step.subject).request).port]}"


def _answer(schedules: ThresholdSchedules, before: ThresholdState, step: ThresholdStep) -> str:
    """What it gets, where that is not the usual."""
    request = schedules.attempt(step.subject).request
    port, answer = schedules.attempts.answers[schedules.made(before.held, request)[1]]
    match port:
        case ThresholdPort.ADD:
            refused = ", and is refused" if answer.status is Status.REFUSED else ""
            return f"{refused}: {answer.totals.requests} in its slice"
        case ThresholdPort.TOTALS:
            held = sum(found.get(DAY, NO_USAGE).requests for found in answer.values())
            return f": {held} there"
        case ThresholdPort.CLAIM:
            return f": {_CLAIMED[answer]}"
        case ThresholdPort.DEFERRED:
            return f": {len(answer) or 'none'}"
        case _:
            return ""
