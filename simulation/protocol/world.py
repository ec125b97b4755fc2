"""One seed: its traffic, its stream, its event source mapping and its faults, until everything is counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from local_cloud.lambda_.shard_cursor import Answer, BatchPolicy, FailedBatch
from metering.calls.record import StreamRecord
from metering.counters.completeness import through
from metering.counters.heartbeat import Landed, ListedShard
from metering.outcome import Outcome
from simulation.protocol.faults import Fault
from simulation.protocol.invocation import Crash, Invocation, InvocationEnvironment, Suspended, Weather
from simulation.protocol.mapping import Reader
from simulation.protocol.meter import SHIPPED, Meter
from simulation.protocol.oracle import Oracle
from simulation.protocol.readings import Readings
from simulation.protocol.settings import LONGEST_CLOCK_JUMP_MS, RETENTION_MS, SECOND_MS, draw_settings
from simulation.protocol.stream import SimulatedShard, SimulatedStream
from simulation.protocol.traffic import MONTH_END_MS, Planned, SimulatedTraffic
from simulation.protocol.watch import Calls, Watch
from stream_processor import kinesis_event
from stream_processor.processor import BatchReport

_CALM_AFTER_FAILURES = 4
"""Of a batch, in a row: the next attempt meets no fault."""
_CALM_AFTER_STEPS = 2_000
"""From then on nothing strikes, so that every run ends."""
_MOST_STEPS = 10_000
_PROCESSES = 2
_LANDING_SHARE = 0.1
_READ_SHARE = 0.2
_MOST_HEARTBEATS = 120
"""So that every run ends."""
_EXPIRY_SHARE = 0.1
_LAST_RUNS = 3
"""What is seen, and what was seen, is known by the third at the latest."""
_IDLE_SHARE = 0.05
_NEVER = 1 << 60


@dataclass(slots=True)
class WorldResult:
    """What one seed came to."""

    seed: int
    events: int = 0
    """Distinct ones: calls, malformed lines and undecodable records."""
    duplicates: int = 0
    """Log events that came again."""
    records: int = 0
    heartbeats: int = 0
    invocations: int = 0
    completions: int = 0
    """How often `complete_through` was read as a later time than before."""
    injected: Counter[StrEnum] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    untrue: list[str] = field(default_factory=list)
    """Where `complete_through` did not keep its promise."""
    schedule: list[str] = field(default_factory=list)
    """What happened, a line each; kept only when asked for."""


class World:
    """Everything that a seed makes, with one source of chance: `random.Random(seed)`."""

    def __init__(
        self, seed: int, meter: Meter = SHIPPED, *, keep_schedule: bool = False, **fixed: Any
    ) -> None:
        """`fixed` gives settings a value in place of the drawn one."""
        self.result = WorldResult(seed)
        self._steps = 0
        self._is_ending = False
        self._dice = dice = self._chance(seed)
        self._settings = settings = replace(draw_settings(dice), **fixed)
        self._meter = meter
        self._keep_schedule = keep_schedule
        self._now = MONTH_END_MS - settings.span_ms
        self._clock_error = 0
        self.store = meter.store(lambda: self._now + self._clock_error)
        self._weather = Weather(dice, settings.rates, self.result.injected, trace=self._trace)
        self._readings = Readings()
        self._environments = [self._environment() for _ in range(_PROCESSES)]
        self._zombies: list[tuple[InvocationEnvironment, Invocation]] = []
        self._stream = SimulatedStream(dice, settings.shards, settings.first_shard, settings.first_number)
        self._policy = BatchPolicy(
            settings.batch_size, bisect=self._strikes(Fault.BISECTED), reports_item_failures=True
        )
        self._readers: dict[str, Reader] = {}
        self._consumed: set[str] = set()
        self._watch(self._stream.shards)
        self._shard_of: dict[int, SimulatedShard] = {}
        self._moment = 0
        """Counts what the promise of `complete_through` puts in order: records that are put, and runs."""
        self._complete_through = -1
        self._unlisted: set[str] = set()
        calls = Calls(dice, settings.rates, self.result.injected, self, self.store.completeness)
        self._watch_runs = Watch(calls, meter.send_heartbeats, self._next_moment)
        self._oracle = Oracle()
        self._reported: Counter[Outcome] = Counter()

    def run(self) -> WorldResult:
        """Play everything, and compare."""
        traffic = self._traffic()
        planned = traffic.planned()
        self.result.injected.update(traffic.injected)
        self._trace(str(self._settings))
        self._live(planned)
        while self._zombies or self._weather.landing:
            self._wake()
            self._land()
        if self._strikes(Fault.REPLAYED):
            self._count(Fault.REPLAYED)
            for reader in self._readers.values():
                reader.restart(reader.first_since(self._now - RETENTION_MS))
            self._live([])
        self._end()
        self._compare()
        return self.result

    def _chance(self, seed: int) -> random.Random:
        """The source of all chance."""
        return random.Random(seed)

    def _traffic(self) -> SimulatedTraffic:
        """What is logged."""
        return SimulatedTraffic(self._dice, self._settings)

    def listed(self) -> list[ListedShard]:
        """The shards, without those closed ones whose last record has expired by now."""
        for shard in self._stream.shards:
            if self._is_consumed(shard) and self._dice.random() < _EXPIRY_SHARE:
                self._unlisted.add(shard.id)
        return [
            ListedShard(
                shard.id, "", shard.is_open, tuple(one.id for one in shard.parents), shard.first_number
            )
            for shard in self._stream.shards
            if shard.id not in self._unlisted
        ]

    def send_heartbeats(self, shard_id: str, data: bytes) -> Landed:
        """Put a heartbeat into a shard, or where it falls if that is closed."""
        (wanted,) = (shard for shard in self._stream.shards if shard.id == shard_id)
        shard = wanted.open_heir()
        record = self._stream.put(shard, data, self._now)
        self.result.heartbeats += 1
        self._trace(f"{shard.id} gets heartbeat {_short(record.sequence_number)}")
        return Landed(shard.id, record.sequence_number)

    def _end(self) -> None:
        """Without any more faults, `complete_through` reaches the end."""
        self._is_ending = True
        began = self._moment
        for _ in range(_LAST_RUNS):
            self._watch_runs.send_heartbeats()
            self._live([])
        self._read_completeness()
        if self._complete_through <= began:
            self.result.untrue.append(f"complete_through stays at {self._complete_through} of {self._moment}")

    def _read_completeness(self) -> None:
        """What is reported never goes back, and all that was in the stream before is counted."""
        found = through(*self.store.completeness.load())
        if found is None:
            found = -1
        if found < self._complete_through:
            self.result.untrue.append(f"complete_through goes back from {self._complete_through} to {found}")
        if found <= self._complete_through:
            return
        self.result.completions += 1
        self._complete_through = found
        self._trace(f"complete_through is {found}")
        missing = [event for event in self._oracle.sent_before(found) if not self.store.holds(event)]
        if missing:
            self.result.untrue.append(
                f"complete_through is {found}, and {len(missing)} events from before are not counted, one "
                f"of {missing[0].counters[0]}"
            )

    def _next_moment(self) -> int:
        self._moment += 1
        return self._moment

    def _live(self, planned: Sequence[Planned]) -> None:
        """Put what is planned, and process it, in an order that the dice choose, until all is done."""
        waiting = list(reversed(planned))
        while self._steps < _MOST_STEPS:
            self._steps += 1
            ready = [reader for reader in self._readers.values() if self._is_ready(reader)]
            if not waiting and not ready:
                return
            self._change_something()
            latest = self._latest_time()
            may_put = bool(waiting) and waiting[-1].at_ms <= latest
            if may_put and (not ready or self._dice.random() < self._settings.put_share):
                self._put(waiting.pop())
            elif ready:
                self._idle_until(min(latest, waiting[-1].at_ms) if waiting else latest)
                self._invoke(self._dice.choice(ready))

    def _is_ready(self, reader: Reader) -> bool:
        """Whether there is something to process. Children wait until all that came before is processed."""
        parents = reader.shard.parents
        return reader.has_records and (not parents or all(map(self._is_consumed, parents)))

    def _is_consumed(self, shard: SimulatedShard) -> bool:
        """Whether nothing is left of a closed shard, nor of those that it follows."""
        if shard.id not in self._consumed:
            if not (self._readers[shard.id].is_drained and all(map(self._is_consumed, shard.parents))):
                return False
            self._consumed.add(shard.id)
        return True

    def _latest_time(self) -> int:
        """The time at which something must have been processed: no record waits longer in the stream than the
        settings say, let alone until the stream drops it.
        """
        arrivals = (reader.oldest_waiting_ms for reader in self._readers.values())
        oldest = min((arrival for arrival in arrivals if arrival is not None), default=_NEVER)
        return oldest + self._settings.longest_lag_ms

    def _idle_until(self, time_ms: int) -> None:
        """Sometimes nothing happens for a while."""
        if self._now < time_ms < _NEVER and self._dice.random() < _IDLE_SHARE:
            self._pass_to(self._dice.randint(self._now, time_ms))

    def _change_something(self) -> None:
        """What goes on in a world beside records and batches."""
        if self._zombies and self._dice.random() < self._settings.wake_share:
            self._wake()
        if self._weather.landing and self._dice.random() < _LANDING_SHARE:
            self._land()
        if self._strikes(Fault.SPLIT) and len(self._stream.open_shards) < self._settings.most_shards:
            self._reshard(Fault.SPLIT)
        if self._strikes(Fault.MERGE) and len(self._stream.open_shards) > 1:
            self._reshard(Fault.MERGE)
        if self._strikes(Fault.EXPIRED):
            self._expire()
        if not self._is_ending:
            self._watch_over()

    def _watch_over(self) -> None:
        """A run begins or goes on, and somebody asks how far everything is counted."""
        share = self._settings.watch_share
        if self.result.heartbeats < _MOST_HEARTBEATS and self._dice.random() < share:
            self._watch_runs.go_on()
        if self._dice.random() < max(share, _READ_SHARE):
            self._read_completeness()
        if self._strikes(Fault.CLOCK_JUMP):
            self._count(Fault.CLOCK_JUMP)
            self._clock_error = self._dice.randint(-LONGEST_CLOCK_JUMP_MS, LONGEST_CLOCK_JUMP_MS)

    def _put(self, planned: Planned) -> None:
        """Put a record; a copy into the shard of its original or into another, where there is one."""
        self._pass_to(planned.at_ms)
        shard = self._dice.choice(self._stream.open_shards)
        original = None if planned.copy_of is None else self._shard_of.get(planned.copy_of)
        if planned.in_same_shard and original is not None and original.is_open:
            shard = original
        if planned.copy_of is None:
            self._shard_of[planned.number] = shard
        arrived_at = self._now + self._dice.randrange(-2 * SECOND_MS, 2 * SECOND_MS)
        record = self._stream.put(shard, planned.data, arrived_at)
        place = f"{shard.id}:{record.sequence_number}"
        self._oracle.sent(planned.user_records, place, arrived_at, self._next_moment())
        self.result.records += 1
        self._trace(f"{shard.id} gets record {_short(record.sequence_number)}: {_summary(planned)}")

    def _pass_to(self, time_ms: int) -> None:
        """Let time pass; whatever is under way has ended before the ledger forgets what it is about."""
        self._now = max(self._now, time_ms)
        limit = self._now - RETENTION_MS
        while any(invocation.batch[0].arrived_at_ms < limit for _, invocation in self._zombies):
            self._wake()
        while any(arrived_at < limit for arrived_at, _ in self._weather.landing):
            self._land()

    def _invoke(self, reader: Reader) -> None:
        """Let the function process a batch, and do what Lambda does with the answer."""
        if self._strikes(Fault.OLD_CHECKPOINT):
            self._count(Fault.OLD_CHECKPOINT)
            earliest = max(
                reader.position - self._settings.batch_size,
                reader.first_since(self._now - RETENTION_MS),
            )
            reader.restart(self._dice.randint(earliest, reader.position))
        batch = reader.take()
        self._trace(f"{_name(batch)}: processed")
        self.result.invocations += 1
        invocation = Invocation(
            batch, self._weather, calm=self._is_calm or reader.failures >= _CALM_AFTER_FAILURES
        )
        environment = self._environments.pop()
        report = self._run(environment, invocation)
        self._environments.insert(0, environment if report is not None else self._environment())
        if reader.settle(self._answer(reader, report)):
            self._count(Fault.BISECTED)
        if reader.failures and self._strikes(Fault.CUT_ANEW):
            self._count(Fault.CUT_ANEW)
            reader.restart()

    def _answer(self, reader: Reader, report: BatchReport | None) -> Answer:
        """What Lambda hears."""
        if report is None:
            return FailedBatch("no answer")
        if self._strikes(Fault.REPEATED):
            self._count(Fault.REPEATED)
            return FailedBatch("its answer was lost")
        return reader.read_answer(kinesis_event.answer(report.failed_from))

    def _run(self, environment: InvocationEnvironment, invocation: Invocation) -> BatchReport | None:
        """Run an invocation, or let it go on: what it reports, if it comes to its end."""
        try:
            report = invocation.run(environment)
        except Crash:
            self._trace(f"{_name(invocation.batch)}: the process is gone")
            return None
        except Suspended:
            self._zombies.append((environment, invocation))
            self._trace(f"{_name(invocation.batch)}: does not advance")
            return None
        except Exception as error:  # noqa: BLE001 - whatever it raises is a difference, with the seed that shows it
            self.result.differences.append(f"{_name(invocation.batch)}: raised {error!r}")
            return None
        self._trace(f"{_name(invocation.batch)}: {_account(report)}")
        for outcome, count in _fates(report).items():
            self._reported[outcome] += count
        return report

    def _wake(self) -> None:
        """Let a zombie go on. Nobody hears its answer."""
        if self._zombies:
            environment, invocation = self._zombies.pop(self._dice.randrange(len(self._zombies)))
            self._trace(f"{_name(invocation.batch)}: the zombie goes on")
            self._run(environment, invocation)

    def _land(self) -> None:
        """Make a write that was given up before."""
        if self._weather.landing:
            _, write = self._weather.landing.pop(self._dice.randrange(len(self._weather.landing)))
            write()
            self._trace("a late write lands")

    def _reshard(self, fault: Fault) -> None:
        parents, children = self._stream.split() if fault is Fault.SPLIT else self._stream.merge()
        self._watch(children)
        self.store.resharded([shard.id for shard in parents], [shard.id for shard in children])
        self._count(fault)
        self._trace(f"{_ids(parents)} is followed by {_ids(children)}")

    def _expire(self) -> None:
        """DynamoDB removes some of the pages whose time has passed, each by itself."""
        for page in sorted(self.store.expired(self._now)):
            if self._dice.random() < 0.5:
                self.store.remove(page)
                self._count(Fault.EXPIRED)
                self._trace(f"{page} is gone")

    def _watch(self, shards: Sequence[SimulatedShard]) -> None:
        for shard in shards:
            self._readers[shard.id] = Reader(shard, self._policy, self._dice)

    def _environment(self) -> InvocationEnvironment:
        """A new process of the function."""
        environment = InvocationEnvironment(
            self.store.ledger,
            self.store.slices,
            self.store.counters,
            self.store.progress,
            self._readings,
        )
        environment.processor = self._meter.processor(environment, self._settings.layout)
        return environment

    def differences(self) -> list[str]:
        """Every counter that does not hold what was sent."""
        return list(self._oracle.differences(self.store.counted()))

    def _compare(self) -> None:
        self.result.events, self.result.duplicates = self._oracle.events, self._oracle.duplicates
        self.result.differences += self.differences()
        self.result.differences += [
            f"slice {number} of {month} had calls before it was registered"
            for month, number in self.store.unregistered()
        ]
        if self._steps == _MOST_STEPS:
            self.result.differences.append(f"after {_MOST_STEPS:,} steps not everything is processed")
        for outcome, count in self._reported.items():
            if count > self._oracle.requests(outcome):
                self.result.differences.append(
                    f"{count} {outcome.value} published, {self._oracle.requests(outcome)} sent"
                )

    @property
    def _is_calm(self) -> bool:
        return self._is_ending or self._steps > _CALM_AFTER_STEPS

    def _strikes(self, fault: Fault) -> bool:
        return not self._is_calm and self._dice.random() < self._settings.rates[fault]

    def _count(self, fault: Fault) -> None:
        self.result.injected[fault] += 1

    def _trace(self, text: str) -> None:
        if self._keep_schedule:
            self.result.schedule.append(text)


def _fates(report: BatchReport) -> dict[Outcome, int]:
    return {
        Outcome.METERED: report.metered,
        Outcome.UNATTRIBUTED: report.unattributed,
        Outcome.MALFORMED: report.malformed,
        Outcome.UNDECODABLE: report.undecodable,
    }


def _account(report: BatchReport) -> str:
    fates = ", ".join(f"{count} {outcome.value}" for outcome, count in _fates(report).items() if count)
    end = "all is in" if report.failed_from is None else f"repeat from {_short(report.failed_from)}"
    return f"{fates or 'nothing'} counted, {report.duplicates} duplicates, {end}"


def _name(batch: Sequence[StreamRecord]) -> str:
    first, last = batch[0], batch[-1]
    return f"{first.shard_id} {_short(first.sequence_number)} to {_short(last.sequence_number)}"


def _short(sequence_number: int) -> str:
    """Its last digits: the others are the same for all records of a run."""
    return f"{sequence_number % 10**15}"


def _ids(shards: Sequence[SimulatedShard]) -> str:
    return " and ".join(shard.id for shard in shards)


def _summary(planned: Planned) -> str:
    events = sum(len(user_record.truths) for user_record in planned.user_records)
    kind = "an aggregate" if planned.is_aggregate else "a record"
    return f"{kind} of {events} events" + (f", a copy of {planned.copy_of}" if planned.copy_of else "")
