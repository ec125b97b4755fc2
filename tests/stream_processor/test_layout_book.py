"""A change of the ledger's layout: each event keeps the items that it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.billing_rule import BillingRule
from metering.counters.ledger_layout import LayoutAnswer, LayoutHistory, LedgerLayout
from metering.counters.ports import Status
from metering.period import Period
from simulation.protocol.store import SimulatedCounters, SimulatedLedger, SimulatedProgress
from stream_processor.layout_book import AHEAD_MS, REMEMBERED_SECONDS, LayoutBook, begins_at
from stream_processor.processor import Processor
from tests.factories import KEY, NOON_MS, delivery, lines, log_event, stream_record

NOON = datetime.fromtimestamp(NOON_MS / 1000, UTC)
DAY_MS = 86_400_000
CHANGES = [((5000, 1), (5000, 4)), ((5000, 64), (5000, 1)), ((5000, 1), (10_000, 1)), ((5000, 1), (7_000, 3))]


@dataclass
class LayoutsInMemory:
    """The port `LayoutStore`."""

    history: LayoutHistory | None = None
    is_silent: bool = False
    meanwhile: Callable[[], object] = field(default=lambda: None)

    def begin(self, first: LedgerLayout) -> LayoutAnswer:
        if self.is_silent:
            return LayoutAnswer(Status.UNAVAILABLE)
        self.history = self.history or first.known()
        return LayoutAnswer(Status.WRITTEN, self.history)

    def append(self, known: LayoutHistory, since_ms: int, layout: LedgerLayout) -> LayoutAnswer:
        self.meanwhile()
        if known != self.history:
            return LayoutAnswer(Status.REFUSED, self.history)
        self.history = LayoutHistory((*known.entries, (since_ms, layout)))
        return LayoutAnswer(Status.WRITTEN, self.history)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Meter:
    """Processes with settings of their own, on one store."""

    def __init__(self) -> None:
        self.layouts, self.clock = LayoutsInMemory(), Clock()
        self.ledger, self.counters, self.progress = (
            SimulatedLedger(),
            SimulatedCounters(),
            SimulatedProgress(),
        )

    def process(self, layout: tuple[int, int]) -> Processor:
        """A new process."""
        return Processor(
            self.ledger,
            self.counters.slices,
            self.counters,
            self.progress,
            layout=LayoutBook(self.layouts, LedgerLayout(*layout), self.clock),
            rule=BillingRule(),
        )


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_late_copies(before: tuple[int, int], after: tuple[int, int]) -> None:
    """Copies that come in another shard after a change, hours or days later, are not counted again; calls of
    the time from which the change holds are spread by the new layout.
    """
    meter = Meter()
    data = delivery(lines(50))
    meter.process(before).process([stream_record(data)])
    for days in (0, 3):
        meter.clock.now = NOON + timedelta(days=days, hours=6)
        late = stream_record(data, shard_id="shardId-000000000001", number=days)
        meter.process(after).process([late])
        assert 50 == meter.counters.usage(KEY, Period("2026-10")).requests
    later = NOON_MS + 3 * DAY_MS
    new = [
        log_event(one, number=number, timestamp=later)
        for number, one in enumerate(lines(50, requestTimeEpoch=str(later)))
    ]
    meter.process(after).process([stream_record(delivery(new), number=2)])
    lanes = {page.lane for page in meter.ledger.items if page.slot == later // after[0]}
    assert set(range(after[1])) == lanes


def test_changes_once() -> None:
    """A process appends its own layout once: processes of two deployments do not take turns."""
    meter = Meter()
    old = LayoutBook(meter.layouts, LedgerLayout(lanes=1), meter.clock)
    new = LayoutBook(meter.layouts, LedgerLayout(lanes=2), meter.clock)
    for hours in range(5):
        meter.clock.now = NOON + timedelta(hours=hours)
        old.known()
        new.known()
    assert meter.layouts.history is not None
    assert [1, 2, 1] == [layout.lanes for _, layout in meter.layouts.history.entries]


def test_meanwhile() -> None:
    """Where somebody else has appended, theirs is taken for what it is, and ours follows later."""
    meter = Meter()
    meter.layouts.history = LedgerLayout(lanes=1).known()
    theirs = LayoutHistory(((0, LedgerLayout(lanes=1)), (10**13, LedgerLayout(lanes=3))))
    meter.layouts.meanwhile = lambda: setattr(meter.layouts, "history", theirs)
    book = LayoutBook(meter.layouts, LedgerLayout(lanes=2), meter.clock)
    assert theirs == book.known()
    meter.layouts.meanwhile = lambda: None
    meter.clock.now += timedelta(seconds=REMEMBERED_SECONDS)
    history = book.known()
    assert history is not None
    assert [1, 3, 2] == [layout.lanes for _, layout in history.entries]
    assert history.entries[2][0] > history.entries[1][0]


def test_silence() -> None:
    """Without the history nothing is claimed: the batch is repeated, and then counted."""
    meter = Meter()
    meter.layouts.is_silent = True
    process, record = meter.process((5000, 1)), stream_record(delivery(lines(2)))
    assert record.sequence_number == process.process([record]).failed_from
    assert not meter.ledger.items
    meter.layouts.is_silent = False
    assert process.process([record]).failed_from is None


@given(
    st.integers(1, 3600),
    st.integers(1, 3600),
    st.integers(0, AHEAD_MS),
    st.integers(-AHEAD_MS // 2, AHEAD_MS),
)
def test_places(old_seconds: int, new_seconds: int, after: int, around: int) -> None:
    """No slot lies in two layouts, and the change holds for no event that may be claimed when it is made."""
    old, new = LedgerLayout(old_seconds * 1000), LedgerLayout(new_seconds * 1000, 4)
    since = begins_at(old.known(), new, NOON_MS)
    assert since > NOON_MS + AHEAD_MS
    assert 0 == since % old.slot_ms == since % new.slot_ms
    changed = LayoutHistory(((0, old), (since, new)))
    assert old == changed.at(since - 1 - after).layout
    assert new == changed.at(since + after).layout
    span = changed.at(since + around)
    assert span.since_ms <= since + around < span.until_ms
