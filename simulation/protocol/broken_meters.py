"""Broken meters. Each breaks one rule that exactness rests on, and the comparison must catch all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from metering.calls.record import ReadRecord, StreamRecord
from metering.counters.ledger_layout import LayoutSource
from metering.counters.ports import (
    Append,
    Claim,
    CounterAnswer,
    Counters,
    Increment,
    Ledger,
    LedgerAnswer,
    Page,
    SliceRegistry,
    Status,
)
from simulation.protocol.broken_watches import BROKEN_WATCHES
from simulation.protocol.invocation import BatchProcessor, InvocationEnvironment
from simulation.protocol.meter import RULE, SHIPPED, Clock, Meter
from simulation.protocol.store import (
    PageItem,
    SimulatedCounterItem,
    SimulatedCounters,
    SimulatedLedger,
    SimulatedProgress,
    SimulatedStore,
)
from stream_processor.apply import apply
from stream_processor.claims import claim, owned
from stream_processor.fold import Recut, fold
from stream_processor.processor import BatchReport, Processor

_ABOVE_EVERY_POSITION = 1 << 1000


class WithoutCondition(SimulatedCounters):
    """Adds whatever comes."""

    def _takes(self, item: SimulatedCounterItem, increment: Increment) -> bool:  # noqa: ARG002 - the shape of a condition
        return True


class LessOrEqual(SimulatedCounters):
    """Takes an increment that begins at the watermark."""

    def _takes(self, item: SimulatedCounterItem, increment: Increment) -> bool:
        watermark = self._watermark(item, increment)
        return watermark is None or watermark <= increment.first


class FirstRecord(SimulatedCounters):
    """Sets the watermark to the increment's first record."""

    def _write(self, item: SimulatedCounterItem, increment: Increment) -> None:
        super()._write(item, increment._replace(last=increment.first))


class OneWatermark(SimulatedCounters):
    """Keeps one watermark for all shards of a slice."""

    def _takes(self, item: SimulatedCounterItem, increment: Increment) -> bool:
        return super()._takes(item, increment._replace(shard_id=""))

    def _watermark(self, item: SimulatedCounterItem, increment: Increment) -> int | None:
        return super()._watermark(item, increment._replace(shard_id=""))

    def _write(self, item: SimulatedCounterItem, increment: Increment) -> None:
        super()._write(item, increment._replace(shard_id=""))


class OverReshard(SimulatedCounters):
    """Keeps the watermark of a shard's children under their parent."""

    def __init__(self) -> None:
        super().__init__()
        self._line: dict[str, str] = {}

    def resharded(self, parents: Sequence[str], children: Sequence[str]) -> None:
        """Remember whose children they are."""
        self._line |= dict.fromkeys(children, self._line.get(parents[0], parents[0]))

    def _watermark(self, item: SimulatedCounterItem, increment: Increment) -> int | None:
        return super()._watermark(item, self._of_line(increment))

    def _write(self, item: SimulatedCounterItem, increment: Increment) -> None:
        super()._write(item, self._of_line(increment))

    def _of_line(self, increment: Increment) -> Increment:
        return increment._replace(shard_id=self._line.get(increment.shard_id, increment.shard_id))


class Pruned(SimulatedCounters):
    """Keeps the watermarks of the two latest shards of an item, although others live."""

    def _write(self, item: SimulatedCounterItem, increment: Increment) -> None:
        item.watermarks.pop(increment.shard_id, None)
        super()._write(item, increment)
        for shard_id in list(item.watermarks)[:-2]:
            del item.watermarks[shard_id]


class LedgerLessOrEqual(SimulatedLedger):
    """Takes claims that begin at the watermark."""

    def _takes(self, item: PageItem, append: Append, shard_id: str) -> bool:
        watermark = item.watermarks.get(shard_id)
        is_later = watermark is None or watermark <= append.claims[0].position
        return is_later and item.size < append.full_at


