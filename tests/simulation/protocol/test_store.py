"""The simulated store keeps the contract of storage, as the shipped adapters do."""

from __future__ import annotations

import pytest

from metering.counters.ports import PageId, expires_at
from simulation.protocol.store import (
    LEDGER_TTL_SECONDS,
    SimulatedCounters,
    SimulatedLedger,
    SimulatedProgress,
    SimulatedStore,
)
from tests.stream_processor.storage_contract import (
    PLACE,
    SEQUENCE,
    CountersContract,
    LedgerContract,
    ProgressContract,
    Store,
    append,
)


class Simulated:
    """An empty simulated store."""

    @pytest.fixture
    def store(self) -> Store:
        ledger, counters, progress = SimulatedLedger(), SimulatedCounters(), SimulatedProgress()
        return Store(
            ledger,
            counters.slices,
            counters,
            progress,
            usage=counters.usage,
            parts=counters.parts,
            pages=ledger,
            registered=counters.slices.of,
            reached=lambda shard_id: reached(progress, shard_id),
        )


def reached(progress: SimulatedProgress, shard_id: str) -> tuple[int, int] | None:
    """The progress of a shard."""
    found = progress.items.get(shard_id)
    return found and (found.position, found.arrived_at_ms)


class TestCounters(Simulated, CountersContract):
    """Counters in memory."""


class TestLedger(Simulated, LedgerContract):
    """The ledger in memory."""


class TestProgress(Simulated, ProgressContract):
    """Progress in memory."""


class TestExpiry:
    def test_expired(self) -> None:
        """A page may be removed when the time has come that follows from its last append."""
        now = 1_000_000
        ledger = SimulatedLedger(lambda: now)
        store = SimulatedStore(ledger, SimulatedCounters(), SimulatedProgress())
        later = append(SEQUENCE + 1, 2)
        ledger.append([append(SEQUENCE, 1)])
        now += 30 * 86_400_000
        ledger.append([later])
        due = expires_at(later, now // 1000, LEDGER_TTL_SECONDS) * 1000
        ledger.append([append(SEQUENCE, 1)])
        assert ([], [PLACE]) == (store.expired(due - 1), store.expired(due))

    def test_removed(self) -> None:
        """A page that was removed is as one that never was."""
        ledger = SimulatedLedger()
        store = SimulatedStore(ledger, SimulatedCounters(), SimulatedProgress())
        one = append(SEQUENCE, 1)
        (first,) = ledger.append([one])
        store.remove(PageId(*PLACE))
        (second,) = ledger.append([one])
        assert first == second
