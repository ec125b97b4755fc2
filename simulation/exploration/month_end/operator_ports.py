"""What the jobs of an operator read and write: the ports of lake, tables, paths and the month's state.

A reading is of one of these as it is then. Readings of one kind that follow one another are of one moment:
nothing between them could be seen. So a comparison reads the paths, the lake, the counters, and the lake once
more where something differs.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from metering.billing_rule import BillingRule
from metering.calls.access_log import read_event
from metering.counters.counter import Counter
from metering.counters.heartbeat import Heartbeat, Landed, ListedShard
from metering.period import Period
from metering.proof.archive import ArchiveMark
from metering.proof.correction import Audit, Correction, Fate, Held, HeldCounters
from metering.proof.logged_call import LoggedCall
from metering.proof.month_state import Closing, Version
from simulation.exploration.changes.tables import CounterValue
from simulation.exploration.month_end.moment import OperatorRequest
from simulation.exploration.month_end.operator_moment import (
    Correcting,
    MonthTables,
    OperatorAnswers,
    OperatorMoment,
)
from simulation.exploration.month_end.small_month import listed, log_event, row_of
from simulation.month_end.lake import SimulatedAnswer, SimulatedLake

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Unanswered(BaseException):
    """The operator has come to something that no answer is known to."""

    def __init__(self, request: OperatorRequest, content: object) -> None:
        super().__init__()
        self.request = request
        self.content = content


class OperatorPorts:
    """Everything that the shipped jobs read and write, with known answers."""

    def __init__(self, known: OperatorAnswers, moment: OperatorMoment) -> None:
        self.known = known
        self._answers: Iterator[tuple[int, int]] = iter(moment.answers)
        self._read: tuple[int, int] | None = None
        self._awaited: Mapping[str, int] = {}
        self._queries: dict[tuple[str, tuple[str, ...]], SimulatedAnswer] = {}
        self._lock = threading.Lock()

    def read(self, kind: OperatorRequest) -> int:
        """The number of what is read: the same as before, if the last thing was of that kind."""
        with self._lock:
            if self._read is None or self._read[0] != kind:
                awaited, self._awaited = self._awaited, {}
                self._read = self._take(kind, awaited)
            return self._read[1]

    def write(self, kind: OperatorRequest, content: object) -> int:
        """The number of the answer."""
        with self._lock:
            self._read = None
            return self._take(kind, content)[1]

    def _take(self, kind: OperatorRequest, content: object) -> tuple[int, int]:
        found = next(self._answers, None)
        if found is None:
            raise Unanswered(kind, content)
        if found[0] != kind:
            raise AssertionError(f"run again, the operator asks for {kind!r}, and not for {found}")
        return found

    def run(self, sql: str, parameters: Sequence[str] = (), *, run_id: str) -> SimulatedAnswer:  # noqa: ARG002
        """The port `Queries`: an operator's run has one id, under which the same query runs once."""
        place = (sql, tuple(parameters))
        if place not in self._queries:
            number = self.read(OperatorRequest.LAKE)
            lake = SimulatedLake()
            for event, is_altered in self.known.lakes[number]:
                lake.write(Period("2026-10-31"), f"{event}.parquet", [row_of(event, is_altered=is_altered)])
            self._queries[place] = lake.run(sql, parameters, run_id="")
        return self._queries[place]

    def _tables(self) -> MonthTables:
        found: MonthTables = self.known.tables[self.read(OperatorRequest.TABLES)]
        return found

    def counters(self) -> Sequence[CounterValue]:
        """All slices."""
        return self._tables().counters

    def mark(self) -> ArchiveMark | None:
        """The mark of October's archive: each reading is one of its own."""
        self._read = None
        found: ArchiveMark | None = self.known.marks[self.read(OperatorRequest.MARK)]
        return found

    @property
    def kept(self) -> dict[str, bytes]:
        """The objects of the bucket."""
        return self.known.kept

    def of_period(self, period: Period) -> Iterator[Counter]:
        """The port `CounterSource`."""
        yield from self._tables().months().of_period(period)

    def of_key(self, key: str, period: Period) -> Sequence[Counter]:
        """The port `CounterSource`."""
        return self._tables().months().of_key(key, period)

    def counters_of(self, key: str, month: Period) -> HeldCounters:
        """The port `CorrectionStore`'s reading."""
        return self._tables().months().read(key, month)

    def load(self) -> tuple[object, Mapping[str, int]]:
        """The port `ShardPositions`."""
        return None, {one.shard_id: one.position for one in self._tables().progress}

    def shards(self) -> Sequence[ListedShard]:
        """The port `Shards`."""
        return listed(len(self.known.world.shards))

    def put(self, records: Sequence[Heartbeat]) -> Sequence[Landed | None]:
        """The port `Shards`."""
        landed: Sequence[Landed] = self.known.landed[self.write(OperatorRequest.HEARTBEATS, len(records))]
        self._awaited = {one.shard_id: one.position for one in landed}
        return landed

    def sleep(self, _seconds: float) -> None:
        """The next reading of the tables is one in which the heartbeats are passed."""
        self._read = None

    def holds(self, start: datetime, end: datetime) -> bool:
        """The port `LogWitness`: the log has all that is ever called."""
        return start < end

    def calls(self, keys: Sequence[str], start: datetime, end: datetime) -> Iterable[LoggedCall]:
        """The port `LogWitness`."""
        for event in map(log_event, range(self.known.world.events)):
            call = read_event(event, BillingRule()).call
            if call.key in keys and start <= _EPOCH + timedelta(milliseconds=event.timestamp) < end:
                yield LoggedCall(call, event.timestamp)