class ConsultedLedger(SimulatedLedger):
    """Answers as if the claims were in, and keeps those of a new page only."""

    def _append(self, append: Append) -> LedgerAnswer:
        item = self.items.get(append.page)
        if item is None:
            return super()._append(append)
        page = Page((*item.claims, *append.claims), append.claims[-1].position, item.size)
        return LedgerAnswer(Status.WRITTEN, page)


class ReleasingLedger(SimulatedLedger):
    """Lets the claims of a retry go, and makes them anew behind all others."""

    def _append(self, append: Append) -> LedgerAnswer:
        item, shard_id = self.items.get(append.page), append.claims[0].shard_id
        if item is not None:
            again = {(shard_id, claim.position) for claim in append.claims}
            kept = [claim for claim in item.claims if (claim.shard_id, claim.position) not in again]
            if len(kept) < len(item.claims):
                item.claims = kept
                item.watermarks.pop(shard_id, None)
        return super()._append(append)


class UnsealedLedger(SimulatedLedger):
    """Closes a full page to the shards that have no claims in it, and not to the others."""

    def _takes(self, item: PageItem, append: Append, shard_id: str) -> bool:
        bound = _ABOVE_EVERY_POSITION if shard_id in item.watermarks else append.full_at
        return super()._takes(item, append._replace(full_at=bound), shard_id)


class ForgetfulLedger(SimulatedLedger):
    """Lets claims go within a minute."""

    def _expires_at(self, append: Append, now: int) -> int:  # noqa: ARG002 - the shape of an expiry
        return now + 60


class PageByPage(SimulatedLedger):
    """Lets each page go when its own claims are old enough, the first page of a slot before the others."""

    def _expires_at(self, append: Append, now: int) -> int:  # noqa: ARG002 - the shape of an expiry
        return now + self._ttl_seconds


class Wrapped:
    """The ports as an environment has them, for a broken processor to stand between."""

    def __init__(self, environment: InvocationEnvironment) -> None:
        self._environment = environment

    def append(self, appends: Sequence[Append]) -> Sequence[LedgerAnswer]:
        """The port `Ledger`."""
        return self._environment.append(appends)

    def add(self, increments: Sequence[Increment]) -> Sequence[CounterAnswer]:
        """The port `Counters`."""
        return self._environment.add(increments)


class SkippedLedger(Wrapped):
    """Takes every event for the batch's own, and asks nobody."""

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        """Nothing is written."""
        pages = [Page(append.claims, append.claims[-1].position) for append in appends]
        return [LedgerAnswer(Status.WRITTEN, page) for page in pages]


class LastClaimOwns(Wrapped):
    """Reads the claims of a page from their end."""

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        """The latest claim comes first."""
        answers = super().append(appends)
        return [one._replace(page=one.page._replace(claims=one.page.claims[::-1])) for one in answers]


class OwnClaimForeign(Wrapped):
    """Takes the claim of an earlier attempt for a proof that the event is counted."""

    def append(self, appends: Sequence[Append]) -> list[LedgerAnswer]:
        """Where claims are refused because they are in, they come before our own."""
        answers = super().append(appends)
        return [_with_strangers(*pair) for pair in zip(appends, answers, strict=True)]


def _with_strangers(append: Append, answer: LedgerAnswer) -> LedgerAnswer:
    if answer.status is not Status.REFUSED:
        return answer
    claims = [Claim("an earlier attempt", *claim[1:]) for claim in answer.page.claims]
    return answer._replace(page=answer.page._replace(claims=(*claims, *append.claims)))


class RetriedWithoutCondition(Wrapped):
    """Makes an increment once more that got no answer, and this time whatever the watermark is."""

    def add(self, increments: Sequence[Increment]) -> list[CounterAnswer]:
        """A second request for those without an answer."""
        answers = list(super().add(increments))
        silent = [index for index, one in enumerate(answers) if one.status is Status.UNAVAILABLE]
        forced = [increments[index]._replace(first=_ABOVE_EVERY_POSITION) for index in silent]
        for index, answer in zip(silent, super().add(forced) if forced else [], strict=True):
            answers[index] = answer
        return answers


