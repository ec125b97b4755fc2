"""A soak from its first minute to its verdict."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Self

from local_cloud.lambda_.event_source_mapping import MappingInvocation
from local_cloud.stack import LocalCloud
from simulation.processes.oracle import Usages, counted
from simulation.soak import script
from simulation.soak.alarms import Alarms, length_in_minutes, metric_of
from simulation.soak.clock import SoakClock
from simulation.soak.cost import BilledUnits, Cost
from simulation.soak.faults import FaultMode, ServiceFaults, soak_time
from simulation.soak.memory import garbage_of_this_run, resident_bytes, share_one_heap, stored_data
from simulation.soak.meter import PARAMETERS, SteppedMeter
from simulation.soak.metrics import MINUTE, MetricStore, NamedMetric, metrics_read_from_output
from simulation.soak.result import MinuteResult, RoundResult, SoakResult
from simulation.soak.traffic import SoakTraffic, TrafficKind

TICK = 20
"""Seconds between two puts of traffic."""
RETRIES_AFTER = (60, 120)
"""Seconds after which Lambda repeats an asynchronous invocation that failed.
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""


@dataclass(frozen=True, slots=True)
class SoakSettings:
    """How long, and how much."""

    minutes: float = script.MINUTES
    """Real ones for all rounds; 0 is as fast as this machine computes."""
    calls_of_a_tick: int = 100
    seed: int = 1
    comparisons: int = 20
    """After each round, one after the other."""

    @classmethod
    def of_rate(cls, minutes: float, rate: float, seed: int, comparisons: int) -> Self:
        """With so many calls in a real second, where there are real minutes."""
        return cls(minutes, max(1, round(rate * TICK / (_speed(minutes) or 1))), seed, comparisons)

    @property
    def speed(self) -> float | None:
        """Seconds of the script in one real second."""
        return _speed(self.minutes)


def _speed(minutes: float) -> float | None:
    return script.ROUNDS * script.ROUND / minutes if minutes else None


@dataclass(slots=True)
class _Worst:
    """The highest lag since the last look."""

    seconds: float = 0.0

    def note(self, seconds: float) -> None:
        self.seconds = max(self.seconds, seconds)

    def take(self) -> float:
        found, self.seconds = self.seconds, 0.0
        return found


