"""One run of the shipped processor, whose writes meet faults.

A zombie is an invocation that stops before a write, and goes on when others have finished. Nothing runs
beside anything: the processor does what its batch and the answers of the store say and nothing else, so it is
run once more on the answers that it already had, and writes from there on. If it asked for something else
then, that would be an error, and raised.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from metering.calls.record import RecordReader, StreamRecord, read_record
from metering.counters.ports import (
    Append,
    CounterAnswer,
    Counters,
    Increment,
    Ledger,
    LedgerAnswer,
    Progress,
    ProgressLog,
    SliceId,
    SliceRegistry,
    Status,
)
from simulation.protocol.faults import NO_FAULTS, Fault, Rates, draw_for_write
from stream_processor.processor import BatchReport


class Crash(BaseException):
    """The process is gone. No `except Exception` survives it."""


class Suspended(BaseException):
    """The process is paused; its invocation can be run again to go on."""


class BatchProcessor(Protocol):
    """What :class:`stream_processor.processor.Processor` does."""

    def process(self, batch: Sequence[StreamRecord]) -> BatchReport:
        """Count a batch of one shard."""
        ...


Write = Callable[[Any], Any]
"""One write of one port: from a request to its answer."""


@dataclass(slots=True)
class PortCall:
    """A call of a port: several writes, each on its own, made in any order."""

    requests: Sequence[Any]
    answers: list[Any]
    waiting: list[int]
    """The indexes of the requests that are not yet made, the next one last."""


@dataclass(slots=True, eq=False)
class Weather:
    """What strikes the writes of a world, and what is still to land."""

    dice: random.Random
    rates: Rates
    injected: Counter[StrEnum]
    landing: list[tuple[int, Callable[[], object]]] = field(default_factory=list)
    """Writes that were given up, and will be made at a later moment; each with the time at which the batch
    arrived.
    """
    trace: Callable[[str], None] = lambda _text: None


class Invocation:
    """A batch on its way through the processor."""

    def __init__(self, batch: Sequence[StreamRecord], weather: Weather, *, calm: bool = False) -> None:
        self.batch = batch
        self._weather = weather
        self._rates = NO_FAULTS if calm else weather.rates
        self._calls: list[PortCall] = []
        self._reached = 0

    def run(self, environment: InvocationEnvironment) -> BatchReport:
        """Run from the start, or go on from where it was suspended.

        Raises:
            Crash: its process is gone.
            Suspended: it may be run once more, in the same environment.
        """
        self._reached = 0
        environment.invocation = self
        return environment.processor.process(self.batch)

    def perform(self, requests: Sequence[Any], write: Write, unavailable: Any) -> list[Any]:
        """Make the writes of a call of a port, those that are not made yet."""
        call = self._next_call(requests, unavailable)
        while call.waiting:
            self._make(call, write)
        return call.answers

    def _next_call(self, requests: Sequence[object], unavailable: object) -> PortCall:
        if self._reached == len(self._calls):
            order = list(range(len(requests)))
            self._weather.dice.shuffle(order)
            self._calls.append(PortCall(list(requests), [unavailable] * len(order), order))
        elif (before := self._calls[self._reached].requests) != list(requests):
            raise AssertionError(f"run again, the processor asks for {requests}, and not for {before}")
        self._reached += 1
        return self._calls[self._reached - 1]

    def _make(self, call: PortCall, write: Write) -> None:
        fault = draw_for_write(self._weather.dice, self._rates)
        if fault is None:
            index = call.waiting.pop()
            call.answers[index] = write(call.requests[index])
            return
        self._weather.injected[fault] += 1
        self._weather.trace(f"  {fault.value}: {call.requests[call.waiting[-1]]}")
        self._strike(fault, call, write)

    def _strike(self, fault: Fault, call: PortCall, write: Write) -> None:
        if fault is Fault.ZOMBIE:
            raise Suspended
        request = call.requests[call.waiting.pop()]
        match fault:
            case Fault.LOST_ANSWER:
                write(request)
            case Fault.LANDED_LATE:
                self._land_later(write, request)
            case Fault.CRASH_BEFORE:
                self._crash(call, write)
            case Fault.CRASH_AFTER:
                write(request)
                self._crash(call, write)
            case _:
                pass

    def _crash(self, call: PortCall, write: Write) -> None:
        """Of the other writes of the call, some were under way: they are made now, later, or never."""
        for index in call.waiting:
            request = call.requests[index]
            drawn = self._weather.dice.random()
            if drawn < 0.4:
                write(request)
            elif drawn < 0.6:
                self._land_later(write, request)
        raise Crash

    def _land_later(self, write: Write, request: object) -> None:
        self._weather.landing.append((self.batch[0].arrived_at_ms, lambda: write(request)))


class InvocationEnvironment:
    """A process of the function, with a processor that lives from batch to batch, and the ports as it sees
    them: the store of the world, behind the faults of the invocation that is running.
    """

    def __init__(
        self,
        ledger: Ledger,
        slices: SliceRegistry,
        counters: Counters,
        progress: ProgressLog,
        read: RecordReader = read_record,
    ) -> None:
        self.processor: BatchProcessor
        self.invocation: Invocation
        self.read = read
        self._ledger = ledger
        self._slices = slices
        self._counters = counters
        self._progress = progress

    def append(self, appends: Sequence[Append]) -> Sequence[LedgerAnswer]:
        """The port `Ledger`."""
        return self.invocation.perform(appends, self._append, LedgerAnswer(Status.UNAVAILABLE))

    def register(self, slices: Sequence[SliceId]) -> Sequence[Status]:
        """The port `SliceRegistry`. Faults strike it in :mod:`simulation.quotas.thresholds`, not here: so a
        seed does what it always did.
        """
        return self._slices.register(slices)

    def add(self, increments: Sequence[Increment]) -> Sequence[CounterAnswer]:
        """The port `Counters`."""
        return self.invocation.perform(increments, self._add, CounterAnswer(Status.UNAVAILABLE))

    def note(self, progress: Progress) -> None:
        """The port `ProgressLog`."""
        self.invocation.perform([progress], self._progress.note, None)

    def _append(self, append: Append) -> LedgerAnswer:
        return self._ledger.append([append])[0]

    def _add(self, increment: Increment) -> CounterAnswer:
        return self._counters.add([increment])[0]
