"""The whole protocol over real deliveries: what it counts, and what it reports."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.billing_rule import BillingRule
from metering.calls.record import StreamRecord
from metering.counters.ledger_layout import LedgerLayout
from metering.counters.ports import (
    Append,
    Arrivals,
    CounterAnswer,
    Increment,
    LedgerAnswer,
    Progress,
    SliceId,
    Status,
)
from metering.errors import Misconfigured
from metering.period import Period
from simulation.protocol.store import SimulatedCounters, SimulatedLedger, SimulatedProgress, SimulatedSlices
from stream_processor.processor import BatchReport, Processor
from tests.factories import (
    KEY,
    NOON_MS,
    SHARD,
    control_message,
    delivery,
    line,
    sequence_number,
    stream_record,
)

MONTH = Period("2026-10")
OTHER_SHARD = "shardId-000000000001"
SLOT_MS = 5_000


class Ledger(SimulatedLedger):
    """A ledger that does not answer for some slots."""

    def __init__(self) -> None:
        super().__init__()
        self.silent_slots: set[int] = set()

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        return [
            LedgerAnswer(Status.UNAVAILABLE)
            if one.page.slot in self.silent_slots
            else super(Ledger, self).append([one])[0]
            for one in appends
        ]


class Counters(SimulatedCounters):
    """Counters that do not answer for some keys."""

    def __init__(self) -> None:
        super().__init__()
        self.silent_keys: set[str] = set()

    def add(self, increments: Sequence[Increment]) -> list[CounterAnswer]:
        return [
            CounterAnswer(Status.UNAVAILABLE)
            if one.key in self.silent_keys
            else super(Counters, self).add([one])[0]
            for one in increments
        ]


class Slices(SimulatedSlices):
    """A registry that may not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.is_silent = False

    def register(self, slices: Sequence[SliceId]) -> list[Status]:
        return [Status.UNAVAILABLE] * len(slices) if self.is_silent else super().register(slices)


@dataclass
class Meter:
    """A processor on a store of its own. Nobody looks for thresholds."""

    ledger: Ledger = field(default_factory=Ledger)
    slices: Slices = field(default_factory=Slices)
    counters: Counters = field(default_factory=Counters)
    progress: SimulatedProgress = field(default_factory=SimulatedProgress)

    @property
    def processor(self) -> Processor:
        """A new one each time: it keeps nothing."""
        return Processor(
            self.ledger,
            self.slices,
            self.counters,
            self.progress,
            layout=LedgerLayout(SLOT_MS),
            rule=BillingRule(),
        )

    def process(self, *records: StreamRecord) -> BatchReport:
        """Count a batch."""
        return self.processor.process(records)

    def requests(self, key: str = KEY) -> int:
        """The requests of a key in the month."""
        return self.counters.usage(key, MONTH).requests

    def reached(self, shard_id: str = SHARD) -> int | None:
        """The number of the last record that the shard's progress names."""
        found = self.progress.items.get(shard_id)
        return None if found is None else found.position - int(sequence_number())


@pytest.fixture
def meter() -> Meter:
    """An empty meter."""
    return Meter()


def call(event_id: str, key: str | None = KEY, *, after_ms: int = 0) -> str:
    """A line of a call at noon or after."""
    return line(extendedRequestId=event_id, apiKeyId=key, requestTimeEpoch=str(NOON_MS + after_ms))


def record(number: int, *lines: str, shard_id: str = SHARD) -> StreamRecord:
    """A record of that number, which arrived so many seconds after noon."""
    return stream_record(
        delivery(lines), number=number, shard_id=shard_id, arrived_at_ms=NOON_MS + 1000 * number
    )


