"""What a reconciliation needs from outside: queries of the lake, the counters, the records that failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from metering.counters.counter import Counter
from metering.period import Period
from metering.proof.logged_call import LoggedCall
from metering.proof.stored_object import Stored, StoredObject
from metering.proof.witness import WitnessCount, WitnessName
from metering.source.state import SourceState


class QueryResult(Protocol):
    """A query that has run."""

    @property
    def query_id(self) -> str:
        """By which its service knows it."""
        ...

    @property
    def sql(self) -> str:
        """What was asked."""
        ...

    @property
    def parameters(self) -> tuple[str, ...]:
        """What stood for the question marks."""
        ...

    @property
    def scanned_bytes(self) -> int:
        """What it read, as it is billed."""
        ...

    @property
    def milliseconds(self) -> int:
        """How long it ran."""
        ...

    @property
    def rows(self) -> Callable[[], Iterator[tuple[Any, ...]]]:
        """Reads its rows, from the first each time."""
        ...


class Queries(Protocol):
    """Queries of the lake."""

    def run(self, sql: str, parameters: Sequence[str] = (), *, run_id: str) -> QueryResult:
        """Run a query and wait for its end; the same one under the same `run_id` only once."""
        ...


class CounterSource(Protocol):
    """The counters of all keys."""

    def of_period(self, period: Period) -> Iterator[Counter]:
        """Those of a month and its days, in no order, the slices of each for themselves."""
        ...


class ErrorPrefix(Protocol):
    """The objects under the lake's error prefix."""

    def objects(self) -> Iterable[StoredObject]:
        """All of them, as they are listed."""
        ...

    def read(self, name: str) -> bytes | None:
        """The content of one; None if it is gone."""
        ...


class ReadingStore(Protocol):
    """Where an object is kept that every run reads, and replaces."""

    def read(self, name: str) -> Stored | None:
        """The object; None if there is none."""
        ...

    def add(self, name: str, content: bytes) -> bool:
        """Write it if there is none; whether it was written."""
        ...

    def replace(self, name: str, content: bytes, tag: str) -> bool:
        """Write it again if it still has the version of that tag; whether it was written."""
        ...


class LogWitness(Protocol):
    """The log groups themselves, as long as they keep their lines."""

    def holds(self, start: datetime, end: datetime) -> bool:
        """Whether they still keep all that was logged between the two, and anything was."""
        ...

    def calls(self, keys: Sequence[str], start: datetime, end: datetime) -> Iterable[LoggedCall]:
        """The calls of keys whose lines were logged from `start` until before `end`; some more than once, and
        some of other keys, too. Raises TooManyLines where that would take too long.
        """
        ...


class Path(Protocol):
    """One of the two ways of a call: into the counters or into the lake."""

    def complete_through(self) -> datetime | None:
        """Whatever arrived in the stream before has arrived; None: nothing is known."""
        ...


class SourceWitness(Protocol):
    """What the watch knows of the source."""

    def load(self) -> SourceState:
        """What it found last."""
        ...


class Witness(Protocol):
    """Somebody who has counted a month by code that is not the meter's."""

    @property
    def name(self) -> WitnessName:
        """Who it is."""
        ...

    def testify(self, month: Period) -> WitnessCount:
        """What it counted of each key and day."""
        ...


class StepProgress(NamedTuple):
    """How far a reconciliation is."""

    step: str
    done: int
    """Rows, items or objects, as the step says."""


OnProgress = Callable[[StepProgress], None]
