"""What a repair needs from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from metering.counters.counter import Counter
from metering.period import Period
from metering.proof.archive import ArchiveMarks
from metering.proof.correction import (
    Audit,
    Correction,
    Fate,
    Held,
    HeldCounters,
)
from reconciliation.ports import ErrorPrefix, Queries


class CounterSource(Protocol):
    """The counters, added up over slices or not."""

    def of_period(self, period: Period) -> Iterator[Counter]:
        """Those of all keys in a month and its days, in no order."""
        ...

    def of_key(self, key: str, period: Period) -> Sequence[Counter]:
        """Those of one key."""
        ...


class CorrectionStore(Protocol):
    """Counters as a repair reads and writes them. Transient and Misconfigured are the errors of both."""

    def read(self, key: str, month: Period) -> HeldCounters:
        """The counters of a key in a month and its days, slice by slice, as they are now."""
        ...

    def write(self, one: Correction, held: Held, audit: Audit, marks: Mapping[str, int]) -> Fate:
        """Add what a correction adds, together with its audit, if the counter is still what `held` says, and
        raise its watermark of each shard to the mark.

        The difference goes to slice 0. A correction of this counter for the same report is not made twice.
        """
        ...


class Barrier(Protocol):
    """What waits for the stream."""

    def pass_through(self) -> Mapping[str, int]:
        """Return when all that is in the stream now is counted; the mark of each shard: all that
        was in it before lies up to there.
        """
        ...


class RepairSources(NamedTuple):
    """What is read, and the way to what is written."""

    queries: Queries
    counters: CounterSource
    error_prefix: ErrorPrefix
    store: CorrectionStore
    barrier: Barrier
    archives: ArchiveMarks | None = None
    """None: no month is archived."""
