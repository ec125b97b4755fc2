"""A world whose stream is deleted and made again: with higher sequence numbers, or with lower ones.

Higher ones are counted as those before. Lower ones would be taken for counted: they must be refused, loudly
and without any change, until somebody makes the stream once more.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from metering.calls.record import StreamRecord
from metering.counters.heartbeat import Landed
from metering.counters.ports import CountedStream
from metering.errors import Misconfigured
from simulation.protocol.invocation import BatchProcessor, Crash, InvocationEnvironment
from simulation.protocol.meter import Meter, simulated_store
from simulation.protocol.stream import SimulatedStream
from simulation.protocol.traffic import Planned
from simulation.protocol.world import World, WorldResult
from stream_processor.processor import BatchReport
from stream_processor.stream_guard import StreamGuard, StreamIdentity

ARN: Final = "arn:aws:kinesis:eu-west-1:123456789012:stream/calls"
_ATTEMPTS: Final = 12
_APART_MS: Final = 6_000
"""From the last record of a stream to the first of the next: by the stream's clock they arrive up to 2 s
earlier or later.
"""


class Replacement(StrEnum):
    """How the numbers of the new stream lie, by the name under which it is counted."""

    HIGHER = "stream made again, its numbers are higher"
    LOWER = "stream made again, its numbers are lower"


class IdentityInMemory:
    """The port `StreamIdentity`."""

    def __init__(self) -> None:
        self._kept: CountedStream | None = None

    def keep(self, stream_arn: str) -> CountedStream:
        """This one, if there was none."""
        self._kept = self._kept or CountedStream(stream_arn)
        return self._kept

    def replace(self, before: CountedStream, stream: CountedStream) -> CountedStream:
        """Unless something else was noted meanwhile."""
        if self._kept == before:
            self._kept = stream
        return self._kept or before


class Guard:
    """What stands before the processor."""

    def __init__(
        self, identity: StreamIdentity, created_at: Callable[[], int], highest: Callable[[int], int]
    ) -> None:
        self._guard = StreamGuard(identity, lambda _arn: created_at(), highest)

    def check(self, batch: Sequence[StreamRecord]) -> None:
        """Let a batch pass.

        Raises:
            Misconfigured: it is not to be counted.
        """
        self._guard.check(ARN, batch[0].shard_id, batch[0].sequence_number)


@dataclass(frozen=True, slots=True)
class StreamMeter:
    """The part of a meter that meets another stream."""

    name: str = "shipped"
    breaks: str = "nothing"
    guard: type[Guard] = Guard


SHIPPED_STREAM: Final = StreamMeter()


class _ByName(Guard):
    """Knows a stream by its name alone."""

    def check(self, batch: Sequence[StreamRecord]) -> None:
        """Every batch of that name passes."""


class _Once(Guard):
    """Looks once in the life of a process."""

    _has_looked = False

    def check(self, batch: Sequence[StreamRecord]) -> None:
        """The first batch only."""
        if not self._has_looked:
            super().check(batch)
        self._has_looked = True


BROKEN_STREAMS: Final = (
    StreamMeter("stream-by-name", "a stream that was made again is taken for the one before", _ByName),
    StreamMeter("stream-looked-at-once", "a process looks at its stream once", _Once),
)
"""Each is caught within a thousand seeds, by `tests/simulation/protocol/test_world_of_streams.py`."""

STREAM_METERS: Final = {meter.name: meter for meter in (SHIPPED_STREAM, *BROKEN_STREAMS)}


class _Guarded:
    """The shipped processor behind the guard. A batch that is refused ends as if its process were gone."""

    def __init__(self, guard: Guard, processor: BatchProcessor, refused: Callable[[], None]) -> None:
        self._guard = guard
        self._processor = processor
        self._refused = refused

    def process(self, batch: Sequence[StreamRecord]) -> BatchReport:
        """Check, then count."""
        try:
            self._guard.check(batch)
        except Misconfigured:
            self._refused()
            raise Crash from None
        return self._processor.process(batch)


class StreamWorld(World):
    """The world with a stream that is made again."""

    def __init__(
        self, seed: int, meter: StreamMeter = SHIPPED_STREAM, *, keep_schedule: bool = False
    ) -> None:
        self._guarded = meter
        self._identity = IdentityInMemory()
        self._made = 0
        self._refusals = 0
        dice = random.Random(f"settings of streams {seed}")
        events = dice.choice((6, 12, 24))
        self._store = simulated_store(lambda: self._now + self._clock_error)
        in_memory = Meter(store=lambda _clock: self._store)
        super().__init__(seed, in_memory, keep_schedule=keep_schedule, events=events, first_number=10**55)

    def _chance(self, seed: int) -> random.Random:
        return random.Random(f"streams {seed}")

    def _environment(self) -> InvocationEnvironment:
        environment = super()._environment()
        guard = self._guarded.guard(self._identity, lambda: self._made, self._highest)
        environment.processor = _Guarded(guard, environment.processor, self._refuse)
        return environment

    def _highest(self, before: int) -> int:
        found = self._store.progress.items.values()
        return max((one.position for one in found if one.arrived_at_ms < before), default=-1)

    def _refuse(self) -> None:
        self._refusals += 1

    def run(self) -> WorldResult:
        """Play a part, make the stream anew, play the rest, and compare."""
        planned = self._traffic().planned()
        middle = self._dice.randrange(len(planned) + 1)
        self._live(planned[:middle])
        if middle and self._dice.random() < 0.7:
            self._replace(self._dice.randrange(1, self._settings.first_number), Replacement.LOWER)
            self._meet_refusals(planned[:middle])
        highest = max(10**56, *(one.next_number for one in self._stream.shards))
        self._replace(highest + self._dice.choice((0, 1 << 40, 10**60)), Replacement.HIGHER)
        self._live(planned[middle:])
        self._end()
        self._compare()
        return self.result

    def _replace(self, first_number: int, replacement: Replacement) -> None:
        """All of the old stream was counted by now; its shards' names come again."""
        self.result.injected[replacement] += 1
        self._trace(replacement.value)
        self._made = self._now + _APART_MS // 2
        self._pass_to(self._now + _APART_MS)
        self._stream = SimulatedStream(
            self._dice, self._dice.randint(1, 4), self._settings.first_shard, first_number
        )
        self._readers.clear()
        self._consumed.clear()
        self._unlisted.clear()
        self._shard_of.clear()
        self._watch(self._stream.shards)

    def _meet_refusals(self, planned: Sequence[Planned]) -> None:
        """Whatever process meets a batch of lower numbers, it is refused, and no counter changes."""
        before = dict(self.store.counted())
        for one in planned[:_ATTEMPTS]:
            self._stream.put(self._dice.choice(self._stream.shards), one.data, self._now)
        for _ in range(_ATTEMPTS):
            ready = [reader for reader in self._readers.values() if reader.has_records]
            if not ready:
                break
            refused = self._refusals
            self._invoke(self._dice.choice(ready))
            if self._refusals == refused:
                self.result.differences.append("a batch of a stream with lower numbers was not refused")
        if before != dict(self.store.counted()):
            self.result.differences.append("a batch of a stream with lower numbers has changed a counter")

    def send_heartbeats(self, shard_id: str, data: bytes) -> Landed:
        """A run of the watch that was under way may know a shard that is gone."""
        if all(shard.id != shard_id for shard in self._stream.shards):
            return Landed("", 0)
        return super().send_heartbeats(shard_id, data)
