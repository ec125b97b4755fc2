"""The counters of days, from the table and from the archives of their months, added up."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Final, TypeVar

from adapters.dynamodb.archives import DynamoDBArchives
from adapters.dynamodb.counter_reader import CounterReader
from adapters.s3.bucket import Bucket
from metering.counters.counter import Counter, summed
from metering.errors import Misconfigured, Transient
from metering.period import Period, following, is_day, month_of, months_between
from metering.proof.archive import (
    MONTHS_IN_THE_TABLE,
    ArchivedSlice,
    ArchiveMark,
    not_in_table,
    parts_of_key,
    read_index,
    read_part,
    rows_out,
)
from metering.proof.billing_chain import digest_of
from metering.usage import NO_USAGE

ATTEMPTS: Final = 3
"""Readings of a month whose counters are being moved at the same time."""

Found = TypeVar("Found")


class ArchivedSlices:
    """Reads what is out of the table. All methods raise Transient and Misconfigured.

    A mark is read before the table and again after it: it is the same, or some counters have moved meanwhile
    and could be missing, or be there twice. One that was ended is compared, too: the month may have been
    archived and restored in between.
    """

    def __init__(self, marks: DynamoDBArchives, bucket: Callable[[], Bucket | None]) -> None:
        """`bucket` makes the lake's bucket when it is first needed; None: it may not be read."""
        self._marks = marks
        self._bucket = bucket

    def with_table(
        self, key: str, months: Sequence[Period], in_table: Callable[[], Found]
    ) -> tuple[Found, list[ArchivedSlice]]:
        """What `in_table` reads there, and the archived slices of a key in some months, in order, each with
        whether it was out of the table at the same time. Those of a month that is archived in part are all
        of it.
        """
        for _ in range(ATTEMPTS):
            marks = self._between(months)
            found = in_table()
            slices = [one for mark in marks if not mark.has_ended for one in self._of_key(mark, key)]
            if self._between(months) == marks:
                return found, slices
        raise Transient(f"{', '.join(months)} is being archived or restored: look again")

    def _between(self, months: Sequence[Period]) -> list[ArchiveMark]:
        return self._marks.between(months[0], months[-1]) if months else []

    def _of_key(self, mark: ArchiveMark, key: str) -> list[ArchivedSlice]:
        """The archived slices of a key: by two requests, or by three where its slices lie in two parts."""
        index = read_index(self._content(mark, mark.name, mark.sha256))
        found: list[ArchivedSlice] = []
        for first_batch, part in parts_of_key(index, key):
            rows = read_part(self._content(mark, part.name, part.sha256))
            out = len(rows_out(rows, index, mark.moved - first_batch))
            found += [ArchivedSlice(row, place < out) for place, row in enumerate(rows) if row.key == key]
        return found

    def _content(self, mark: ArchiveMark, name: str, digest: str) -> bytes:
        bucket = self._bucket()
        if bucket is None:
            raise Misconfigured([f"{mark.month} is archived, and the lake's bucket with it is not known"])
        stored = bucket.get(name)
        if stored is None or digest_of(stored.content) != digest:
            what = "missing" if stored is None else f"not what was archived ({digest})"
            raise Misconfigured([f"{bucket.address(name)} is {what}: bring back its version of that time"])
        return stored.content


class CountersWithArchives:
    """The port `CounterSource` of look-ups: the table, and for days of old months their archive, too."""

    def __init__(
        self, counters: CounterReader, archived: ArchivedSlices, clock: Callable[[], datetime]
    ) -> None:
        """`clock` gives the time in UTC."""
        self._counters = counters
        self._archived = archived
        self._clock = clock

    def counter(self, key: str, period: Period) -> Counter:
        """The counter of a key in a month or day; with no usage where there is none."""
        if not is_day(period) or not self._may_be_archived(month_of(period)):
            return self._counters.counter(key, period)
        found = self._with_archives(
            key, [month_of(period)], lambda: [self._counters.counter(key, period)], lambda day: day == period
        )
        return found[0] if found else Counter(key, period, NO_USAGE)

    def days(self, key: str, first: Period, last: Period) -> list[Counter]:
        """The days from `first` to `last`, both included, in which a key has a counter, in order and without
        their hours.
        """
        months = [month for month in _months(first, last) if self._may_be_archived(month)]
        found = self._with_archives(
            key, months, lambda: self._counters.days(key, first, last), lambda day: first <= day <= last
        )
        return [Counter(one.key, one.period, one.usage) for one in found]

    def of_keys(self, keys: Iterable[str], period: Period) -> list[Counter]:
        """The counters of those keys that have one in a month, or in a day that is not archived."""
        return self._counters.of_keys(keys, period)

    def _with_archives(
        self,
        key: str,
        months: Sequence[Period],
        in_table: Callable[[], list[Counter]],
        is_wanted: Callable[[Period], bool],
    ) -> list[Counter]:
        found, slices = self._archived.with_table(key, months, in_table)
        held = {one.period: one.usage for one in found}
        out: list[Counter] = []
        for day, of_day in groupby(slices, key=lambda one: one.row.counter.period):
            if is_wanted(day):
                out += (row.counter for row in not_in_table(held.get(day, NO_USAGE), list(of_day)))
        return list(summed(sorted([*found, *out], key=attrgetter("period"))))

    def _may_be_archived(self, month: Period) -> bool:
        return months_between(month, Period(f"{self._clock():%Y-%m}")) > MONTHS_IN_THE_TABLE


def _months(first: Period, last: Period) -> list[Period]:
    """The months of a range of days."""
    found = [month_of(first)]
    while found[-1] < month_of(last):
        found.append(following(found[-1]))
    return found
