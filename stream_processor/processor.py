"""The exactly-once protocol: one batch of one shard becomes counters.

The order of side effects, and what holds if a step is the last to run:

1. **Decode** every record. Pure: nothing has happened. Data that cannot be read is counted as such and
   never fails a batch.
2. **Claim** the events in the ledger. Each append is atomic, and repeatable by the shard's watermark in that
   page. If this is the last step, the events are claimed and not counted: the retry finds its claims in their
   old places, so that the same events are its own.
3. **Fold** the events that are ours into one increment a counter. Pure.
4. **Register** the slices of the increments, so that whoever reads a counter asks for all that it has. Each
   registration is atomic, and repeatable without a condition. If this is the last step, a slice is registered
   that holds nothing yet, and reads as nothing. If it does not happen, nothing is applied.
5. **Apply** the increments. Each is atomic, and repeatable by the shard's watermark in that counter. If
   this stops midway, some counters have the batch and some have not: the retry is refused by the first and
   taken by the others.
6. **Report** the thresholds that were reached, the progress of the shard (and what each log group brought),
   the heaviest keys, and what was counted. If this does not happen, answers are less complete than they could
   be, never wrong; and the counters refuse the retry with what they hold, so that it finds the thresholds:
   see :mod:`stream_processor.thresholds`.

A counter must see the records of a shard in their order, or its watermark would hide those that come late. So
a batch is cut at the first record of which a claim is not known to be in: nothing from there on is applied.
Lambda gets the lowest sequence number that is not in all of its counters, and repeats the batch from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from metering.billing_rule import BillingRule
from metering.calls.notes import Note
from metering.calls.record import ReadRecord, RecordReader, StreamRecord, read_record
from metering.counters.ledger_layout import LayoutSource
from metering.counters.ports import (
    ArrivalLog,
    Arrivals,
    Counters,
    Increment,
    Ledger,
    Progress,
    ProgressLog,
    SliceRegistry,
)
from metering.counters.top_keys import TopKeys
from metering.outcome import Outcome
from metering.usage import Usage
from stream_processor.apply import Applied, apply
from stream_processor.claims import Ownership, claim, owned
from stream_processor.fold import Recut, fold
from stream_processor.slices import Registration
from stream_processor.thresholds import NOTHING_FOUND, LimitReport, LimitWatch


@dataclass(slots=True)
class BatchReport:
    """Every fate that a log event of a batch can have, as numbers. The metrics are made of them."""

    records: int = 0
    log_events: int = 0
    control: int = 0
    metered: int = 0
    unattributed: int = 0
    malformed: int = 0
    undecodable: int = 0
    """Of these four: what this attempt added to the counters. An earlier attempt's are not counted again."""
    notes: Counter[Note] = field(default_factory=Counter)
    """What this attempt has noted of the log events that it read, and how often: those of an earlier attempt
    are noted again.
    """
    duplicates: int = 0
    """Log events that repeat one of the same record, or belong to an earlier claim."""
    refused: int = 0
    """Increments that an earlier attempt had already made."""
    failed_from: int | None = None
    """The lowest sequence number to repeat; None: all is in."""
    counted_through_ms: int | None = None
    """When the last record that is in arrived, in epoch milliseconds."""
    totals: list[tuple[Increment, Usage]] = field(default_factory=list)
    """The counters' totals after each increment."""
    limits: LimitReport = NOTHING_FOUND
    """The thresholds that were reached."""
    unreadable: Sequence[str] = ()
    """Stored items that cannot be decoded, where the calls could be counted without them."""


