"""What a reconciliation found: the whole of it as one value, which becomes JSON as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final

import msgspec

from metering.outcome import Outcome, outcome_of_key
from metering.period import Period, is_day
from metering.proof.drift import Difference
from metering.proof.witness import WitnessReport
from metering.usage import NO_USAGE, Usage, total
from reconciliation.model.causes import Finding
from reconciliation.model.contradictions import Contradiction
from reconciliation.model.failed_records import FailedRecords


class Both(msgspec.Struct):
    """One usage as it was counted and as it lies in the lake."""

    counted: Usage = NO_USAGE
    in_lake: Usage = NO_USAGE


class QueryEvidence(msgspec.Struct, frozen=True):
    """A query that the result rests on, so that anyone can run it again."""

    name: str
    query_id: str
    sql: str
    parameters: tuple[str, ...]
    scanned_bytes: int
    milliseconds: int
    rows: int


class RepeatedObject(msgspec.Struct, frozen=True):
    """An object of the lake with rows of events that another (or the same) holds, too."""

    object: str
    """`s3://...`."""
    copy_of: str
    rows: int
    """Rows that repeat one of the other object."""


class UnreadablePlace(msgspec.Struct, frozen=True):
    """An object of the lake or a counter that cannot be read. Nothing of it was compared."""

    place: str
    """`s3://...`, or key and period."""
    reason: str


class ObjectsOfDay(msgspec.Struct, frozen=True):
    """The objects in the lake's folder of a day, when the queries began."""

    day: str
    """As of the folder: `2026-10-05`."""
    objects: int
    size: int
    """Bytes."""
    digest: str
    """SHA-256: see :mod:`reconciliation.lake.inventory`."""


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

    def add_counted(self, key: str, *days: tuple[Period, Usage]) -> None:
        """Days of a key, as they were counted."""
        of_key = NO_USAGE
        for day, usage in days:
            self._day(day).counted += usage
            of_key += usage
        for both in (self.total, self._outcome(key)):
            both.counted += of_key

    def add_in_lake(self, key: str, *days: tuple[Period, Usage]) -> None:
        """Days of a key, as the lake has them."""
        of_key = NO_USAGE
        for day, usage in days:
            self._day(day).in_lake += usage
            of_key += usage
        for both in (self.total, self._outcome(key)):
            both.in_lake += of_key

    def _day(self, day: Period) -> Both:
        return self.days.get(day) or self.days.setdefault(day, Both())

    def _outcome(self, key: str) -> Both:
        return self.outcomes.setdefault(outcome_of_key(key), Both())


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
    proofs: list[QueryEvidence]
    refused: bool = False
    """Whether nothing was compared, because of what is missing."""
    is_settled: bool = True
    """Whether all that was compared was complete on both paths before; a difference is a fault then."""
    compared_until: datetime | None = None
    """The first instant that was not compared; None: all of the month was."""
    findings: list[Finding] = msgspec.field(default_factory=list)
    """The calls, rows and counters at which both sides differ; the first of them, where there are many."""
    findings_found: int = 0
    altered_rows: int = 0
    """Rows of the lake with what the meter never writes, and copies that differ from the one that counts."""
    unreadable: list[UnreadablePlace] = msgspec.field(default_factory=list)
    repeated_objects: list[RepeatedObject] = msgspec.field(default_factory=list)
    objects_read: list[ObjectsOfDay] = msgspec.field(default_factory=list)
    """Of each folder of the lake that the queries read; none where nobody looked."""
    not_looked_into: int = 0
    """Differences of which no calls were named, because there were too many or the budget was spent."""
    investigation_ended: str = ""
    """Why the investigation ended before its end; empty: it did not."""
    source_gaps: list[str] = msgspec.field(default_factory=list)
    """Calls that were made or logged and did not reach the stream, a sentence each: no side has them."""
    witnesses: list[WitnessReport] = msgspec.field(default_factory=list)
    """What AWS itself counted, compared with the counters; none where nobody asked."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing more is to come for the month, and nothing was lost before the stream."""
        return not self.missing and not self.source_gaps

    @property
    def agrees(self) -> bool:
        """Whether all was read and compared, and both sides hold the same calls with the same totals, rows
        unaltered.
        """
        found = self.differences_found, self.contradictions_found, self.altered_rows, self.unreadable
        return not self.refused and not any(found)

    @property
    def places(self) -> int:
        """The keys and days at which something differs or disagrees, each once: one wrong call is one place.

        A month whose figure differs by what its days differ is none of its own. Of what is found and not
        held, each is one.
        """
        held = {*_differing(self.differences), *map(_place, self.contradictions)}
        more = self.differences_found - len(self.differences)
        more += self.contradictions_found - len(self.contradictions)
        return len(held) + more

    @property
    def causes(self) -> dict[str, int]:
        """How often each cause was found, among the findings that are held."""
        return dict(Counter(finding.cause.value for finding in self.findings))

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
        """The report with all that follows from it, as JSON. Hashes and fingerprints are texts: they lie
        above 2^53, where many a reader of JSON rounds.
        """
        derived = {name: getattr(self, name) for name in _DERIVED}
        document = {**msgspec.structs.asdict(self), **derived}
        document["differences"] = [
            {**msgspec.structs.asdict(difference), "nature": difference.nature, "surplus": difference.surplus}
            for difference in self.differences
        ]
        document["findings"] = [
            {**msgspec.structs.asdict(finding), "advice": finding.advice} for finding in self.findings
        ]
        for name in _ONLY_IF_ANY:
            if not document[name]:
                del document[name]
        return msgspec.json.encode(_with_texts(msgspec.to_builtins(document)))


def _differing(differences: Iterable[Difference]) -> Iterator[tuple[str, Period]]:
    """The places of differences, without months that only follow from their days."""
    for key, group in groupby(differences, key=attrgetter("key")):
        of_key = list(group)
        days = [one for one in of_key if is_day(one.period)]
        by_days = total(one.surplus for one in days)
        yield from (
            (key, one.period) for one in of_key if is_day(one.period) or not days or one.surplus != by_days
        )


def _place(one: Contradiction) -> tuple[str, Period]:
    return one.key, Period(f"{one.period}-{one.part}") if one.part else one.period


_DERIVED: Final = (
    "is_complete",
    "agrees",
    "lake_events",
    "lake_duplicates",
    "scanned_bytes",
    "causes",
)
_ONLY_IF_ANY: Final = ("source_gaps", "witnesses", "investigation_ended", "unreadable")
"""Fields that are left out while they are empty: most reports have none."""
TEXTS: Final = frozenset({"fingerprint", "event_hash"})
"""Fields that are texts in JSON."""


def _with_texts(value: object) -> object:
    if isinstance(value, dict):
        return {
            name: str(inner) if name in TEXTS and inner is not None else _with_texts(inner)
            for name, inner in value.items()
        }
    return [_with_texts(inner) for inner in value] if isinstance(value, list) else value
