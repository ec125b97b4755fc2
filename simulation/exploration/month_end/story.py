"""A schedule of a month end as a story: what came, what an operator read and wrote, what is counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from metering.period import is_month
from simulation.exploration.changes.tables import held
from simulation.exploration.month_end.moment import HEARTBEAT, MonthEndState, MonthEndStep, OperatorRequest
from simulation.exploration.month_end.operator_moment import Correcting, OperatorMoment
from simulation.exploration.month_end.schedule import MonthEndSchedules
from simulation.exploration.month_end.small_month import CALLED, MonthEndEvent, Work
from simulation.exploration.search import Violation
from simulation.exploration.small_world import PERIODS, letter
from simulation.month_end.meter import MonthEndMeter

_WHO: Final = {
    Work.REPAIR: "repair",
    Work.REBUILD: "rebuild",
    Work.CLOSE: "closing",
    Work.ARCHIVE: "archiver",
    Work.RESTORE: "restore",
    Work.LOOK_UP: "look-up",
}
_DONE: Final = {
    0: "does nothing of it",
    1: "claims it, and stops",
    2: "claims it, writes one of its two counters, and stops",
    3: "claims it, writes both of its counters, and stops",
}


def month_story(meter: MonthEndMeter, violation: Violation[MonthEndStep]) -> str:
    """How a promise is broken, one numbered line a step."""
    schedules = violation.schedules
    if not isinstance(schedules, MonthEndSchedules):
        raise TypeError(f"{schedules} has no month end")
    return violation.narrated(
        f"{meter.name}: {meter.breaks}. {schedules.world}",
        lambda before, step, after: _MonthSentence(schedules, before, step, after).text(),
        [f"     {_beginning(schedules)}"],
    )


def _beginning(schedules: MonthEndSchedules) -> str:
    start = schedules.start
    events = [letter(event) for came in start.shards for event, _ in came if event != HEARTBEAT]
    counted = held(schedules.store(start.tables).counted(), CALLED, schedules.world.events)
    lake = " ".join(letter(event) for event, _ in schedules.operators.lakes[start.lake]) or "nothing"
    known = "" if schedules.complete_through(start) is None else "October is over and settled. "
    return f"{known}In the stream: {' '.join(events) or 'nothing'}; counted: {counted}; in the lake: {lake}."


class _MonthSentence:
    """One step in words."""

    def __init__(
        self,
        schedules: MonthEndSchedules,
        before: MonthEndState,
        step: MonthEndStep,
        after: MonthEndState,
    ) -> None:
        self._schedules = schedules
        self._before, self._step, self._after = before, step, after

    def text(self) -> str:
        """What happened."""
        place, about = self._step.place, self._step.about
        event = "" if about < 0 else letter(about)
        texts: dict[MonthEndEvent, Callable[[], str]] = {
            MonthEndEvent.PUT: lambda: f"Shard {place} gets a call: {self._item(-1)}.",
            MonthEndEvent.COUNTED: lambda: f"The processor counts {self._next()}: {self._counters()}.",
            MonthEndEvent.DELIVERED: lambda: f"Firehose delivers shard {place}: {self._lake()}.",
            MonthEndEvent.TIME_PASSED: lambda: "The night passes: it is the morning of November 1st.",
            MonthEndEvent.WATCHED: lambda: "The watch runs, and puts a heartbeat into each shard.",
            MonthEndEvent.BACKED_UP: lambda: "The counters' table is backed up.",
            MonthEndEvent.STOPPED: lambda: f"A process gets {self._next()}, {_DONE[about]}.",
            MonthEndEvent.GIVEN_UP: lambda: (
                f"A process gets {self._next()}, {_DONE[about]}; Lambda gives the record up."
            ),
            MonthEndEvent.OTHERWISE: lambda: (
                f"A process with another billing rule gets {self._next()}, {_DONE[about]}."
            ),
            MonthEndEvent.SET_BACK: lambda: f"Shard {place} is read again from record {about + 1} on.",
            MonthEndEvent.RESTORED: lambda: (
                f"The table is restored, the mapping set back: {self._counters()}."
            ),
            MonthEndEvent.RESTORED_ALONE: lambda: (
                f"The table is restored, and the mapping goes on where it was: {self._counters()}."
            ),
            MonthEndEvent.ROW_LOST: lambda: f"The lake loses the row of {event}.",
            MonthEndEvent.ROW_ALTERED: lambda: f"Somebody alters the row of {event} in the lake.",
            MonthEndEvent.ROW_BACK: lambda: f"The row of {event} is in the lake as it was.",
            MonthEndEvent.KILLED: lambda: f"The {self._who} is stopped.",
            MonthEndEvent.WORKED: lambda: f"The {self._who} {self._asked()}{self._end()}.",
        }
        return texts[self._step.event]()

    def _item(self, index: int) -> str:
        event, _ = self._after.shards[self._step.place][index]
        return "a heartbeat" if event == HEARTBEAT else letter(event)

    def _next(self) -> str:
        return self._item(self._before.positions[self._step.place])

    def _counters(self) -> str:
        counted = self._schedules.store(self._after.tables).counted()
        month, day = (held(counted, CALLED, self._schedules.world.events, period) for period in PERIODS)
        return f"the month holds {month}, the day {day}"

    def _lake(self) -> str:
        rows = self._schedules.operators.lakes[self._after.lake]
        return f"the lake holds {' '.join(letter(event) for event, _ in rows) or 'nothing'}"

    def _moment(self) -> tuple[int, OperatorMoment]:
        number = self._schedules.operator(self._before, self._step.place)
        return number, self._schedules.operators.moments[number]

    @property
    def _who(self) -> str:
        _, moment = self._moment()
        of_many = f" {self._step.place + 1}" if len(self._before.operators) > 1 else ""
        return f"{_WHO[moment.work]}{of_many}"

    def _asked(self) -> str:
        number, moment = self._moment()
        content = self._schedules.operators.contents[number]
        if moment.request is OperatorRequest.CORRECT:
            return self._corrected(content)
        passed = "sees its heartbeats passed, and " if content else ""
        texts = {
            OperatorRequest.PATHS: "reads how far both paths are complete",
            OperatorRequest.LAKE: f"queries the lake: {self._lake()}",
            OperatorRequest.TABLES: f"{passed}reads the counters{self._put()}",
            OperatorRequest.MONTH: "reads the state of the month",
            OperatorRequest.BEGIN: "notes that October is being closed",
            OperatorRequest.SEAL: "seals October",
            OperatorRequest.MARK: f"reads whether October is archived: {self._mark()}",
            OperatorRequest.MARK_BEGUN: "marks October as archived, and nothing is out yet",
            OperatorRequest.MARK_ENDED: "ends the mark",
            OperatorRequest.MOVED: f"moves a batch: {self._counters()}; {self._mark()}",
        }
        return texts[moment.request or OperatorRequest.PATHS]

    def _mark(self) -> str:
        mark = self._schedules.operators.marks[self._after.mark]
        if mark is None or mark.has_ended:
            return "it is not"
        return f"by its mark {mark.moved} of {mark.batches} are out"

    def _put(self) -> str:
        came = [len(one) for one in self._after.shards] != [len(one) for one in self._before.shards]
        return ", and puts a heartbeat into each shard" if came else ""

    def _corrected(self, content: Correcting) -> str:
        one = content.correction
        which = "month" if is_month(one.period) else "day"
        made = f"{one.before.usage.requests} to {one.after.usage.requests} calls"
        is_written = self._after.tables != self._before.tables
        marks = ", with watermarks" if content.marks else ", without watermarks"
        return f"corrects the {which} from {made}{marks}: {'written' if is_written else 'refused'}"

    def _end(self) -> str:
        end = self._schedules.operators.ends.get(self._step.about)
        return "" if end is None else f". It ends: {end}"
