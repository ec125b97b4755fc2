"""An attempt at a batch as a tree: what it writes of what arrived, and how it goes on by each answer.

The processor and the write are the shipped ones. All tables but the progress of the shard answer at once:
what may happen there is explored in :mod:`simulation.exploration.schedule`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from adapters.dynamodb.hot_path.conditional_writes import ConditionalUpdates, UpdateAnswer, UpdateRequest
from metering.billing_rule import BillingRule
from metering.calls.record import StreamRecord
from metering.counters.ports import Status
from simulation.exploration.programs import Numbers
from simulation.exploration.small_world import NOON_MS, ONE_PAGE
from simulation.protocol.meter import simulated_store
from simulation.protocol.world_of_arrivals import ArrivalMeter
from stream_processor.processor import Processor


@dataclass(frozen=True, slots=True)
class Attempt:
    """A batch on its way: its next write, or else how it has ended."""

    first: int
    """The index of its first record."""
    end: int
    """That behind its last one."""
    answers: tuple[int, ...] = ()
    """To its writes, by number."""
    request: int = 0
    """The write to make now, by number; 0: it has ended."""
    done: int = 0
    """The index of the first record that is to be repeated."""


class Attempts:
    """All attempts of a world, on all their ways."""

    def __init__(self, stream: Sequence[StreamRecord], meter: ArrivalMeter) -> None:
        self.attempts = Numbers()
        self.requests = Numbers()
        self.answers = Numbers()
        self._no_answer = self.answers.of(UpdateAnswer(Status.UNAVAILABLE, {}))
        self._stream = stream
        self._meter = meter
        self._next: dict[tuple[int, int], int] = {}

    def begun(self, first: int, end: int) -> int:
        """An attempt that has written nothing."""
        return self.attempts.of(self._run(first, end, ()))

    def answered(self, number: int, answer: int) -> int:
        """An attempt with one more answer."""
        place = (number, answer)
        if place not in self._next:
            attempt: Attempt = self.attempts[number]
            after = self._run(attempt.first, attempt.end, (*attempt.answers, answer))
            self._next[place] = self.attempts.of(after)
        return self._next[place]

    def unanswered(self, number: int) -> int:
        """An attempt that gets no answer."""
        return self.answered(number, self._no_answer)

    def _run(self, first: int, end: int, answers: tuple[int, ...]) -> Attempt:
        updates = _KnownAnswers([self.answers[one] for one in answers])
        log = self._meter.log("counters", cast("ConditionalUpdates", updates))
        store = simulated_store(lambda: NOON_MS)
        ports = (store.ledger, store.slices, store.counters, log)
        processor = Processor(*ports, layout=ONE_PAGE, rule=BillingRule(), arrivals=log)
        batch = self._stream[first:end]
        try:
            report = processor.process(batch)
        except _Unanswered as unanswered:
            return Attempt(first, end, answers, self.requests.of(unanswered.request))
        done = sum(report.failed_from is None or one.sequence_number < report.failed_from for one in batch)
        return Attempt(first, end, answers, done=first + done)


class _Unanswered(Exception):
    """The attempt has come to a write that no answer is known to."""

    def __init__(self, request: UpdateRequest) -> None:
        super().__init__()
        self.request = request


class _KnownAnswers:
    """The updates of a process, whose answers are known."""

    def __init__(self, answers: Sequence[UpdateAnswer]) -> None:
        self._answers = iter(answers)

    def run(self, requests: Sequence[UpdateRequest]) -> Sequence[UpdateAnswer]:
        """One update at a time."""
        (request,) = requests
        for answer in self._answers:
            return [answer]
        raise _Unanswered(request)
