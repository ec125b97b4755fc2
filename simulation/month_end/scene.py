"""What a month end plays on: the stream, its counting, the two tables, Firehose, the lake and the log group.

Processor, watch and transform are the shipped ones. What lies under them is in memory.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, NamedTuple

from metering.billing_rule import BillingRule
from metering.calls.access_log import read_event
from metering.calls.call import Call
from metering.calls.delivery import LogEvent
from metering.calls.record import StreamRecord
from metering.counters.completeness import through
from metering.counters.heartbeat import Heartbeat, Landed, ListedShard
from metering.counters.ledger_layout import LedgerLayout
from metering.period import Period
from metering.proof.logged_call import LoggedCall
from reconciliation.reconcile import Sources
from simulation.month_end.faults import SHARES, Accident, MonthEndResult
from simulation.month_end.firehose import PERIOD_MS, SimulatedCloudWatch, SimulatedFirehose
from simulation.month_end.lake import SimulatedLake, StoredRow
from simulation.month_end.meter import MonthEndMeter
from simulation.month_end.stores import CountersOfMonths, ErrorObjectsInMemory, StatesOfMonths
from simulation.month_end.truth import CalledEvents
from simulation.protocol.readings import Readings
from simulation.protocol.settings import MINUTE_MS
from simulation.protocol.store import SimulatedCounters, SimulatedLedger, SimulatedProgress, SimulatedStore
from simulation.protocol.stream import SimulatedStream
from simulation.protocol.traffic import Planned
from stream_processor.processor import Processor

OCTOBER: Final = Period("2026-10")
LAYOUT: Final = LedgerLayout(MINUTE_MS)
RULE: Final = BillingRule()
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class GaveUpError(Exception):
    """The batch ends here, for good."""


class Ports:
    """The ports of a batch that is given up after so many writes."""

    def __init__(self, store: SimulatedStore, writes: int) -> None:
        self._store = store
        self._left = writes
        self.register = store.slices.register

    def append(self, appends: Sequence[Any]) -> list[Any]:
        """The port `Ledger`."""
        return [answer for one in appends for answer in self._one(self._store.ledger.append, one)]

    def add(self, increments: Sequence[Any]) -> list[Any]:
        """The port `Counters`."""
        return [answer for one in increments for answer in self._one(self._store.counters.add, one)]

    def note(self, _progress: object) -> None:
        """The port `ProgressLog`."""
        raise GaveUpError

    def _one(self, write: Callable[[Sequence[Any]], list[Any]], request: object) -> list[Any]:
        if not self._left:
            raise GaveUpError
        self._left -= 1
        return write([request])


class Scene:
    """Everything that the accidents and the operator of a seed share. One source of chance draws it all."""

    def __init__(  # noqa: PLR0913 - what a world has drawn
        self,
        result: MonthEndResult,
        dice: random.Random,
        meter: MonthEndMeter,
        accidents: set[Accident],
        planned: Sequence[Planned],
        *,
        keep_schedule: bool,
    ) -> None:
        self.result = result
        self.dice = dice
        self.meter = meter
        self.accidents = accidents
        self.now = planned[0].at_ms - MINUTE_MS
        self.stream = SimulatedStream(dice, 2, 0, 10**55)
        self.positions = {shard.id: 0 for shard in self.stream.shards}
        counters, progress = SimulatedCounters(), SimulatedProgress()
        self.store = SimulatedStore(SimulatedLedger(), counters, progress)
        self.counters = CountersOfMonths(counters)
        self.states = StatesOfMonths()
        self.lake, self.errors = SimulatedLake(), ErrorObjectsInMemory()
        self.firehose = SimulatedFirehose(dice, self.stream, self.lake, self.errors)
        self.called = CalledEvents()
        self.has_log = dice.random() < 0.5
        self.given_up: set[int] = set()
        """Hashes of events whose batch was given up."""
        self.out_of_lake: set[int] = set()
        """Hashes of events of which the lake has lost or altered a row."""
        self.unknowable: set[int] = set()
        """Hashes of events whose row was altered before they were counted, and that no log has: nobody can
        know then what was called.
        """
        self.unclaimed: set[int] = set()
        """Hashes of events that a repair has brought in, whose batches had claimed nothing."""
        self.saved: dict[str, list[StoredRow]] = {}
        """Objects as they were, by name."""
        self.late: dict[str, tuple[int, list[StoredRow]]] = {}
        """Objects that are listed later, with the time."""
        self.partly: set[str] = set()
        """Keys of which a month was repaired without some of its days: it takes no watermarks then."""
        self.repaired: set[str] = set()
        self.behind_until = 0
        """Until then Firehose reads nothing."""
        self._readings = Readings()
        self._log: list[LogEvent] = []
        self._calls: list[Call] = []
        """Of the first of those, as far as somebody has read them."""
        self._keep_schedule = keep_schedule

    def clock(self) -> datetime:
        """The time, as a clock of the meter shows it."""
        return _EPOCH + timedelta(milliseconds=self.now)

    def pass_by(self, milliseconds: int) -> None:
        """Let time pass."""
        self.now += milliseconds
        self.firehose.pass_to(self.now)

    def trace(self, text: str) -> None:
        """Note what happened, if a schedule is kept."""
        if self._keep_schedule:
            self.result.schedule.append(f"{self.clock():%m-%dT%H:%M:%S} {text}")

    def hit(self, accident: StrEnum) -> None:
        """An accident happens."""
        self.result.injected[accident] += 1
        self.trace(accident.value)

    def log(self, planned: Planned) -> None:
        """A delivery is put into the stream, when its time has come."""
        self.pass_by(max(0, planned.at_ms - self.now))
        shard = self.dice.choice(self.stream.open_shards)
        record = self.stream.put(shard, planned.data, self.now)
        truths = planned.user_records[0].truths
        self.called.send((shard.id, record.sequence_number), truths, self.now)
        self.firehose.metrics.forwarded[self.now // PERIOD_MS * PERIOD_MS] += len(truths)
        self._log += _log_events(planned)
        self.trace(f"{shard.id} gets {len(truths)} events")

    # --- The stream, as the watch and a repair see it

    def shards(self) -> Sequence[ListedShard]:
        """All of them."""
        return [ListedShard(one.id, "", True, (), one.first_number) for one in self.stream.shards]  # noqa: FBT003

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        """Put heartbeats."""
        landed = []
        for one in records:
            (shard,) = (shard for shard in self.stream.shards if shard.id == one.partition_key)
            landed.append(Landed(shard.id, self.stream.put(shard, one.data, self.now).sequence_number))
        return landed

    # --- Counting

    def processor(self, ports: Ports | None = None, rule: BillingRule = RULE) -> Processor:
        """The shipped one, on the store or on ports that fail."""
        store = self.store
        whole = (self.meter.ledger(store.ledger), store.slices, store.counters, store.progress)
        return Processor(
            *(whole if ports is None else (ports,) * 4), layout=LAYOUT, rule=rule, read=self._readings
        )

    def count(self, shard_id: str, most: int = 4, *, calm: bool = False) -> None:
        """Count a batch, or give it up."""
        (shard,) = (one for one in self.stream.shards if one.id == shard_id)
        place = self.positions[shard_id]
        batch = shard.records[place : place + self.dice.randint(1, most)]
        if not batch:
            return
        self.result.invocations += 1
        if calm or not self._is_given_up(batch):
            self.processor().process(batch)
        self.positions[shard_id] = place + len(batch)

    def _is_given_up(self, batch: Sequence[StreamRecord]) -> bool:
        hashes = {one for record in batch for one in self.hashes(record)}
        if not hashes or hashes & self.out_of_lake or not self._strikes(Accident.GIVEN_UP):
            return False
        self.given_up |= hashes
        self.hit(Accident.GIVEN_UP)
        try:
            self.processor(Ports(self.store, self.dice.choice((0, 1, 2, 3, 100)))).process(batch)
        except GaveUpError:
            self.trace(f"{batch[0].shard_id}: a batch of {len(hashes)} events is given up")
        return True

    def hashes(self, record: StreamRecord) -> set[int]:
        """Of the events of a record; a heartbeat has none."""
        return self.called.hashes_of((record.shard_id, record.sequence_number))

    def _strikes(self, accident: Accident) -> bool:
        return accident in self.accidents and self.dice.random() < SHARES[accident] * 5

    def catch_up(self) -> None:
        """Count all that is in the stream."""
        for shard in self.stream.shards:
            while self.positions[shard.id] < len(shard.records):
                self.count(shard.id, 8, calm=True)

    # --- What a comparison and a repair read

    def sources(self) -> Sources:
        """What a comparison reads."""
        cloudwatch = SimulatedCloudWatch(self.firehose.metrics)
        return Sources(
            self.lake,
            self.counters,
            self.errors,
            self if self.has_log else None,
            _Counted(self.store),
            self.meter.delivered(cloudwatch, self.clock),
        )

    def holds(self, start: datetime, end: datetime) -> bool:
        """The port `LogWitness`: the log has all."""
        return start < end

    def calls(self, keys: Sequence[str], start: datetime, end: datetime) -> Iterable[LoggedCall]:
        """The port `LogWitness`."""
        self._calls += [read_event(event, RULE).call for event in self._log[len(self._calls) :]]
        for event, call in zip(self._log, self._calls, strict=True):
            if call.key in keys and start <= _EPOCH + timedelta(milliseconds=event.timestamp) < end:
                yield LoggedCall(call, event.timestamp)


class _Counted(NamedTuple):
    """How far everything is counted, as the watch knows it: a :class:`reconciliation.ports.Path`."""

    store: SimulatedStore

    def complete_through(self) -> datetime | None:
        """In the watch's time."""
        time = through(*self.store.completeness.load())
        return None if time is None else _EPOCH + timedelta(milliseconds=time)


def _log_events(planned: Planned) -> list[LogEvent]:
    """What the log group keeps of a delivery."""
    document = json.loads(gzip.decompress(planned.data))
    return [LogEvent(one["id"], one["timestamp"], one["message"]) for one in document["logEvents"]]