class Processor:
    """Counts batches of a stream. Between batches it remembers which slices it has registered, and nothing
    else: all that is known is in the store.
    """

    def __init__(  # noqa: PLR0913 - four ports, two settings, three watches that may be absent, a reader
        self,
        ledger: Ledger,
        slices: SliceRegistry,
        counters: Counters,
        progress: ProgressLog,
        *,
        layout: LayoutSource,
        rule: BillingRule,
        limits: LimitWatch | None = None,
        heaviest: TopKeys | None = None,
        arrivals: ArrivalLog | None = None,
        read: RecordReader = read_record,
    ) -> None:
        """`limits` finds thresholds that are reached, `heaviest` keeps the keys with most requests, and
        `arrivals` counts what each log group brought; without them nobody looks. `read` decodes a record.
        """
        self._ledger = ledger
        self._slices = Registration(slices)
        self._counters = counters
        self._progress = progress
        self._layout = layout
        self._rule = rule
        self._limits = limits
        self._heaviest = heaviest
        self._arrivals = arrivals
        self._read = read

    def process(self, batch: Sequence[StreamRecord]) -> BatchReport:
        """Count a batch of one shard, its records in the order of their sequence numbers.

        Raises:
            Misconfigured: no retry helps until a setting is changed, or an item is repaired that has to be
                read. The batch is to be repeated whole.
        """
        if not batch:
            return BatchReport()
        shard_id = batch[0].shard_id
        records = [self._read(record, self._rule) for record in batch]  # 1
        ownership = claim(records, shard_id, self._ledger, self._layout)  # 2
        certain = _before(records, ownership.unresolved_from)
        ours = list(owned(certain, ownership.disowned))
        increments = fold(ours, shard_id)  # 3
        if not self._slices.register(increments):  # 4
            return BatchReport(records=len(batch), failed_from=batch[0].sequence_number)
        applied = apply(increments, self._counters, Recut(ours).after)  # 5
        return self._report(batch, records, ownership, applied)  # 6

    def _report(
        self,
        batch: Sequence[StreamRecord],
        records: Sequence[ReadRecord],
        ownership: Ownership,
        applied: Applied,
    ) -> BatchReport:
        limits = (
            NOTHING_FOUND if self._limits is None else self._limits.look(applied.found, batch[0].shard_id)
        )
        failed_from = _lowest(ownership.unresolved_from, applied.unapplied_from, limits.unpublished_from)
        done = [record for record in batch if failed_from is None or record.sequence_number < failed_from]
        if done and not self._note(done, records):
            failed_from, done = batch[0].sequence_number, []
        unreadable = [*applied.unreadable, *limits.unreadable]
        if self._heaviest is not None:
            unreadable += self._heaviest.look(applied.found)
        return BatchReport(
            records=len(batch),
            log_events=sum(record.log_events for record in records),
            control=sum(record.control for record in records),
            metered=applied.counted[Outcome.METERED],
            unattributed=applied.counted[Outcome.UNATTRIBUTED],
            malformed=applied.counted[Outcome.MALFORMED],
            undecodable=applied.counted[Outcome.UNDECODABLE],
            notes=sum((record.notes for record in records if record.notes), Counter()),
            duplicates=sum(record.repeated for record in records) + ownership.duplicates,
            refused=applied.refused,
            failed_from=failed_from,
            counted_through_ms=done[-1].arrived_at_ms if done else None,
            totals=applied.after,
            limits=limits,
            unreadable=unreadable,
        )

    def _note(self, done: Sequence[StreamRecord], records: Sequence[ReadRecord]) -> bool:
        """Note how far the shard is, and what its records brought: whether the batch need not be repeated for
        it.
        """
        last = done[-1]
        progress = Progress(last.shard_id, last.sequence_number, last.arrived_at_ms)
        read = zip(done, records, strict=False)
        arrived = [Arrivals(one.sequence_number, of.arrived) for one, of in read if of.arrived]
        if self._arrivals is not None and arrived:
            return self._arrivals.note_arrivals(progress, arrived)
        self._progress.note(progress)
        return True


def _before(records: Sequence[ReadRecord], sequence_number: int | None) -> Sequence[ReadRecord]:
    if sequence_number is None:
        return records
    return [record for record in records if record.sequence_number < sequence_number]


def _lowest(*numbers: int | None) -> int | None:
    return min((number for number in numbers if number is not None), default=None)
