"""Which month ends are explored, and for each broken one a world so small that its fault shows."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from reconciliation.model.report import Report
from reconciliation.repair.scope import Scope
from simulation.exploration.family import Family
from simulation.exploration.month_end.broken_archives import BROKEN_ARCHIVES
from simulation.exploration.month_end.small_month import (
    SEALED_WITH_A_CALL,
    SETTLED,
    WITH_A_CALL,
    MonthEndEvent,
    SmallMonth,
    Work,
)
from simulation.month_end.broken import BROKEN_MONTH_ENDS
from simulation.month_end.meter import MonthEndMeter, shipped_scope
from simulation.operations.world import BROKEN_OPERATIONS


def _family(name: str, meaning: str, *worlds: SmallMonth) -> Family:
    return Family(name, meaning, tuple(replace(world, name=name) for world in worlds))


_ONE: Final = ((0,),)
_TWO: Final = ((0, 1),)
_COPY: Final = ((0,), (0,))
_CAME: Final = (*SETTLED, MonthEndEvent.PUT, MonthEndEvent.DELIVERED)
"""October is over, and a late call is in the stream and in the lake, and not counted."""
_REPAIR, _CLOSE = (Work.REPAIR,), (Work.CLOSE,)
_SEALED: Final = SEALED_WITH_A_CALL
_SEALED_BEFORE: Final = (*_SEALED, MonthEndEvent.PUT, MonthEndEvent.DELIVERED)
"""The same, and a call after the sealing is in the stream and in the lake, and not counted."""
_ARCHIVE: Final = (Work.CLOSE, Work.ARCHIVE)
_THERE_AND_BACK: Final = (*_ARCHIVE, Work.RESTORE)
_KILLED: Final = (MonthEndEvent.KILLED,)
_OF_LATE_CALLS: Final = (*_KILLED, MonthEndEvent.GIVEN_UP, MonthEndEvent.STOPPED, MonthEndEvent.SET_BACK)
_OF_BATCHES: Final = (MonthEndEvent.GIVEN_UP, MonthEndEvent.STOPPED, MonthEndEvent.SET_BACK)
_GIVEN_UP: Final = (MonthEndEvent.GIVEN_UP,)
_BACK: Final = (MonthEndEvent.GIVEN_UP, MonthEndEvent.SET_BACK)
_OF_ROWS: Final = (MonthEndEvent.ROW_LOST, MonthEndEvent.ROW_ALTERED)
_OTHERWISE: Final = (MonthEndEvent.OTHERWISE,)
_RESTORED: Final = (MonthEndEvent.RESTORED, MonthEndEvent.GIVEN_UP)
_TABLE: Final = (MonthEndEvent.RESTORED,)
_ALONE: Final = (MonthEndEvent.RESTORED_ALONE,)
_ROLLED_BACK: Final = SmallMonth(
    _TWO, _THERE_AND_BACK, before=_SEALED, faults=1, kinds=_TABLE, is_backed_up=True
)
"""A sealed month whose table goes back to any moment, while it is archived and restored."""

MONTH_END: Final = (
    _family(
        "month-end-repair",
        "a repair beside a late call, whose batch stops, is given up, comes again; an altered lake",
        SmallMonth(_ONE, _REPAIR, faults=2, kinds=_OF_BATCHES),
        SmallMonth(_ONE, _REPAIR, faults=2, kinds=_BACK, has_log=True),
        SmallMonth(_TWO, _REPAIR, before=WITH_A_CALL, faults=1, kinds=(*_OF_ROWS, *_GIVEN_UP)),
        SmallMonth(_TWO, _REPAIR, before=WITH_A_CALL, faults=1, kinds=_OF_ROWS, has_log=True),
    ),
    _family(
        "month-end-close",
        "a closing beside late calls, given-up batches, an altered lake and a repair",
        SmallMonth(_TWO, _CLOSE, before=WITH_A_CALL, faults=2, kinds=(*_OF_ROWS, *_GIVEN_UP)),
        SmallMonth(_ONE, (*_REPAIR, *_CLOSE), before=_CAME, faults=1, kinds=_GIVEN_UP),
    ),
    _family(
        "month-end-restore",
        "the counters' table goes back in time, with the mapping or without, beside a repair and the watch",
        SmallMonth(_ONE, _REPAIR, faults=1, kinds=_RESTORED, is_backed_up=True),
        SmallMonth(_ONE, _REPAIR, before=_CAME, faults=2, kinds=_RESTORED, is_backed_up=True),
        SmallMonth(_ONE, faults=1, kinds=_ALONE, runs=3, is_backed_up=True),
    ),
    _family(
        "month-end-rules",
        "a process with another billing rule does a part of a batch, and a repair mends it with the log",
        SmallMonth(_ONE, _REPAIR, faults=2, kinds=_OTHERWISE, has_log=True, in_order=True),
        SmallMonth(_TWO, _REPAIR, faults=1, kinds=(*_OTHERWISE, *_GIVEN_UP), has_log=True, in_order=True),
    ),
    _family(
        "month-end-archive",
        "a sealed month is archived and restored, each job stopped between two requests, beside a late call, "
        "a repair and a look-up",
        SmallMonth(_TWO, _THERE_AND_BACK, before=_SEALED, faults=2, kinds=_OF_LATE_CALLS),
        SmallMonth(_TWO, (*_ARCHIVE, Work.LOOK_UP), before=_SEALED, faults=1, kinds=_OF_LATE_CALLS),
        SmallMonth(_ONE, (*_THERE_AND_BACK, Work.LOOK_UP), before=_SEALED, faults=1, kinds=_KILLED),
        SmallMonth(_ONE, (*_ARCHIVE, *_THERE_AND_BACK[1:]), before=_SEALED, faults=1, kinds=_KILLED),
        SmallMonth(_TWO, (*_ARCHIVE, *_REPAIR), before=_SEALED_BEFORE, faults=1, kinds=_OF_LATE_CALLS),
        SmallMonth(_TWO, (*_ARCHIVE, Work.REBUILD), before=_SEALED_BEFORE, faults=1, kinds=_OF_LATE_CALLS),
    ),
    _family(
        "month-end-archive-restored",
        "the table goes back in time, with the mapping, beside an archiver, a restore of the month, a late "
        "call, a repair and a look-up",
        replace(_ROLLED_BACK, faults=2, kinds=(*_TABLE, *_KILLED)),
        replace(_ROLLED_BACK, shards=_ONE, work=(*_ARCHIVE, *_THERE_AND_BACK[1:])),
        replace(_ROLLED_BACK, shards=_ONE, work=(*_THERE_AND_BACK, Work.LOOK_UP)),
        replace(_ROLLED_BACK, work=(*_ARCHIVE, Work.LOOK_UP)),
        replace(_ROLLED_BACK, work=(*_ARCHIVE, *_REPAIR), before=_SEALED_BEFORE),
    ),
    _family(
        "month-end-at-length",
        "two calls beside a repair; a copy in another shard; a batch given up, stopped and read again",
        SmallMonth(_TWO, _REPAIR, before=(), runs=2),
        SmallMonth(_COPY, _REPAIR, before=_CAME, least_writes=1, faults=1, kinds=_OF_BATCHES),
        SmallMonth(((0, 1), (0,)), before=(MonthEndEvent.PUT,) * 3, faults=3, kinds=_OF_BATCHES),
        SmallMonth(_TWO, faults=1, kinds=_ALONE, runs=3, is_backed_up=True),
    ),
)

MONTH_END_SHORT: Final = (
    *("month-end-repair", "month-end-close", "month-end-restore", "month-end-rules"),
    *("month-end-archive", "month-end-archive-restored"),
)
"""What CI runs of them."""


def _as_it_is_now(report: Report, lower: str) -> Scope:
    """What of a report is repaired, without what was compared."""
    return shipped_scope(report, lower)._replace(compared=None)


CHANGE_UNSEEN: Final = MonthEndMeter(
    "change-unseen", "a repair does not see what has changed since it was compared", scope=_as_it_is_now
)
"""Seeds do not show it: their operators repair at once what they have compared."""

BROKEN_SMALL_MONTHS: Final = (*BROKEN_MONTH_ENDS, *BROKEN_OPERATIONS, CHANGE_UNSEEN, *BROKEN_ARCHIVES)

MONTHS_SHOWN_BY: Final = {
    "lag-forgotten": SmallMonth(_ONE, _REPAIR, before=()),
    "path-vouched": SmallMonth(_ONE, _REPAIR, before=(MonthEndEvent.TIME_PASSED,)),
    "claims-presumed": SmallMonth(
        ((0, 1), (0,)), before=(MonthEndEvent.PUT,) * 3, faults=3, kinds=_OF_BATCHES
    ),
    "lake-believed": SmallMonth(_ONE, _REPAIR, before=WITH_A_CALL, faults=1, kinds=(MonthEndEvent.ROW_LOST,)),
    "marks-forgotten": SmallMonth(_ONE, _REPAIR, before=_CAME, faults=2, kinds=_BACK),
    "marks-too-early": SmallMonth(_ONE, _REPAIR, before=_CAME, faults=2, kinds=_BACK),
    "change-unseen": SmallMonth(_ONE, _REPAIR, faults=1, kinds=(MonthEndEvent.STOPPED,)),
    "in-flight": SmallMonth(_ONE, _REPAIR, before=_CAME),
    "sealed-unproven": SmallMonth(
        _ONE, _CLOSE, before=WITH_A_CALL, faults=1, kinds=(MonthEndEvent.ROW_LOST,)
    ),
    "restore-unnoticed": SmallMonth(_ONE, faults=1, kinds=_ALONE, runs=3, is_backed_up=True),
    "calls-alone": SmallMonth(
        _ONE, _REPAIR, before=_CAME, faults=1, kinds=_OTHERWISE, has_log=True, in_order=True
    ),
    "late-call-deleted": SmallMonth(_TWO, _ARCHIVE, before=_SEALED),
    "late-call-overwritten": SmallMonth(_TWO, _THERE_AND_BACK, before=_SEALED),
    "mark-afterwards": SmallMonth(_ONE, _ARCHIVE, before=_SEALED),
    "archived-as-called": SmallMonth(
        _TWO, _ARCHIVE, before=_SEALED, faults=1, kinds=(MonthEndEvent.SET_BACK,)
    ),
    "look-up-reads-once": SmallMonth(_ONE, (*_ARCHIVE, Work.LOOK_UP), before=_SEALED),
    "rebuild-reads-once": SmallMonth(_ONE, (*_ARCHIVE, Work.REBUILD), before=_SEALED),
    "mark-beside-the-table": replace(_ROLLED_BACK, shards=_ONE, work=_ARCHIVE),
    "restore-forgotten": SmallMonth(_ONE, (*_THERE_AND_BACK, Work.LOOK_UP), before=_SEALED),
}
"""By the name of a broken month end."""