class Soak:
    """One run. What becomes of each minute goes to `on_minute`."""

    def __init__(self, settings: SoakSettings, on_minute: Callable[[MinuteResult], None]) -> None:
        self._settings = settings
        self._on_minute = on_minute
        self._worst = _Worst()
        self._undelivered: list[tuple[str, str]] = []  # months and runs on which all attempts failed
        self._minutes: list[MinuteResult] = []
        self._rounds: list[RoundResult] = []
        self._length = script.ROUNDS * script.ROUND

    def run(self) -> SoakResult:
        """Play the rounds, and compare."""
        share_one_heap()
        start = datetime.now(UTC).replace(second=0, microsecond=0)
        self._clock = SoakClock(
            start
            - timedelta(minutes=self._length - self._settings.minutes)
            - (script.ROUNDS - 1) * script.BETWEEN_ROUNDS,
            self._settings.speed,
        )
        with ExitStack() as ends:
            self._cloud = ends.enter_context(LocalCloud(PARAMETERS, now=self._clock.now))
            self._cloud.clock.follow(self._clock.now())
            self._metrics = MetricStore(self._clock.monotonic)
            ends.enter_context(metrics_read_from_output(self._metrics))
            ends.enter_context(soak_time(self._clock.now, self._clock.sleep))
            self._faults = ServiceFaults(self._mode_of, self._refuses, self._clock.sleep, self._on_throttled)
            self._traffic = SoakTraffic(
                self._cloud, self._clock, self._settings.calls_of_a_tick, self._settings.seed
            )
            self._meter = SteppedMeter(
                self._cloud, self._clock, self._metrics, self._faults, self._on_invocation
            )
            self._alarms = Alarms(self._cloud.stack, self._metrics)
            self._cost = Cost()
            random.seed(self._settings.seed)  # boto draws its pauses
            ends.enter_context(garbage_of_this_run())
            self._clock.next_due, self._clock.on_due = 0.0, self._put_traffic
            for minute in range(self._length):
                if minute and minute % script.ROUND == 0:
                    self._rounds.append(self._round())
                    self._clock.skip(script.BETWEEN_ROUNDS)
                self._play(minute)
            self._settle()
            self._rounds.append(self._round())
            return self._result()

    def _settle(self) -> None:
        """Wait until jobs are done, and Firehose has written what it holds."""
        while self._clock.has_jobs or self._meter.delivery.age_of_oldest:
            self._clock.advance(self._clock.seconds + TICK)
            self._meter.deliver()

    def _play(self, minute: int) -> None:
        """One minute of the script."""
        now = self._in_minute(minute)
        is_stopped = any(one.stops_consumer for one in now)
        if not is_stopped and any(one.stops_consumer for one in self._in_minute(minute - 1)):
            self._meter.restart()
        self._clock.advance(minute * MINUTE)
        self._scheduled(minute)
        for tick in range(MINUTE // TICK):
            self._clock.advance(minute * MINUTE + tick * TICK)
            self._count(minute, is_stopped=is_stopped)
            self._clock.advance(self._clock.seconds + 1)  # the batching window is over
            self._count(minute, is_stopped=is_stopped)
            self._meter.deliver()
        self._clock.advance((minute + 1) * MINUTE - 1)
        self._end(minute, [one.name for one in now])

    def _count(self, minute: int, *, is_stopped: bool) -> None:
        self._cloud.clock.follow(self._clock.now())
        if not is_stopped:
            self._meter.count(until=(minute + 1) * MINUTE)
        self._worst.note(self._traffic.oldest_seconds)

    def _scheduled(self, minute: int) -> None:
        """What schedules and people do at the beginning of a minute."""
        self._cloud.clock.follow(self._clock.now())
        of_round = minute % script.ROUND
        if of_round in script.SHARDS:
            self._cloud.stream.resize(script.SHARDS[of_round])
        self._meter.watch("heartbeat")
        if of_round % script.INSPECTION_MINUTES == 0:
            self._meter.watch("inspection")
        if of_round % script.SOURCE_MINUTES == 0:
            self._meter.watch("source")
        if of_round in script.COMPARISONS:
            self._clock.begin(partial(self._compare, f"{self._clock.now():%Y-%m}", f"minute-{minute}"))
        if of_round == script.RESENT:
            resent, self._undelivered = self._undelivered, []
            for month, run in resent:
                self._clock.begin(partial(self._compare, month, run))

    def _compare(self, month: str, run: str) -> None:
        """What Lambda does with an event: it repeats what fails, and hands on what fails each time."""
        for pause in (0, *RETRIES_AFTER):
            if pause:
                self._clock.sleep(pause)
            if self._meter.reconcile(month, run) is not None:
                return
        self._undelivered.append((month, run))

    def _end(self, minute: int, disturbances: list[str]) -> None:
        """Measure a minute at its end."""
        self._meter.measure_firehose()
        self._metrics.put(
            metric_of(self._alarms.definitions["UndeliveredEventsAlarm"]), len(self._undelivered)
        )
        found = sum(
            usage.requests for (_, period), usage in counted(self._cloud).items() if _is_month(period)
        )
        traffic = self._traffic
        result = MinuteResult(
            minute=minute,
            calls=traffic.calls,
            counted=found,
            lag_seconds=round(max(self._worst.take(), traffic.oldest_seconds), 1),
            memory_bytes=resident_bytes(),
            cost_usd=self._cost.of_minute(self._units(minute)),
            drift=max(0, traffic.settled - found) + max(0, found - traffic.sent),
            alarms=tuple(sorted(self._alarms.evaluate(minute))),
            disturbances=tuple(disturbances),
            faults=dict(self._faults.disturbed),
        )
        self._minutes.append(result)
        self._on_minute(result)

    def _units(self, until: int) -> BilledUnits:
        invocations = sum(
            value
            for minute in range(until + 1)
            for metric, value in self._metrics.sums(minute).items()
            if metric.name == "Invocations"
        )
        progress = self._meter.delivery.progress
        return BilledUnits(
            write_units=self._faults.answered_writes,
            lambda_runs=invocations,
            shard_minutes=len(self._cloud.stream.open_shards()),
            records=progress.read,
            s3_writes=progress.objects_written,
        )

    def _result(self) -> SoakResult:
        compared = [one for month in self._months for one in self._meter.reconcile(month, "end") or []]
        definitions = self._alarms.definitions
        return SoakResult(
            minutes=tuple(self._minutes),
            rounds=tuple(self._rounds),
            real_minutes=self._settings.minutes,
            events=self._traffic.sent,
            wrong_counters=tuple(_differences(self._traffic.expected, counted(self._cloud))),
            months_compared=len(compared),
            months=len(self._months),
            lake_differences=sum(int(one["differences"] + one["contradictions"]) for one in compared),
            failures=dict(self._meter.failures),
            given_up=self._meter.mapping.progress.discarded,
            lengths={name: length_in_minutes(alarm) for name, alarm in definitions.items()},
        )

    @property
    def _months(self) -> list[str]:
        return sorted({period for _, period in self._traffic.expected if _is_month(period)})

    def _round(self) -> RoundResult:
        """What the process holds at a round's end, after its comparisons."""
        memory = [self._memory_after_comparison(number) for number in range(self._settings.comparisons)]
        return RoundResult(memory, stored_data(self._cloud, self._traffic.calls))

    def _memory_after_comparison(self, number: int) -> int:
        self._meter.reconcile(f"{self._clock.now():%Y-%m}", f"memory-{number}")
        return resident_bytes()

    def _put_traffic(self) -> None:
        """Put what is due now. In a round's last minutes nothing is due, and nothing after the last round."""
        clock, minute = self._clock, int(self._clock.seconds // MINUTE)
        if minute % script.ROUND >= script.MINUTES or minute >= self._length:
            next_round = (minute // script.ROUND + 1) * script.ROUND
            clock.next_due = next_round * MINUTE if next_round < self._length else float("inf")
            return
        clock.next_due += TICK
        self._cloud.clock.follow(clock.now())
        kinds = [one.traffic for one in self._in_minute(minute) if one.traffic is not TrafficKind.STEADY]
        is_first = int(clock.seconds) % MINUTE == 0
        self._traffic.put(
            kinds[0] if kinds else TrafficKind.STEADY, f"fresh-{minute:02d}" if is_first else None
        )

    def _on_invocation(self, invocation: MappingInvocation) -> None:
        for record in invocation.processed:
            self._worst.note(self._traffic.settle(record.data) or 0.0)

    def _mode_of(self, service: str) -> FaultMode | None:
        now = self._in_minute(int(self._clock.seconds // MINUTE))
        return dict(fault for one in now for fault in one.faults).get(service)

    def _in_minute(self, minute: int) -> list[script.ScriptedDisturbance]:
        """What lasts in a minute of the soak."""
        return script.in_minute(minute % script.ROUND) if minute < self._length else []

    def _refuses(self, table: str) -> bool:
        """The counters are refused in the first half of a minute, in which they are read, too; the ledger is
        refused in the second.
        """
        is_first_half = self._clock.seconds % MINUTE < MINUTE / 2
        return table == self._cloud.stack.name("CountersTable" if is_first_half else "LedgerTable")

    def _on_throttled(self, table: str, name: str) -> None:
        self._metrics.put(NamedMetric("AWS/DynamoDB", name, ("TableName", table)), 1)


def _is_month(period: str) -> bool:
    return len(period) == len("2026-10")


def _differences(expected: Counter[tuple[str, str]], found: Usages) -> list[str]:
    """Each counter whose number of requests is not what it must be."""
    return [
        f"{key} {period}: sent {expected[key, period]}, counted {_requests(found, (key, period))}"
        for key, period in sorted(expected.keys() | found.keys())
        if expected[key, period] != _requests(found, (key, period))
    ]


def _requests(found: Usages, place: tuple[str, str]) -> int:
    usage = found.get(place)
    return 0 if usage is None else usage.requests
