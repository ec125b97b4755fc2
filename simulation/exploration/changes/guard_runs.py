"""A process with the shipped guard of its stream, as a tree: what it asks for, and how it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum, IntEnum
from typing import Any, Final

from metering.calls.record import StreamRecord
from metering.counters.ports import CountedStream
from metering.errors import Misconfigured, Transient
from simulation.exploration.programs import Numbers
from simulation.protocol.world_of_streams import Guard, StreamMeter


class GuardRequest(IntEnum):
    """What a guard asks for."""

    KEEP = 0
    MADE_AT = 1
    HIGHEST = 2
    REPLACE = 3


class GuardVerdict(Enum):
    """How a check has ended."""

    PASSED = "passes"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """The table or the stream does not answer."""


NO_REPLY: Final = "no answer"
_Check = tuple[StreamRecord, tuple[int, ...]]
"""The record with which a batch begins, and the answers to its check, by number."""


@dataclass(frozen=True, slots=True)
class ProcessMoment:
    """A process: the checks that it remembers, and the one that is under way."""

    passed: tuple[_Check, ...] = ()
    record: StreamRecord | None = None
    """None: it has no batch."""
    answers: tuple[int, ...] = ()
    request: GuardRequest | None = None
    content: int = 0
    """By number."""
    verdict: GuardVerdict | None = None


class GuardedProcesses:
    """All processes of a world, on all their ways."""

    def __init__(self, meter: StreamMeter) -> None:
        self.moments = Numbers()
        self.answers = Numbers()
        self.contents = Numbers()
        self._guard = meter.guard
        self._next: dict[tuple[int, int], int] = {}

    def begun(self) -> int:
        """A process that has done nothing."""
        return self.moments.of(ProcessMoment())

    def handed(self, number: int, record: StreamRecord) -> int:
        """A process that gets a batch."""
        moment: ProcessMoment = self.moments[number]
        return self.moments.of(self._run(replace(moment, record=record)))

    def answered(self, number: int, answer: object) -> int:
        """A process whose guard has one more answer."""
        place = (number, self.answers.of(answer))
        found = self._next.get(place)
        if found is None:
            moment: ProcessMoment = self.moments[number]
            after = replace(moment, answers=(*moment.answers, place[1]))
            found = self._next[place] = self.moments.of(self._run(after))
        return found

    def left(self, number: int) -> int:
        """A process that is done with its batch. A guard remembers nothing of a batch that did not pass."""
        moment: ProcessMoment = self.moments[number]
        passed = moment.passed
        if moment.verdict is GuardVerdict.PASSED and moment.record is not None:
            passed = (*passed, (moment.record, moment.answers))
        return self.moments.of(ProcessMoment(passed))

    def _run(self, moment: ProcessMoment) -> ProcessMoment:
        ports = _Ports()
        guard = self._guard(ports, ports.made_at, ports.highest)
        for record, answers in moment.passed:
            ports.give(self.answers[one] for one in answers)
            guard.check([record])
        ports.give(self.answers[one] for one in moment.answers)
        return self._check(moment, guard)

    def _check(self, moment: ProcessMoment, guard: Guard) -> ProcessMoment:
        if moment.record is None:
            raise ValueError("a process without a batch checks nothing")
        verdict = GuardVerdict.PASSED
        try:
            guard.check([moment.record])
        except _Missing as missing:
            return replace(moment, request=missing.request, content=self.contents.of(missing.content))
        except Misconfigured:
            verdict = GuardVerdict.REFUSED
        except Transient:
            verdict = GuardVerdict.UNKNOWN
        return replace(moment, request=None, content=0, verdict=verdict)


class _Missing(Exception):
    """The guard has come to a request that no answer is known to."""

    def __init__(self, request: GuardRequest, content: object) -> None:
        super().__init__()
        self.request = request
        self.content = content


class _Ports:
    """The port `StreamIdentity`, and the guard's two questions, with known answers."""

    def __init__(self) -> None:
        self._answers: Iterator[Any] = iter(())

    def give(self, answers: Iterable[Any]) -> None:
        self._answers = iter(answers)

    def keep(self, stream_arn: str) -> CountedStream:
        found: CountedStream = self._answer(GuardRequest.KEEP, stream_arn)
        return found

    def replace(self, before: CountedStream, stream: CountedStream) -> CountedStream:
        found: CountedStream = self._answer(GuardRequest.REPLACE, (before, stream))
        return found

    def made_at(self) -> int:
        found: int = self._answer(GuardRequest.MADE_AT, "")
        return found

    def highest(self, before: int) -> int:
        found: int = self._answer(GuardRequest.HIGHEST, before)
        return found

    def _answer(self, request: GuardRequest, content: object) -> Any:
        for answer in self._answers:
            if answer == NO_REPLY:
                raise Transient(NO_REPLY)
            return answer
        raise _Missing(request, content)
