"""Rows of one event that do not say the same: only one of them counts, and it may be the wrong one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby

from metering.period import Period, day_of, hour_at
from reconciliation.attribution.attribution import differing_names, shown_value
from reconciliation.lake.queries import LakeCall
from reconciliation.model.causes import Cause, Finding


def findings_of_copies(rows: Iterable[LakeCall]) -> Iterator[Finding]:
    """For each event, of its rows in the order in which they count: a finding where it counts, and one for
    each other key or day that a row of it names, where it does not.
    """
    for _, copies in groupby(rows, key=lambda row: row.call.event_id):
        counts, *others = copies
        if not others:
            continue
        yield _differing(counts, others)
        elsewhere = {_place(other): other for other in others if _place(other) != _place(counts)}
        for other in elsewhere.values():
            yield _elsewhere(counts, other)


def _place(row: LakeCall) -> tuple[str, Period]:
    return row.call.key, day_of(hour_at(row.call.time_ms))


def _differing(counts: LakeCall, others: Sequence[LakeCall]) -> Finding:
    call = counts.call
    names = [name for other in others for name in differing_names(call, other.call)]
    shown = "; ".join(
        f"{name} {shown_value(getattr(call, name))} counts, and {_values(name, others)} does not"
        for name in dict.fromkeys(names)
    )
    note = f"the rows of its id do not say the same: {shown or 'other columns differ'}"
    return _finding(counts, note, [counts.object, *(other.object for other in others)])


def _elsewhere(counts: LakeCall, other: LakeCall) -> Finding:
    key, day = _place(counts)
    note = f"its id counts once in a month, here for key {key} on {day}: another row of it comes first"
    return _finding(other, note, [other.object, counts.object])


def _finding(row: LakeCall, note: str, objects: Iterable[str]) -> Finding:
    key, day = _place(row)
    return Finding(
        key=key,
        period=day,
        cause=Cause.DIFFERING_COPIES,
        note=note,
        event_id=row.call.event_id,
        event_hash=row.call.event_hash,
        time=datetime.fromtimestamp(row.call.time_ms / 1000, UTC),
        usage=row.call.usage,
        objects=tuple(dict.fromkeys(objects)),
    )


def _values(name: str, others: Sequence[LakeCall]) -> str:
    return ", ".join(dict.fromkeys(str(shown_value(getattr(other.call, name))) for other in others))