class TestReport:
    def test_fates(self, meter: Meter) -> None:
        """Every log event of a batch has one fate in the report."""
        report = meter.process(
            record(0, call("a"), call("b", "-"), "no line"),
            record(1, call("a"), call("c"), call("c")),
            stream_record(control_message(), number=2),
            stream_record(b"\x1f\x8bno gzip", number=3),
        )
        assert (4, 6, 1) == (report.records, report.log_events, report.control)
        assert (2, 1, 1, 1) == (report.metered, report.unattributed, report.malformed, report.undecodable)
        assert (2, 0, None) == (report.duplicates, report.refused, report.failed_from)
        assert report.log_events == (
            report.metered + report.unattributed + report.malformed + report.duplicates
        )

    def test_repeated(self, meter: Meter) -> None:
        """A repeated batch is reported as refused, and not as counted once more."""
        batch = [record(0, call("a"), call("b", "-"))]
        meter.process(*batch)
        report = meter.process(*batch)
        assert (0, 0, 4, 0) == (report.metered, report.unattributed, report.refused, report.duplicates)
        assert 1 == meter.requests()

    def test_counted_through(self, meter: Meter) -> None:
        """It says when the last record that is in arrived, and the shard's progress does so too."""
        report = meter.process(record(3, call("a")), record(4, call("b")))
        assert NOON_MS + 4000 == report.counted_through_ms
        assert (4, NOON_MS + 4000) == (meter.reached(), meter.progress.items[SHARD].arrived_at_ms)

    def test_totals(self, meter: Meter) -> None:
        """It holds the counters' totals after each increment."""
        meter.process(record(0, call("a")))
        report = meter.process(record(1, call("b"), call("c")))
        assert [("2026-10", 3), ("2026-10-31", 3)] == [
            (increment.period, totals.requests) for increment, totals in report.totals
        ]

    def test_empty(self, meter: Meter) -> None:
        """A batch without records is nothing."""
        assert BatchReport() == meter.process()
        assert {} == meter.progress.items

    def test_only_control(self, meter: Meter) -> None:
        """A batch without calls moves the progress, and writes no counter."""
        report = meter.process(stream_record(control_message(), number=5))
        assert (None, 5, {}) == (report.failed_from, meter.reached(), meter.counters.items)


class TestUnresolved:
    @pytest.fixture
    def batch(self) -> list[StreamRecord]:
        """Three records, the second of which has a call in a later slot too."""
        return [
            record(0, call("a")),
            record(1, call("b"), call("c", after_ms=SLOT_MS)),
            record(2, call("d")),
        ]

    @pytest.fixture
    def late_slot(self, meter: Meter) -> int:
        """The later slot, for which the ledger does not answer."""
        slot = NOON_MS // SLOT_MS + 1
        meter.ledger.silent_slots.add(slot)
        return slot

    @pytest.mark.usefixtures("late_slot")
    def test_cut(self, meter: Meter, batch: list[StreamRecord]) -> None:
        """Nothing from the record on whose claims are not known to be in is applied, nor reported as done."""
        report = meter.process(*batch)
        assert (1, 1) == (report.metered, meter.requests())
        assert int(sequence_number(1)) == report.failed_from
        assert (0, NOON_MS) == (meter.reached(), report.counted_through_ms)

    def test_retry(self, meter: Meter, batch: list[StreamRecord], late_slot: int) -> None:
        """The retry, from that record on, counts the rest."""
        meter.process(*batch)
        meter.ledger.silent_slots.remove(late_slot)
        report = meter.process(*batch[1:])
        assert (3, 4, None, 2) == (report.metered, meter.requests(), report.failed_from, meter.reached())

    def test_claimed_and_not_applied(self, meter: Meter, batch: list[StreamRecord], late_slot: int) -> None:
        """What was claimed before the cut stays ours: a copy in another shard does not count it, the retry
        does.
        """
        meter.process(*batch)
        copy = meter.process(record(0, call("b"), call("d"), shard_id=OTHER_SHARD))
        assert (0, 2) == (copy.metered, copy.duplicates)
        meter.ledger.silent_slots.remove(late_slot)
        meter.process(*batch[1:])
        assert 4 == meter.requests()

    def test_first_record(self, meter: Meter, batch: list[StreamRecord], late_slot: int) -> None:
        """If it is the first record, nothing is done, and the progress is not touched."""
        meter.ledger.silent_slots.add(late_slot - 1)
        report = meter.process(*batch)
        assert (int(sequence_number(0)), None) == (report.failed_from, report.counted_through_ms)
        assert ({}, {}) == (meter.counters.items, meter.progress.items)


