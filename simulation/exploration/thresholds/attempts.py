"""An attempt at a batch as a tree: what it requests for the thresholds, and how it goes on by each answer.

The processor and the watch of limits are the shipped ones. The ledger, the registration of slices, the
progress of the shards and the counters of the month, of which there is no limit, answer at once, and so do
the plans and the list of slices, which do not change: what may happen there is explored in
:mod:`simulation.exploration.schedule`. Each attempt is a new process, so that only the store remembers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Final, NamedTuple

from metering.billing_rule import BillingRule
from metering.calls.record import StreamRecord, read_record
from metering.counters.ports import CounterAnswer, Counters, Increment, Status
from metering.counters.slices import slice_of
from metering.errors import Transient
from metering.period import Period
from metering.quotas.decision import Counted
from metering.quotas.ports import ClaimStatus, KeyPlan, Notification, SharedPlan, ThresholdCrossing
from simulation.exploration.programs import Numbers
from simulation.exploration.small_world import NOON_MS, ONE_PAGE
from simulation.exploration.thresholds.thresholds_world import ACCOUNT, DAY, ThresholdsWorld
from simulation.protocol.meter import RULE, simulated_store
from simulation.quotas.broken_watches import ThresholdMeter
from simulation.quotas.thresholds import Place
from stream_processor.processor import Processor
from stream_processor.thresholds import CLAIM_SECONDS


class ThresholdPort(StrEnum):
    """What an attempt requests, as a verb."""

    ADD = "adds"
    TOTALS = "reads the other counters"
    CLAIM = "claims"
    PUBLISH = "publishes"
    MARK = "marks"
    DEFER = "keeps for later"
    DEFERRED = "reads what waits"
    SETTLE = "removes from what waits"


NO_ANSWER: Final[Mapping[ThresholdPort, object]] = {
    ThresholdPort.ADD: CounterAnswer(Status.UNAVAILABLE),
    ThresholdPort.TOTALS: None,
    ThresholdPort.CLAIM: ClaimStatus.UNAVAILABLE,
    ThresholdPort.PUBLISH: "no answer",
    ThresholdPort.MARK: False,
    ThresholdPort.DEFER: False,
    ThresholdPort.DEFERRED: None,
    ThresholdPort.SETTLE: False,
}
"""What the attempt gets where nobody answers."""
READS: Final = frozenset((ThresholdPort.TOTALS, ThresholdPort.DEFERRED))
"""They change nothing."""


class ThresholdRequest(NamedTuple):
    """One of an attempt."""

    port: ThresholdPort
    content: Any


@dataclass(frozen=True, slots=True)
class ThresholdAttempt:
    """A batch on its way: its next request, or else how it has ended."""

    shard: int
    """The place of the shard."""
    first: int
    """The index of its first record."""
    end: int
    """That behind its last one."""
    is_late: bool = False
    """Whether it began five minutes after the others."""
    answers: tuple[int, ...] = ()
    """To its requests, by number."""
    request: int = 0
    """The one to make now, by number; 0: it has ended."""
    done: int = 0
    """The index of the first record that is to be repeated."""


class ThresholdAttempts:
    """All attempts of a world, on all their ways."""

    def __init__(self, world: ThresholdsWorld, meter: ThresholdMeter) -> None:
        self.attempts = Numbers()
        self.requests = Numbers()
        self.answers = Numbers()
        self._world = world
        self._stream = world.stream()
        self._meter = meter
        self._begun: dict[tuple[int, int, int, bool], int] = {}
        self._next: dict[tuple[int, int], int] = {}
        self._read = cache(lambda record: read_record(record, RULE))

    def begun(self, shard: int, first: int, end: int, *, is_late: bool) -> int:
        """An attempt that has requested nothing."""
        place = (shard, first, end, is_late)
        if place not in self._begun:
            self._begun[place] = self._run(ThresholdAttempt(*place))
        return self._begun[place]

    def answered(self, number: int, answer: int) -> int:
        """An attempt with one more answer."""
        place = (number, answer)
        if place not in self._next:
            attempt: ThresholdAttempt = self.attempts[number]
            before = ThresholdAttempt(attempt.shard, attempt.first, attempt.end, attempt.is_late)
            self._next[place] = self._run(before, (*attempt.answers, answer))
        return self._next[place]

    def unanswered(self, number: int) -> int:
        """An attempt that gets no answer."""
        request: ThresholdRequest = self.requests[self.attempts[number].request]
        return self.answered(number, self.answers.of((request.port, NO_ANSWER[request.port])))

    def _run(self, begun: ThresholdAttempt, answers: tuple[int, ...] = ()) -> int:
        shard, first, end, is_late = begun.shard, begun.first, begun.end, begun.is_late
        process = _Process(self._world, [self.answers[one][1] for one in answers])
        try:
            report = self._processor(process, is_late=is_late).process(self._stream[shard][first:end])
        except _Unanswered as unanswered:
            request = self.requests.of(unanswered.request)
            return self.attempts.of(ThresholdAttempt(shard, first, end, is_late, answers, request))
        done = end if report.failed_from is None else report.failed_from - 1
        return self.attempts.of(ThresholdAttempt(shard, first, end, is_late, done=done))

    def _processor(self, process: _Process, *, is_late: bool) -> Processor:
        now = datetime.fromtimestamp(NOON_MS / 1000 + is_late * (CLAIM_SECONDS + 1), UTC)
        watch = self._meter.watch(process, process, lambda: now)
        store = simulated_store(lambda: NOON_MS)
        ports = (store.ledger, store.slices, _CountersOfTheDay(process, store.counters), store.progress)
        return Processor(*ports, layout=ONE_PAGE, rule=RULE, limits=watch, read=self._read_once)

    def _read_once(self, record: StreamRecord, rule: BillingRule) -> Any:
        del rule  # one for all
        return self._read(record)


class _Unanswered(Exception):
    """The attempt has come to a request that no answer is known to."""

    def __init__(self, request: ThresholdRequest) -> None:
        super().__init__()
        self.request = request


class _Process:
    """The ports `NotificationStore` and `ThresholdPublisher` of a process, whose answers are known."""

    def __init__(self, world: ThresholdsWorld, answers: Sequence[Any]) -> None:
        self._world = world
        self._answers: Iterator[Any] = iter(answers)

    def request(self, port: ThresholdPort, content: object) -> Any:
        """The answer to one request."""
        for answer in self._answers:
            if answer is None and port in READS:
                raise Transient("no answer")
            return answer
        raise _Unanswered(ThresholdRequest(port, content))

    def plans_of(self, keys: Sequence[str]) -> dict[str, KeyPlan]:
        return {key: self._world.plan_of(key) for key in keys}

    def accounts_of(self, names: Sequence[str]) -> dict[str, SharedPlan]:
        return {name: self._world.account() for name in names if name == ACCOUNT}

    def slices_of(self, months: Sequence[Period]) -> dict[Period, frozenset[int]]:
        slices = frozenset({0} | {slice_of(shard.id) for shard in self._world.shards})
        return dict.fromkeys(months, slices)

    def totals_of(self, places: Sequence[Place]) -> Mapping[Place, Counted]:
        found: Mapping[Place, Counted] = self.request(ThresholdPort.TOTALS, tuple(places))
        return found

    def deferred(self, start: str = "") -> Sequence[ThresholdCrossing]:
        found: Sequence[ThresholdCrossing] = self.request(ThresholdPort.DEFERRED, start)
        return found

    def claim(self, notifications: Sequence[Notification]) -> list[ClaimStatus]:
        return [self.request(ThresholdPort.CLAIM, one) for one in notifications]

    def mark_published(self, crossings: Sequence[ThresholdCrossing]) -> list[bool]:
        return [self.request(ThresholdPort.MARK, one) for one in crossings]

    def defer(self, crossings: Sequence[ThresholdCrossing]) -> list[bool]:
        return [self.request(ThresholdPort.DEFER, one) for one in crossings]

    def settle(self, crossings: Sequence[ThresholdCrossing]) -> list[bool]:
        return [self.request(ThresholdPort.SETTLE, one) for one in crossings]

    def publish(self, crossings: Sequence[ThresholdCrossing]) -> list[str | None]:
        return [self.request(ThresholdPort.PUBLISH, one) for one in crossings]


class _CountersOfTheDay:
    """The port `Counters`: those of the day are requests, the others answer at once."""

    def __init__(self, process: _Process, others: Counters) -> None:
        self._process = process
        self._others = others

    def add(self, increments: Sequence[Increment]) -> list[CounterAnswer]:
        return [self._add(one) for one in increments]

    def _add(self, increment: Increment) -> CounterAnswer:
        if increment.period != DAY:
            return self._others.add([increment])[0]
        answer: CounterAnswer = self._process.request(ThresholdPort.ADD, increment)
        return answer