class RefusedIsDone(Wrapped):
    """Takes a refused increment for one that is in, all of it."""

    def add(self, increments: Sequence[Increment]) -> list[CounterAnswer]:
        """A refusal never leaves anything to add."""
        pairs = zip(increments, super().add(increments), strict=True)
        return [
            answer._replace(watermark=increment.last) if answer.status is Status.REFUSED else answer
            for increment, answer in pairs
        ]


class BrokenProcessor(Processor):
    """The shipped processor with one step replaced."""

    def process(self, batch: Sequence[StreamRecord]) -> BatchReport:
        """The shipped steps."""
        shard_id = batch[0].shard_id
        records = [self._read(record, self._rule) for record in batch]
        ownership = claim(records, shard_id, self._ledger, self._layout)
        ours = list(owned(self.certain(records, ownership.unresolved_from), ownership.disowned))
        increments = [self.increment(one, records) for one in fold(ours, shard_id)]
        if not self.register(increments):
            return BatchReport(records=len(batch), failed_from=batch[0].sequence_number)
        applied = apply(increments, self._counters, Recut(ours).after)
        self._slices.register(increments)
        report = self._report(batch, records, ownership, applied)
        report.failed_from = self.failed_from(report)
        return report

    def certain(self, records: Sequence[ReadRecord], unresolved_from: int | None) -> Sequence[ReadRecord]:
        """The records that are applied."""
        return [one for one in records if unresolved_from is None or one.sequence_number < unresolved_from]

    def increment(self, increment: Increment, records: Sequence[ReadRecord]) -> Increment:  # noqa: ARG002 - one variant needs it
        """An increment as it is sent; broken ones look at the batch."""
        return increment

    def register(self, increments: Sequence[Increment]) -> bool:
        """What is registered before anything is added: whether it is."""
        return self._slices.register(increments)

    def failed_from(self, report: BatchReport) -> int | None:
        """What Lambda gets as the answer."""
        return report.failed_from


class PastUnresolved(BrokenProcessor):
    """Applies the records behind one whose claims are not known to be in."""

    def certain(self, records: Sequence[ReadRecord], unresolved_from: int | None) -> Sequence[ReadRecord]:
        """All but that one."""
        return [one for one in records if one.sequence_number != unresolved_from]


class BatchWatermark(BrokenProcessor):
    """Sets every watermark to the batch's last record, whether or not it is applied."""

    def increment(self, increment: Increment, records: Sequence[ReadRecord]) -> Increment:
        """With a last record that may lie behind the cut."""
        return increment._replace(last=records[-1].sequence_number)


class RegisteredAfterwards(BrokenProcessor):
    """Registers a slice when something was added to it."""

    def register(self, increments: Sequence[Increment]) -> bool:  # noqa: ARG002 - the shape of a registration
        """Not yet."""
        return True


class NothingFails(BrokenProcessor):
    """Tells Lambda that all is in."""

    def failed_from(self, report: BatchReport) -> None:
        """Never anything to repeat."""


class HighestFailure(BrokenProcessor):
    """Tells Lambda the highest sequence number that is not in."""

    def __init__(
        self, ledger: Ledger, slices: SliceRegistry, counters: Counters, *rest: Any, **settings: Any
    ) -> None:
        self._silent = _Silent(counters)
        super().__init__(ledger, slices, self._silent, *rest, **settings)

    def failed_from(self, report: BatchReport) -> int | None:
        """The highest in place of the lowest."""
        firsts, self._silent.firsts = self._silent.firsts, []
        return None if report.failed_from is None else max(report.failed_from, *firsts, 0)


class _Silent:
    """The port `Counters`, which notes what got no answer."""

    def __init__(self, counters: Counters) -> None:
        self.firsts: list[int] = []
        self._counters = counters

    def add(self, increments: Sequence[Increment]) -> Sequence[CounterAnswer]:
        answers = self._counters.add(increments)
        self.firsts += [
            increment.first
            for increment, answer in zip(increments, answers, strict=True)
            if answer.status is Status.UNAVAILABLE
        ]
        return answers


