"""Broken archives of months. Each breaks one rule, and the search must find a story of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from metering.period import Period
from metering.proof.archive import ArchiveMark, StoredSlice
from metering.usage import Usage
from reconciliation.closing import SealedMonths
from simulation.exploration.month_end.archives import (
    ArchivesOfMonths,
    Archiving,
    ArchivingMonthEnd,
    Moving,
    TableOfArchives,
)
from simulation.protocol.store import SimulatedCounterItem


class _LeavingWhole(ArchivesOfMonths):
    """Whatever a slice holds when it leaves is gone."""

    def leave(self, place: tuple[str, Period, int], row: StoredSlice) -> None:  # noqa: ARG002 - as the shipped one
        """Delete it."""
        self.items.pop(place, None)


class _ComingOver(ArchivesOfMonths):
    """What was archived takes the place of what was counted meanwhile."""

    def come_back(self, place: tuple[str, Period, int], row: StoredSlice) -> None:
        """Put it there."""
        self.items[place] = SimulatedCounterItem()
        super().come_back(place, row)


class _MarkAfterwards(TableOfArchives):
    """A batch leaves by one write, and the mark changes by the next."""

    def move_out(self, mark: ArchiveMark, rows: Sequence[StoredSlice]) -> bool:
        """Two writes."""
        return self.move(Moving(mark, rows, 1, counts=False)) and self.move(Moving(mark, (), 1))


class _ReadOnce:
    """A job that reads the mark at its beginning, and goes by that."""

    def __init__(self, shipped: TableOfArchives) -> None:
        self._shipped = shipped
        self._marks: list[ArchiveMark] | None = None

    def between(self, first: Period, last: Period) -> list[ArchiveMark]:
        """The first answer."""
        if self._marks is None:
            self._marks = self._shipped.between(first, last)
        return self._marks

    def read(self, month: Period) -> ArchiveMark | None:
        """The same."""
        return next((mark for mark in self.between(month, month) if not mark.has_ended), None)


class _WithoutEnded:
    """A job that takes a month which was restored for one that never was archived."""

    def __init__(self, shipped: TableOfArchives) -> None:
        self._shipped = shipped

    def between(self, first: Period, last: Period) -> list[ArchiveMark]:
        """Those that have not ended."""
        return [mark for mark in self._shipped.between(first, last) if not mark.has_ended]

    def read(self, month: Period) -> ArchiveMark | None:
        """The port's."""
        return self._shipped.read(month)


class _AsCalled(SealedMonths):
    """An archiver that compares with the lake of today in place of the bill."""

    def sealed_usage(self, month: Period) -> Mapping[str, Usage]:
        """What the lake holds."""
        return self.usage_now(month, run_id="archive").usage


def _broken(name: str, breaks: str, archiving: Archiving) -> ArchivingMonthEnd:
    return ArchivingMonthEnd(name, breaks, archiving=archiving)


_SHIPPED: Final = Archiving()

BROKEN_ARCHIVES: Final = (
    _broken(
        "late-call-deleted",
        "a counter leaves the table with the call that it has got since it was archived",
        replace(_SHIPPED, archives=_LeavingWhole),
    ),
    _broken(
        "late-call-overwritten",
        "a counter comes back in place of what was counted meanwhile",
        replace(_SHIPPED, archives=_ComingOver),
    ),
    _broken(
        "mark-afterwards",
        "a batch leaves the table by one write, and the mark changes by the next",
        replace(_SHIPPED, table=_MarkAfterwards),
    ),
    _broken(
        "archived-as-called",
        "a counter with a call that came after the sealing leaves the table, with its watermark",
        replace(_SHIPPED, months=_AsCalled),
    ),
    _broken(
        "look-up-reads-once",
        "a look-up does not read the mark again",
        replace(_SHIPPED, marks=_ReadOnce),
    ),
    _broken(
        "rebuild-reads-once",
        "a rebuild does not read the mark again when it has read the counters",
        replace(_SHIPPED, marks=_ReadOnce),
    ),
    _broken(
        "restore-forgotten",
        "a month that was archived and restored while it was looked up is as one that never was",
        replace(_SHIPPED, marks=_WithoutEnded),
    ),
    _broken(
        "mark-beside-the-table",
        "the mark is kept apart from the table, and does not go back with it",
        replace(_SHIPPED, mark_restored=lambda now, _backed_up: now),
    ),
)
