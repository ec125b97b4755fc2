"""The watch of a simulated world: runs that stop midway, overtake one another, and get no answer.

A run makes its calls one by one, and others go on between them. Nothing runs beside anything: as with an
invocation, a run is run once more on the answers that it already had, and goes on from there.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from metering.counters.completeness import Knowledge, Positions
from metering.counters.heartbeat import Heartbeat, Landed, ListedShard
from metering.errors import Transient
from simulation.protocol.faults import NO_FAULTS, Fault, Rates
from simulation.protocol.invocation import Suspended
from watch.tasks import CompletenessStore, ShardStream

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT_ONCE = 2
"""Runs that are under way."""
_CALLS_OF_A_RUN = 4
_WITHOUT_END = 1_000

SendHeartbeats = Callable[[ShardStream, CompletenessStore, datetime], object]
"""What :func:`watch.tasks.send_heartbeats` does."""


class WatchedStream(Protocol):
    """The stream of a world, as its watch sees it."""

    def listed(self) -> list[ListedShard]:
        """The shards that ListShards returns."""
        ...

    def send_heartbeats(self, shard_id: str, data: bytes) -> Landed:
        """Put a heartbeat into a shard, or where it falls if that is closed."""
        ...


@dataclass(slots=True, eq=False)
class Calls:
    """What a run calls: the stream and the store of its world, behind faults."""

    dice: random.Random
    rates: Rates
    injected: Counter[StrEnum]
    stream: WatchedStream
    store: CompletenessStore

    def load(self) -> tuple[Knowledge, Positions]:
        """The port's."""
        if self._strikes(Fault.WATCH_UNANSWERED):
            raise Transient("no answer")
        known, positions = self.store.load()
        return known, dict(positions)

    def shards(self) -> Sequence[ListedShard]:
        """The port's."""
        return self.stream.listed()

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        """The port's; each heartbeat may be refused."""
        return [
            None
            if self._strikes(Fault.HEARTBEAT_REFUSED)
            else self.stream.send_heartbeats(record.partition_key, record.data)
            for record in records
        ]

    def save(self, known: Knowledge) -> bool:
        """The port's; the write may have happened where there is no answer."""
        if not self._strikes(Fault.WATCH_UNANSWERED):
            return self.store.save(known)
        if self.dice.random() < 0.5:
            self.store.save(known)
        raise Transient("no answer")

    def _strikes(self, fault: Fault) -> bool:
        if self.dice.random() >= self.rates[fault]:
            return False
        self.injected[fault] += 1
        return True


class _Run:
    """A run under way: both of its ports, with the answers that it has had."""

    def __init__(self, calls: Calls, now: datetime) -> None:
        self._calls = calls
        self._now = now
        self._answers: list[Any] = []
        self._reached = 0
        self._left = 0

    def go_on(self, send_heartbeats: SendHeartbeats, calls: int) -> bool:
        """Make some more calls: whether that was the end."""
        self._reached, self._left = 0, calls
        try:
            send_heartbeats(self, self, self._now)
        except Suspended:
            return False
        return True

    def load(self) -> tuple[Knowledge, Positions]:
        found: tuple[Knowledge, Positions] = self._answer(self._calls.load)
        return found

    def shards(self) -> Sequence[ListedShard]:
        found: Sequence[ListedShard] = self._answer(self._calls.shards)
        return found

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        found: Sequence[Landed | None] = self._answer(lambda: self._calls.put(records))
        return found

    def save(self, known: Knowledge) -> bool:
        is_saved: bool = self._answer(lambda: self._calls.save(known))
        return is_saved

    def _answer(self, call: Callable[[], Any]) -> Any:
        if self._reached == len(self._answers):
            if not self._left:
                raise Suspended
            self._left -= 1
            self._answers.append(_outcome(call))
        answer = self._answers[self._reached]
        self._reached += 1
        if isinstance(answer, Transient):
            raise answer
        return answer


def _outcome(call: Callable[[], object]) -> object:
    try:
        return call()
    except Transient as error:
        return error


class Watch:
    """Begins runs and lets them go on."""

    def __init__(self, calls: Calls, send_heartbeats: SendHeartbeats, clock: Callable[[], int]) -> None:
        """`clock` gives the time that a run takes for the present, in milliseconds."""
        self._calls = calls
        self._send_heartbeats = send_heartbeats
        self._clock = clock
        self._under_way: list[_Run] = []

    def go_on(self) -> None:
        """Begin a run, or let one go on, or let it end where it stands."""
        calls, dice = self._calls, self._calls.dice
        if not self._under_way or (len(self._under_way) < _AT_ONCE and dice.random() < 0.2):
            self._under_way.append(_Run(calls, self._now()))
        run = self._under_way.pop(dice.randrange(len(self._under_way)))
        if dice.random() < calls.rates[Fault.WATCH_STOPPED]:
            calls.injected[Fault.WATCH_STOPPED] += 1
        elif not run.go_on(self._send_heartbeats, dice.randint(1, _CALLS_OF_A_RUN)):
            self._under_way.append(run)

    def send_heartbeats(self) -> int:
        """Make a whole run that meets no fault, when those under way have stopped; its time."""
        self._under_way.clear()
        self._calls.rates = NO_FAULTS
        now = self._clock()
        _Run(self._calls, _EPOCH + timedelta(milliseconds=now)).go_on(self._send_heartbeats, _WITHOUT_END)
        return now

    def _now(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=self._clock())
