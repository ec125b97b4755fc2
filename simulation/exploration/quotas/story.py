"""A schedule of a limit as a story: who did what, and what the lease record held."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from metering.quotas.ports import LeaseAnswer, LeaseChange, LeaseRecord, LeaseStatus
from simulation.exploration.quotas.authorizer import Asked, AuthorizerMoment, LeaseWrite, QuotaMeter
from simulation.exploration.quotas.moment import QuotaEvent, QuotaState, QuotaStep, line_of
from simulation.exploration.quotas.quota_world import NOON
from simulation.exploration.quotas.schedule import QuotaSchedules
from simulation.exploration.search import Violation

_NAMES: Final = "AB"
_OF_A_REQUEST: Final = (QuotaEvent.ANSWERED, QuotaEvent.UNANSWERED)


def quota_story(meter: QuotaMeter, violation: Violation[QuotaStep]) -> str:
    """How a promise is broken, one numbered line a step."""
    schedules = violation.schedules
    if not isinstance(schedules, QuotaSchedules):
        raise TypeError(f"{schedules} has no limit")
    return violation.narrated(
        f"{meter.name}: {meter.breaks}. {schedules.world}",
        lambda before, step, after: _QuotaSentence(schedules, before, step, after).text(),
    )


class _QuotaSentence:
    """One step in words."""

    def __init__(
        self, schedules: QuotaSchedules, before: QuotaState, step: QuotaStep, after: QuotaState
    ) -> None:
        self._schedules = schedules
        self._world = schedules.world
        self._before, self._step, self._after = before, step, after

    def text(self) -> str:
        """What happened."""
        event = self._step.event
        if event in _OF_A_REQUEST:
            return self._of_request()
        texts: dict[QuotaEvent, Callable[[], str]] = {
            QuotaEvent.CALLED: self._of_call,
            QuotaEvent.LANDED: self._of_late_write,
            QuotaEvent.KILLED: lambda: f"{self._who} is killed; another one takes its place.",
            QuotaEvent.CLOCK_SET: lambda: (
                f"The clock of a{self._who[1:]} is {self._step.about:+d} s wrong now."
            ),
            QuotaEvent.LINE_COUNTED: lambda: f"{self._line()} is counted.",
            QuotaEvent.GIVEN_UP: lambda: f"{self._line()} is given up: no counter holds it until a repair.",
            QuotaEvent.TIME_PASSED: lambda: f"It is {self._seconds(self._step.about)} past noon.",
        }
        return texts[event]()

    @property
    def _who(self) -> str:
        return f"Authorizer {_NAMES[self._step.authorizer]}"

    def _seconds(self, time: int) -> str:
        return f"{self._world.times[time] - NOON} seconds"

    def _of_call(self) -> str:
        return f"A call of {self._world.keys[self._step.about]} reaches a{self._who[1:]}{self._end()}."

    def _of_request(self) -> str:
        was_answered = self._step.event is QuotaEvent.ANSWERED
        answer = self._answer() if was_answered else "there is no answer"
        return f"{self._who} {self._asked()}: {answer}{self._end()}."

    def _of_late_write(self) -> str:
        write: LeaseWrite = self._schedules.authorizers.requests[self._step.about]
        return f"The write that got no answer ({_does(write)}) is made now: {self._record(write.place)}."

    def _moment(self, state: QuotaState) -> AuthorizerMoment:
        found: AuthorizerMoment = self._schedules.authorizers.moments[
            state.authorizers[self._step.authorizer][0]
        ]
        return found

    def _end(self) -> str:
        """What became of the call, where that is known now."""
        was, moment = self._moment(self._before), self._moment(self._after)
        if len(self._after.lines) > len(self._before.lines):
            return "; the call is allowed"
        return "; the call is denied" if moment.call is None and not was.is_allowed else ""

    def _asked(self) -> str:
        moment = self._moment(self._before)
        if moment.asked is Asked.WRITE:
            return _does(self._schedules.authorizers.requests[moment.request])
        if moment.asked is Asked.COUNTED:
            return "reads for a recount what is counted"
        return "reads for a recount through when everything is settled"

    def _answer(self) -> str:
        answer = self._schedules.authorizers.answers[self._step.about]
        if isinstance(answer, LeaseAnswer):
            moment = self._moment(self._before)
            write: LeaseWrite = self._schedules.authorizers.requests[moment.request]
            result = "written" if answer.status is LeaseStatus.WRITTEN else "refused"
            return f"{result}; {self._record(write.place)}"
        if isinstance(answer, tuple):
            return "a call" if sum(answer) == 1 else f"{sum(answer)} calls"
        return f"{answer - NOON} seconds past noon"

    def _record(self, place: int) -> str:
        record: LeaseRecord | None = self._schedules.records[self._after.records[place]]
        whose = self._world.places[place].key
        if record is None:
            return f"{whose} has no lease record"
        leases = " ".join(sorted(record.leases)) or "none"
        return f"the record of {whose} has granted {record.granted}, leases: {leases}"

    def _line(self) -> str:
        line = line_of(self._step.about)
        return f"The call of {self._world.keys[line.key]} at {self._seconds(line.time)}"


def _does(write: LeaseWrite) -> str:
    if isinstance(write.content[0], LeaseChange):
        return " and ".join(_changes(write.content[0]))
    if write.operation == "replace":
        return f"replaces the record by one that has granted {write.content[1].granted}"
    return f"begins the record with {' '.join(write.content[0].leases)}"


def _changes(change: LeaseChange) -> Iterator[str]:
    if change.closed is not None:
        yield f"closes {change.closed.lease_id} ({change.closed.spent} spent)"
    if change.lease is not None:
        units = f"{change.lease.amount} calls" if change.lease.amount > 1 else "a call"
        yield f"takes {change.lease_id} of {units}"
