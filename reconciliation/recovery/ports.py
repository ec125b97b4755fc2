"""What a recovery needs from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Protocol

from metering.calls.lake_row import LakeRow
from metering.period import Period
from metering.proof.malformed_line import MalformedLines
from metering.proof.recovery import Recovery


class RecoveryNotes(Protocol):
    """The recoveries that were begun. Transient and Misconfigured are the errors of all."""

    def keep(self, recovery: Recovery) -> None:
        """Write a note, in place of any of its id."""
        ...

    def all(self) -> Iterable[Recovery]:
        """Those that are not known to be finished."""
        ...

    def forget(self, recovery_id: str) -> None:
        """Remove a note; one that is gone is no error."""
        ...


class RowWriter(Protocol):
    """The table of the lake, to write rows into. Transient and Misconfigured are the errors."""

    def write(self, day: Period, name: str, rows: Sequence[LakeRow]) -> int:
        """Write an object of this name with rows of a day, in place of any that has it; its size in bytes."""
        ...


class RowRewriter(Protocol):
    """Objects of the lake with malformed lines. Transient and Misconfigured are the errors of all."""

    def malformed(self, address: str) -> MalformedLines | None:
        """The malformed lines of an object (`s3://...`); None if it is gone."""
        ...

    def leave_out(self, address: str, tag: str, event_ids: AbstractSet[str]) -> bool:
        """Write an object anew without the malformed rows of these events, if it still has the content of
        that tag; whether it was written.
        """
        ...
