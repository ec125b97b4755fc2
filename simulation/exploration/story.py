"""A schedule as a story: who did what, what the store returned, and which call is wrong in the end."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from metering.counters.ports import Claim, Status
from simulation.exploration.programs import Node, Port, Request
from simulation.exploration.schedule import Happening, Schedules, Step, WorldState
from simulation.exploration.search import Violation
from simulation.exploration.small_world import letter, times_counted
from simulation.protocol.meter import Meter

_PARTS = 1 << 16


def story(meter: Meter, violation: Violation[Step]) -> str:
    """How a promise is broken, one numbered line a step."""
    schedules = violation.schedules
    if not isinstance(schedules, Schedules):
        raise TypeError(f"{schedules} has no stream")
    return violation.narrated(
        f"{meter.name}: {meter.breaks}. {schedules.world}",
        lambda before, step, after: _sentence(schedules, before, step, after),
    )


def _sentence(schedules: Schedules, before: WorldState, step: Step, after: WorldState) -> str:
    if step.event in _ABOUT_A_WRITE:
        return _of_write(schedules, before, step, after)
    if step.event in _ABOUT_A_SHARD:
        return _ABOUT_A_SHARD[step.event].format(
            shard=schedules.world.shards[step.shard].number, done=step.about, next=step.about + 1
        )
    if step.event is Happening.BATCH_BEGUN:
        return f"Lambda hands {_batch(schedules, schedules.programs.nodes[step.node])} to a process."
    if step.event is Happening.LEFT_ALONE:
        return f"{_who(schedules, step)} is given up for lost; Lambda will repeat its batch."
    if step.event is Happening.DAYS_PASSED:
        return "Two days pass."
    page = schedules.items.places[step.about][1]
    return f"DynamoDB removes page {page.page} of slot {page.slot} of the ledger: it has expired."


_ABOUT_A_WRITE: Final = (Happening.ANSWERED, Happening.UNANSWERED, Happening.LANDED)
_ABOUT_A_SHARD: Final = {
    Happening.SETTLED: "Lambda has the answer: shard {shard} is done up to record {done}.",
    Happening.READ_AGAIN: "Shard {shard} is read again from record {next}: an older checkpoint.",
    Happening.GIVEN_UP: "Lambda gives up the records of shard {shard} before record {next}.",
}


def _of_write(schedules: Schedules, before: WorldState, step: Step, after: WorldState) -> str:
    does = _does(schedules, schedules.programs.requests[step.about])
    if step.event is Happening.UNANSWERED:
        return f"{_who(schedules, step)} {does}: there is no answer."
    made = _made(schedules, before, step.about, after)
    if step.event is Happening.LANDED:
        return f"The write that got no answer ({does}) is made now: {made}."
    return f"{_who(schedules, step)} {does}: {made}."


def _who(schedules: Schedules, step: Step) -> str:
    node: Node = schedules.programs.nodes[step.node]
    name = f"The process of {_batch(schedules, node)}"
    return name if step.shard >= 0 else f"{name}, which was given up for lost,"


def _batch(schedules: Schedules, node: Node) -> str:
    place, first, end = node.batch
    shard = schedules.world.shards[place]
    records = " ".join("".join(map(letter, record)) for record in shard.records[first:end])
    numbers = f"record {first + 1}" if end == first + 1 else f"records {first + 1} to {end}"
    return f"{numbers} of shard {shard.number} ({records})"


def _does(schedules: Schedules, request: Request) -> str:
    content = request.content
    match request.port:
        case Port.LEDGER:
            records = " ".join(_record(schedules, claim) for claim in content.claims)
            return f"claims {records} in page {content.page.page} of slot {content.page.slot}"
        case Port.SLICES:
            return f"registers slice {content.number} of {content.month}"
        case Port.COUNTERS:
            return f"adds {_calls(schedules, content.totals)} to {content.key} {content.period}"
        case Port.PROGRESS:
            return f"notes that shard {_number(content.shard_id)} is counted up to {content.position}"


def _record(schedules: Schedules, claim: Claim) -> str:
    number = claim.position // _PARTS
    for shard, records in zip(schedules.world.shards, schedules.stream, strict=True):
        for events, record in zip(shard.records, records, strict=True):
            if (record.shard_id, record.sequence_number) == (claim.shard_id, number):
                return "".join(map(letter, events))
    raise AssertionError(f"no record has the claim {claim}")


def _number(shard_id: str) -> int:
    return int(shard_id.rpartition("-")[2])


def _calls(schedules: Schedules, usage: Any) -> str:
    counts = ((event, times_counted(usage, event)) for event in range(schedules.world.events))
    found = [
        letter(event) if times == 1 else f"{letter(event)} {times} times" for event, times in counts if times
    ]
    return " and ".join(found) or "nothing"


def _made(schedules: Schedules, before: WorldState, number: int, after: WorldState) -> str:
    place = schedules.items.place_of(number)
    _, answer = schedules.items.write(before.items[place], number, before.pauses)
    port, content = schedules.programs.answers[answer]
    if port is Port.PROGRESS:
        return "written"
    status = content if port is Port.SLICES else content.status
    result = "written" if status is Status.WRITTEN else "refused"
    held = schedules.items.states[after.items[place]]
    if port is Port.COUNTERS and held is not None:
        return f"{result}; the counter holds {_calls(schedules, held[0])}"
    if port is Port.LEDGER:
        return f"{result}; the page holds {' '.join(_claims(schedules, content.page.claims)) or 'nothing'}"
    return result


def _claims(schedules: Schedules, claims: Any) -> Iterator[str]:
    for claim in claims:
        yield f"{_record(schedules, claim)} of shard {_number(claim.shard_id)}"
