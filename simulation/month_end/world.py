"""One seed of a month end: calls around the end of October, two paths, accidents, and an operator in a hurry.

Processor, watch, transform, comparison, repair, redrive and closing are the shipped
ones. What lies under them (the stream, the tables, Firehose, the lake) is in memory. Everything is drawn from
the seed, by a source of chance of its own.
"""

from __future__ import annotations

import copy
import gzip
import json
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from metering.billing_rule import BillingRule
from metering.calls.access_log import read_event
from metering.calls.delivery import LogEvent
from metering.calls.event_id import event_hash
from metering.calls.lake_row import LakeRow
from metering.calls.record import StreamRecord
from metering.counters.completeness import through
from metering.counters.heartbeat import Heartbeat, Landed, ListedShard
from metering.counters.ledger_layout import LedgerLayout
from metering.errors import Transient
from metering.period import Period
from metering.proof.logged_call import LoggedCall
from metering.proof.month_state import State
from metering.usage import NO_USAGE
from reconciliation.closing import NotProvenError, SealedMonths
from reconciliation.lake.readiness import ARRIVAL
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler, Sources
from reconciliation.redrive import redrive
from reconciliation.repair.barrier import StreamBarrier
from reconciliation.repair.plan import has_other_days
from reconciliation.repair.ports import RepairSources
from reconciliation.repair.repairer import Repairer
from reconciliation.repair.scope import NotRepairableError
from simulation.month_end.faults import Accident, MonthEndResult
from simulation.month_end.firehose import PERIOD_MS, SimulatedCloudWatch, SimulatedFirehose
from simulation.month_end.lake import SimulatedLake, StoredRow
from simulation.month_end.meter import SHIPPED_MONTH_END, MonthEndMeter
from simulation.month_end.stores import CountersOfMonths, ErrorObjectsInMemory, StatesOfMonths
from simulation.month_end.truth import CalledEvents, usage_of_keys
from simulation.protocol.faults import NO_FAULTS, Fault
from simulation.protocol.settings import DAY_MS, HOUR_MS, MINUTE_MS, WorldSettings, draw_settings
from simulation.protocol.store import (
    Counted,
    CounterId,
    SimulatedCounters,
    SimulatedLedger,
    SimulatedProgress,
    SimulatedStore,
)
from simulation.protocol.stream import SimulatedStream
from simulation.protocol.traffic import (
    MONTH_END_MS,
    Amounts,
    Logged,
    Planned,
    SimulatedTraffic,
    Truth,
    access_log_line,
    delivery,
)
from stream_processor.processor import Processor
from watch.tasks import send_heartbeats

OCTOBER: Final = Period("2026-10")
LAYOUT: Final = LedgerLayout(MINUTE_MS)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ARRIVED_BY: Final = MONTH_END_MS + int(ARRIVAL / timedelta(milliseconds=1))
_STEPS_AFTER: Final = 60
_LAST_ATTEMPTS: Final = 4
_SHARE: Final = {
    Accident.GIVEN_UP: 0.15,
    Accident.REPLAYED: 0.02,
    Accident.RESTORED: 0.02,
    Accident.OBJECT_LOST: 0.03,
    Accident.OBJECT_LATE: 0.03,
    Accident.ROW_ALTERED: 0.03,
    Accident.ROW_FOREIGN: 0.02,
}


class _GaveUpError(Exception):
    """The batch ends here, for good."""


class _Backup(NamedTuple):
    """The counters table as it was, and where the mapping stood."""

    counters: Any
    progress: Any
    completeness: Any
    audits: Any
    positions: dict[str, int]
    at: int


class _Ports:
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
        raise _GaveUpError

    def _one(self, write: Callable[[Sequence[Any]], list[Any]], request: object) -> list[Any]:
        if not self._left:
            raise _GaveUpError
        self._left -= 1
        return write([request])


