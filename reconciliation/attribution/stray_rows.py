"""Calls that seem to be missing in the lake, and whose rows lie there: with another time, or as copies of
others. Whoever brought such a call in again would have it twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from metering.period import Period, day_of, hour_at, month_of
from reconciliation.attribution.attribution import Suspect, SuspectKind
from reconciliation.attribution.evidence_reader import EvidenceReader
from reconciliation.lake.queries import LakeCall

_EVENTS_OF_A_QUERY: Final = 1_000
_MOST_EVENTS: Final = 10_000


def with_strays(suspects: Sequence[Suspect], reader: EvidenceReader) -> list[Suspect]:
    """The same suspects, where calls whose rows lie elsewhere in their month's partitions are not missing.

    Raises:
        MeterError: the lake cannot be queried.
    """
    missing = [one for one in suspects if one.kind is SuspectKind.NOT_IN_LAKE]
    hashes = sorted({hashed for one in missing if (hashed := one.hashed) is not None})[:_MOST_EVENTS]
    if not hashes:
        return list(suspects)
    rows: defaultdict[int, list[LakeCall]] = defaultdict(list)
    for start in range(0, len(hashes), _EVENTS_OF_A_QUERY):
        some = hashes[start : start + _EVENTS_OF_A_QUERY]
        for row in reader.rows_of_events(month_of(missing[0].period), some):
            rows[row.call.event_hash].append(row)
    return [_stray(one, rows) if one.kind is SuspectKind.NOT_IN_LAKE else one for one in suspects]


def _stray(missing: Suspect, rows: Mapping[int, Sequence[LakeCall]]) -> Suspect:
    found = rows.get(missing.hashed or 0)
    if not found:
        return missing
    row = found[-1]
    known = missing.logged_at_ms is not None or not row.is_sound
    if row.is_timeless or month_of(hour_at(row.call.time_ms)) != month_of(missing.period):
        time = "no time" if row.is_timeless else hour_at(row.call.time_ms).replace("T", " hour ")
        return missing._replace(
            kind=SuspectKind.ALTERED if known else SuspectKind.UNKNOWN,
            note=f"its row says {time}"
            if known
            else f"counted here, and its row says {time}: either side was changed",
            call=missing.call or row.call,
            objects=(row.object,),
        )
    day = day_of(hour_at(row.call.time_ms))
    if len(found) == 1:
        return _under_another_key(missing, row, day)
    return missing._replace(
        kind=SuspectKind.COPY,
        note=f"its row lies under {row.call.key} on {day}, and does not count: another row has the same id",
        objects=(row.object,),
    )


def _under_another_key(missing: Suspect, row: LakeCall, day: Period) -> Suspect:
    """A call whose only row counts elsewhere: with its line, that is wrong; without, the counter may be."""
    place = f"its row lies under {row.call.key} on {day}, and counts there"
    if missing.logged_at_ms is not None:
        return missing._replace(kind=SuspectKind.ALTERED, note=place, objects=(row.object,))
    note = f"counted here, and {place}: it was counted under two keys, or either side was changed"
    return missing._replace(kind=SuspectKind.UNKNOWN, note=note, objects=(row.object,))