def _with_counters(counters: Callable[[], SimulatedCounters]) -> Callable[[Clock], SimulatedStore]:
    return lambda clock: SimulatedStore(SimulatedLedger(clock), counters(), SimulatedProgress())


def _with_ledger(ledger: Callable[[Clock], SimulatedLedger]) -> Callable[[Clock], SimulatedStore]:
    return lambda clock: SimulatedStore(ledger(clock), SimulatedCounters(), SimulatedProgress())


def _behind(wrapper: type[Wrapped]) -> Callable[[InvocationEnvironment, LayoutSource], BatchProcessor]:
    def processor(environment: InvocationEnvironment, layout: LayoutSource) -> BatchProcessor:
        wrapped = wrapper(environment)
        return Processor(
            wrapped, environment, wrapped, environment, layout=layout, rule=RULE, read=environment.read
        )

    return processor


def _as(processor: type[Processor]) -> Callable[[InvocationEnvironment, LayoutSource], BatchProcessor]:
    return lambda environment, layout: processor(
        *(environment,) * 4, layout=layout, rule=RULE, read=environment.read
    )


BROKEN = (
    Meter("no-condition", "increments have no condition", store=_with_counters(WithoutCondition)),
    Meter("less-or-equal", "the condition of an increment is <= for <", store=_with_counters(LessOrEqual)),
    Meter("first-record", "the watermark is the increment's first record", store=_with_counters(FirstRecord)),
    Meter("batch-watermark", "the watermark is the batch's last record", processor=_as(BatchWatermark)),
    Meter("one-watermark", "all shards share a watermark", store=_with_counters(OneWatermark)),
    Meter("over-reshard", "a shard's watermark is its children's too", store=_with_counters(OverReshard)),
    Meter("pruned", "the watermark of a live shard is removed", store=_with_counters(Pruned)),
    Meter(
        "ledger-less-or-equal", "the condition of a claim is <= for <", store=_with_ledger(LedgerLessOrEqual)
    ),
    Meter("skipped-ledger", "the ledger is skipped", processor=_behind(SkippedLedger)),
    Meter("consulted-ledger", "the ledger is consulted and not claimed", store=_with_ledger(ConsultedLedger)),
    Meter("released-claims", "claims are released on a retry", store=_with_ledger(ReleasingLedger)),
    Meter("forgetful-ledger", "claims expire within a minute", store=_with_ledger(ForgetfulLedger)),
    Meter("page-by-page", "the pages of a slot expire one by one", store=_with_ledger(PageByPage)),
    Meter("unsealed-pages", "a full page is full for some shards only", store=_with_ledger(UnsealedLedger)),
    Meter("last-claim", "the last claim owns an event", processor=_behind(LastClaimOwns)),
    Meter("own-claim-foreign", "an own earlier claim counts as done", processor=_behind(OwnClaimForeign)),
    Meter(
        "forced-retry",
        "a lost answer is retried without condition",
        processor=_behind(RetriedWithoutCondition),
    ),
    Meter("refused-is-done", "a refused increment is dropped whole", processor=_behind(RefusedIsDone)),
    Meter("past-unresolved", "records behind an unresolved one are applied", processor=_as(PastUnresolved)),
    Meter(
        "registered-afterwards",
        "a slice is registered when something was added to it",
        processor=_as(RegisteredAfterwards),
    ),
    Meter("nothing-fails", "failures are not reported", processor=_as(NothingFails)),
    Meter("highest-failure", "the highest failure is reported for the lowest", processor=_as(HighestFailure)),
)
"""Each is caught within a thousand seeds, by `tests/simulation/protocol/test_broken_meters.py`."""

METERS = {meter.name: meter for meter in (SHIPPED, *BROKEN, *BROKEN_WATCHES)}