class TestSlices:
    BATCH = (record(0, call("a"), shard_id="shardId-000000000035"),)

    def test_registered(self, meter: Meter) -> None:
        """A slice above 0 is registered, whoever looks for thresholds: readers of counters rely on it."""
        meter.process(*self.BATCH)
        assert {SliceId(MONTH, 2)} == meter.slices.items

    def test_no_answer(self, meter: Meter) -> None:
        """Where that is not known to be done nothing is applied or called done, and the retry counts all."""
        meter.slices.is_silent = True
        report = meter.process(*self.BATCH)
        assert (int(sequence_number(0)), 0, {}) == (report.failed_from, report.metered, meter.counters.items)
        assert {} == meter.progress.items
        meter.slices.is_silent = False
        assert (1, 1) == (meter.process(*self.BATCH).metered, meter.requests())

    def test_crash_after_registering(self, meter: Meter) -> None:
        """A slice that is registered and holds nothing reads as nothing; the retry counts into it."""

        class Crash(Exception):
            """The process ends."""

        class CrashingCounters(Counters):
            def add(self, increments: Sequence[Increment]) -> list[CounterAnswer]:
                raise Crash(len(increments))

        counters, meter.counters = meter.counters, CrashingCounters()
        with pytest.raises(Crash):
            meter.process(*self.BATCH)
        assert {SliceId(MONTH, 2)} == meter.slices.items
        meter.counters = counters
        assert (1, 1) == (meter.process(*self.BATCH).metered, meter.requests())


