"""What could not be read of a month: objects of the lake, and counters. All are named. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Final, NamedTuple

from metering.counters.counter import UnreadableCounter
from metering.period import Period
from metering.proof.drift import Difference
from reconciliation.lake.queries import LakeCall
from reconciliation.model.causes import Cause, Finding
from reconciliation.model.contradictions import Contradiction
from reconciliation.model.report import UnreadablePlace

_FOLDER: Final = re.compile(r"/year=(\d{4})/month=(\d{1,2})/day=(\d{1,2})/")


class DamagedPlaces(NamedTuple):
    """Objects and counters of one month."""

    month: Period
    objects: Mapping[str, str]
    """Why each cannot be read."""
    counters: Sequence[UnreadableCounter]

    @property
    def days(self) -> frozenset[str]:
        """The days whose calls may lie in the objects: those of the folders, and a day on either side."""
        folders = filter(None, map(_day_of, self.objects))
        return frozenset(str(day + timedelta(days=by)) for day in folders for by in (-1, 0, 1))

    def others(self, differences: Sequence[Difference]) -> list[Difference]:
        """The differences of counters that could be read."""
        damaged = {(one.key, one.period) for one in self.counters}
        return [one for one in differences if (one.key, one.period) not in damaged]

    def other_contradictions(self, contradictions: Sequence[Contradiction]) -> list[Contradiction]:
        """The contradictions among counters that could be read."""
        damaged = {(one.key, one.period) for one in self.counters}
        return [
            one
            for one in contradictions
            if damaged.isdisjoint({(one.key, one.period), (one.key, Period(f"{one.period}-{one.part}"))})
        ]

    def findings(self) -> Iterator[Finding]:
        """A finding for each."""
        for place, reason in self.objects.items():
            day = _day_of(place)
            yield Finding(
                key="",
                period=self.month if day is None else Period(f"{day}"),
                cause=Cause.UNREADABLE_OBJECT,
                note=reason,
                objects=(place,),
            )
        for one in self.counters:
            yield Finding(
                key=one.key, period=one.period or self.month, cause=Cause.UNREADABLE_COUNTER, note=one.fault
            )

    def reported(self, left_out: Iterable[LakeCall]) -> list[UnreadablePlace]:
        """Each of them as a report names it. Of the rows that are `left_out`, those with sizes that cannot be
        added up are meant.
        """
        large = [(row.object, fault) for row in left_out for fault in row.faults if row.is_too_large]
        return [
            *(UnreadablePlace(place, f"a row is left out: {fault}") for place, fault in large),
            *(UnreadablePlace(place, reason) for place, reason in self.objects.items()),
            *(
                UnreadablePlace(f"{one.key} {one.period or 'of no period'}", one.fault)
                for one in self.counters
            ),
        ]


def _day_of(place: str) -> date | None:
    """The day of an object's folder."""
    found = _FOLDER.search(place)
    return None if found is None else date(*map(int, found.groups()))