class MonthEndWorld:
    """Everything that a seed makes."""

    def __init__(
        self, seed: int, meter: MonthEndMeter = SHIPPED_MONTH_END, *, keep_schedule: bool = False
    ) -> None:
        self.result = MonthEndResult(seed)
        self._dice = dice = random.Random(f"month end {seed}")
        self._meter = meter
        self._keep_schedule = keep_schedule
        self._accidents = {one for one in Accident if dice.random() < 0.4}
        self._planned = self._traffic()
        self._now = self._planned[0].at_ms - MINUTE_MS
        self._stream = SimulatedStream(dice, 2, 0, 10**55)
        self._positions = {shard.id: 0 for shard in self._stream.shards}
        counters, progress = SimulatedCounters(), SimulatedProgress()
        self._store = SimulatedStore(SimulatedLedger(), counters, progress)
        self._counters = CountersOfMonths(counters)
        self._states = StatesOfMonths()
        self._lake, self._errors = SimulatedLake(), ErrorObjectsInMemory()
        self._firehose = SimulatedFirehose(dice, self._stream, self._lake, self._errors)
        self._called = CalledEvents()
        self._has_log = dice.random() < 0.5
        self._log: list[LogEvent] = []
        self._given_up: set[int] = set()
        """Hashes of events whose batch was given up."""
        self._out_of_lake: set[int] = set()
        """Hashes of events of which the lake has lost or altered a row."""
        self._saved: dict[str, list[StoredRow]] = {}
        """Objects as they were, by name."""
        self._late: dict[str, tuple[int, list[StoredRow]]] = {}
        self._partly: set[str] = set()
        """Keys of which a month was repaired without some of its days: it takes no watermarks then."""
        self._repaired: set[str] = set()
        self._backup: _Backup | None = None
        self._runs = 0
        self._behind_until = 0

    def run(self) -> MonthEndResult:
        """Play everything, then bring it in order and close."""
        waiting = list(reversed(self._planned))
        left = _STEPS_AFTER
        while waiting or left:
            left -= not waiting
            if waiting and self._dice.random() < 0.3:
                self._put(waiting.pop())
            else:
                self._step(is_over=not waiting)
        self._bring_in_order()
        self.result.events = len(self._called.events)
        return self.result

    # --- The world

    def _traffic(self) -> list[Planned]:
        dice = self._dice
        settings = self._settings()
        planned = SimulatedTraffic(dice, settings).planned()
        if Accident.FAR_APART in self._accidents:
            self.result.injected[Accident.FAR_APART] += 1
            planned.append(_far_apart(dice, settings))
        return sorted(planned, key=lambda one: one.at_ms)

    def _settings(self) -> WorldSettings:
        dice = self._dice
        copies = (Fault.COPY_IN_SAME_SHARD, Fault.COPY_IN_OTHER_SHARD, Fault.COPY_IN_HOURS, Fault.RECUT_COPY)
        lines = (Fault.LATE_EVENT, Fault.LATE_DELIVERY, Fault.REPEATED_EVENT, Fault.MALFORMED)
        return replace(
            draw_settings(dice),
            events=dice.choice((6, 12, 24)),
            keys=dice.choice((1, 2, 3)),
            lines_of_a_delivery=dice.choice((1, 2, 3)),
            span_ms=dice.choice((4 * HOUR_MS, DAY_MS)),
            bursts=dice.choice((2, 6)),
            latest_event_ms=dice.choice((2_000, 20 * HOUR_MS)),
            latest_copy_ms=dice.choice((HOUR_MS, 10 * HOUR_MS)),
            rates={**NO_FAULTS, **{one: dice.choice((0.0, 0.1, 0.4)) for one in (*copies, *lines)}},
        )

    def _clock(self) -> datetime:
        return _EPOCH + timedelta(milliseconds=self._now)

    def _pass(self, milliseconds: int) -> None:
        self._now += milliseconds
        self._firehose.pass_to(self._now)

    def _put(self, planned: Planned) -> None:
        self._pass(max(0, planned.at_ms - self._now))
        shard = self._dice.choice(self._stream.open_shards)
        record = self._stream.put(shard, planned.data, self._now)
        truths = planned.user_records[0].truths
        self._called.send((shard.id, record.sequence_number), truths, self._now)
        self._firehose.metrics.forwarded[self._now // PERIOD_MS * PERIOD_MS] += len(truths)
        self._log += _log_events(planned)
        self._trace(f"{shard.id} gets {len(truths)} events")

    def _step(self, *, is_over: bool) -> None:
        drawn = self._dice.random()
        if drawn < 0.3:
            self._count(self._dice.choice(list(self._positions)))
        elif drawn < 0.5:
            self._read_into_lake()
        elif drawn < 0.65:
            send_heartbeats(self, self._store.completeness, self._clock())
        elif drawn < 0.75:
            self._pass(self._dice.choice((MINUTE_MS, 20 * MINUTE_MS, 4 * HOUR_MS if is_over else MINUTE_MS)))
        elif drawn < 0.9:
            self._strike()
        elif self._now > MONTH_END_MS:
            self._close_in_a_hurry()
        self._bring_late_objects()

    def _read_into_lake(self) -> None:
        if self._now < self._behind_until:
            self._firehose.deliver(self._now)
            return
        if Accident.FIREHOSE_BEHIND in self._accidents and self._dice.random() < 0.1:
            self._hit(Accident.FIREHOSE_BEHIND)
            self._behind_until = self._now + self._dice.choice((HOUR_MS, 4 * HOUR_MS))
        if self._dice.random() < 0.5:
            self._firehose.read(self._now)
        else:
            self._firehose.deliver(self._now)

    # --- The stream, as the watch and a repair see it

    def shards(self) -> Sequence[ListedShard]:
        """All of them."""
        return [ListedShard(one.id, "", True, (), one.first_number) for one in self._stream.shards]  # noqa: FBT003

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        """Put heartbeats."""
        landed = []
        for one in records:
            (shard,) = (shard for shard in self._stream.shards if shard.id == one.partition_key)
            landed.append(Landed(shard.id, self._stream.put(shard, one.data, self._now).sequence_number))
        return landed

    # --- Counting

    def _processor(self, ports: _Ports | None = None) -> Processor:
        """The shipped one, on the store or on ports that fail."""
        store = self._store
        whole = (self._meter.ledger(store.ledger), store.slices, store.counters, store.progress)
        return Processor(*(whole if ports is None else (ports,) * 4), layout=LAYOUT, rule=BillingRule())

    def _count(self, shard_id: str, most: int = 4, *, calm: bool = False) -> None:
        """Count a batch, or give it up."""
        (shard,) = (one for one in self._stream.shards if one.id == shard_id)
        place = self._positions[shard_id]
        batch = shard.records[place : place + self._dice.randint(1, most)]
        if not batch:
            return
        self.result.invocations += 1
        if calm or not self._is_given_up(batch):
            self._processor().process(batch)
        self._positions[shard_id] = place + len(batch)

    def _is_given_up(self, batch: Sequence[StreamRecord]) -> bool:
        hashes = {one for record in batch for one in self._hashes(record)}
        if not hashes or hashes & self._out_of_lake or not self._strikes(Accident.GIVEN_UP):
            return False
        self._given_up |= hashes
        self._hit(Accident.GIVEN_UP)
        try:
            self._processor(_Ports(self._store, self._dice.choice((0, 1, 2, 3, 100)))).process(batch)
        except _GaveUpError:
            self._trace(f"{batch[0].shard_id}: a batch of {len(hashes)} events is given up")
        return True

    def _hashes(self, record: StreamRecord) -> set[int]:
        return self._called.hashes_of((record.shard_id, record.sequence_number))

    def _catch_up(self) -> None:
        """Count all that is in the stream."""
        for shard in self._stream.shards:
            while self._positions[shard.id] < len(shard.records):
                self._count(shard.id, 8, calm=True)

    # --- Accidents

    def _strikes(self, accident: Accident) -> bool:
        return accident in self._accidents and self._dice.random() < _SHARE[accident] * 5

    def _hit(self, accident: Accident) -> None:
        self.result.injected[accident] += 1
        self._trace(accident.value)

    def _strike(self) -> None:
        accident = self._dice.choice(list(_SHARE))
        if accident is Accident.GIVEN_UP or accident not in self._accidents:
            return
        {
            Accident.REPLAYED: self._replay,
            Accident.RESTORED: self._restore,
            Accident.OBJECT_LOST: self._lose_object,
            Accident.OBJECT_LATE: self._delay_object,
            Accident.ROW_ALTERED: self._alter_row,
            Accident.ROW_FOREIGN: self._put_foreign_row,
        }[accident]()

    def _replay(self) -> None:
        """A mapping begins at an old place: what is right stays right."""
        self._catch_up()
        right = self._right()
        shard_id = self._dice.choice(list(self._positions))
        self._positions[shard_id] = self._dice.randint(0, self._positions[shard_id])
        self._hit(Accident.REPLAYED)
        self._backup = None  # it would take back what the replay has brought
        self._catch_up()
        self._still_right(right, "a replay", besides=self._partly)

    def _replay_all(self) -> None:
        """A mapping that was made anew reads the whole stream again, and with it what was given up."""
        self._catch_up()
        right = self._right()
        self._positions = dict.fromkeys(self._positions, 0)
        self._catch_up()
        self._still_right(right, "the stream was read again", besides=self._partly)

    def _restore(self) -> None:
        """The counters table goes back in time, and the mapping with it; the ledger stays."""
        if self._backup is None or self._dice.random() < 0.3:
            store = self._store
            kept = (store.counters.items, store.progress.items, store.completeness, self._counters.audits)
            self._backup = _Backup(*copy.deepcopy(kept), dict(self._positions), self._now)
            self._trace("a backup of the counters")
            return
        self._catch_up()
        right = self._right()
        backup = copy.deepcopy(self._backup)
        self._store.counters.items = backup.counters
        self._store.progress.items = backup.progress
        self._store.completeness = backup.completeness
        self._counters.audits = backup.audits
        self._positions = {**self._positions, **backup.positions}
        self._hit(Accident.RESTORED)
        self._catch_up()
        self._still_right(right, "a restore", besides=self._repaired)

    def _fit(self, rows: Iterable[StoredRow]) -> bool:
        """Whether the counters have these calls, so that somebody can know of them."""
        return not {one.row.eventhash for one in rows} & self._given_up

    def _lose_object(self) -> None:
        fitting = [name for name, rows in sorted(self._lake.objects.items()) if self._fit(rows)]
        if fitting:
            name = self._dice.choice(fitting)
            rows = self._lake.objects.pop(name)
            self._saved.setdefault(name, rows)
            self._out_of_lake |= {one.row.eventhash for one in rows}
            self._hit(Accident.OBJECT_LOST)

    def _delay_object(self) -> None:
        """An object is listed late: as after a redrive, or a copy of another bucket."""
        fitting = [name for name, rows in sorted(self._lake.objects.items()) if self._fit(rows)]
        if fitting:
            name = self._dice.choice(fitting)
            rows = self._lake.objects.pop(name)
            self._out_of_lake |= {one.row.eventhash for one in rows}
            self._late[name] = (self._now + self._dice.choice((HOUR_MS, 12 * HOUR_MS)), rows)
            self._hit(Accident.OBJECT_LATE)

    def _bring_late_objects(self) -> None:
        for name in [name for name, (at, _) in self._late.items() if at <= self._now]:
            self._lake.objects[name] = self._late.pop(name)[1]

    def _alter_row(self) -> None:
        fitting = [name for name, rows in sorted(self._lake.objects.items()) if self._fit(rows)]
        if not fitting:
            return
        name = self._dice.choice(fitting)
        rows = self._lake.objects[name]
        self._saved.setdefault(name, rows)
        place = self._dice.randrange(len(rows))
        self._out_of_lake.add(rows[place].row.eventhash)
        altered = [*rows]
        altered[place] = rows[place]._replace(row=_altered(self._dice, rows[place].row))
        self._lake.objects[name] = altered
        self._hit(Accident.ROW_ALTERED)

    def _put_foreign_row(self) -> None:
        """A row of a call that nobody made."""
        if not self._lake.objects or not self._has_log:
            return  # without the log nobody can tell it from a call that was not counted
        name = self._dice.choice(sorted(self._lake.objects))
        rows = self._lake.objects[name]
        self._saved.setdefault(name, rows)
        own_id = f"foreign-{self._dice.getrandbits(40):x}"
        row = copy.copy(rows[0].row)
        row.eventid, row.eventhash = own_id, event_hash(own_id)
        self._lake.objects[name] = [*rows, rows[0]._replace(row=row, number=len(rows))]
        self._hit(Accident.ROW_FOREIGN)

    # --- What is right

    def _right(self) -> set[CounterId]:
        """The counters that hold what was called."""
        expected, found = self._called.counted(), self._store.counted()
        return {place for place in expected if _same(expected[place], found.get(place))}

    def _still_right(self, before: set[CounterId], after: str, *, besides: Iterable[str] = ()) -> None:
        for key, period in sorted(before - self._right()):
            if key not in besides:
                self.result.differences.append(f"{key} {period} was right, and is not after {after}")

    # --- The operator

    def _sources(self) -> Sources:
        cloudwatch = SimulatedCloudWatch(self._firehose.metrics)
        return Sources(
            self._lake,
            self._counters,
            self._errors,
            self if self._has_log else None,
            _Counted(self._store),
            self._meter.delivered(cloudwatch, self._clock),
        )

    def holds(self, start: datetime, end: datetime) -> bool:
        """The port `LogWitness`: the log has all."""
        return start < end

    def calls(self, keys: Sequence[str], start: datetime, end: datetime) -> Iterable[LoggedCall]:
        """The port `LogWitness`."""
        for event in self._log:
            call = read_event(event, BillingRule()).call
            if call.key in keys and start <= _EPOCH + timedelta(milliseconds=event.timestamp) < end:
                yield LoggedCall(call, event.timestamp)

    def _run_id(self) -> str:
        self._runs += 1
        return f"run-{self._runs}"

    def _compare(self, run_id: str) -> Report:
        report = Reconciler(self._sources(), self._clock).reconcile(OCTOBER, run_id=run_id)
        self.result.comparisons += 1
        self.result.refusals += report.refused
        if not report.missing:
            self._check_complete()
        self._trace(f"compared: refused {report.refused}, agrees {report.agrees}, {report.missing}")
        return report

    def _check_complete(self) -> None:
        """Nothing is missing: so says the report. Then all that arrived in time is on both paths."""
        delivered = {event.hash for event in self._called.in_records(self._firehose.delivered)}
        for event in self._called.events.values():
            if event.time.startswith(OCTOBER) and event.arrived_at < _ARRIVED_BY:
                if event.hash not in delivered:
                    self.result.untrue.append(f"{event.truth.key} at {event.time} is not in the lake")
                if event.hash not in self._given_up and not self._store.holds(event.sent):
                    self.result.untrue.append(f"{event.truth.key} at {event.time} is not counted")

    def _repair(self, report: Report, lower: str) -> None:
        try:
            scope = self._meter.scope(report, lower)
            barrier = StreamBarrier(self, self._store.completeness, self._clock, self._wait)
            sources = RepairSources(
                self._lake,
                self._counters,
                self._errors,
                self._meter.store(self._counters),
                self._meter.barrier(barrier),
            )
            prepared = Repairer(sources, self._clock, "ops").prepare(scope)
            plans = list(prepared.plans())
            right = self._right()
            repaired = prepared.carry_out(plans)
        except (NotRepairableError, Transient) as error:
            self._trace(f"not repaired: {error}")
            return
        self.result.corrections += repaired.written
        for plan in plans:
            self._repaired.add(plan.key)
            if any(has_other_days(one, plan.taken) for one in plan.corrections):
                self._partly.add(plan.key)
        self._trace(f"repaired: {repaired.written} counters")
        self._still_right(right, "a repair")
        right = self._right()
        self._catch_up()
        self._still_right(right, "what was in flight during a repair")

    def _wait(self, seconds: float) -> None:
        self._pass(round(seconds * 1000))
        self._catch_up()

    def _close_in_a_hurry(self) -> None:
        """Compare, repair, close: whatever the time, and whatever it says."""
        drawn = self._dice.random()
        if drawn < 0.2:
            self._redrive()
        if self._dice.random() < 0.5 and self._now >= self._behind_until:
            if Accident.LATE_CALL in self._accidents:
                self._log_late()
            self._firehose.catch_up(self._now)
        report = self._compare(self._run_id())
        if not report.refused and not report.agrees and drawn < 0.8:
            self._repair(report, self._dice.choice(("", "they hold too much")))
        before = self.result.sealings
        self._close()
        self.result.sealed_in_a_hurry += self.result.sealings - before

    def _log_late(self) -> None:
        """A call of the month is logged hours late: Firehose has it before its batch is counted."""
        own_time = self._now - self._dice.randrange(MINUTE_MS, 23 * HOUR_MS)
        if own_time < MONTH_END_MS:
            self._hit(Accident.LATE_CALL)
            own_id = f"late {len(self._called.events)}="
            event = _logged(own_id, self._now, own_time, f"key-{self._dice.randrange(2)}")
            self._put(Planned(self._now, (delivery([event]),)))

    def _redrive(self) -> None:
        redrive(self._errors, self._lake, BillingRule())
        self._firehose.redriven()

    def _close(self) -> None:
        found = self._states.read(OCTOBER)
        if found is not None and found.closing.state is State.SEALED:
            return
        closer = self._meter.closer(
            self._states,
            self._lake,
            lambda _, run_id: self._meter.report(self._compare(run_id)),
            self._clock,
            "ops",
        )
        try:
            closer.close(OCTOBER, run_id=self._run_id())
        except (NotProvenError, Transient) as error:
            self.result.refusals += 1
            self._trace(f"not closed: {error}")
            return
        self.result.sealings += 1
        self._trace("sealed")
        self._check_sealed()

    def _check_sealed(self) -> None:
        """What is billed is what was called, as far as it had come by then; and nothing that came in time is
        missing.
        """
        sealed = SealedMonths(self._states, self._lake).sealed_usage(OCTOBER)
        called = usage_of_keys(self._called.in_records(self._firehose.delivered), OCTOBER)
        for key in sorted(sealed.keys() | called.keys()):
            if sealed.get(key, NO_USAGE) != called.get(key, NO_USAGE):
                self.result.differences.append(
                    f"{key} {OCTOBER} is sealed with {sealed.get(key)}, and {called.get(key)} was called"
                )
        self._check_complete()

    def _bring_in_order(self) -> None:
        """Everything that was lost comes back, and all is counted and delivered: then the month is closed."""
        self._lake.objects |= {name: rows for name, (_, rows) in self._late.items()} | self._saved
        self._now = max(self._now, MONTH_END_MS)
        for _ in range(_LAST_ATTEMPTS):
            self._pass(2 * HOUR_MS)
            send_heartbeats(self, self._store.completeness, self._clock())
            self._catch_up()
            self._firehose.catch_up(self._now)
            self._redrive()
        self._pass(2 * HOUR_MS)
        right = self._right()
        for _ in range(_LAST_ATTEMPTS):
            report = self._compare(self._run_id())
            if report.agrees and not report.refused:
                break
            self._repair(report, "all is in order now")
        self._still_right(right, "the last repairs")
        self._close()
        self._replay_all()
        self._check_end()

    def _check_end(self) -> None:
        """With the log each cause is found, so that everything can be brought in order. Without it some calls
        cannot be named, and it is right to leave the month open.
        """
        if not self._has_log:
            return
        found = self._states.read(OCTOBER)
        if found is None or found.closing.state is not State.SEALED:
            self.result.differences.append(f"{OCTOBER} cannot be closed though everything is in order")
        expected, counted = self._called.counted(), self._store.counted()
        for key, period in sorted(expected):
            if period.startswith(OCTOBER) and not _same(expected[key, period], counted.get((key, period))):
                self.result.differences.append(f"{key} {period} is not right in the end")

    def _trace(self, text: str) -> None:
        if self._keep_schedule:
            self.result.schedule.append(f"{self._clock():%m-%dT%H:%M:%S} {text}")


class _Counted(NamedTuple):
    """How far everything is counted, as the watch knows it: a :class:`reconciliation.ports.Path`."""

    store: SimulatedStore

    def complete_through(self) -> datetime | None:
        """In the watch's time."""
        time = through(*self.store.completeness.load())
        return None if time is None else _EPOCH + timedelta(milliseconds=time)


def _same(expected: Counted, found: Counted | None) -> bool:
    if found is None:
        return False
    parts = {part: count for part, count in found.parts.items() if count}
    return expected.totals == found.totals and expected.parts == parts


def _log_events(planned: Planned) -> list[LogEvent]:
    """What the log group keeps of a delivery."""
    document = json.loads(gzip.decompress(planned.data))
    return [LogEvent(one["id"], one["timestamp"], one["message"]) for one in document["logEvents"]]


def _far_apart(dice: random.Random, settings: WorldSettings) -> Planned:
    """A delivery whose calls lie over 48 hours apart has no partition, and goes to the error prefix."""
    ends = MONTH_END_MS - 2 * HOUR_MS
    events = []
    for number, (logged_at, own_time) in enumerate(
        ((ends - 28 * HOUR_MS, ends - 51 * HOUR_MS), (ends, ends - MINUTE_MS))
    ):
        key = f"key-{dice.randrange(settings.keys)}"
        events.append(_logged(f"far apart {number}=", logged_at, own_time, key))
    return Planned(ends + MINUTE_MS, (delivery(events),))


def _logged(own_id: str, logged_at: int, own_time: int, key: str) -> Logged:
    truth = Truth(key, own_id, own_time, Amounts(1, 0, 10, 17, 5))
    return Logged(own_id, logged_at, access_log_line(truth, own_id, own_time, 200), truth)


def _altered(dice: random.Random, row: LakeRow) -> LakeRow:
    """A row that somebody has changed, so that other calls or amounts would be billed."""
    changed = copy.copy(row)
    match dice.randrange(5):
        case 0:
            changed.apikeyid = "another" if row.apikeyid != "another" else "key-0"
        case 1:
            changed.billable = not row.billable
        case 2:
            changed.responsesize = (row.responsesize or 0) + 1000
        case 3:
            changed.eventid = f"{row.eventid}x"
        case _:
            changed.eventhash = row.eventhash ^ 1
    return changed
