"""What archiving needs from outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Protocol

from metering.period import Period
from metering.proof.archive import ArchiveMark, StoredSlice
from metering.proof.recovery import Recovery
from metering.proof.stored_object import Stored


class ArchiveTable(Protocol):
    """The counters table, and the marks in it."""

    def read(self, month: Period) -> ArchiveMark | None:
        """The mark of a month; None: nothing of it is archived."""
        ...

    def begin(self, mark: ArchiveMark, who: str) -> None:
        """Write the mark of a month, unless it is archived. Its version follows that of the mark before."""
        ...

    def end(self, mark: ArchiveMark) -> bool:
        """End a mark, if all of the month is in the table; whether it is not archived now."""
        ...

    def slices(self, month: Period) -> Iterator[StoredSlice]:
        """All slices of the counters of a month and its days, in no order."""
        ...

    def move_out(self, mark: ArchiveMark, rows: Sequence[StoredSlice]) -> bool:
        """Take the next batch out of the table; whether the mark was still this one."""
        ...

    def move_in(self, mark: ArchiveMark, rows: Sequence[StoredSlice]) -> bool:
        """Bring the last batch that is out back into the table; whether the mark was still this one."""
        ...

    def bring_missing(self, mark: ArchiveMark, rows: Sequence[StoredSlice]) -> bool:
        """Bring back those slices that the table lacks, of batches that are in it by the mark; whether the
        mark was still this one.
        """
        ...

    def remove_repeated(self, mark: ArchiveMark, rows: Sequence[StoredSlice]) -> int | None:
        """Remove those slices that the table holds as they were archived, of batches that are out of it by
        the mark; how many. None: the mark was not this one any more.
        """
        ...


class ArchiveShelf(Protocol):
    """Where archives are kept."""

    def get(self, key: str) -> Stored | None:
        """An object; None if there is none."""
        ...

    def put(self, key: str, content: bytes) -> None:
        """Write an object, in place of any that has its name."""
        ...


class PendingRecoveries(Protocol):
    """Recoveries that were begun and are not known to be finished."""

    def all(self) -> Iterable[Recovery]:
        """Their notes."""
        ...


class StreamRetention(Protocol):
    """How long the stream keeps its records."""

    def retention(self) -> timedelta:
        """As it is set now."""
        ...
