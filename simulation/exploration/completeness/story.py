"""A schedule of a stream and its watch as a story: what came, what was counted, what the runs did."""

from __future__ import annotations

from collections.abc import Callable

from metering.counters.completeness import Cut, Knowledge
from metering.counters.heartbeat import Landed
from simulation.exploration.completeness.runs_of_watch import RunMoment, WatchRequest
from simulation.exploration.completeness.schedule import (
    HEARTBEAT,
    WatchEvent,
    WatchSchedules,
    WatchState,
    WatchStep,
)
from simulation.exploration.search import Violation
from simulation.exploration.small_world import letter
from simulation.protocol.meter import Meter


def watch_story(meter: Meter, violation: Violation[WatchStep]) -> str:
    """How a promise is broken, one numbered line a step."""
    schedules = violation.schedules
    if not isinstance(schedules, WatchSchedules):
        raise TypeError(f"{schedules} has no watch")
    had_run = "     Shard 0 has its first record, if any, and behind it, as each shard, a heartbeat."
    return violation.narrated(
        f"{meter.name}: {meter.breaks}. {schedules.world}",
        lambda before, step, after: _WatchSentence(schedules, before, step, after).text(),
        [had_run] if schedules.world.had_run else [],
    )


class _WatchSentence:
    """One step in words."""

    def __init__(
        self, schedules: WatchSchedules, before: WatchState, step: WatchStep, after: WatchState
    ) -> None:
        self._schedules = schedules
        self._before, self._step, self._after = before, step, after

    def text(self) -> str:
        """What happened."""
        place = self._step.place
        texts: dict[WatchEvent, Callable[[], str]] = {
            WatchEvent.PUT: lambda: f"Shard {place} gets a record of {self._item(-1)}.",
            WatchEvent.SPLIT: lambda: f"Shard 0 is closed; shard {self._last} follows it.",
            WatchEvent.CLAIMED: self._of_claim,
            WatchEvent.COUNTED: self._of_count,
            WatchEvent.NOTE_LOST: lambda: f"{self._of_count()[:-1]}; the shard's progress is not noted.",
            WatchEvent.BEGUN: lambda: f"The watch begins the run of {_time(self._before.clock * 1000)}.",
            WatchEvent.ANSWERED: self._of_answer,
            WatchEvent.UNANSWERED: lambda: f"{self._who} {self._asked()}: {self._silence()}.",
            WatchEvent.SAVED_UNANSWERED: lambda: f"{self._who} {self._asked()}: written, without an answer.",
        }
        return texts[self._step.event]()

    @property
    def _last(self) -> int:
        return len(self._after.shards) - 1

    def _item(self, index: int) -> str:
        item = self._after.shards[self._step.place].items[index]
        return "the heartbeat" if item == HEARTBEAT else letter(item)

    def _of_claim(self) -> str:
        place, index = self._step.place, self._before.shards[self._step.place].claimed
        event = self._after.shards[place].items[index]
        is_first = self._before.owners[event] < 0
        owner = "is the first to claim it" if is_first else "finds it claimed by another record"
        return f"The record of {letter(event)} in shard {place} {owner}."

    def _of_count(self) -> str:
        place = self._step.place
        item = self._item(self._before.shards[place].done)
        counted = self._after.counted != self._before.counted
        what = f"{item}, which is counted" if counted else item
        return f"Shard {place} is done with {what}."

    def _moment(self) -> RunMoment:
        found: RunMoment = self._schedules.runs.moments[self._before.runs[self._step.place]]
        return found

    @property
    def _who(self) -> str:
        return f"The run of {_time(self._moment().begun_at * 1000)}"

    def _asked(self) -> str:
        moment = self._moment()
        content = self._schedules.runs.contents[moment.content]
        match moment.request:
            case WatchRequest.LOAD:
                return "reads what is known and how far the shards are"
            case WatchRequest.SHARDS:
                return "lists the shards"
            case WatchRequest.PUT:
                return f"puts a heartbeat for shard {content}"
            case _:
                return f"saves {_known(content)}"

    def _silence(self) -> str:
        return "refused" if self._moment().request is WatchRequest.PUT else "there is no answer"

    def _of_answer(self) -> str:
        moment, who = self._moment(), self._who
        _, answer = self._schedules._performed(self._before, moment)  # noqa: SLF001 - the step once more
        if moment.request is WatchRequest.SAVE:
            return f"{who} {self._asked()}: {'written' if answer else 'refused, for another run was first'}."
        if isinstance(answer, Landed):
            return f"{who} {self._asked()}: it lands in shard {answer.shard_id}."
        return f"{who} {self._asked()}."


def _known(known: Knowledge) -> str:
    cuts = "; ".join(map(_cut, known.cuts)) or "no cut"
    passed = "" if known.through is None else f"all counted before {_time(known.through)}, "
    return f"version {known.version}: {passed}{cuts}"


def _cut(cut: Cut) -> str:
    seen = "" if cut.has_seen is None else f", which has seen {_time(cut.has_seen)}"
    return f"a cut of {_time(cut.begun_at)} through {' and '.join(map(_shard, cut.marks))}{seen}"


def _time(ms: int) -> str:
    return f"second {ms // 1000}"


def _shard(shard_id: str) -> str:
    return f"shard {shard_id}"