class PathNow:
    """The port `Path` of one of the two."""

    def __init__(self, ports: OperatorPorts, index: int) -> None:
        self._ports = ports
        self._index = index

    def complete_through(self) -> datetime | None:
        """As it was when the paths were read."""
        found = self._ports.known.paths[self._ports.read(OperatorRequest.PATHS)][self._index]
        return None if found is None else _EPOCH + timedelta(milliseconds=found)


class Corrections:
    """The port `CorrectionStore`."""

    def __init__(self, ports: OperatorPorts) -> None:
        self._ports = ports

    def read(self, key: str, month: Period) -> HeldCounters:
        """The counters, as the table had them."""
        return self._ports.counters_of(key, month)

    def write(self, one: Correction, held: Held, audit: Audit, marks: Mapping[str, int]) -> Fate:
        """What becomes of a correction."""
        content = Correcting(one, held, audit, dict(marks))
        found: Fate = self._ports.known.fates[self._ports.write(OperatorRequest.CORRECT, content)]
        return found


class MonthStates:
    """The port `ClosingStore`. What is kept has its digest for a name, so that only states are steps."""

    def __init__(self, ports: OperatorPorts) -> None:
        self._ports = ports

    def read(self, month: Period) -> Version | None:  # noqa: ARG002 - there is one
        """The month's state; None: it is open."""
        found = self._ports.known.months[self._ports.read(OperatorRequest.MONTH)]
        return None if found == "open" else Version(msgspec.json.decode(found[1], type=Closing), found[0])

    def begin(self, closing: Closing) -> bool:
        """Whether the closing could begin."""
        return bool(self._ports.write(OperatorRequest.BEGIN, msgspec.json.encode(closing)))

    def replace(self, closing: Closing, tag: str) -> bool:
        """Whether the state was still the one with that tag."""
        return bool(self._ports.write(OperatorRequest.SEAL, (tag, msgspec.json.encode(closing))))

    def keep(self, month: Period, what: str, digest: str, content: bytes) -> str:
        """The name under which a content is kept."""
        name = f"{month}/{what}-{digest}"
        self._ports.known.kept[name] = content
        return name

    def content(self, name: str) -> bytes:
        """What is kept under a name."""
        return self._ports.known.kept[name]
