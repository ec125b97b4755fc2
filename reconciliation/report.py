"""What a reconciliation found: the whole of it as one value, which becomes JSON as it is."""

from __future__ import annotations

from datetime import datetime

import msgspec

from metering.drift import Difference
from metering.outcome import Outcome, outcome_of_key
from metering.period import Period
from metering.usage import NO_USAGE, Usage
from reconciliation.consistency import Contradiction
from reconciliation.failed_records import FailedRecords


class Both(msgspec.Struct):
    """One usage as it was counted and as it lies in the lake."""

    counted: Usage = NO_USAGE
    in_lake: Usage = NO_USAGE


class Proof(msgspec.Struct, frozen=True):
    """A query that the result rests on, so that anyone can run it again."""

    name: str
    query_id: str
    sql: str
    parameters: tuple[str, ...]
    scanned_bytes: int
    milliseconds: int
    rows: int


class Tally(msgspec.Struct):
    """Both sides added up while they are compared."""

    total: Both = msgspec.field(default_factory=Both)
    outcomes: dict[Outcome, Both] = msgspec.field(default_factory=dict)
    days: dict[Period, Both] = msgspec.field(default_factory=dict)
    keys_counted: int = 0
    """API keys with a counter in the month; the reserved ones are none."""
    keys_in_lake: int = 0
    lake_rows: int = 0
    counters: int = 0
    """Counters that were read: of months and days, all slices of one taken together."""

    def add_counted(self, key: str, day: Period, usage: Usage) -> None:
        """A day of a key, as it was counted."""
        for both in self._places(key, day):
            both.counted += usage

    def add_in_lake(self, key: str, day: Period, usage: Usage) -> None:
        """A day of a key, as the lake has it."""
        for both in self._places(key, day):
            both.in_lake += usage

    def _places(self, key: str, day: Period) -> tuple[Both, Both, Both]:
        outcome = outcome_of_key(key)
        return (
            self.total,
            self.outcomes.setdefault(outcome, Both()),
            self.days.setdefault(day, Both()),
        )


class Report(msgspec.Struct, kw_only=True):
    """A reconciliation of one month."""

    month: Period
    run_id: str
    started_at: datetime
    finished_at: datetime
    missing: list[str]
    """Why the month is not complete, a sentence each; a difference may be gone when it is."""
    tally: Tally
    failed_records: FailedRecords
    differences: list[Difference]
    """In the order of key and period, a month before its days; the first of them, where there are many. What
    cannot be decoded comes last.
    """
    differences_found: int
    contradictions: list[Contradiction]
    contradictions_found: int
    proofs: list[Proof]

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is to come for the month."""
        return not self.missing

    @property
    def agrees(self) -> bool:
        """Whether both sides hold the same calls, with the same totals."""
        return not self.differences_found and not self.contradictions_found

    @property
    def lake_events(self) -> int:
        """Events in the lake, each once."""
        return self.tally.total.in_lake.requests

    @property
    def lake_duplicates(self) -> int:
        """Rows of the lake that repeat another: they are not counted."""
        return self.tally.lake_rows - self.lake_events

    @property
    def scanned_bytes(self) -> int:
        """What the queries read."""
        return sum(proof.scanned_bytes for proof in self.proofs)

    def to_json(self) -> bytes:
        """The report with all that follows from it, as JSON."""
        derived = {
            name: getattr(self, name)
            for name in ("is_complete", "agrees", "lake_events", "lake_duplicates", "scanned_bytes")
        }
        document = {**msgspec.structs.asdict(self), **derived}
        document["differences"] = [
            {**msgspec.structs.asdict(difference), "nature": difference.nature}
            for difference in self.differences
        ]
        return msgspec.json.encode(document)
