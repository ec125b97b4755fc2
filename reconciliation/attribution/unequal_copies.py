"""Rows of one event that do not say the same: only one of them counts, and it may be the wrong one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from metering.period import day_of, hour_at
from reconciliation.attribution.attribution import differing_names, shown_value
from reconciliation.lake.queries import LakeCall
from reconciliation.model.causes import Cause, Finding


def findings_of_copies(rows: Iterable[LakeCall]) -> Iterator[Finding]:
    """A finding for each event, of its rows in the order in which they count."""
    for _, copies in groupby(rows, key=lambda row: row.call.event_id):
        counts, *others = copies
        if others:
            yield _finding(counts, others)


def _finding(counts: LakeCall, others: Sequence[LakeCall]) -> Finding:
    call = counts.call
    names = [name for other in others for name in differing_names(call, other.call)]
    shown = "; ".join(
        f"{name} {shown_value(getattr(call, name))} counts, and {_values(name, others)} does not"
        for name in dict.fromkeys(names)
    )
    return Finding(
        key=call.key,
        period=day_of(hour_at(call.time_ms)),
        cause=Cause.DIFFERING_COPIES,
        note=f"the rows of its id do not say the same: {shown or 'other columns differ'}",
        event_id=call.event_id,
        event_hash=call.event_hash,
        time=datetime.fromtimestamp(call.time_ms / 1000, UTC),
        usage=call.usage,
        objects=tuple(dict.fromkeys([counts.object, *(other.object for other in others)])),
    )


def _values(name: str, others: Sequence[LakeCall]) -> str:
    return ", ".join(dict.fromkeys(str(shown_value(getattr(other.call, name))) for other in others))