class TestUnapplied:
    def test_reported_from(self, meter: Meter) -> None:
        """Where a counter does not answer, Lambda repeats from the first record that it lacks."""
        meter.counters.silent_keys = {"slow"}
        batch = [record(0, call("a")), record(1, call("b", "slow"), call("c")), record(2, call("d"))]
        report = meter.process(*batch)
        assert int(sequence_number(1)) == report.failed_from
        assert (3, 3, 0) == (report.metered, meter.requests(), meter.reached())
        meter.counters.silent_keys = set()
        report = meter.process(*batch[1:])
        assert (1, 3, 1, 2) == (report.metered, meter.requests(), meter.requests("slow"), meter.reached())

    def test_lower_of_both(self, meter: Meter) -> None:
        """Of a record without a claim and one that is not applied, the lower number is reported."""
        meter.counters.silent_keys = {"slow"}
        meter.ledger.silent_slots = {NOON_MS // SLOT_MS + 1}
        report = meter.process(
            record(0, call("a")), record(1, call("b", "slow")), record(2, call("c", after_ms=SLOT_MS))
        )
        assert int(sequence_number(1)) == report.failed_from

    def test_misconfigured(self, meter: Meter) -> None:
        """What no retry helps is raised, not answered."""

        class NoTable(Ledger):
            def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
                raise Misconfigured([f"no table for {len(appends)} appends"])

        meter.ledger = NoTable()
        with pytest.raises(Misconfigured, match="no table for 1 appends"):
            meter.process(record(0, call("a")))


class TestDuplicates:
    def test_in_another_shard(self, meter: Meter) -> None:
        """A delivery that comes again in another shard, cut anew, counts only what is new in it."""
        meter.process(record(0, call("a"), call("b")))
        report = meter.process(record(0, call("b"), call("c"), shard_id=OTHER_SHARD))
        assert (1, 1, 3) == (report.metered, report.duplicates, meter.requests())

    def test_crash_after_claiming(self, meter: Meter) -> None:
        """If the first to claim crashes before it counts, its retry counts, and nobody else."""

        class Crash(Exception):
            """The process ends."""

        class CrashingCounters(Counters):
            def add(self, increments: Sequence[Increment]) -> list[CounterAnswer]:
                raise Crash(len(increments))

        counters, meter.counters = meter.counters, CrashingCounters()
        batch = [record(0, call("a"), call("b"))]
        with pytest.raises(Crash):
            meter.process(*batch)
        meter.counters = counters
        assert 2 == meter.process(record(0, call("a"), call("b"), shard_id=OTHER_SHARD)).duplicates
        assert (2, 2) == (meter.process(*batch).metered, meter.requests())


lines = st.lists(
    st.builds(
        lambda number, key: call(f"{number:x}=", key, after_ms=2_500 * number),
        st.integers(0, 15),
        st.sampled_from(["a", "b", "-"]),
    ),
    min_size=1,
    max_size=4,
)


@given(st.lists(lines, min_size=1, max_size=6), st.data())
def test_any_cut(contents: list[list[str]], data: st.DataObject) -> None:
    """However the records of a shard are cut into batches and repeated, the counters hold the same, and every
    event is reported as counted once.
    """
    records = [record(number, *of_record) for number, of_record in enumerate(contents)]
    whole, cut = Meter(), Meter()
    expected = whole.process(*records)
    reported, done = 0, 0
    while done < len(records):
        start = data.draw(st.integers(0, done))
        end = data.draw(st.integers(done + 1, len(records)))
        report = cut.process(*records[start:end])
        reported += report.metered + report.unattributed
        done = end
    assert whole.counters.counted() == cut.counters.counted()
    assert expected.metered + expected.unattributed == reported
    sent = {json.loads(text)["extendedRequestId"] for of_record in contents for text in of_record}
    assert len(sent) == reported


class ArrivalBook:
    """The port `ArrivalLog`, which may not answer."""

    def __init__(self) -> None:
        self.is_silent = False
        self.noted: list[tuple[Progress, list[Arrivals]]] = []

    def note_arrivals(self, progress: Progress, arrivals: Sequence[Arrivals]) -> bool:
        """Keep them."""
        self.noted.append((progress, list(arrivals)))
        return not self.is_silent


class TestArrivals:
    """What each log group brought."""

    def test_noted_with_the_progress(self) -> None:
        """Record by record, with the log events that repeat another; only of records that are in. A control
        message brings nothing, and a batch of nothing else takes the progress alone.
        """
        book, ledger = ArrivalBook(), Ledger()
        progress = SimulatedProgress()
        processor = Processor(
            ledger,
            SimulatedSlices(),
            Counters(),
            progress,
            layout=LedgerLayout(SLOT_MS, 1),
            rule=BillingRule(),
            arrivals=book,
        )
        twice = delivery([line(), line(extendedRequestId="b")], logGroup="orders", owner="1")
        batch = [
            stream_record(twice, number=1),
            stream_record(control_message(), number=2),
            stream_record(delivery([line(extendedRequestId="c")], logGroup="other", owner="2"), number=3),
        ]
        assert processor.process(batch).failed_from is None
        [(noted, arrivals)] = book.noted
        assert Progress(SHARD, batch[-1].sequence_number, NOON_MS) == noted
        assert [
            Arrivals(batch[0].sequence_number, {"1/orders": 2}),
            Arrivals(batch[2].sequence_number, {"2/other": 1}),
        ] == arrivals
        assert processor.process([stream_record(control_message(), number=4)]).failed_from is None
        assert 1 == len(book.noted)

    def test_repeated_until_noted(self) -> None:
        """A batch of which it is not known whether it was noted is repeated whole, and counted once; the
        report of its first attempt has what that has counted, so that no metric lacks it.
        """
        book, counters = ArrivalBook(), Counters()
        processor = Processor(
            Ledger(),
            SimulatedSlices(),
            counters,
            SimulatedProgress(),
            layout=LedgerLayout(SLOT_MS, 1),
            rule=BillingRule(),
            arrivals=book,
        )
        batch = [stream_record(delivery([line()], logGroup="orders", owner="1"), number=1)]
        book.is_silent = True
        report = processor.process(batch)
        assert (batch[0].sequence_number, None) == (report.failed_from, report.counted_through_ms)
        assert 1 == report.metered
        book.is_silent = False
        again = processor.process(batch)
        assert (None, 0) == (again.failed_from, again.metered)
        assert 2 == len(book.noted)
